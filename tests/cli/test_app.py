import json
import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from campaigns_async.cli.app import App, app
from tests.cli.conftest import Beside, run


def test_the_commands_are_those_of_the_service_and_of_this_machine() -> None:
    """An upload, eight actions, and what runs here."""
    actions = {"build", "reset", "start", "pause", "resume", "retry", "cancel", "purge"}

    files = {"upload", "validate", "journal", "support-bundle"}
    others = {"doctor", "emulator", "demo", "completion", "version"}
    assert app.commands.keys() == files | others | actions


def test_the_version_is_the_packages() -> None:
    """By command and by option."""
    assert run("version").output.startswith("campaigns-async 0.")
    assert json.loads(run("version", "--json").output)["version"].startswith("0.")
    assert run("--version").output.startswith("campaigns-async, version 0.")


def test_usage_is_told_by_click() -> None:
    """With exit code 2."""
    assert run("pause").exit_code == 2
    assert run("nonsense").exit_code == 2


@pytest.mark.parametrize("arguments", [("--debug", "pause"), ("pause", "--debug")])
def test_a_traceback_is_for_those_who_ask(service: Beside, arguments: tuple[str, ...]) -> None:
    """Before or after the command; else there is a sentence and no more."""
    assert "Traceback" not in service.run("pause", EGHT_API_KEY="eght_x").output
    assert "Traceback" in service.run(*arguments, EGHT_API_KEY="eght_x").output


def test_an_error_is_json_where_json_is_asked_for(service: Beside) -> None:
    """One document on stdout with the exit code, and the sentence on stderr all the same."""
    done = service.run("resume", "--json")
    document = json.loads(done.stdout)

    assert document["exit_code"] == done.exit_code == 5
    assert document["error"]["next"] == "RESUME is taken from PAUSED"
    assert document["error"]["reference"].startswith("instance ")
    assert document["error"]["what"][1:] in done.stderr
    missing = run("upload", "absent.csv", "--json", "--campaign", "x", "--tenant", "t")
    assert json.loads(missing.stdout)["error"]["what"] == "there is no API key and no site"
    assert service.run("resume").stdout == ""


def test_a_wrong_option_is_json_too() -> None:
    """Whether it stands before or behind ``--json``, and in a command of a group as well."""
    for arguments in (
        ("upload", "f.csv", "--deadline", "x", "--json"),
        ("upload", "--json", "--no-such-option"),
        ("journal", "show", "--json"),
    ):
        done = run(*arguments)
        document = json.loads(done.stdout)
        assert document["exit_code"] == done.exit_code == 2
        assert document["error"]["what"] in done.stderr
    assert run("upload", "--no-such-option").stdout == ""


def _leaves(group: click.Group) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from ((name, *rest) for rest in _leaves(command))
        else:
            yield (name,)


@pytest.mark.parametrize("path", list(_leaves(app)), ids="-".join)
def test_help_says_what_it_takes_and_does_with_an_example(path: tuple[str, ...]) -> None:
    """For each command: usage, a sentence, an example that is one of this command, options."""
    shown = run(*path, "--help").output

    assert shown.startswith(f"Usage: app {' '.join(path)}")
    assert re.search(r"^  [A-Z].*[.,:;a-z]$", shown, re.MULTILINE)
    assert "  --json " in shown
    assert "  --debug " in shown
    assert re.search(rf"Example:\n +.*campaigns-async {' '.join(path)}", shown)


def test_the_list_of_commands_is_not_cut() -> None:
    """Each stands there with a whole sentence."""
    shown = run("--help").output

    assert "..." not in shown.partition("Commands:")[2]
    assert "upload          Put the rows of a file on a call list.\n" in shown


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (RuntimeError("boom"), 1, "This program failed: RuntimeError: boom."),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (click.Abort(), 1, "Aborted!"),
        (BrokenPipeError(32, "pipe"), 1, ""),
    ],
)
def test_whatever_happens_there_is_an_exit_code(error: BaseException, code: int, told: str) -> None:
    """A bug asks for a report, an interrupt is 130, and who reads no more is told nothing."""
    group = App("app")

    @group.command()
    def fail() -> None:
        raise error

    done = CliRunner().invoke(group, ["fail"])

    assert done.exit_code == code
    assert told in done.stderr
