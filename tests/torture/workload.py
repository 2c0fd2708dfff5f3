"""What is uploaded: rows of all kinds, the same in every process that builds them."""

from collections.abc import Sequence
from typing import Any, Final

import attrs

INVALID: Final = " "
"""An id that is refused without asking the service."""


@attrs.frozen
class Workload:
    """``size`` rows; with ``plain`` none of them is special.

    Otherwise one in 23 repeats an earlier row, two are invalid here, two are unknown to the CRM,
    and some are on the campaign beforehand.
    """

    size: int
    plain: bool = False
    exclusive: bool = False

    @property
    def rows(self) -> list[Any]:
        """As they are given to ``upload``."""
        return [self._row(position) for position in range(self.size)]

    def _row(self, position: int) -> Any:
        if self.plain:
            return _id(position)
        if position in {7, self.size - 2}:
            return INVALID
        if position % 23 == 22:
            return {"crm_record_id": _id(position // 2), "priority": "LOW"}
        return _id(position)

    @property
    def held(self) -> Sequence[str]:
        """On the campaign before; none if the caller's word is that there are none."""
        if self.plain or self.exclusive:
            return ()
        return [_id(position) for position in (3, 4, self.size // 2, self.size - 3)]

    @property
    def unknown_to_crm(self) -> Sequence[str]:
        """Refused by the service, and all of their batch with them."""
        return [] if self.plain else [_id(11), _id(self.size * 2 // 3)]

    @property
    def first_positions(self) -> dict[str, int]:
        """For each valid id the row that has it first."""
        first: dict[str, int] = {}
        for position, row in enumerate(self.rows):
            crm_record_id = row if isinstance(row, str) else row["crm_record_id"]
            if crm_record_id != INVALID:
                first.setdefault(crm_record_id, position)
        return first


def _id(position: int) -> str:
    return f"CRM-{position:06}"
