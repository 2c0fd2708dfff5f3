from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.fields import ENCODERS, check_id, check_rank
from campaigns_async.errors import InvalidRecordError
from campaigns_async.models import MAX_ID_LENGTH, RecordPriority

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
YEAR_1 = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
"""Which in UTC is in the year before."""


class Float64(float):
    """A float that writes itself as numpy's do."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)})"


class Level(IntEnum):
    """An int that writes itself as something else."""

    FIRST = 1


@given(st.text(min_size=1, max_size=MAX_ID_LENGTH))
def test_an_id_is_sent_as_it_is_or_refused(crm_record_id: str) -> None:
    """Any text of up to 32 characters that is not blank and has no lone surrogate is an id."""
    broken = any("\ud800" <= c <= "\udfff" for c in crm_record_id)
    if crm_record_id.isspace() or broken:
        with pytest.raises(InvalidRecordError):
            check_id(crm_record_id, 0)
    else:
        assert check_id(crm_record_id, 0) == crm_record_id


@pytest.mark.parametrize(
    "moment",
    [
        "2026-12-01T09:00:00Z",
        "2026-12-01T09:00:00+00:00",
        "2026-12-01T10:00:00+01:00",
        "2026-12-01 03:30-05:30",
        "20261201T090000Z",
        NINE,
        datetime(2026, 12, 1, 14, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    ],
)
def test_one_moment_has_one_form(moment: str | datetime) -> None:
    """However a time is written, it goes out in UTC with Z, so that equal rows do not differ."""
    assert ENCODERS["schedule_at"](moment, 0) == ',"scheduleAt":"2026-12-01T09:00:00Z"'


def test_a_date_with_an_offset_and_no_time_is_told_so() -> None:
    """The standard library takes the offset for the time."""
    with pytest.raises(InvalidRecordError, match="cannot be read; write it as"):
        ENCODERS["schedule_at"]("2026-12-01+00:00", 0)


@pytest.mark.parametrize("priority", ["HIGH", "high", "High", RecordPriority.HIGH], ids=repr)
def test_a_priority_is_taken_in_any_case(priority: str) -> None:
    """A known priority goes out in capitals."""
    assert ENCODERS["priority"](priority, 0) == ',"priority":"HIGH"'


def test_tomorrows_priority_is_sent_if_made_on_purpose() -> None:
    """An unknown priority is refused as text, and sent as a RecordPriority."""
    assert ENCODERS["priority"](RecordPriority("URGENT"), 0) == ',"priority":"URGENT"'
    with pytest.raises(InvalidRecordError, match="'URGENT' is not one of HIGH, MEDIUM, LOW"):
        ENCODERS["priority"]("URGENT", 0)


@pytest.mark.parametrize("name", ENCODERS)
def test_what_is_not_given_is_absent(name: str) -> None:
    """And never null."""
    assert ENCODERS[name](None, 0) == ""


@pytest.mark.parametrize("rank", [0, -3, 1.5, 1e300, Float64(2.5), Level.FIRST, 10**300])
def test_a_rank_is_any_finite_number(rank: float) -> None:
    """And a plain one, whatever its class writes for itself."""
    checked = check_rank(rank, 0)
    assert checked == rank
    assert type(checked) in {int, float}


class Silent:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("field", "check", "value", "words"),
    [
        ("crm_record_id", check_id, None, "is missing"),
        ("crm_record_id", check_id, 7, "is of type int"),
        ("crm_record_id", check_id, " ", "is blank"),
        ("crm_record_id", check_id, "x" * 33, "has 33 characters"),
        ("crm_record_id", check_id, "\ud800", "lone surrogate"),
        ("schedule_at", ENCODERS["schedule_at"], "tomorrow", "cannot be read"),
        ("schedule_at", ENCODERS["schedule_at"], 7, "is of type int"),
        ("schedule_at", ENCODERS["schedule_at"], NINE.replace(tzinfo=None), "has no time zone"),
        ("schedule_at", ENCODERS["schedule_at"], YEAR_1, "no usable offset or year"),
        ("priority", ENCODERS["priority"], Silent(), "of type Silent is not one of"),
        ("rank", check_rank, True, "is not a number"),
        ("rank", check_rank, "1", "is not a number"),
        ("rank", check_rank, float("nan"), "is not a finite number"),
        ("rank", check_rank, 10**400, "is not a finite number"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_field(
    field: str, check: Callable[[Any, int], object], value: object, words: str
) -> None:
    """With the row, the field and what is wrong."""
    with pytest.raises(InvalidRecordError, match=words) as caught:
        check(value, 5)
    assert (caught.value.index, caught.value.field) == (5, field)
