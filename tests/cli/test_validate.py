import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Beside, run


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    """Good rows, a repeated one, refused ones and damaged ones."""
    path = tmp_path / "contacts.csv"
    path.write_text(
        "crmRecordId,scheduleAt,priority\nA,,\nB,2026-12-01 09:00,\n,,\n,x,\nA,,Low\n"
        "1.23E+05,,\nC,2001-01-01T00:00:00Z,\nD,,Urgent\n"
    )
    return path


def test_a_file_is_checked_without_a_key(contacts: Path) -> None:
    """Counts, reasons with both rows of a repeat, what looks damaged; exit code 3 for rejects."""
    done = run("validate", str(contacts))

    assert done.exit_code == 3
    assert f"{contacts}: 7 rows, nothing was sent\n" in done.stdout
    assert "  good       3  would be sent\n" in done.stdout
    assert "row 6 (as 2)\n" in done.stdout
    assert "has no time zone" in done.stdout
    assert "  1  the id is a number that a spreadsheet shortened\n" in done.stdout
    assert "  1  schedule_at lies in the past\n" in done.stdout
    assert "Note: 1 blank row passed over.\n" in done.stdout


def test_the_reject_file_is_that_of_an_upload(
    service: Beside, contacts: Path, tmp_path: Path
) -> None:
    """The same rows with the same facts, in the same form."""
    checked, uploaded = tmp_path / "v.csv", tmp_path / "u.csv"
    done = run("validate", str(contacts), "--rejects", str(checked))
    service.run("upload", str(contacts), "--rejects", str(uploaded))

    assert checked.read_bytes() == uploaded.read_bytes()
    with checked.open(encoding="utf-8-sig", newline="") as file:
        assert [row["row"] for row in csv.DictReader(file)] == ["3", "5", "9"]
    assert f"Rows that would be refused, with why, are in {checked}\n" in done.stdout


def test_the_findings_are_for_programs_too(contacts: Path) -> None:
    """As one JSON document."""
    document = json.loads(run("validate", str(contacts), "--json").stdout)

    assert (document["total"], document["would_be_sent"]) == (7, 3)
    assert document["counts"] == {"DUPLICATE": 1, "REJECTED": 3}
    assert [s["first_rows"] for s in document["suspicions"]] == [[7], [8]]
    assert document["exit_code"] == 3


def test_a_good_file_is_exit_code_0() -> None:
    """What only looks damaged does not count."""
    done = run("validate", "-", stdin="crmRecordId\nA\n#N/A\n")

    assert (done.exit_code, "spreadsheet's error" in done.stdout) == (0, True)
    assert "Why" not in run("validate", "-", stdin="crmRecordId\nA\n").stdout


def test_json_lines_have_no_header() -> None:
    """So nothing is said of its row."""
    done = run("validate", "-", stdin='{"crmRecordId": ""}\n')
    assert "Why, and which rows:\n" in done.stdout


def test_a_file_that_breaks_off_is_not_good(tmp_path: Path) -> None:
    """What could be read is told of."""
    path = tmp_path / "f.csv"
    path.write_bytes("crmRecordId\nA\n".encode("utf-16") + b"\x00")
    done = run("validate", str(path))

    assert (done.exit_code, "was not read to its end" in done.stdout) == (3, True)
    assert "Not complete: " in done.stdout


def test_a_file_that_cannot_be_read_is_usage(contacts: Path) -> None:
    """As for an upload."""
    assert run("validate", "absent.csv").exit_code == 2
    assert run("validate", str(contacts), "--rejects", str(contacts)).exit_code == 2


_GOLDEN = """\
contacts.csv: 7 rows, nothing was sent

  good       3  would be sent
  DUPLICATE  1  repeat the id of an earlier row
  REJECTED   3  would be refused for themselves

Why, and which rows (the header is row 1):
  DUPLICATE  1  the id of an earlier row, with other values: only the first row counts
                row 6 (as 2)
  REJECTED   1  schedule_at '2026-12-01 09:00' has no time zone; add its offset, such as +00:00
                row 3
  REJECTED   1  the crm_record_id is blank; leave the row out or give it an id
                row 5
  REJECTED   1  priority 'Urgent' is not one of HIGH, MEDIUM, LOW
                row 9

What would be sent and looks damaged:
  1  the id is a number that a spreadsheet shortened
     format the column as text before you export it; row 7
  1  schedule_at lies in the past
     correct it, or leave it out to dial at once; row 8

Note: 1 blank row passed over.
"""


def test_the_findings_read_like_this(contacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the letter, so that a change of it is seen."""
    contacts.write_text(contacts.read_text().replace("\n,x,\n", "\n,,Low\n"))
    monkeypatch.chdir(contacts.parent)

    assert run("validate", "contacts.csv").stdout == _GOLDEN
