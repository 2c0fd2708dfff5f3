import csv
import io
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.files import open_file
from campaigns_async.cli.rejects import (
    EXTRA,
    LOOK,
    RejectFile,
    fit_cells,
    is_reject_file,
    make_harmless,
    take_back,
)
from campaigns_async.cli.rows import BrokenRow, FileRecord
from campaigns_async.errors import (
    FieldError,
    InvalidRecordError,
    Problem,
    UploadStoppedError,
    ValidationError,
)
from campaigns_async.outcomes import Status


@attrs.frozen
class Origin:
    """What the rejects come from."""

    format: str = "csv"
    header: tuple[str, ...] = ("crmRecordId", "note")
    delimiter: str = ";"


_TIME = "2026-01-01T00:00:00Z"
_ROW = FileRecord("C-1", row=7, cells=("C-1", "=1+1"))
_ERROR = ValidationError(
    Problem(
        title="Bad Request",
        errors=[FieldError("priority", "Enum", "must be one of HIGH")],
        instance="/x",
        time=_TIME,
    ),
    400,
)


def _read(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig")), delimiter=";"))


@pytest.mark.parametrize("cell", ["=1+1", "+44 20", "-5", "@x", "\tx", "\rx", "'=x", "''-"])
def test_what_a_spreadsheet_would_run_is_made_harmless(cell: str) -> None:
    """It gets an apostrophe."""
    assert make_harmless(cell) == f"'{cell}"


@given(st.text(alphabet="'=+-@\t\ra0", max_size=6))
def test_a_harmless_cell_can_be_taken_back(cell: str) -> None:
    """Whatever a cell holds, it comes back as it was."""
    assert take_back(make_harmless(cell)) == cell


def test_other_cells_are_left_alone() -> None:
    """An apostrophe before a name is part of it."""
    assert [make_harmless("'s Gravenhage"), take_back("'s Gravenhage")] == ["'s Gravenhage"] * 2


def test_a_reject_tells_all_that_is_known(tmp_path: Path) -> None:
    """The original cells, then row, status, field, code, reason, instance and time."""
    path = tmp_path / "r.csv"
    with RejectFile(path, Origin()) as rejects:
        rejects.add(_ROW, Status.REJECTED, _ERROR)
        rejects.add(_ROW, Status.REJECTED, InvalidRecordError("too long", field="crm_record_id"))
        rejects.add(_ROW, Status.UNKNOWN, None)
        rejects.add_unread(_ROW, UploadStoppedError("stopped"))

    told = "priority must be one of HIGH"
    assert _read(path) == [
        ["crmRecordId", "note", *EXTRA],
        ["C-1", "'=1+1", "7", "REJECTED", "priority", "Enum", told, "/x", _TIME],
        ["C-1", "'=1+1", "7", "REJECTED", "crm_record_id", "INVALID", "too long", "", ""],
        ["C-1", "'=1+1", "7", "UNKNOWN", "", "", "", "", ""],
        ["C-1", "'=1+1", "7", "NOT_ADDED", "", "", "stopped", "", ""],
    ]
    assert rejects.count == 4


def test_the_services_words_cannot_steer_a_terminal(tmp_path: Path) -> None:
    """Whoever looks at the file in one sees the control characters, and they do nothing."""
    path = tmp_path / "r.csv"
    said = Problem(detail="\x1b[2Jgone", instance="/\x07", errors=[FieldError(code="\x1b]0;x")])
    with RejectFile(path, Origin()) as rejects:
        rejects.add(_ROW, Status.REJECTED, ValidationError(said, 400))
    assert _read(path)[1][5:8] == ["\\x1b]0;x", "? \\x1b]0;x", "/\\x07"]


def test_a_reject_file_can_be_rejected_again(tmp_path: Path) -> None:
    """What the last attempt said is replaced and not added to."""
    path = tmp_path / "r.csv"
    with RejectFile(path, Origin(header=("crmRecordId", *EXTRA))) as rejects:
        row = FileRecord("C-1", row=2, cells=("C-1", *"abcdefg"))
        rejects.add(row, Status.UNKNOWN, None)

    assert _read(path) == [["crmRecordId", *EXTRA], ["C-1", "2", "UNKNOWN", "", "", "", "", ""]]
    assert is_reject_file(["x", *EXTRA])
    assert not is_reject_file(["row", "status"])


@pytest.mark.parametrize(
    ("cells", "fitted", "surplus"),
    [
        (["a"], ["a", "", ""], []),
        (["a", "b", "c", "d"], ["a", "b", "c"], ["d"]),
        ([], ["", "", ""], []),
    ],
)
def test_a_row_keeps_its_columns_and_all_its_text(
    cells: list[str], fitted: list[str], surplus: list[str]
) -> None:
    """Too few cells are filled up, those too many kept apart."""
    assert fit_cells(BrokenRow(2, cells, ""), 3) == (fitted, surplus)


def test_a_row_with_too_many_cells_is_refused_until_somebody_mends_it(tmp_path: Path) -> None:
    """Uploaded as it is, its id may be the wrong cell; and the same goes for the second time."""
    path, again = tmp_path / "f.csv", tmp_path / "r.csv"
    path.write_text("Name;crmRecordId;Note\nAnn;ID-0;ok\nBob;Hans;ID-1;note\n")
    for source, target in ((path, again), (again, path), (path, again)):
        with open_file(str(source)) as file, RejectFile(target, file) as rejects:
            broken = [row for row in file if isinstance(row, BrokenRow)]
            for row in broken:
                rejects.add(row, Status.REJECTED, row.error)
        assert [list(row.cells)[:3] for row in broken] == [["Bob", "Hans", "ID-1"]]
        assert "cells and the header" in broken[0].reason


def test_a_row_in_doubt_is_refused_until_somebody_looked_at_it(tmp_path: Path) -> None:
    """What a forgotten quote swallowed may be no row at all, as well-formed as it is by now."""
    path, again = tmp_path / "f.csv", tmp_path / "r.csv"
    path.write_text('crmRecordId,note\nC-1,"she said\ncall me at noon\n')
    with open_file(str(path)) as file, RejectFile(again, file) as rejects:
        for row in file:
            assert isinstance(row, BrokenRow)
            rejects.add(row, Status.REJECTED, row.error)
    text = again.read_text("utf-8-sig")
    with open_file(str(again)) as file:
        told = {row.reason for row in file if isinstance(row, BrokenRow)}
    assert file.numbers[1] == 3
    assert told == {
        "it is in doubt, as an earlier upload found; look at it, then empty its last cell"
    }
    again.write_text(text.replace(LOOK, ""))
    with open_file(str(again)) as file:
        assert [type(row) for row in file] == [FileRecord] * 2


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ('{"crmRecordId": "A", "x": [1]}', {"crmRecordId": "A", "x": [1]}),
        ('"A"', {"crmRecordId": "A"}),
        ("7", {"line": 7}),
        ("{bad", {"line": "{bad"}),
    ],
)
def test_rejects_of_json_lines_are_json_lines(
    tmp_path: Path, line: str, kept: dict[str, Any]
) -> None:
    """With all that the line said."""
    path = tmp_path / "r.jsonl"
    with RejectFile(path, Origin(format="jsonl", header=())) as rejects:
        rejects.add(BrokenRow(1, (line,), ""), Status.REJECTED, None)

    (written,) = path.read_text().splitlines()
    told = dict.fromkeys(EXTRA, "") | {"row": 1, "status": "REJECTED"}
    assert json.loads(written) == kept | told


def test_a_reject_file_is_read_back_as_it_was(tmp_path: Path) -> None:
    """The cells of a reject file, read by an upload, are the original ones."""
    path = tmp_path / "r.csv"
    with RejectFile(path, Origin()) as rejects:
        rejects.add(FileRecord("-1", row=9, cells=("-1", 'a;b\n"c"')), Status.REJECTED, _ERROR)

    with open_file(str(path)) as file:
        (row,) = list(file)
    assert list(row.cells[:2]) == ["-1", 'a;b\n"c"']


def test_a_file_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    """It is told before anything is sent."""
    with pytest.raises(Failure, match="cannot be written: Is a directory"):
        RejectFile(tmp_path, Origin())
