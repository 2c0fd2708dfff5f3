import io

import pytest

from campaigns_async.cli import terminal


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    """Control characters are shown and not sent; markup is text."""
    line = terminal.line("a\x1b[31m", ("[bold]b\n", "red"))

    assert line.plain == "a\\x1b[31m[bold]b\\n"


def test_long_text_is_cut() -> None:
    """A megabyte in one cell does not fill the screen."""
    assert len(terminal.safe("x" * 10_000)) == 2_001


def test_results_and_the_rest_go_separate_ways(capsys: pytest.CaptureFixture[str]) -> None:
    """Results on stdout, all else on stderr, and without a terminal no wrapping and no color."""
    terminal.stdout().print(terminal.line(("x" * 200, "red")))
    terminal.stderr().print(terminal.line("[b]"))

    assert capsys.readouterr() == ("x" * 200 + "\n", "[b]\n")


@pytest.mark.parametrize(
    ("typed", "settings", "answer"),
    [
        ("y\n", {}, True),
        ("n\n", {"default": True}, False),
        ("\n", {}, False),
        ("\n", {"default": True}, True),
        ("", {"default": True}, False),
    ],
)
def test_a_question_has_a_yes_or_a_no(
    monkeypatch: pytest.MonkeyPatch, typed: str, settings: dict[str, bool], answer: object
) -> None:
    """Where the input ends before an answer it is a no, whatever the default."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    assert terminal.confirm("Go on?", **settings) is answer


def test_nobody_is_asked_where_nobody_sits() -> None:
    """In a test, as in a cron job, stdin is no terminal."""
    assert not terminal.can_ask()
