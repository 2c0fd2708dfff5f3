import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.history import Kept
from campaigns_async.errors import InvalidRecordError
from campaigns_async.journal_rows import checked, read_kept, with_crc, write_kept
from campaigns_async.outcomes import Attribution, Evidence, Status

NUMBERS = st.integers(0, 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.lists(st.none() | NUMBERS | TEXTS, max_size=6)


def through_sqlite(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """As it comes back from a table."""
    with closing(sqlite3.connect(":memory:")) as connection:
        marks = ", ".join("?" * len(row))
        return tuple(connection.execute(f"SELECT {marks}", row).fetchone())


@given(
    st.builds(
        Kept,
        position=NUMBERS,
        status=st.sampled_from(Status),
        evidence=st.none() | st.sampled_from(Evidence),
        attribution=st.none() | st.sampled_from(Attribution),
        attempts=NUMBERS,
        duplicate_of=st.none() | NUMBERS,
        differs=st.none() | st.booleans(),
    )
)
def test_a_verdict_comes_back_as_it_was(kept: Kept) -> None:
    """All of it, and of the same types."""
    assert read_kept(through_sqlite(write_kept(kept))) == kept


def test_its_error_comes_back_with_it() -> None:
    """Of the same class and with the same words."""
    error = InvalidRecordError("the id is blank", index=7, field="crm_record_id")
    kept = read_kept(write_kept(Kept(position=7, status=Status.REJECTED, error=error)))
    assert (type(kept.error), str(kept.error)) == (InvalidRecordError, str(error))


@given(VALUES, st.data())
def test_a_value_that_changed_is_noticed(values: list[Any], data: st.DataObject) -> None:
    """Whichever it is, and the checksum itself too."""
    row = [*with_crc(*values)]
    assert checked(tuple(row)) == tuple(values)
    at = data.draw(st.integers(0, len(row) - 1))
    row[at] = f"{row[at]}x" if isinstance(row[at], str) else (row[at] or 0) + 1
    with pytest.raises(ValueError, match="checksum"):
        checked(tuple(row))
