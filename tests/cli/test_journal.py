import csv
import io
import json
from pathlib import Path

import pytest

from campaigns_async.cli.journal import COLUMNS
from tests.cli.conftest import Beside, run


@pytest.fixture
def uploaded(service: Beside, tmp_path: Path) -> Path:
    """A journal of rows added, present, repeated and refused; row 4 of the file is blank."""
    campaign = service.create_campaign(holds=["HELD"])
    assert campaign
    path = tmp_path / "f.csv"
    path.write_text("crmRecordId,priority\nA,\nHELD,\n,\nA,Low\nB,=1\n")
    assert service.run("upload", str(path), "--journal").exit_code == 3
    return tmp_path / "f.csv.journal"


def test_show_says_which_upload_it_is_and_how_far(service: Beside, uploaded: Path) -> None:
    """Identity, rows, counts, requests and whether it is complete; as text and as JSON."""
    text = run("journal", "show", str(uploaded)).stdout
    document = json.loads(run("journal", "show", str(uploaded), "--json").stdout)

    assert ": complete, 4 of 4 rows settled\n" in text
    assert f"  campaign      {service.campaign.id}\n" in text
    assert "  REJECTED   1\n" in text
    assert document["identity"]["tenant"] == service.emulator.tenant
    assert (document["rows"], document["read"], document["settled"]) == (4, 4, 4)
    assert (document["complete"], document["requests"]) == (True, 2)
    assert document["counts"] == {
        "ADDED": 1,
        "PRESENT": 1,
        "DUPLICATE": 1,
        "REJECTED": 1,
        "NOT_ADDED": 0,
        "UNKNOWN": 0,
    }


def test_show_says_why_an_upload_did_not_end(service: Beside, tmp_path: Path) -> None:
    """In the words that it ended with."""
    path = tmp_path / "f.csv"
    path.write_text("crmRecordId\nA\n")
    service.run("upload", str(path), "--journal", str(tmp_path / "j"), EGHT_API_KEY="eght_x")
    text = run("journal", "show", str(tmp_path / "j")).stdout

    assert ": not complete, 0 of " in text
    assert "  stopped by    the service answered 401" in text


def test_export_gives_every_outcome_in_order(uploaded: Path) -> None:
    """As CSV with the rows of the file, where that is given."""
    file = str(uploaded).removesuffix(".journal")
    shown = run("journal", "export", str(uploaded), "--input", file).stdout
    rows = list(csv.DictReader(io.StringIO(shown)))

    assert tuple(rows[0]) == COLUMNS
    assert [row["row"] for row in rows] == ["2", "3", "5", "6"]
    assert [row["status"] for row in rows] == ["ADDED", "PRESENT", "DUPLICATE", "REJECTED"]
    assert [row["duplicate_of"] for row in rows] == ["", "", "0", ""]
    assert (rows[0]["evidence"], rows[1]["attribution"]) == ("confirmed", "theirs")
    assert rows[3]["error"] == "InvalidRecordError"
    assert rows[3]["reason"] == "priority '=1' is not one of HIGH, MEDIUM, LOW"


def test_export_writes_json_lines_and_files(uploaded: Path, tmp_path: Path) -> None:
    """By option or by the name; without the file that was uploaded there are no row numbers."""
    shown = run("journal", "export", str(uploaded), "--json").stdout
    output = tmp_path / "o.jsonl"
    run("journal", "export", str(uploaded), "--output", str(output))

    assert output.read_text() == shown
    first = json.loads(shown.splitlines()[0])
    assert (first["position"], first["row"], first["reason"]) == (0, None, None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--json", "--format", "csv"), "two formats"),
        (("--output", "f.csv.journal"), "is the journal too"),
        (("--output", "absent/o.csv"), "cannot be written"),
        (("--input", "short.csv"), "has fewer rows"),
    ],
)
def test_export_refuses_what_does_not_fit(
    uploaded: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    """As usage, with what to do, and nothing is overwritten."""
    monkeypatch.chdir(uploaded.parent)
    Path("short.csv").write_text("crmRecordId\nA\n")
    done = run("journal", "export", str(uploaded), *arguments)

    assert (done.exit_code, told in done.stderr) == (2, True)


@pytest.mark.parametrize("command", ["show", "export"])
def test_a_journal_that_is_none_is_a_sentence(tmp_path: Path, command: str) -> None:
    """With exit code 2 and no traceback."""
    (tmp_path / "x").write_text("no journal at all")
    done = run("journal", command, str(tmp_path / "x"))

    assert done.exit_code == 2
    assert "is damaged or no journal" in done.stderr
    assert run("journal", command, str(tmp_path / "none")).exit_code == 2
