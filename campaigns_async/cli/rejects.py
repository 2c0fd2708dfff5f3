"""The reject file: every row that is not in, with why; to be mended and uploaded as it is."""

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

from campaigns_async.cli.failures import reason_of
from campaigns_async.cli.outputs import OutputFile
from campaigns_async.cli.rows import AnyRow, BrokenRow
from campaigns_async.cli.terminal import safe
from campaigns_async.errors import APIError, CampaignsError, InvalidRecordError
from campaigns_async.outcomes import Status

EXTRA: Final = ("row", "status", "field", "code", "reason", "instance", "time")
"""The columns that a reject file has behind the original ones."""

LOOK: Final = "look at this row, then empty this cell"
"""Stands behind a row that is in doubt, and keeps it from being taken until somebody did that."""

_RUNS: Final = re.compile(r"'*[=+\-@\t\r\n]")
_HARMLESS: Final = re.compile(r"'+[=+\-@\t\r\n]")


def make_harmless(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would run; `take_back` undoes it."""
    return f"'{cell}" if _RUNS.match(cell) else cell


def take_back(cell: str) -> str:
    """The cell before `make_harmless`."""
    return cell[1:] if _HARMLESS.match(cell) else cell


def is_reject_file(header: Sequence[str]) -> bool:
    """Whether these columns are those of a reject file."""
    return set(EXTRA) <= {name.strip() for name in header}


class Source(Protocol):
    """What the rejects come from."""

    @property
    def format(self) -> str:
        """``csv`` or ``jsonl``; the reject file has the same."""
        ...

    @property
    def header(self) -> Sequence[str]:
        """The columns of a CSV file."""
        ...

    @property
    def delimiter(self) -> str:
        """What stands between its cells."""
        ...


class RejectFile(OutputFile):
    """Written as the rows settle, so in that order; an earlier file of the name is replaced.

    ``late``: only when :meth:`begin` is called; until then an earlier file stays as it is.
    """

    def __init__(self, path: Path, source: Source, *, late: bool = False) -> None:
        csv_file = source.format == "csv"
        # The mark at the beginning is what makes Excel read UTF-8.
        super().__init__(path, "the reject file", encoding="utf-8-sig" if csv_file else "utf-8")
        self.count = 0
        self._source = source
        header = source.header
        again = is_reject_file(header)
        # A reject file's own rejects tell of the last attempt alone.
        self._kept = [i for i, name in enumerate(header) if not (again and name.strip() in EXTRA)]
        self._writer = csv.writer(self, delimiter=source.delimiter)
        if not late:
            self.begin()

    def begin(self) -> None:
        """Replace what the file held before."""
        self.clear()
        if self._source.format == "csv":
            self._write_cells([*(self._source.header[i] for i in self._kept), *EXTRA])

    def add(self, row: AnyRow, status: Status, error: CampaignsError | None) -> None:
        """One row that is not in."""
        self.count += 1
        facts = _facts(row, status, error)
        if self._source.format == "csv":
            cells, surplus = fit_cells(row, len(self._source.header))
            # People look at such a file in a terminal, and what the service said is in it.
            told = map(safe, facts.values())
            # Surplus cells stay so, at the end: uploaded as it is, the row is refused once more.
            if isinstance(row, BrokenRow) and row.doubtful and not surplus:
                surplus = [LOOK]
            self._write_cells([*(cells[i] for i in self._kept), *told, *surplus])
        else:
            given = _parse(row.cells[0])
            self.write(json.dumps({**given, **facts}, ensure_ascii=False) + "\n")

    def add_unread(self, row: AnyRow, error: CampaignsError) -> None:
        """One row that the upload never came to."""
        self.add(row, Status.NOT_ADDED, error)

    def _write_cells(self, cells: Sequence[Any]) -> None:
        self._writer.writerow([make_harmless(str(cell)) for cell in cells])


def fit_cells(row: AnyRow, width: int) -> tuple[list[str], list[str]]:
    """The row's cells, as many as the header has columns, and those that it has no column for."""
    cells = list(row.cells)
    return cells[:width] + [""] * (width - len(cells)), cells[width:]


def _parse(line: str) -> dict[str, Any]:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        return {"line": line}
    if isinstance(given, dict):
        return cast("dict[str, Any]", given)
    return {"crmRecordId" if isinstance(given, str) else "line": given}


def facts_of(error: CampaignsError | None) -> dict[str, Any]:
    """What an error says: field, code, reason, and what the vendor's support asks for."""
    field = instance = time = None
    code: str | int | None = None
    if isinstance(error, InvalidRecordError):
        field, code = error.field, "INVALID"
    elif isinstance(error, APIError):
        instance, time = error.problem.instance, error.problem.time
        first = error.problem.errors[0] if error.problem.errors else None
        field = first.field if first else None
        code = (first.code if first else None) or error.status
    reason = None if error is None else reason_of(error)
    values = (field, code, reason, instance, time)
    return dict(zip(EXTRA[2:], values, strict=True))


def _facts(row: AnyRow, status: Status, error: CampaignsError | None) -> dict[str, Any]:
    facts = {"row": row.row, "status": status.value, **facts_of(error)}
    return {name: "" if value is None else value for name, value in facts.items()}
