"""Collects rows into batches of at most ``size``, in input order."""

import math
from collections import deque

from campaigns_async._core.rows import NO_ROWS, Rows


class Chunker:
    """A full batch is ready at once, a partial one when flushed or when it has lingered.

    ``linger``: seconds from its first row. None: a partial batch waits for :meth:`flush`.
    """

    def __init__(self, *, size: int, linger: float | None = None) -> None:
        self._size = size
        self._linger = linger
        self._parts: deque[Rows] = deque()
        self._waiting = 0
        # (rows fed until then, the time), of those that wait.
        self._times: deque[tuple[int, float]] = deque()
        self._flush_below = 0
        self._fed = 0

    def __len__(self) -> int:
        """Rows that wait for their batch."""
        return self._waiting

    def feed(self, rows: Rows, now: float) -> None:
        """Some more rows."""
        if not rows:
            return
        self._parts.append(rows)
        self._waiting += len(rows)
        self._fed += len(rows)
        self._times.append((self._fed, now))

    def flush(self) -> None:
        """What has been fed so far need not wait for more."""
        self._flush_below = self._fed

    def ready_at(self) -> float:
        """From when on :meth:`take` gives a batch if no more rows come; infinity for never."""
        if self._waiting >= self._size or (self._waiting and self._taken < self._flush_below):
            return -math.inf
        if not self._waiting or self._linger is None:
            return math.inf
        return self._times[0][1] + self._linger

    def take(self, now: float) -> Rows:
        """The next batch that is ready; empty if none is."""
        return NO_ROWS if self.ready_at() > now else self._take(self._size)

    def drain(self) -> Rows:
        """All rows that wait, given back instead of batched."""
        return self._take(self._waiting)

    def _take(self, most: int) -> Rows:
        parts: list[Rows] = []
        while most and self._parts:
            part = self._parts.popleft()
            length = len(part)
            if length > most:
                self._parts.appendleft(part.stretch(most, length))
                part, length = part.stretch(0, most), most
            most -= length
            self._waiting -= length
            parts.append(part)
        while self._times and self._times[0][0] <= self._taken:
            self._times.popleft()
        return Rows.join(parts)

    @property
    def _taken(self) -> int:
        return self._fed - self._waiting
