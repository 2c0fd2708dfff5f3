"""Exact memory of the ids that an upload has seen."""

import attrs

from campaigns_async._core.rows import Row


@attrs.frozen
class Repeat:
    """``first``: position of the row that has the id. ``differs``: whether it says otherwise."""

    first: int
    differs: bool


class Dedupe:
    """Tells whether an id came before, and where."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, str]] = {}

    def claim(self, row: Row) -> Repeat | None:
        """None for the first row with its id; else what came before."""
        mine = (row.index, row.said)
        first = self._seen.setdefault(row.id, mine)
        if first is mine:
            return None
        return Repeat(first[0], differs=first[1] != row.said)
