import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.parsing import parse_row
from campaigns_async.cli.rows import BrokenRow, FileRecord, RowNumbers, build_record
from campaigns_async.errors import InvalidRecordError


@given(st.lists(st.integers(min_value=1, max_value=4), max_size=50))
def test_a_position_leads_to_its_row(steps: list[int]) -> None:
    """Whatever blank rows stand between, each record's row number is found again."""
    numbers, rows = RowNumbers(), []
    row = 1
    for step in steps:
        row += step
        numbers.append(row)
        rows.append(row)

    assert [numbers[position] for position in range(len(rows))] == rows


def test_cells_are_stripped_and_blank_ones_absent() -> None:
    """Spaces around a value are none of it, no-break spaces included."""
    record = build_record(
        {"crm_record_id": "\xa0C-1 ", "schedule_at": "  ", "priority": " High", "rank": ""}, 2, ()
    )

    assert record == FileRecord("C-1", priority="High", row=2, cells=())


@pytest.mark.parametrize(
    ("text", "rank"), [("7", 7), ("-1.5", -1.5), ("1e3", 1000.0), ("first", "first"), (3, 3)]
)
def test_text_that_is_a_number_is_a_rank(text: Any, rank: object) -> None:
    """A rank becomes a number; what is none is left for the upload to refuse."""
    assert build_record({"crm_record_id": "C", "rank": text}, 2, ()).rank == rank


def test_nan_is_left_for_the_upload_to_refuse() -> None:
    """It is a number by name."""
    rank = build_record({"crm_record_id": "C", "rank": "NaN"}, 2, ()).rank

    assert rank is not None
    assert math.isnan(rank)


@pytest.mark.parametrize(("value", "id_"), [(None, ""), (12, "12"), (True, True), ("a", "a")])
def test_a_whole_number_is_an_id(value: object, id_: object) -> None:
    """JSON may say 12; an id that is missing is blank, as it looks in the file."""
    assert build_record({"crm_record_id": value}, 1, ()).crm_record_id == id_


def test_a_broken_row_is_refused_for_its_own_reason() -> None:
    """An upload refuses it, for it is no record; why it is none, it says itself."""
    row = BrokenRow(4, ("x",), "the row is cut")

    with pytest.raises(InvalidRecordError):
        parse_row(row, 0)
    assert str(row.error) == "the row is cut"
