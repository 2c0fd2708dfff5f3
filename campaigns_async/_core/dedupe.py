"""Memory of the ids that an upload has seen, and of where: exact, and by fingerprints for many.

Most inputs repeat hardly an id. So at first only a set of the ids is at hand, which is all it takes
to see that rows are new, and where they stood is logged. From the first repeat on each id has its
mark at hand, and the log is worked off: some at a time, for nothing else runs meanwhile.
"""

from array import array
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from campaigns_async._core.fingerprints import Fingerprints
from campaigns_async._core.rows import Rows

_FEW: Final = 500_000
"""Ids kept as they are, for speed; beyond that, compact ones (some 20 against 100 bytes an id)."""

_AT_A_TIME: Final = 1_000
"""Rows that are moved with each claim, which takes about a millisecond."""

_CHUNKS: Final = 5_000
"""Chunks in the log, which may be small ones: each takes some memory, and is looked through."""

_HALF: Final = (1 << 32) - 1


@attrs.frozen
class Repeat:
    """``first``: position of the row that has the id. ``differs``: whether it says otherwise."""

    first: int
    differs: bool


class Dedupe:
    """Tells whether an id came before, and where; for millions see :mod:`.fingerprints`."""

    def __init__(self, few: int = _FEW) -> None:
        self._few = few
        self._log = _Log()
        # As long as no id came again.
        self._logging = True
        # By id its mark.
        self._seen: dict[str, int] = {}
        self._many: Fingerprints | None = None

    def claim(self, rows: Rows) -> list[Repeat | None]:
        """For each row None if it is the first with its id, else what came before it.

        Empty if all are the first.
        """
        if not rows:
            return []
        if self._many is None and len(self._log.ids) + len(self._seen) >= self._few:
            self._logging, self._many = False, Fingerprints()
        marks = _mark(rows)
        if self._logging:
            self._logging = self._log.add(rows.ids, marks)
            if self._logging:
                return []
        for crm_record_id, mark in self._log.find(rows.ids):
            self._seen.setdefault(crm_record_id, mark)
        if self._many is None:
            self._log.move(_AT_A_TIME, self._seen.setdefault)
            firsts = list(map(self._seen.setdefault, rows.ids, marks))
        else:
            self._log.move(_AT_A_TIME, self._many.claim)
            firsts = [
                self._many.claim(i, mark) if (first := self._seen.get(i)) is None else first
                for i, mark in zip(rows.ids, marks, strict=True)
            ]
            for _ in range(min(_AT_A_TIME, len(self._seen))):
                self._many.claim(*self._seen.popitem())
        if all(map(int.__eq__, firsts, marks)):
            return []
        return [
            None if first == mark else Repeat(first >> 32, differs=(first ^ mark) & _HALF != 0)
            for first, mark in zip(firsts, marks, strict=True)
        ]


class _Log:
    """Rows, a chunk at a time, whose ids are all different."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        # Tuples of texts are nothing that the garbage collector looks through.
        self._chunks: deque[tuple[tuple[str, ...], Sequence[int]]] = deque()

    def add(self, ids: Sequence[str], marks: Sequence[int]) -> bool:
        """False: one of them came before, or there is no room, and they are not in the log."""
        before = len(self.ids)
        self.ids.update(ids)
        if len(self.ids) < before + len(ids) or len(self._chunks) == _CHUNKS:
            return False
        self._chunks.append((tuple(ids), marks))
        return True

    def find(self, ids: Sequence[str]) -> list[tuple[str, int]]:
        """Those of the ids that are in the log, and their marks."""
        if not self._chunks or self.ids.isdisjoint(ids):
            return []
        wanted = set(ids)
        return [
            (crm_record_id, marks[chunk.index(crm_record_id)])
            for chunk, marks in self._chunks
            for crm_record_id in wanted.intersection(chunk)
        ]

    def move(self, most: int, claim: Callable[[str, int], object]) -> None:
        """The first of them to another memory, which takes the ids with their marks."""
        moved = 0
        while self._chunks and moved < most:
            ids, marks = self._chunks.popleft()
            for crm_record_id, mark in zip(ids, marks, strict=True):
                claim(crm_record_id, mark)
            self.ids.difference_update(ids)
            moved += len(ids)


def _mark(rows: Rows) -> Sequence[int]:
    """Each row as a number: its position and, in the lower half, a digest of what else it says."""
    said, positions = rows.said, rows.positions
    if isinstance(positions, range) and said.count(said[0]) == len(said):
        # All say the same, as rows mostly do: then nothing need be made for each of them.
        first = positions[0] << 32 | hash(said[0]) & _HALF
        return range(first, first + (len(positions) << 32), 1 << 32)
    return array(
        "Q", [at << 32 | hash(text) & _HALF for at, text in zip(positions, said, strict=True)]
    )
