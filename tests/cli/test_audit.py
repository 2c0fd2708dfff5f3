import json
import stat
from pathlib import Path

import pytest

from campaigns_async.cli.audit import AuditFile
from campaigns_async.cli.failures import Failure
from campaigns_async.cli.rows import BrokenRow, FileRecord
from campaigns_async.errors import Problem, UploadStoppedError, ValidationError
from campaigns_async.outcomes import Evidence, RecordOutcome, Status


def test_each_outcome_is_a_line(tmp_path: Path) -> None:
    """With what applies to it, there as soon as it is written, and for the owner alone."""
    path = tmp_path / "a.jsonl"
    refused = ValidationError(Problem(detail="no", instance="/x", time="now"), 400)
    with AuditFile(path) as audit:
        row = FileRecord("A", row=2)
        audit.add(RecordOutcome(0, row, Status.ADDED, evidence=Evidence.CONFIRMED, attempts=1), row)
        audit.add(RecordOutcome(1, row, Status.REJECTED, error=refused), row)
        audit.add(RecordOutcome(2, row, Status.DUPLICATE, duplicate_of=0), row, repeats=2)
        audit.add_unread(BrokenRow(5, (), "broken"), UploadStoppedError("late"))
        lines = [json.loads(line) for line in path.read_text().splitlines()]

    assert all(line.pop("at") for line in lines)
    assert lines[0] == {
        "row": 2,
        "crm_record_id": "A",
        "status": "ADDED",
        "evidence": "confirmed",
        "attempts": 1,
    }
    assert (lines[1]["error"], lines[1]["code"]) == ("ValidationError", 400)
    assert (lines[1]["reason"], lines[1]["instance"], lines[1]["time"]) == ("no", "/x", "now")
    assert lines[2]["duplicate_of"] == 2
    assert (lines[3]["row"], lines[3]["status"], lines[3]["reason"]) == (5, "NOT_ADDED", "late")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_there_stays(tmp_path: Path) -> None:
    """A second upload adds to it; a path that cannot be written is said at once."""
    path = tmp_path / "a.jsonl"
    for _ in range(2):
        with AuditFile(path) as audit:
            audit.add_unread(FileRecord("A", row=2), UploadStoppedError("late"))

    assert len(path.read_text().splitlines()) == 2
    with pytest.raises(Failure, match="cannot be written"):
        AuditFile(tmp_path / "absent" / "a.jsonl")
