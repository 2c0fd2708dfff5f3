"""Exact memory of the ids that an upload has seen."""

from typing import Final

import attrs

from campaigns_async._core.fingerprints import Fingerprints
from campaigns_async._core.rows import Row

_FEW: Final = 200_000
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
        # By id: the position and, in the lower half, the digest of what else the row says.
        self._seen: dict[str, int] = {}
        self._many: Fingerprints | None = None

    def claim(self, row: Row) -> Repeat | None:
        """None for the first row with its id; else what came before."""
        digest = hash(row.said) & _HALF if row.said else 0
        if self._many is not None:
            found = self._many.claim(row.id, row.index, digest)
            return None if found is None else Repeat(found[0], differs=found[1] != digest)
        mine = row.index << 32 | digest
        first = self._seen.setdefault(row.id, mine)
        if first != mine:
            return Repeat(first >> 32, differs=first & _HALF != digest)
        if len(self._seen) > self._few:
            self._compact()
        return None

    def _compact(self) -> None:
        self._many = Fingerprints()
        for crm_record_id, first in self._seen.items():
            self._many.claim(crm_record_id, first >> 32, first & _HALF)
        self._seen.clear()
