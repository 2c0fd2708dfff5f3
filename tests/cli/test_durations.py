import click
import pytest

from campaigns_async.cli.durations import duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("1h30m", 5400.0),
        ("1h 30min", 5400.0),
        ("0.5s", 0.5),
        ("250ms", 0.25),
        (" 1D ", 86_400.0),
    ],
)
def test_a_duration_is_written_as_people_do(text: str, seconds: float) -> None:
    """A number with a unit, several of them, or none for seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5", "5x", "five", "5m!", "m", "1e3", "inf", "nan"])
def test_anything_else_is_no_duration(text: str) -> None:
    """What is no duration above 0 is refused with how to write one."""
    with pytest.raises(click.BadParameter, match="write 90, 90s, 5m or 2h"):
        duration(text)


def test_an_option_takes_a_duration() -> None:
    """As the type of an option it gives seconds."""
    assert duration("5m") == 300.0
