"""Collects rows into batches of at most ``size``, in input order."""

import math
from collections import deque
from collections.abc import Sequence

from campaigns_async._core.rows import Row


class Chunker:
    """A full batch is ready at once, a partial one when flushed or when it has lingered.

    ``linger``: seconds from its first row. None: a partial batch waits for :meth:`flush`.
    """

    def __init__(self, *, size: int, linger: float | None = None) -> None:
        self._size = size
        self._linger = linger
        self._rows: deque[Row] = deque()
        # (rows fed until then, the time), of those that wait.
        self._times: deque[tuple[int, float]] = deque()
        self._flush_below = 0
        self._fed = 0

    def __len__(self) -> int:
        """Rows that wait for their batch."""
        return len(self._rows)

    def feed(self, rows: Sequence[Row], now: float) -> None:
        """Some more rows."""
        if not rows:
            return
        self._rows.extend(rows)
        self._fed += len(rows)
        self._times.append((self._fed, now))

    def flush(self) -> None:
        """What has been fed so far need not wait for more."""
        self._flush_below = self._fed

    def ready_at(self) -> float:
        """From when on :meth:`take` gives a batch if no more rows come; infinity for never."""
        taken = self._fed - len(self._rows)
        if len(self._rows) >= self._size or (self._rows and taken < self._flush_below):
            return -math.inf
        if not self._rows or self._linger is None:
            return math.inf
        return self._times[0][1] + self._linger

    def take(self, now: float) -> list[Row]:
        """The next batch that is ready; empty if none is."""
        if self.ready_at() > now:
            return []
        batch = [self._rows.popleft() for _ in range(min(len(self._rows), self._size))]
        taken = self._fed - len(self._rows)
        while self._times and self._times[0][0] <= taken:
            self._times.popleft()
        return batch

    def drain(self) -> list[Row]:
        """All rows that wait, given back instead of batched."""
        rows = list(self._rows)
        self._rows.clear()
        self._times.clear()
        return rows
