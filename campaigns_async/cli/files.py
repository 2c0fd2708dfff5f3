"""A file of records, read row by row: CSV with a header, or JSON lines."""

import io
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

from campaigns_async.cli.columns import FIELDS, describe_unsent, map_columns, squash
from campaigns_async.cli.csv_rows import CsvRow, CsvRows
from campaigns_async.cli.failures import Failure
from campaigns_async.cli.rejects import LOOK, is_reject_file, take_back
from campaigns_async.cli.rows import AnyRow, BrokenRow, RowNumbers, build_record
from campaigns_async.cli.scheduling import Scheduling, UnknownZoneError
from campaigns_async.cli.suppress import Suppressed
from campaigns_async.cli.text import Lines, open_stdin

Format = Literal["csv", "jsonl"]

JSON_SUFFIXES: Final = {".jsonl", ".ndjson"}
_DELIMITERS: Final = ",;\t|"
_JSON_ARRAY: Final = re.compile(r"\s*\[\s*(?:[{\"]|$)")
"""How one begins; ``[crmRecordId],[rank]`` is a header."""

_NO_HEADER: Final[CsvRow] = (0, [], None)


class ReadingStopped(Exception):  # noqa: N818 - no error: it was asked for
    """Ends the reading before the end, so that nobody takes the last row read for the last."""


