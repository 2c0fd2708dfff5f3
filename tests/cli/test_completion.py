import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    """One that asks this program by its own name."""
    done = run("completion", shell)

    assert done.exit_code == 0
    assert "_CAMPAIGNS_ASYNC_COMPLETE" in done.stdout
    assert "campaigns-async" in done.stdout


def test_a_program_gets_it_as_json() -> None:
    """The same script."""
    document = json.loads(run("completion", "zsh", "--json").stdout)

    assert document == {"shell": "zsh", "script": run("completion", "zsh").stdout[:-1]}


def test_another_shell_is_usage() -> None:
    """With the three that there are."""
    done = run("completion", "tcsh")

    assert (done.exit_code, "bash" in done.stderr) == (2, True)


def test_what_the_script_asks_for_is_answered() -> None:
    """Commands by their beginning, as the shell would get them."""
    program = Path(sys.executable).with_name("campaigns-async")
    words = {"COMP_WORDS": "campaigns-async val", "COMP_CWORD": "1"}
    done = subprocess.run(  # noqa: S603 - this project's own script
        [program],
        env={**os.environ, **words, "_CAMPAIGNS_ASYNC_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "plain,validate\n"
