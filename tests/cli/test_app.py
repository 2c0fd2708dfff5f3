import json
import re

import click
import pytest
from click.testing import CliRunner

from campaigns_async.cli.app import App, app
from tests.cli.conftest import Beside, run


@pytest.mark.parametrize("name", sorted(app.commands))
def test_help_says_what_it_takes_and_does_with_an_example(name: str) -> None:
    """For each command: usage, a sentence, an example that is one of this command, options."""
    shown = run(name, "--help").output

    assert shown.startswith(f"Usage: app {name}")
    assert re.search(rf"Example:\n +.*campaigns-async {name}", shown)
    assert "--debug" in shown


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
