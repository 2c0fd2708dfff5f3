"""The rows of CSV text, where a forgotten quote costs the rows that it swallows, and no others."""

import csv
from collections.abc import Iterator
from itertools import chain
from typing import Final

LONGEST_CELL: Final = 131_072
_MOST_NAMED: Final = 5
_END: Final = "end"

_OPEN: Final = "a quote is opened and never closed; close it, or write it twice if it is meant"
_CUT: Final = "text stands behind a closing quote; write quotes twice that are meant"
_TOO_LONG: Final = f"a cell has more than {LONGEST_CELL:,} characters; a quote may be missing"
_PART: Final = "it may be a part of row {}, whose quotes are wrong; mend that row"

CsvRow = tuple[int, list[str], str | None]
"""Its number, its cells, and what is wrong with it; None for nothing."""


class CsvRows:
    """The rows one by one.

    What a quote without end swallows is given line by line, each as a row that is wrong: it may be
    one of its own, or a part of that cell.
    """

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        csv.field_size_limit(LONGEST_CELL)
        self._delimiter = delimiter
        # The lines of the row under way.
        self._taken: list[str] = []
        self._lines = self._remember(lines)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        # Rows with a cell of several lines: the first ones, and how many.
        self._tall: list[int] = []
        self._tall_rows = 0

    def _remember(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._taken.append(line)
            yield line

    def __iter__(self) -> Iterator[CsvRow]:
        number = 0
        while True:
            try:
                for number, cells in enumerate(self._reader, number + 1):  # noqa: B020 - goes on
                    if len(self._taken) > 1:
                        self._note_tall(number)
                    self._taken.clear()
                    yield number, cells, None
            except csv.Error as error:
                for row in self._refuse(number + 1, too_long="field limit" in str(error)):
                    yield row
                    number = row[0]
            else:
                return

    def _refuse(self, first: int, *, too_long: bool) -> Iterator[CsvRow]:
        """The lines of the row that could not be read, and what else may belong to it."""
        line, *more = lines = self._taken.copy()
        self._taken.clear()
        cells = self._split(line)
        # Inside quotes, as far as quotes come in pairs.
        is_open = lines[-1].count('"') % 2 == 1 or (too_long and bool(more))
        if not (more or is_open):
            # Text behind a quote: merely sloppy, if no cell may have been cut or joined by it.
            sloppy = bool(cells) and self._delimiter not in "".join(line.split('"')[1::2])
            yield first, cells, _TOO_LONG if too_long else None if sloppy else _CUT
            return
        yield first, cells, _TOO_LONG if too_long else _OPEN
        swallowed = chain(more, self._read_to_quote() if is_open else ())
        for number, part in enumerate(swallowed, first + 1):
            yield number, self._split(part), _PART.format(first)

    def _read_to_quote(self) -> Iterator[str]:
        """The lines up to one that closes what is open."""
        for line in self._lines:
            self._taken.clear()
            yield line
            if line.count('"') % 2 == 1:
                return

    def _note_tall(self, number: int) -> None:
        self._tall_rows += 1
        if len(self._tall) < _MOST_NAMED:
            self._tall.append(number)

    @property
    def note(self) -> str | None:
        """A sentence on quotes that may be missing though all could be read; None if none are."""
        if not self._tall:
            return None
        several = self._tall_rows > 1
        rows = f"{self._tall_rows:,} rows have" if several else "1 row has"
        named = ", ".join(map(str, self._tall)) + ", ..." * (self._tall_rows > len(self._tall))
        return (
            f"{rows} a cell of several lines (row{'s' * several} {named}); where a quote is "
            "missing, that cell holds rows of the file"
        )

    def _split(self, line: str) -> list[str]:
        """The cells of one line, whatever stands before it; none if they are too long."""
        try:
            cells, *closed = csv.reader([line, _END], delimiter=self._delimiter)
        except csv.Error:
            return []
        if not closed:
            # An open quote has swallowed the line behind it.
            cells[-1] = cells[-1].removesuffix(_END)
        return cells
