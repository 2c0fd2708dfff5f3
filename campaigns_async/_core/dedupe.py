"""Memory of the ids that an upload has seen: exact, and by fingerprints where there are many."""

from typing import Final

import attrs

from campaigns_async._core.fingerprints import Fingerprints
from campaigns_async._core.rows import Rows

_FEW: Final = 500_000
"""Ids kept as they are, for speed; beyond that, compact ones (some 20 against 150 bytes an id)."""

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
        # By id its mark: the position and, in the lower half, the digest of what else the row says.
        self._seen: dict[str, int] = {}
        self._many: Fingerprints | None = None

    def claim(self, rows: Rows) -> list[Repeat | None]:
        """For each row None if it is the first with its id, else what came before it.

        Empty if all are the first.
        """
        marks = [
            at << 32 | hash(said) & _HALF
            for at, said in zip(rows.positions, rows.said, strict=True)
        ]
        if self._many is None:
            firsts = list(map(self._seen.setdefault, rows.ids, marks))
            if len(self._seen) > self._few:
                self._many = Fingerprints()
        else:
            self._move(2 * len(rows), self._many)
            firsts = [
                self._many.claim(i, mark) if (first := self._seen.get(i)) is None else first
                for i, mark in zip(rows.ids, marks, strict=True)
            ]
        if firsts == marks:
            return []
        return [
            None if first == mark else Repeat(first >> 32, differs=(first ^ mark) & _HALF != 0)
            for first, mark in zip(firsts, marks, strict=True)
        ]

    def _move(self, count: int, many: Fingerprints) -> None:
        """Some at a time, for nothing else runs meanwhile; more than come, so that it ends."""
        for _ in range(min(count, len(self._seen))):
            many.claim(*self._seen.popitem())
