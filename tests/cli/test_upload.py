import csv
import io
import json
import re
from pathlib import Path

import pytest

from campaigns_async.emulator import EmulatedCampaign
from campaigns_async.models import CampaignState
from tests.cli.conftest import FULL, Beside, run


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    """Three rows: a good one, one that is there already, one that is refused here."""
    path = tmp_path / "contacts.csv"
    path.write_text("crmRecordId,Phone,priority\nA,+44 1,High\nHELD,,\nB,=1,Urgent\n")
    return path


@pytest.fixture
def campaign(service: Beside) -> EmulatedCampaign:
    """One that holds HELD."""
    return service.create_campaign(holds=["HELD"])


def _rejects(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


def test_a_file_is_uploaded_with_an_account_of_every_row(
    service: Beside, campaign: EmulatedCampaign, contacts: Path
) -> None:
    """Counts and reasons by row number, exit code 3 as a row is not in, and the rest in."""
    done = service.run("upload", str(contacts))

    assert done.exit_code == 3
    assert "  REJECTED   1  priority 'Urgent' is not one of HIGH, MEDIUM, LOW\n" in done.stdout
    assert "row 4\n" in done.stdout
    assert done.stderr == ""
    assert list(campaign.ledger) == ["HELD", "A"]


def test_rejects_are_mended_and_uploaded_as_they_are(
    service: Beside, campaign: EmulatedCampaign, contacts: Path, tmp_path: Path
) -> None:
    """The reject file has the row and why; with the fault mended it goes in, exit code 0."""
    rejects = tmp_path / "rejects.csv"
    service.run("upload", str(contacts), "--rejects", str(rejects))

    (row,) = _rejects(rejects)
    assert (row["crmRecordId"], row["Phone"], row["row"]) == ("B", "'=1", "4")
    rejects.write_text(rejects.read_text().replace("Urgent", "Low"))
    again = service.run("upload", str(rejects), "--rejects", str(tmp_path / "again.csv"))
    assert again.exit_code == 0
    assert campaign.ledger["B"].record.priority == "LOW"
    assert _rejects(tmp_path / "again.csv") == []


def test_the_report_is_for_programs_too(
    service: Beside, campaign: EmulatedCampaign, contacts: Path, tmp_path: Path
) -> None:
    """One JSON document on stdout, and the same in a file."""
    report = tmp_path / "report.json"
    done = service.run("upload", str(contacts), "--json", "--report", str(report))

    assert json.loads(done.stdout) == json.loads(report.read_text())
    assert json.loads(done.stdout)["campaign"] == campaign.id


def test_stdin_is_a_file_too(service: Beside) -> None:
    """By the name of a dash, CSV or JSON lines."""
    assert service.run("upload", "-", stdin="crmRecordId\nA\n").exit_code == 0
    assert service.run("upload", "-", stdin='{"crmRecordId": "B"}\n').exit_code == 0
    assert list(service.campaign.ledger) == ["A", "B"]


def test_columns_and_ranks_are_as_asked(service: Beside) -> None:
    """Columns by option, ranks from the start given, requests as few and as slow as told."""
    table = "Contact|When|Prio|Nr\nA|2026-12-01T09:00:00Z|low|\nB|||7\n"
    done = service.run(
        *("upload", "-", "--id-column", "contact", "--schedule-column", "when"),
        *("--priority-column", "Prio", "--rank-column", "Nr", "--delimiter", "|"),
        *("--rank-start", "50", "--max-in-flight", "1", "--requests-per-second", "100"),
        *("--deadline", "1m", "--exclusive"),
        stdin=table,
    )

    assert done.exit_code == 0
    a, b = service.campaign.ledger.values()
    assert (a.record.priority, a.record.rank, b.record.rank) == ("LOW", 50, 7)
    assert str(a.record.next_attempt_after) == "2026-12-01 09:00:00+00:00"


def test_the_server_may_rank(service: Beside) -> None:
    """In order of arrival."""
    service.run("upload", "-", "--order", "server", stdin="crmRecordId\nA\n")

    assert service.campaign.ledger["A"].record.rank == 1


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        ({"EGHT_API_KEY": "eght_wrong"}, 4, "Check the API key"),
        ({"EGHT_TENANT": "other"}, 4, "tenant"),
        ({"EGHT_CAMPAIGN": "123e4567-e89b-12d3-a456-426614174000"}, 4, "campaign id"),
        ({"EGHT_CAMPAIGN": "nonsense"}, 2, "is no UUID"),
        ({"EGHT_API_KEY": ""}, 2, "There is no API key"),
    ],
)
def test_what_stops_an_upload_is_told_after_the_account(
    service: Beside, contacts: Path, settings: dict[str, str], code: int, told: str
) -> None:
    """As a sentence with what to do, and by the exit code."""
    done = service.run("upload", str(contacts), **settings)

    assert done.exit_code == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_campaign_that_takes_no_records_is_exit_code_5(service: Beside, contacts: Path) -> None:
    """Because it is over, or because it is not dynamic."""
    service.create_campaign(state=CampaignState.COMPLETE)
    assert service.run("upload", str(contacts)).exit_code == 5
    service.create_campaign(dynamic=False)
    done = service.run("upload", str(contacts))
    assert done.exit_code == 5
    assert "Dynamic Campaign" in done.stderr


