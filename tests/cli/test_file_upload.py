import asyncio
import csv
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pexpect
import pytest

from campaigns_async.cli.file_upload import FileUpload
from campaigns_async.cli.files import RecordFile, open_file
from campaigns_async.cli.report import Result
from campaigns_async.emulator import Fault, Faults
from campaigns_async.emulator.traffic import ReceivedRequest
from campaigns_async.outcomes import Status
from campaigns_async.session import CampaignsSession
from tests.cli.conftest import FULL, Beside


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """More rows than are read ahead."""
    path = tmp_path / "f.csv"
    path.write_text("crmRecordId\n" + "".join(f"C-{n}\n" for n in range(5_000)))
    return path


def _interrupt_on(service: Beside, *numbers: int, by: signal.Signals = signal.SIGINT) -> None:
    seen = 0

    def count(_: ReceivedRequest) -> None:
        nonlocal seen
        seen += 1
        if seen in numbers:
            os.kill(os.getpid(), by)

    service.before_each = count


def _report(service: Beside, *arguments: str) -> tuple[dict[str, Any], str]:
    done = service.run("upload", *arguments, "--json", "--max-in-flight", "2")
    return json.loads(done.stdout), done.stderr


async def _upload(service: Beside, file: RecordFile, finish_within: float = 60) -> Result:
    emulator = service.emulator
    async with CampaignsSession(
        api_key=emulator.api_key, tenant=emulator.tenant, base_url=emulator.base_url
    ) as session:
        campaign_id = service.campaign.id
        return await FileUpload(session, campaign_id, file, finish_within=finish_within).run()


def test_the_first_ctrl_c_finishes_what_is_on_its_way(service: Beside, long_file: Path) -> None:
    """Nothing is left in doubt, and every row is accounted for."""
    _interrupt_on(service, 3)
    report, told = _report(service, str(long_file))

    assert report["total"] == 5_000
    assert report["counts"]["UNKNOWN"] == 0
    assert report["counts"]["ADDED"] == len(service.campaign.ledger) > 0
    assert report["counts"]["NOT_ADDED"] == 5_000 - report["counts"]["ADDED"] > 0
    assert "no more of the file is read; what was is being sent" in told
    assert "interrupted by Ctrl-C" in report["stopped_by"]["what"]
    assert report["exit_code"] == 3


