import io

import pytest
from rich.console import Console

from campaigns_async.cli.progress import Holdups, UploadBar, describe, say_left
from campaigns_async.models import CampaignState
from campaigns_async.outcomes import Status
from campaigns_async.report import Progress


def _progress(**changes: object) -> Progress:
    facts: dict[str, object] = {
        "read": 1_200,
        "counts": {Status.ADDED: 1_000, Status.REJECTED: 5},
        "requests": 12,
        "retries": 0,
        "in_flight": 4,
        "elapsed": 2.0,
    }
    return Progress(**{**facts, **changes})  # type: ignore[arg-type]


def test_it_says_how_far_and_how_fast() -> None:
    """Settled rows, rows per second, requests in flight."""
    assert describe(_progress()) == ("1,005", "502", "4 in flight")


def test_it_says_what_holds_it_up() -> None:
    """Retries, and a campaign that takes no records."""
    settled, rate, details = describe(_progress(elapsed=0.0, retries=3, waiting="campaign"))

    assert (settled, rate) == ("1,005", "-")
    assert details == "4 in flight  3 retries  waiting: the campaign takes no records now"
    named = _progress(waiting="campaign", campaign_state=CampaignState.BUILDING)
    assert describe(named)[2] == "4 in flight  waiting: the campaign is BUILDING"


def test_it_says_how_long_yet_where_the_rows_are_known() -> None:
    """At the rate so far; not while the campaign takes no records, for who knows how long."""
    assert describe(_progress(), 3_015.0)[2] == "4 in flight  4 s left"
    assert "left" not in describe(_progress(waiting="campaign"), 3_015.0)[2]
    assert describe(_progress(), 900.0)[2].endswith("0 s left")
    assert describe(_progress(counts={}), 900.0)[2] == "4 in flight"


def test_it_says_when_there_is_no_answer() -> None:
    """And then nothing of the time that is left; one failure is not worth a word."""
    assert describe(_progress(silence=12.4), 3_015.0)[2] == "4 in flight  no answer for 12 s"
    assert describe(_progress(silence=4.9), 3_015.0)[2] == "4 in flight  4 s left"


def test_a_service_that_goes_silent_is_told_of() -> None:
    """Once when it has given no answer for a while, and once when it answers again."""
    holdups = Holdups()
    told = [
        holdups.look_at(_progress(silence=silence))
        for silence in (0.0, 4.9, 0.0, 5.0, 60.0, 0.0, 0.0, 7.0)
    ]
    assert told[:3] == [None] * 3
    assert "gives no answer" in str(told[3])
    assert told[4:] == [None, "The service answers again.", None, told[3]]


def test_a_campaign_that_takes_no_records_is_told_of() -> None:
    """Once when that lasts, with its state if that is known, and once when it is over."""
    holdups = Holdups()
    building = {"waiting": "campaign", "campaign_state": CampaignState.BUILDING}
    told = [
        holdups.look_at(_progress(elapsed=elapsed, **changes))
        for elapsed, changes in (
            *((1.0, building), (5.9, building), (6.0, {}), (7.0, building), (12.0, building)),
            *((13.0, building), (14.0, {}), (15.0, {})),
        )
    ]
    assert told[:4] == [None] * 4
    assert str(told[4]).startswith("The campaign is BUILDING. The upload goes on")
    assert told[5:] == [None, "The campaign takes records again.", None]


def test_where_nothing_was_ever_sent_the_way_to_it_is_told_of() -> None:
    """Once; and nothing of answers where there were none."""
    holdups = Holdups()
    told = [
        holdups.look_at(_progress(requests=0, retries=retries, silence=9.0))
        for retries in (0, 2, 3, 4)
    ]
    assert told[:2] == [None, None]
    assert str(told[2]).startswith("No request could be sent yet. Check the address")
    assert told[3] is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(89.4, "89 s left"), (90, "2 min left"), (5_300, "88 min left"), (30_000, "8 h 20 min left")],
)
def test_what_is_left_is_told_no_finer_than_it_is_known(seconds: float, told: str) -> None:
    """Seconds, minutes, then tens of minutes."""
    assert say_left(seconds) == told


def test_a_terminal_gets_a_bar() -> None:
    """With the counts beside it."""
    screen = io.StringIO()
    with UploadBar(Console(file=screen, force_terminal=True, width=120)) as bar:
        bar.show(_progress(), 1_200.0)
        bar.say("a [b]word[/b]")

    assert "1,005 rows  502 rows/s  4 in flight" in screen.getvalue()
    assert "a [b]word[/b]" in screen.getvalue()


def test_a_file_gets_none() -> None:
    """Only what is said."""
    screen = io.StringIO()
    with UploadBar(Console(file=screen)) as bar:
        bar.show(_progress(), None)
        bar.say("a word")

    assert screen.getvalue() == "a word\n"
