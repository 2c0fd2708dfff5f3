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
        self._seen: dict[str, int] = {}
        # Of those rows alone that say more than their id.
        self._said: dict[str, int] = {}
        self._many: Fingerprints | None = None

    def claim(self, row: Row) -> Repeat | None:
        """None for the first row with its id; else what came before."""
        if self._many is not None:
            digest = _digest(row.said)
            found = self._many.claim(row.id, row.index, digest)
            return None if found is None else Repeat(found[0], differs=found[1] != digest)
        first = self._seen.setdefault(row.id, row.index)
        if first != row.index:
            return Repeat(first, differs=self._said.get(row.id, 0) != _digest(row.said))
        if row.said:
            self._said[row.id] = _digest(row.said)
        if len(self._seen) > self._few:
            self._compact()
        return None

    def _compact(self) -> None:
        self._many = Fingerprints()
        for crm_record_id, position in self._seen.items():
            self._many.claim(crm_record_id, position, self._said.get(crm_record_id, 0))
        self._seen.clear()
        self._said.clear()


def _digest(said: str) -> int:
    """32 bits of what a row says beside its id; 0 for nothing."""
    return hash(said) & _HALF if said else 0
