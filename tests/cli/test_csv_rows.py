import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.cli.csv_rows import LONGEST_CELL, CsvRows

_OPEN = "a quote is opened and never closed; close it, or write it twice if it is meant"
_A = (1, ["A"], None)
_PART = "it may be a part of row 2, whose quotes are wrong; mend that row"
_CUT = "text stands behind a closing quote; write quotes twice that are meant"
_LONG = "a cell has more than 131,072 characters; a quote may be missing"


def _read(text: str) -> list[tuple[int, list[str], str | None]]:
    return list(CsvRows(iter(text.splitlines(keepends=True)), ","))


@given(st.lists(st.lists(st.text('a,"\n é', max_size=5), min_size=2), max_size=5))
def test_what_is_written_well_is_read_as_it_is(rows: list[list[str]]) -> None:
    """Delimiters, quotes and line breaks in cells included."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    assert _read(written.getvalue()) == [(at, row, None) for at, row in enumerate(rows, 1)]


@given(st.text('ab,"\n ', max_size=30))
def test_whatever_it_is_each_row_has_its_number(text: str) -> None:
    """One after the other, and never more rows than lines."""
    rows = _read(text)
    assert [number for number, _, _ in rows] == list(range(1, len(rows) + 1))
    assert len(rows) <= len(text.splitlines())


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
            [_A, (2, ["B", "x\n"], _OPEN), (3, ["C", "y\n"], _PART), (4, ["D"], _PART)],
        ),
        # Sloppy, and on one line.
        ('A\n"B" x,y\nC', [_A, (2, ["B x", "y"], None), (3, ["C"], None)]),
        ('A\n"B"x, y",z\nC', [_A, (2, ["Bx", ' y"', "z"], _OPEN), (3, ["C"], _PART)]),
        ('A\n"B"x, "y,z"\nC', [_A, (2, ["Bx", ' "y', 'z"'], _CUT), (3, ["C"], None)]),
        ('A\n"B,x"y,z\nC', [_A, (2, ["B,xy", "z"], _CUT), (3, ["C"], None)]),
        ('A\nB"x",y\nC', [_A, (2, ['B"x"', "y"], None), (3, ["C"], None)]),
    ],
    ids=[
        "never",
        "at the end",
        "by another",
        "by another open one",
        "behind",
        "odd",
        "even",
        "joined",
        "inside",
    ],
)
def test_a_forgotten_quote_costs_what_it_swallows(
    text: str, rows: list[tuple[int, list[str], str | None]]
) -> None:
    """Each line of that is a row that is wrong, with its cells; what is merely sloppy is read."""
    assert _read(text) == rows


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        # What a swallowed line opens goes on behind the row that could not be read.
        ('A\nB,"x\nC,"two\nlines, she said"\nD,ok', ["A", "D"]),
        # A cell too long is one cell, up to its end.
        ('A\nB,"' + "x\n" * LONGEST_CELL + 'x"\nC', ["A", "C"]),
        ('A\nB,"' + "x\n" * LONGEST_CELL, ["A"]),
    ],
    ids=["two", "long", "without end"],
)
def test_what_may_be_the_inside_of_a_cell_is_no_row(text: str, ids: list[str]) -> None:
    """It is refused, line by line, and all lines are accounted for."""
    found = _read(text)
    assert [number for number, _, _ in found] == list(
        range(1, text.count("\n") + 2 - text.endswith("\n"))
    )
    assert [cells[0] for _, cells, wrong in found if wrong is None] == ids


def test_a_cell_may_be_too_long() -> None:
    """The row is wrong, and the next one is not."""
    found = _read("A\n" + "x" * 200_000 + "\nB\n")
    assert found == [_A, (2, [], _LONG), (3, ["B"], None)]


def test_cells_of_several_lines_are_noted() -> None:
    """By the numbers of their rows, the first few."""
    rows = CsvRows(iter(['"a\n', 'b"\n'] * 6), ",")
    assert rows.note is None
    assert len(list(rows)) == 6
    assert "6 rows have a cell of several lines (rows 1, 2, 3, 4, 5, ...)" in str(rows.note)