class _Impatient(io.StringIO):
    """A stderr whose reader presses Ctrl-C as soon as it is offered."""

    def write(self, text: str) -> int:
        """Text for the reader."""
        if "Press Ctrl-C again" in text or "Ctrl-C stops" in text:
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_the_second_ctrl_c_stops_at_once(long_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs is UNKNOWN, and every row is accounted for all the same."""
    told = _Impatient()
    monkeypatch.setattr("sys.stderr", told)
    with Beside(faults=Faults(script=(None, *[Fault.HANG] * 16))) as service:
        _interrupt_on(service, 1)
        with open_file(str(long_file)) as file:
            result = asyncio.run(_upload(service, file))

    assert result.tally.total == 5_000
    assert result.tally.counts[Status.UNKNOWN] > 0
    assert result.exit_code == 6
    assert "Stopping at once" in told.getvalue()


def test_a_sigterm_stops_at_once_and_reports(service: Beside, long_file: Path) -> None:
    """Who sends it kills soon; the account and the reject file are there before that."""
    rejects = long_file.with_name("r.csv")
    _interrupt_on(service, 3, by=signal.SIGTERM)
    report, told = _report(service, str(long_file), "--rejects", str(rejects))

    counts = report["counts"]
    assert report["total"] == 5_000
    assert counts["ADDED"] + counts["UNKNOWN"] == len(service.campaign.ledger)
    assert len(_rejected(rejects)) == 5_000 - counts["ADDED"]
    assert "interrupted by a signal" in report["stopped_by"]["what"]
    assert ("Stopping at once" in told, "no more of the file" in told) == (True, False)


def test_what_cannot_be_finished_is_given_up(long_file: Path) -> None:
    """After one Ctrl-C too: where the service is down, it would never end."""
    with Beside(faults=Faults(script=(None, *[Fault.HANG] * 16))) as service:
        _interrupt_on(service, 1)
        with open_file(str(long_file)) as file:
            result = asyncio.run(_upload(service, file, 0.5))

    assert result.tally.total == 5_000
    assert result.tally.counts[Status.UNKNOWN] > 0
    assert result.exit_code == 6


def test_where_nothing_gets_through_somebody_is_told(
    service: Beside, long_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload without a deadline tries for ever, and says once what to look at."""
    told = _Impatient()
    monkeypatch.setattr("sys.stderr", told)
    service.on_loop(service.emulator.close)
    with open_file(str(long_file)) as file:
        result = asyncio.run(_upload(service, file))

    assert told.getvalue().count("No request could be sent yet. Check the address") == 1
    assert result.tally.counts[Status.NOT_ADDED] == 5_000


def test_a_file_that_breaks_off_is_told_with_its_account(service: Beside, tmp_path: Path) -> None:
    """What was read is in, and the report says that it is not all."""
    path = tmp_path / "f.csv"
    path.write_bytes("crmRecordId\nA\n".encode("utf-16") + b"\x00")
    report, _ = _report(service, str(path))

    assert (report["counts"]["ADDED"], report["exit_code"]) == (1, 3)
    assert "was not read to its end" in report["faults"][0]


def test_a_quote_without_end_is_told(service: Beside, tmp_path: Path) -> None:
    """What it may have swallowed is refused, row by row, and in the reject file."""
    path, rejects = tmp_path / "f.csv", tmp_path / "r.csv"
    path.write_text('crmRecordId,name\nA,Ann\nB,"Bob\nC,Cleo\nD,"Dan"\nE,Eve\n')
    report, _ = _report(service, str(path), "--rejects", str(rejects))

    assert (report["counts"]["ADDED"], report["counts"]["REJECTED"]) == (2, 3)
    assert [reason["first_rows"] for reason in report["reasons"]] == [["4", "5"], ["3"]]
    assert [line.split(",")[0] for line in rejects.read_text("utf-8-sig").splitlines()][1:] == [
        "B",
        '"',
        "C",
        "D",
    ]


@pytest.mark.skipif(not FULL.exists(), reason="there is no disk that is always full")
def test_an_account_that_cannot_be_written_is_told(service: Beside, long_file: Path) -> None:
    """A full disk neither stops the upload nor spoils the report, and is not passed over."""
    long_file.write_text("crmRecordId,rank\nA,x\nB,1\n")
    report, told = _report(service, str(long_file), "--rejects", str(FULL), "--audit", str(FULL))

    lacks = "lacks rows: No space left on device"
    assert report["faults"] == [f"the reject file {FULL} {lacks}", f"the audit file {FULL} {lacks}"]
    assert (report["counts"]["ADDED"], report["counts"]["REJECTED"]) == (1, 1)
    assert (report["exit_code"], told) == (3, "")


def test_a_pipe_is_read_as_it_is_written(service: Beside, monkeypatch: pytest.MonkeyPatch) -> None:
    """And to its end for the account, when the upload stops first."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as end, os.fdopen(writing, "w") as pipe:
        pipe.write("crmRecordId\nA\nB\n")
        pipe.close()
        monkeypatch.setattr("sys.stdin", end)
        with open_file("-") as file:
            assert file.is_pipe
            result = asyncio.run(_upload(service, file))
    assert result.tally.total == 2
    assert result.exit_code == 0


def test_what_a_pipe_held_beyond_a_stop_is_accounted_for(
    service: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that were never asked for are NOT_ADDED."""
    service.on_loop(service.emulator.revoke_key)
    reading, writing = os.pipe()
    with os.fdopen(reading) as end, os.fdopen(writing, "w") as pipe:
        pipe.write("crmRecordId\n" + "".join(f"C-{n}\n" for n in range(5_000)))
        pipe.close()
        monkeypatch.setattr("sys.stdin", end)
        with open_file("-") as file:
            result = asyncio.run(_upload(service, file))
    assert result.tally.counts[Status.NOT_ADDED] == 5_000
    assert result.exit_code == 4


@contextmanager
def _endless_pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stdin with 2,000 rows, and whoever writes it keeps it open."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as end, os.fdopen(writing, "w") as pipe:
        pipe.write("crmRecordId\n" + "".join(f"C-{n}\n" for n in range(2_000)))
        pipe.flush()
        monkeypatch.setattr("sys.stdin", end)
        yield


def test_a_pipe_that_never_ends_can_be_left(
    service: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first Ctrl-C waits for its end, the second one does not; the account says so."""
    told = _Impatient()
    monkeypatch.setattr("sys.stderr", told)
    _interrupt_on(service, 1)
    with _endless_pipe(monkeypatch), open_file("-") as file:
        result = asyncio.run(_upload(service, file))

    assert result.exit_code != 0
    assert "stdin was not read to its end" in result.faults[0]
    assert result.tally.total >= 1_000


def test_a_pipe_that_never_ends_is_waited_for_no_longer_than_said(
    service: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one Ctrl-C, too: more of the pipe may never come."""
    _interrupt_on(service, 1)
    with _endless_pipe(monkeypatch), open_file("-") as file:
        result = asyncio.run(_upload(service, file, 0.5))

    assert result.exit_code != 0
    assert "stdin was not read to its end" in result.faults[0]


def test_ctrl_c_when_all_is_read_changes_nothing(service: Beside, tmp_path: Path) -> None:
    """What is on its way is finished, and that is all there is."""
    path = tmp_path / "f.csv"
    path.write_text("crmRecordId\nA\n")
    _interrupt_on(service, 1)
    report, told = _report(service, str(path))

    assert "no more of the file is read" in told
    assert (report["counts"]["ADDED"], report["stopped_by"], report["exit_code"]) == (1, None, 0)


def test_a_file_that_breaks_off_after_a_stop_is_told_too(service: Beside, long_file: Path) -> None:
    """The account covers what could be read."""
    service.on_loop(service.emulator.revoke_key)
    text = long_file.read_text()
    long_file.write_bytes(text.encode("utf-16") + b"\x00")
    report, _ = _report(service, str(long_file))

    assert report["counts"]["NOT_ADDED"] == 5_000
    assert "was not read to its end" in report["faults"][0]


class _Held:
    """Lets the service answer so many requests, and the others when it is over."""

    def __init__(self, service: Beside, answered: int) -> None:
        self._left = answered
        self._over = threading.Event()
        service.before_each = self._hold

    def _hold(self, _: ReceivedRequest) -> None:
        self._left -= 1
        if self._left < 0:
            self._over.wait(60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def release(self) -> None:
        self._over.set()


def _start(service: Beside, path: Path) -> "pexpect.spawn[str]":
    return pexpect.spawn(
        sys.executable,
        [
            *("-c", "from campaigns_async.cli import main; main()"),
            *("upload", str(path), "--max-in-flight", "2"),
        ],
        env={**os.environ, **service.env, "TERM": "xterm", "NO_COLOR": "1"},
        encoding="utf-8",
        dimensions=(40, 150),
        timeout=60,
    )


def test_a_terminal_shows_the_way_and_ctrl_c_ends_it(service: Beside, long_file: Path) -> None:
    """The bar moves on stderr; after Ctrl-C what is under way is finished, and then reported."""
    with _Held(service, 3) as held:
        terminal = _start(service, long_file)
        terminal.expect(r"Uploading.* [1-9]\d+ rows  [\d,]+ rows/s  \d in flight")
        terminal.sendintr()
        terminal.expect_exact("Press Ctrl-C again to stop at once")
        held.release()
        terminal.expect(r"  ADDED +\d+")
        added = int(str(terminal.after).split()[1])
        terminal.expect(r"  NOT_ADDED +[\d,]+")
        terminal.expect_exact("interrupted by Ctrl-C")
        terminal.expect(pexpect.EOF)
        terminal.close()

    assert terminal.exitstatus == 3
    assert added == len(service.campaign.ledger) < 5_000


def test_a_second_ctrl_c_at_a_terminal_waits_for_nothing(service: Beside, long_file: Path) -> None:
    """What has no answer is UNKNOWN, and the exit code says so."""
    with _Held(service, 1):
        terminal = _start(service, long_file)
        terminal.expect(r"Uploading.* 100 rows")
        terminal.sendintr()
        terminal.expect_exact("Press Ctrl-C again to stop at once")
        terminal.sendintr()
        terminal.expect_exact("Stopping at once")
        terminal.expect(r"  NOT_ADDED +[\d,]+")
        terminal.expect(r"  UNKNOWN +[\d,]+")
        terminal.expect(pexpect.EOF)
        terminal.close()

    assert terminal.exitstatus == 6


def _rejected(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [(row["row"], row["status"]) for row in csv.DictReader(file)]


def test_the_account_of_a_resumed_upload_covers_all_runs(service: Beside, tmp_path: Path) -> None:
    """Counts, reasons and reject file are those of an upload that nothing interrupted."""
    path, rejects = tmp_path / "f.csv", tmp_path / "r.csv"
    rows = [f"C-{n},{'Urgent' if n % 1_000 == 7 else ''}\n" for n in range(40_000)]
    rows[20] = rows[10]
    path.write_text("crmRecordId,priority\n" + "".join(rows))
    arguments = (str(path), "--journal", "--rejects", str(rejects))
    _interrupt_on(service, 3)
    cut, _ = _report(service, *arguments)
    service.before_each = lambda _: None
    before = rejects.read_text()
    whole, told = _report(service, *arguments)

    assert 0 < cut["counts"]["NOT_ADDED"] < 40_000
    assert "that did not end" not in before
    assert f"journal {path}.journal holds an upload that did not end" in told
    assert whole["counts"] == {
        "ADDED": 39_959,
        "PRESENT": 0,
        "DUPLICATE": 1,
        "REJECTED": 40,
        "NOT_ADDED": 0,
        "UNKNOWN": 0,
    }
    assert {r["reason"]: r["first_rows"] for r in whole["reasons"]} == {
        "the same as an earlier row": ["22 (as 12)"],
        "priority 'Urgent' is not one of HIGH, MEDIUM, LOW": ["9", "1009", "2009", "3009", "4009"],
    }
    assert _rejected(rejects) == [(str(n), "REJECTED") for n in range(9, 40_000, 1_000)]
    assert len(service.campaign.ledger) == 39_959

    requests = service.emulator.request_count
    again, told = _report(service, *arguments)
    assert "is complete: 40,000 of 40,000 rows settled" in told
    assert service.emulator.request_count == requests
    assert (again["counts"], again["exit_code"]) == (whole["counts"], 3)


def test_a_resume_that_stops_again_accounts_for_every_row(
    service: Beside, long_file: Path, tmp_path: Path
) -> None:
    """Rows that no run came to are NOT_ADDED, for the reason of the last one."""
    # More than is read ahead of a journal.
    long_file.write_text("crmRecordId\n" + "".join(f"C-{n}\n" for n in range(40_000)))
    arguments = (str(long_file), "--journal", "--rejects", str(tmp_path / "r.csv"))
    _interrupt_on(service, 3)
    cut, _ = _report(service, *arguments)
    service.on_loop(service.emulator.revoke_key)
    report, _ = _report(service, *arguments)

    assert report["counts"]["ADDED"] == cut["counts"]["ADDED"]
    assert report["counts"]["NOT_ADDED"] == cut["counts"]["NOT_ADDED"]
    assert report["exit_code"] == 4
    assert len(_rejected(tmp_path / "r.csv")) == report["counts"]["NOT_ADDED"]
    assert report["journal"] == f"{long_file}.journal"


def test_a_journal_of_another_file_changes_nothing(service: Beside, tmp_path: Path) -> None:
    """It is refused with exit code 2, and the reject file of before stays."""
    path, rejects = tmp_path / "f.csv", tmp_path / "r.csv"
    path.write_text("crmRecordId,rank\nA,x\nB,\n")
    arguments = ("upload", str(path), "--journal", str(tmp_path / "j"), "--rejects", str(rejects))
    service.run(*arguments)
    before = rejects.read_text()
    path.write_text("crmRecordId,rank\nB,\nA,x\n")
    done = service.run(*arguments)

    assert done.exit_code == 2
    assert "belongs to another input" in done.stderr
    assert rejects.read_text() == before
    assert list(service.campaign.ledger) == ["B"]


@pytest.mark.parametrize("resumed", [False, True])
def test_a_journal_that_went_away_is_told(
    service: Beside, tmp_path: Path, *, resumed: bool
) -> None:
    """The account is then known to be incomplete."""
    path, journal = tmp_path / "f.csv", tmp_path / "j"
    path.write_text("crmRecordId\nA\n")
    arguments = (str(path), "--journal", str(journal))
    if resumed:
        service.run("upload", *arguments, EGHT_API_KEY="eght_x")
    service.before_each = lambda _: journal.unlink()
    report, _ = _report(service, *arguments)

    assert "could not be taken from the journal: there is no journal" in report["faults"][0]
    assert report["exit_code"] == 3