def test_rows_that_were_never_read_are_rejects_too(service: Beside, tmp_path: Path) -> None:
    """A refusal for good after the first requests leaves no row of the file unaccounted for."""
    service.create_campaign(state=CampaignState.COMPLETE)
    path, rejects = tmp_path / "f.csv", tmp_path / "r.csv"
    path.write_text("crmRecordId\n" + "".join(f"C-{n}\n" for n in range(9_000)))
    done = service.run("upload", str(path), "--rejects", str(rejects), "--json")

    report = json.loads(done.stdout)
    assert (report["total"], report["counts"]["NOT_ADDED"]) == (9_000, 9_000)
    rows = _rejects(rejects)
    assert {row["row"] for row in rows} == {str(n) for n in range(2, 9_002)}
    assert {row["status"] for row in rows} == {"NOT_ADDED"}


def test_an_upload_stops_after_so_many_rejects(service: Beside, contacts: Path) -> None:
    """A wrong column is seen before a million rows are refused."""
    done = service.run("upload", str(contacts), "--stop-after-rejects", "1", "--max-in-flight", "1")

    assert done.exit_code == 3
    assert "1 was the limit" in done.stderr


@pytest.mark.parametrize(
    ("file", "rejects", "told"),
    [
        ("contacts.csv", "contacts.csv", "contacts.csv is the input too"),
        ("c.jsonl", "r.csv", "is JSON lines, and is called r.csv"),
        ("absent.csv", "r.csv", "cannot be opened"),
    ],
)
def test_a_reject_file_must_fit(
    service: Beside, contacts: Path, file: str, rejects: str, told: str
) -> None:
    """Nothing is overwritten or sent where it does not."""
    folder = contacts.parent
    (folder / "c.jsonl").write_text('"A"\n')
    done = service.run("upload", str(folder / file), "--rejects", str(folder / rejects))

    assert done.exit_code == 2
    assert told in done.stderr
    assert service.emulator.request_count == 0


def test_a_report_that_cannot_be_written_is_told_before_anything_is_sent(
    service: Beside, contacts: Path, tmp_path: Path
) -> None:
    """Where that can be seen then."""
    done = service.run("upload", str(contacts), "--report", str(tmp_path / "no" / "r.json"))

    assert "cannot be written" in done.stderr
    assert (done.exit_code, service.emulator.request_count) == (2, 0)


@pytest.mark.skipif(not FULL.exists(), reason="there is no disk that is always full")
def test_a_report_that_cannot_be_written_in_the_end_is_printed(
    service: Beside, contacts: Path
) -> None:
    """The account is not lost for want of room."""
    done = service.run("upload", str(contacts), "--report", str(FULL))

    assert "  ADDED" in done.stdout
    assert "cannot be written" in done.stderr
    assert done.exit_code == 3
    good = ("upload", "-", "--report", str(FULL), "--json")
    assert service.run(*good, stdin="crmRecordId\nA\n").exit_code == 2


def test_a_campaign_must_be_named(contacts: Path) -> None:
    """By option or environment."""
    assert "--campaign" in run("upload", str(contacts)).stderr


def test_nothing_in_a_file_can_steer_the_terminal(service: Beside) -> None:
    """Escapes and markup in cells are shown as text."""
    done = service.run("upload", "-", stdin="crmRecordId,priority\nA,\x1b[2J[bold]x\n")

    assert "\x1b" not in done.stdout
    assert "[bold]x" in done.stdout


