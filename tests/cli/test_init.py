import os
import subprocess
import sys
from pathlib import Path

import pytest

from campaigns_async.cli import main

_WITHOUT = "import sys; sys.modules['rich'] = sys.modules['click'] = None; "


def _python(code: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - this interpreter, and code from this file
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
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


def test_a_poor_terminal_gets_what_it_can_show(tmp_path: Path) -> None:
    """Letters that its encoding has not are written out, and stop nothing."""
    path = tmp_path / "f.csv"
    path.write_text("crmRecordId,priority\nA,Żółw\n", "utf-8")
    code = f"import sys; sys.argv = ['x', 'validate', {str(path)!r}]; "
    done = _python(code + "from campaigns_async.cli import main; main()", PYTHONIOENCODING="ascii")

    assert done.returncode == 3
    assert r"priority '\u017b\xf3\u0142w' is not one of" in done.stdout


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
