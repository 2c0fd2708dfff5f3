import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.files import open_file
from campaigns_async.cli.rows import FileRecord
from campaigns_async.cli.scheduling import Scheduling
from tests.cli.conftest import Beside

_REASON = "pyarrow is not installed (extra parquet)"


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    """A good row, one that is refused, one whose id is a number."""
    pyarrow: Any = pytest.importorskip("pyarrow", reason=_REASON)
    parquet: Any = pytest.importorskip("pyarrow.parquet", reason=_REASON)
    table = pyarrow.table(
        {
            "CRM Record ID": ["A", None, "C"],
            "scheduleAt": [datetime(2026, 12, 1, 9, tzinfo=UTC), None, None],
            "rank": [7, 8, None],
            "Phone": ["=1", "+44", "x"],
        }
    )
    path = tmp_path / "contacts.parquet"
    parquet.write_table(table, path)
    return path


def test_rows_come_as_from_any_file(contacts: Path) -> None:
    """Columns by name, numbered from 1, with the cells as text for the reject file."""
    with open_file(str(contacts)) as file:
        rows = list(file)

    first, second, third = rows
    assert isinstance(first, FileRecord)
    assert (first.crm_record_id, first.rank, first.row) == ("A", 7, 1)
    assert first.schedule_at == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert second.cells == ["", "", "8", "+44"]
    assert third.row == 3
    assert (file.format, file.decoding_note, file.estimate_rows()) == ("csv", None, 3)


def test_an_upload_takes_it(service: Beside, contacts: Path, tmp_path: Path) -> None:
    """With a reject file in CSV."""
    rejects = tmp_path / "r.csv"
    done = service.run("upload", str(contacts), "--rejects", str(rejects), "--journal")

    assert done.exit_code == 3
    assert list(service.campaign.ledger) == ["A", "C"]
    assert rejects.read_text("utf-8-sig").splitlines()[1].startswith(",,8,'+44,2,REJECTED")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"crmRecordId\nA\n"])
def test_a_file_of_that_name_that_is_none_is_said(tmp_path: Path, content: bytes) -> None:
    """As a sentence."""
    pytest.importorskip("pyarrow", reason=_REASON)
    path = tmp_path / "f.parquet"
    path.write_bytes(content)
    with pytest.raises(Failure, match="is no Parquet file"):
        open_file(str(path))


def test_one_that_is_damaged_inside_says_how_far_it_went(contacts: Path) -> None:
    """The rows before are taken."""
    content = bytearray(contacts.read_bytes())
    content[4:60] = b"\xff" * 56
    contacts.write_bytes(content)
    with open_file(str(contacts)) as file, pytest.raises(Failure, match="cannot be read after row"):
        list(file)


def test_a_time_for_the_rows_needs_a_zone(contacts: Path) -> None:
    """As for other files."""
    with pytest.raises(Failure, match="has no zone"):
        open_file(str(contacts), scheduling=Scheduling("2026-12-01 09:00"))


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that there is another way."""
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "f.parquet").write_bytes(b"PAR1")
    with pytest.raises(Failure, match="needs pyarrow"):
        open_file(str(tmp_path / "f.parquet"))
