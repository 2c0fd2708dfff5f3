from datetime import datetime

import pytest

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.scheduling import Scheduling, UnknownZoneError

_LONDON = Scheduling(zone="Europe/London")


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-12-01 09:00", "2026-12-01T09:00:00+00:00"),
        ("2026-07-01T09:00", "2026-07-01T09:00:00+01:00"),
        # Shown twice when the clocks go back on 2026-10-25: the first.
        ("2026-10-25 01:30", "2026-10-25T01:30:00+01:00"),
        # Skipped on 2026-03-29: 01:30 without the change is 02:30 with it.
        ("2026-03-29 01:30", "2026-03-29T01:30:00+00:00"),
    ],
)
def test_a_time_without_an_offset_is_one_of_the_zone(written: str, moment: str) -> None:
    """Summer and winter, and by a stated rule where the clocks change."""
    assert _LONDON.place(written) == moment
    assert _LONDON.place(datetime.fromisoformat(written)) == moment


@pytest.mark.parametrize("written", ["2026-12-01T09:00:00Z", "2026-12-01 09:00+05:30", "soon", 7])
def test_a_time_with_an_offset_stays_as_it_is(written: object) -> None:
    """So does what is no time: the upload refuses it in better words."""
    assert _LONDON.place(written) == written
    assert Scheduling().place(written, "Nowhere/At/All") or written != "2026"


def test_a_rows_own_zone_counts_first() -> None:
    """Before the one for all; a blank one does not."""
    assert _LONDON.place("2026-12-01 09:00", "Asia/Tokyo").endswith("+09:00")
    assert _LONDON.place("2026-12-01 09:00", " ").endswith("+00:00")


def test_rows_without_a_time_get_the_one_given() -> None:
    """In their own zone, so that all are called at nine; without one they have none."""
    nine = Scheduling("2026-12-01 09:00", "Europe/London")

    assert nine.place(None) == "2026-12-01T09:00:00+00:00"
    assert nine.place(" ", "Asia/Tokyo") == "2026-12-01T09:00:00+09:00"
    assert nine.place("2026-12-02 10:00") == "2026-12-02T10:00:00+00:00"
    assert _LONDON.place(None) is None
    assert Scheduling("2026-12-01T09:00Z").place(None) == "2026-12-01T09:00Z"


def test_whether_rows_must_name_a_zone_is_known_beforehand() -> None:
    """Where a time without an offset is given for them, and no zone."""
    nine = Scheduling("2026-12-01 09:00")

    with pytest.raises(Failure, match="has no zone"):
        nine.check({"schedule_at"})
    nine.check({"time_zone"})
    for scheduling in (Scheduling("2026-12-01 09:00Z"), _LONDON, Scheduling()):
        scheduling.check(())


@pytest.mark.parametrize("zone", ["Europe/Londn", "Europe", "../etc/passwd", ""])
def test_a_zone_that_is_none_is_said(zone: str) -> None:
    """Of the option at once, of a row for that row."""
    with pytest.raises(Failure, match="is not known"):
        Scheduling(zone=zone)
    if zone:
        with pytest.raises(UnknownZoneError):
            _LONDON.place("2026-12-01 09:00", zone)


def test_a_time_that_is_none_is_said() -> None:
    """With one that can be read."""
    with pytest.raises(Failure, match="cannot be read"):
        Scheduling("tomorrow")
