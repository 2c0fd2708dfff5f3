import io

from rich.console import Console

from campaigns_async.cli.progress import UploadBar, describe
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
    """Batches sent again, and a campaign that takes no records."""
    settled, rate, details = describe(_progress(elapsed=0.0, retries=3, waiting="campaign"))

    assert (settled, rate) == ("1,005", "-")
    assert details == "4 in flight  3 sent again  waiting: the campaign takes no records now"


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
