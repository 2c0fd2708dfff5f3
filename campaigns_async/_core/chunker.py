"""Collects rows into batches of at most ``size``, in input order."""

import math
from collections import deque

from campaigns_async._core.rows import Row


class Chunker:
    """A full batch is ready at once, a partial one when flushed or when it has lingered.

    ``linger``: seconds from its first row. None: a partial batch waits for :meth:`flush`.
    """

    def __init__(self, *, size: int, linger: float | None = None) -> None:
        self._size = size
        self._linger = linger
        # (time it came, row); the time only matters where batches linger.
        self._rows: deque[tuple[float, Row]] = deque()
        self._flush_below = 0
        self._fed = 0

    def __len__(self) -> int:
        """Rows that wait for their batch."""
        return len(self._rows)

    def feed(self, row: Row, now: float) -> None:
        """One more row."""
        self._rows.append((now, row))
        self._fed += 1

    def flush(self) -> None:
        """What has been fed so far need not wait for more."""
        self._flush_below = self._fed

    def ready_at(self) -> float:
        """From when on :meth:`take` gives a batch if no more rows come; infinity for never."""
        if len(self._rows) >= self._size or (
            self._rows and self._fed - len(self._rows) < self._flush_below
        ):
            return -math.inf
        if not self._rows or self._linger is None:
            return math.inf
        return self._rows[0][0] + self._linger

    def take(self, now: float) -> list[Row]:
        """The next batch that is ready; empty if none is."""
        if self.ready_at() > now:
            return []
        return [self._rows.popleft()[1] for _ in range(min(len(self._rows), self._size))]

    def drain(self) -> list[Row]:
        """All rows that wait, given back instead of batched."""
        rows = [row for _, row in self._rows]
        self._rows.clear()
        return rows