def test_every_outcome_is_audited_as_it_settles(
    service: Beside, campaign: EmulatedCampaign, contacts: Path, tmp_path: Path
) -> None:
    """Once for each row over a resume too: what an earlier run told is not told again."""
    audit = tmp_path / "audit.jsonl"
    for _ in range(2):
        service.run("upload", str(contacts), "--audit", str(audit), "--journal")

    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert {(line["row"], line["status"]) for line in lines} == {
        *((2, "ADDED"), (3, "PRESENT"), (4, "REJECTED"))
    }
    assert len(lines) == 3
    assert len(campaign.ledger) == 2


def test_an_upload_stops_at_a_share_of_rejects(service: Beside, tmp_path: Path) -> None:
    """What is on its way is settled, every row is accounted for, exit code 3."""
    path = tmp_path / "f.csv"
    rows = "".join(f"C-{n},{'Urgent' if n % 5 == 0 else ''}\n" for n in range(60_000))
    path.write_text("crmRecordId,priority\n" + rows)
    done = service.run(
        *("upload", str(path), "--stop-after-rejects", "10%", "--json"),
        *("--requests-per-second", "100"),
    )
    report = json.loads(done.stdout)

    assert done.exit_code == 3
    assert "and 10.00% was the limit" in report["stopped_by"]["what"]
    assert report["total"] == 60_000
    assert report["counts"]["ADDED"] == len(service.campaign.ledger) < 48_000


def test_ids_on_the_suppress_list_are_never_sent(service: Beside, tmp_path: Path) -> None:
    """They are told of, and are neither rejects nor in the way of a resume."""
    stop = tmp_path / "stop.txt"
    stop.write_text("B\n")
    path = tmp_path / "f.csv"
    path.write_text("crmRecordId\nA\nB\nC\nA\n")
    arguments = ("upload", str(path), "--suppress", str(stop), "--journal")
    first = service.run(*arguments)
    report = json.loads(service.run(*arguments, "--json").stdout)

    assert first.exit_code == 0
    assert "Note: 1 row was not sent, as its id is on the suppress list: 3.\n" in first.stdout
    assert "row 5 (as 2)" in first.stdout
    assert list(service.campaign.ledger) == ["A", "C"]
    assert (report["suppressed"], report["total"]) == (1, 3)


def test_times_get_their_zone(service: Beside) -> None:
    """From the row's own column, else from the option; rows without a time get the one given."""
    table = (
        "crmRecordId,scheduleAt,Time zone\nA,,\nB,,Asia/Tokyo\nC,2026-07-01 10:00,\nD,,Nowhere\n"
    )
    done = service.run(
        *("upload", "-", "--schedule-at", "2026-12-01 09:00", "--time-zone", "Europe/London"),
        stdin=table,
    )

    times = {i: str(e.record.next_attempt_after) for i, e in service.campaign.ledger.items()}
    assert times == {
        "A": "2026-12-01 09:00:00+00:00",
        "B": "2026-12-01 00:00:00+00:00",
        "C": "2026-07-01 09:00:00+00:00",
    }
    assert "the time zone 'Nowhere' is not known" in done.stdout
    assert done.exit_code == 3


def test_a_time_without_a_zone_is_refused_before_anything_is_sent(service: Beside) -> None:
    """Unless a column names the zones."""
    arguments = ("upload", "-", "--schedule-at", "2026-12-01 09:00")
    done = service.run(*arguments, stdin="crmRecordId\nA\n")

    assert (done.exit_code, service.emulator.request_count) == (2, 0)
    assert "Give --time-zone Europe/London" in done.stderr
    assert service.run(*arguments, stdin="crmRecordId,timeZone\nA,UTC\n").exit_code == 0


_GOLDEN = """\
contacts.csv: 3 rows in 0.0 s, 2 requests

  ADDED      1  put on the campaign by this upload
  PRESENT    1  on the campaign already
  REJECTED   1  refused for themselves

Why, and which rows (the header is row 1):
  PRESENT    1  on the campaign already
                row 3
  REJECTED   1  priority 'Urgent' is not one of HIGH, MEDIUM, LOW
                row 4

Note: columns that are not sent: 'Phone'

Rows that are not in, with why, are in rejects.csv; mend it and upload it as it is.
"""


def test_the_report_reads_like_this(
    service: Beside,
    campaign: EmulatedCampaign,
    contacts: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the letter but for the time it took, in the first run and when it is told again."""
    assert campaign.ledger
    monkeypatch.chdir(contacts.parent)
    for _ in range(2):
        done = service.run("upload", contacts.name, "--rejects", "rejects.csv", "--journal")
        assert re.sub(r"in [\d.]+ s", "in 0.0 s", done.stdout) == _GOLDEN