class RecordFile:
    """An open file of records; iterating gives its rows, each once, whoever iterates.

    - ``format``: by the name, or by the first character, which in JSON lines is a brace.
    - ``header``, ``columns``, ``delimiter``: of a CSV file; empty and "," for JSON lines.
    - ``numbers``: row numbers of the records given out so far.
    - ``blank``: rows without any content, which are passed over. ``ended``: the end was reached.
    - ``suppressed``: rows held back for their ids; they are not given out.
    """

    def __init__(
        self,
        binary: io.BufferedIOBase,
        name: str,
        *,
        chosen: Mapping[str, str | None] | None = None,
        delimiter: str | None = None,
        scheduling: Scheduling = Scheduling(),  # noqa: B008 - never changes
        suppress: AbstractSet[str] = frozenset(),
    ) -> None:
        self.suppressed = Suppressed(suppress)
        self._scheduling = scheduling
        self.name = name
        self.numbers = RowNumbers()
        self.header: tuple[str, ...] = ()
        self.columns: Mapping[str, int] = {}
        self.delimiter = _read_delimiter(delimiter)
        self.blank = 0
        self.ended = False
        self._stopped = False
        self._binary = binary
        self._size = _size(binary)
        self._read = 0
        self.format: Format = "csv"
        self._rows: Iterator[AnyRow] = iter(())
        self._csv: CsvRows | None = None
        self._open(chosen or {}, delimiter)

    def _open(self, chosen: Mapping[str, str | None], delimiter: str | None) -> None:
        name = self.name
        self._lines = Lines(self._binary, name)
        lines = iter(self._lines)
        first = next(lines, "")
        if not first:
            raise Failure(
                f"the file {name} is empty", next_step="give a file with a header and rows"
            )
        if _JSON_ARRAY.match(first):
            raise Failure(
                f"the file {name} begins like a JSON array",
                next_step="write one object a line: jq -c '.[]' FILE | campaigns-async upload -",
            )
        self.format = "jsonl" if _is_json(name, first) else "csv"
        if self.format == "jsonl":
            self._rows = self._read_json(_chain(first, lines), chosen)
        else:
            separator = _read_separator(first)
            if separator is not None:
                # Excel's own; it shows the next line as row 1.
                if delimiter is None:
                    self.delimiter = _read_delimiter(separator)
                first = next(lines, "")
            elif delimiter is None:
                self.delimiter = guess_delimiter(first)
            self._open_csv(_chain(first, lines), chosen)

    # --- reading

    def __iter__(self) -> Iterator[AnyRow]:
        return self

    def __next__(self) -> AnyRow:
        if self._stopped and not self.ended:
            raise ReadingStopped
        return self._next()

    def stop(self) -> None:
        """Give out no more: raise `ReadingStopped` instead. `rest` still gives."""
        self._stopped = True

    def rest(self) -> Iterator[AnyRow]:
        """What has not been given out yet."""
        while not self.ended:
            with suppress(StopIteration):
                yield self._next()

    def _next(self) -> AnyRow:
        for row in self._rows:
            if not self.suppressed.holds(row):
                self._read += 1
                self.numbers.append(row.row)
                return row
        self.ended = True
        raise StopIteration

    @property
    def is_pipe(self) -> bool:
        """Whether reading may wait for somebody: no file on a disk, and not in memory."""
        return self._size is None and not isinstance(self._binary, io.BytesIO)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on what was seen beside the rows."""
        unsent = describe_unsent(self.header, self.columns)
        quotes = None if self._csv is None else self._csv.note
        return tuple(filter(None, (unsent, self.suppressed.note, self.decoding_note, quotes)))

    @property
    def decoding_note(self) -> str | None:
        """A sentence on text that was not UTF-8, None if all was."""
        if self._lines.fallback is None:
            return None
        return (
            f"from line {self._lines.fallback} on, what is not UTF-8 was read as Windows-1252; "
            "check names with accents"
        )

    def estimate_rows(self) -> float | None:
        """How many records the file has, exact at its end; None where that cannot be told."""
        if self.ended:
            return self._read
        if self._size is None or not self._read:
            return None
        done = self._binary.tell()
        return self._read * max(self._size / done, 1.0) if done else None

    def close(self) -> None:
        """Close the file; not a pipe, which somebody may be waiting at."""
        if not self.is_pipe:
            self._binary.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _build(self, values: dict[str, Any], row: int, cells: Sequence[str]) -> AnyRow:
        zone = values.pop("time_zone", None)
        try:
            values["schedule_at"] = self._scheduling.place(values.get("schedule_at"), zone)
        except UnknownZoneError as error:
            return BrokenRow(row, cells, str(error))
        return build_record(values, row, cells)

    # --- CSV

    def _open_csv(self, lines: Iterator[str], chosen: Mapping[str, str | None]) -> None:
        self._csv = CsvRows(lines, self.delimiter)
        numbered = iter(self._csv)
        row, header, wrong = next(
            (r for r in numbered if r[2] or any(map(str.strip, r[1]))), _NO_HEADER
        )
        if wrong is not None:
            raise Failure(f"the first row of {self.name} cannot be read: {wrong}")
        while header and not header[-1].strip():
            header.pop()
        if not header:
            raise Failure(
                f"the file {self.name} has no header", next_step="name the columns in its first row"
            )
        self._mended = is_reject_file(header)
        self.header = tuple(take_back(h) if self._mended else h for h in header)
        names = [name.strip() for name in self.header]
        self.columns = map_columns(names, chosen)
        self._scheduling.check(self.columns)
        self.blank += row - 1
        self._rows = self._read_csv(numbered)

    def _read_csv(self, numbered: Iterator[CsvRow]) -> Iterator[AnyRow]:
        width = len(self.header)
        for number, cells, wrong in numbered:
            if self._mended:
                cells = [take_back(cell) for cell in cells]  # noqa: PLW2901 - as if it had been read so
            if wrong is not None:
                yield BrokenRow(number, cells, wrong, doubtful=True)
            elif not any(map(str.strip, cells)):
                self.blank += 1
            elif len(cells) > width and any(map(str.strip, cells[width:])):
                yield BrokenRow(number, cells, self._say_too_many(cells))
            else:
                values = {f: cells[at] for f, at in self.columns.items() if at < len(cells)}
                yield self._build(values, number, cells)

    def _say_too_many(self, cells: Sequence[str]) -> str:
        if cells[-1] == LOOK:
            return (
                "it is in doubt, as an earlier upload found; look at it, then empty its last cell"
            )
        return (
            f"the row has {len(cells)} cells and the header {len(self.header)}; "
            f"put a cell that holds {self.delimiter!r} in quotes"
        )

    # --- JSON lines

    def _read_json(
        self, lines: Iterator[str], chosen: Mapping[str, str | None]
    ) -> Iterator[AnyRow]:
        names = {squash(chosen.get(field) or field): field for field in FIELDS}
        for number, text in enumerate(lines, 1):
            line = text.strip()
            if not line:
                self.blank += 1
                continue
            try:
                given = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield BrokenRow(number, (line,), f"the line is not JSON: {_short(error)}")
                continue
            if isinstance(given, str):
                given = {"crm_record_id": given}
            if not isinstance(given, dict):
                reason = "the line is neither an object nor an id in quotes"
                yield BrokenRow(number, (line,), reason)
                continue
            fields = cast("dict[str, Any]", given)
            values = {names[squash(k)]: v for k, v in fields.items() if squash(k) in names}
            yield self._build(values, number, (line,))


def open_file(path: str, **options: Any) -> RecordFile:
    """The file at this path, ``-`` for stdin, or `Failure`; ``options``: as of `RecordFile`."""
    if path == "-":
        return RecordFile(open_stdin(), "stdin", **options)
    try:
        binary = Path(path).open("rb")  # noqa: SIM115 - closed by RecordFile
    except OSError as error:
        raise Failure(f"the file {path} cannot be opened: {error.strerror}") from None
    try:
        if Path(path).suffix.lower() == ".parquet":
            # Not at the top: it builds on this file.
            from campaigns_async.cli.parquet import ParquetFile  # noqa: PLC0415

            return ParquetFile(binary, path, **options)
        return RecordFile(binary, path, **options)
    except BaseException:
        binary.close()
        raise


def _read_delimiter(given: str | None) -> str:
    sign = {"tab": "\t", "\\t": "\t"}.get(given or ",", given or ",")
    if len(sign) != 1 or sign in '"\r\n':
        raise Failure(
            f"the delimiter {given!r} is not one character that can stand between cells",
            next_step="give one, or the word tab",
        )
    return sign


def _read_separator(line: str) -> str | None:
    """What the line ``sep=;`` says, in quotes or not; None for any other line."""
    line = line.strip("\r\n")
    if line.startswith('"'):
        line = line.strip('"')
    return line[4:] if line.lower().startswith("sep=") else None


def guess_delimiter(header: str) -> str:
    """The sign that stands most often between the names of a header; the comma if none does."""
    unquoted = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=unquoted.count)


def _is_json(name: str, first: str) -> bool:
    return Path(name).suffix.lower() in JSON_SUFFIXES or first.lstrip().startswith("{")


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _size(binary: io.BufferedIOBase) -> int | None:
    try:
        facts = os.fstat(binary.fileno())
    except (OSError, AttributeError):
        return None
    return facts.st_size if stat.S_ISREG(facts.st_mode) else None


def _short(error: Exception) -> str:
    return str(error).partition(":")[0] if isinstance(error, ValueError) else "nested too deep"
