import subprocess
import sys

import pytest

from campaigns_async.cli import main

_WITHOUT = "import sys; sys.modules['rich'] = sys.modules['click'] = None; "


def _python(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - this interpreter, and code from this file
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )


def test_the_library_does_without_the_command_line() -> None:
    """Importing campaigns_async imports neither click nor rich."""
    unwanted = "{'click', 'rich', 'campaigns_async.cli'}"
    done = _python(f"import sys, campaigns_async; print(sorted({unwanted} & sys.modules.keys()))")

    assert done.stdout == "[]\n"


def test_what_is_missing_is_said_in_a_sentence() -> None:
    """Without the extra, how to install it."""
    done = _python(_WITHOUT + "from campaigns_async.cli import main; main()")

    assert done.returncode == 1
    assert done.stderr == (
        "The command line needs click and rich. Install them: pip install 'campaigns-async[cli]'\n"
    )


def test_main_is_the_console_script(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It runs the command line and exits with its code."""
    monkeypatch.setattr("sys.argv", ["campaigns-async", "version"])
    with pytest.raises(SystemExit) as left:
        main()

    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("campaigns-async ")


def test_main_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only for what the extra brings; another missing module is a bug and looks like one."""
    for name, error in (("click", SystemExit), ("aiohttp_gone", ModuleNotFoundError)):

        def refuse(*_: object, missing: str = name) -> None:
            raise ModuleNotFoundError(name=missing)

        with monkeypatch.context() as patched:
            patched.delitem(sys.modules, "campaigns_async.cli.app", raising=False)
            patched.setattr("builtins.__import__", refuse)
            with pytest.raises(error):
                main()
