from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.fields import ENCODERS, check_id, check_rank
from campaigns_async.errors import InvalidRecordError
from campaigns_async.models import MAX_ID_LENGTH, RecordPriority

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)


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
