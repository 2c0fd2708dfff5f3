"""The rows of CSV text, where a forgotten quote costs the rows that it swallows, and no others."""

import csv
from collections.abc import Iterator
from typing import Final

LONGEST_CELL: Final = 131_072
_MOST_NAMED: Final = 5


class CsvRows:
    """Gives each row's number, its cells, and what is wrong with it (None for nothing).

    What a quote without end swallows is given line by line, each as a row that is wrong: it may be
    one of its own, or a part of that cell.
    """

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        csv.field_size_limit(LONGEST_CELL)
        self._delimiter = delimiter
        # The lines of the row under way.
        self._taken: list[str] = []
        self._reader = csv.reader(self._remember(lines), delimiter=delimiter, strict=True)
        # Rows with a cell of several lines: the first ones, and how many.
        self._tall: list[int] = []
        self._tall_rows = 0

    def _remember(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._taken.append(line)
            yield line

    def __iter__(self) -> Iterator[tuple[int, list[str], str | None]]:
        number = 0
        while True:
            try:
                for number, cells in enumerate(self._reader, number + 1):  # noqa: B020 - goes on
                    if len(self._taken) > 1:
                        self._note_tall(number)
                    self._taken.clear()
                    yield number, cells, None
            except csv.Error:
                lines = self._taken.copy()
                self._taken.clear()
                yield from self._read_alone(number + 1, lines)
                number += len(lines)
            else:
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
        rows = "1 row has" if self._tall_rows == 1 else f"{self._tall_rows:,} rows have"
        more = ", ..." if self._tall_rows > len(self._tall) else ""
        return (
            f"{rows} a cell of several lines ({', '.join(map(str, self._tall))}{more}); where a "
            "quote is missing, that cell holds rows of the file"
        )

    def _read_alone(
        self, first: int, lines: list[str]
    ) -> Iterator[tuple[int, list[str], str | None]]:
        for number, line in enumerate(lines, first):
            try:
                # With a line behind it, which an open quote swallows.
                cells, *closed = csv.reader([line, "end"], delimiter=self._delimiter)
            except csv.Error:
                yield number, [], f"a cell has more than {LONGEST_CELL:,} characters"
                continue
            if not closed:
                cells[-1] = cells[-1].removesuffix("end")
            reason = None
            if number > first:
                reason = (
                    f"it may be a part of row {first}, where a quote is opened and never closed; "
                    "mend that row"
                )
            elif not closed:
                reason = (
                    "a quote is opened and never closed; close it, or write it twice if it is meant"
                )
            # Else it is merely sloppy: text behind a quote, on one line.
            yield number, cells, reason
