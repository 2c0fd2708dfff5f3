import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.cli.csv_rows import LONGEST_CELL, CsvRows

_OPEN = "a quote is opened and never closed; close it, or write it twice if it is meant"
_A = (1, ["A"], None)
_PART = "it may be a part of row 2, where a quote is opened and never closed; mend that row"


def _read(text: str) -> list[tuple[int, list[str], str | None]]:
    return list(CsvRows(iter(text.splitlines(keepends=True)), ","))


@given(st.lists(st.lists(st.text('a,"\n é', max_size=5), min_size=2), max_size=5))
def test_what_is_written_well_is_read_as_it_is(rows: list[list[str]]) -> None:
    """Delimiters, quotes and line breaks in cells included."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    assert _read(written.getvalue()) == [(at, row, None) for at, row in enumerate(rows, 1)]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        # Never closed.
        ('A\nB,"x\nC,y', [_A, (2, ["B", "x\n"], _OPEN), (3, ["C", "y"], _PART)]),
        ('A\nB,"', [_A, (2, ["B", ""], _OPEN)]),
        # Closed by the opening of another one.
        (
            'A\nB,"x\nC,"y"\nD',
            [_A, (2, ["B", "x\n"], _OPEN), (3, ["C", "y"], _PART), (4, ["D"], None)],
        ),
        (
            'A\nB,"x\nC,"y\nD',
            [_A, (2, ["B", "x\n"], _OPEN), (3, ["C", "y\n"], _PART), (4, ["D"], None)],
        ),
        # Sloppy, and on one line.
        ('A\n"B" x,y\nC', [_A, (2, ["B x", "y"], None), (3, ["C"], None)]),
        ('A\nB"x",y\nC', [_A, (2, ['B"x"', "y"], None), (3, ["C"], None)]),
    ],
    ids=["never", "at the end", "by another", "by another open one", "behind", "inside"],
)
def test_a_forgotten_quote_costs_what_it_swallows(
    text: str, rows: list[tuple[int, list[str], str | None]]
) -> None:
    """Each line of that is a row that is wrong, with its cells; what is merely sloppy is read."""
    assert _read(text) == rows


def test_a_cell_without_end_ends_at_some_length() -> None:
    """What comes behind that is read as ever, and all lines are accounted for."""
    text = 'A\n"' + "x\n" * LONGEST_CELL + "Z\n"
    found = _read(text)
    assert [number for number, _, _ in found] == list(range(1, LONGEST_CELL + 3))
    assert found[-1][1:] == (["Z"], None)
    assert found[1][2] == _OPEN


def test_a_cell_may_be_too_long() -> None:
    """The row is wrong, and the next one is not."""
    found = _read("A\n" + "x" * 200_000 + "\nB\n")
    told = "a cell has more than 131,072 characters"
    assert found == [_A, (2, [], told), (3, ["B"], None)]


def test_cells_of_several_lines_are_noted() -> None:
    """By the numbers of their rows, the first few."""
    rows = CsvRows(iter(['"a\n', 'b"\n'] * 6), ",")
    assert rows.note is None
    assert len(list(rows)) == 6
    assert "6 rows have a cell of several lines (1, 2, 3, 4, 5, ...)" in str(rows.note)
