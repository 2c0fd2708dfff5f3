"""Exact memory of the ids that an upload has seen."""

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
        claim = self._seen.setdefault if self._many is None else self._many.claim
        firsts = list(map(claim, rows.ids, marks))
        if len(self._seen) > self._few:
            self._compact()
        if firsts == marks:
            return []
        return [
            None if first == mark else Repeat(first >> 32, differs=(first ^ mark) & _HALF != 0)
            for first, mark in zip(firsts, marks, strict=True)
        ]

    def _compact(self) -> None:
        self._many = Fingerprints()
        for crm_record_id, mark in self._seen.items():
            self._many.claim(crm_record_id, mark)
        self._seen.clear()
