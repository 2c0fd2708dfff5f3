"""A row of a file as a record, and what could not become one."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from campaigns_async.errors import InvalidRecordError
from campaigns_async.models import NewRecord


@attrs.frozen(kw_only=True)
class FileRecord(NewRecord):
    """A record that knows where it stands.

    ``row``: its number in the file as a spreadsheet shows it. ``cells``: the row as it was read; of
    JSON lines, the line alone.
    """

    row: int
    cells: Sequence[str] = ()


@attrs.frozen
class BrokenRow:
    """A row that is no record at all, and why.

    It goes through the upload as the others do, which refuses it for being no record; the reason
    here is the better one. ``doubtful``: whether its cells may be other than they look.
    """

    row: int
    cells: Sequence[str]
    reason: str
    doubtful: bool = False

    @property
    def error(self) -> InvalidRecordError:
        """The reason as an upload would say it."""
        return InvalidRecordError(self.reason)


AnyRow = FileRecord | BrokenRow


class RowNumbers:
    """From a record's position in the input to its row in the file: blank rows are no records."""

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._offsets: list[int] = []
        self._count = 0

    def append(self, row: int) -> None:
        """The next record stands in this row."""
        offset = row - self._count
        if not self._offsets or self._offsets[-1] != offset:
            self._positions.append(self._count)
            self._offsets.append(offset)
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: int) -> int:
        return position + self._offsets[bisect_right(self._positions, position) - 1]


def build_record(values: Mapping[str, Any], row: int, cells: Sequence[str]) -> FileRecord:
    """The record of a row, from its fields; those that are absent or blank are left out.

    Nothing is judged here but what the file's format blurs: text that is a number is a rank. All
    else is for the upload to refuse, so that a row is refused for the same reason wherever it came
    from.
    """
    # Without a call for each cell.
    given = {
        name: (value.strip() or None) if isinstance(value, str) else value
        for name, value in values.items()
    }
    rank = given.get("rank")
    return FileRecord(
        _id(given.get("crm_record_id")),
        schedule_at=given.get("schedule_at"),
        priority=given.get("priority"),
        rank=_number(rank) if isinstance(rank, str) else rank,
        row=row,
        cells=cells,
    )


def _id(value: Any) -> Any:
    if value is None:
        # The upload then says that it is blank, which is what one sees in the file.
        return ""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
