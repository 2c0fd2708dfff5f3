import os
import sys
from pathlib import Path

import pexpect
import pytest

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.journals import BESIDE, describe, find_journal, offer_resume
from campaigns_async.journal import Journal
from campaigns_async.journal_file import Changes, JournalFile
from tests.cli.conftest import Beside


def _write(path: Path, **state: object) -> Path:
    file = JournalFile.open(path, create=True)
    if state:
        file.write(Changes(state=state))
    file.close()
    return path


def test_a_journal_stands_beside_the_file_or_where_one_says(tmp_path: Path) -> None:
    """Without a path it has the file's name and a suffix; without the option there is none."""
    file = tmp_path / "f.csv"
    file.write_text("")

    assert find_journal(str(file), None) is None
    assert find_journal(str(file), BESIDE) == tmp_path / "f.csv.journal"
    assert find_journal(str(file), "j") == Path("j")


@pytest.mark.parametrize(("file", "given", "told"), [("-", "j", "stdin goes with no")])
def test_what_cannot_be_resumed_is_refused(
    tmp_path: Path, file: str, given: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe cannot be read again, and the file itself is no journal."""
    monkeypatch.chdir(tmp_path)
    Path("f.csv").write_text("")
    with pytest.raises(Failure, match=told):
        find_journal(file, given)


def test_there_is_nothing_to_resume_before_the_first_run(tmp_path: Path) -> None:
    """No journal, an empty file, or a journal that was made and never written."""
    (tmp_path / "empty").touch()
    assert not offer_resume(tmp_path / "empty")
    assert not offer_resume(tmp_path / "none")
    assert not offer_resume(_write(tmp_path / "j"))


def test_it_says_how_far_an_earlier_run_came(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the rows read, or of all where the end is known; and that a complete one sends nothing."""
    assert offer_resume(_write(tmp_path / "a", read=500, settled=[[0, 299]]), yes=True)
    assert offer_resume(_write(tmp_path / "b", read=1, settled=[[0, 0]], total=1))

    told = capsys.readouterr().err
    assert "did not end: 300 of 500 rows read so far settled." in told
    assert "is complete: 1 of 1 row settled. Nothing is left to be sent." in told
    with Journal.open(tmp_path / "b") as journal:
        assert describe(journal) == "1 of 1 row settled"


@pytest.mark.parametrize(("answer", "code", "added"), [("n", 2, 0), ("y", 0, 3)])
def test_a_terminal_is_asked(tmp_path: Path, answer: str, code: int, added: int) -> None:
    """A no ends the command and sends nothing, a yes goes on."""
    file = tmp_path / "f.csv"
    file.write_text("crmRecordId\nA\nB\nC\n")
    arguments = ("upload", str(file), "--journal")
    with Beside() as service:
        service.run(*arguments, EGHT_API_KEY="eght_wrong")
        terminal = pexpect.spawn(
            sys.executable,
            ["-c", "from campaigns_async.cli import main; main()", *arguments],
            env={**os.environ, **service.env, "TERM": "xterm", "NO_COLOR": "1"},
            encoding="utf-8",
            dimensions=(40, 150),
            timeout=30,
        )
        terminal.expect_exact("Go on with it?")
        terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
        terminal.close()

        assert terminal.exitstatus == code
        assert len(service.campaign.ledger) == added
