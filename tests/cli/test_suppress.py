from pathlib import Path

import pytest

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.rows import AnyRow, BrokenRow, FileRecord
from campaigns_async.cli.suppress import Suppressed, read_ids


def test_ids_stand_one_a_line(tmp_path: Path) -> None:
    """Spaces, blank lines and a byte order mark are none."""
    path = tmp_path / "stop.txt"
    path.write_bytes("\ufeff A \r\n\r\nB\n".encode())

    assert read_ids(path) == {"A", "B"}


def test_a_list_that_would_suppress_nothing_is_refused(tmp_path: Path) -> None:
    """A table, and a file that is not there."""
    path = tmp_path / "stop.csv"
    path.write_text("id;name\nA;x\n")
    with pytest.raises(Failure, match="no id"):
        read_ids(path)
    with pytest.raises(Failure, match="cannot be read"):
        read_ids(tmp_path / "absent")


def test_rows_are_held_back_by_their_ids_letter_by_letter() -> None:
    """And counted, the first few by number."""
    held = Suppressed({"A"})
    others: list[AnyRow] = [FileRecord("a", row=2), BrokenRow(3, ("A",), "broken")]
    # As JSON lines may have it.
    others.append(FileRecord(["A"], row=3))  # type: ignore[arg-type]

    assert not any(map(held.holds, others))
    assert _note(held) == ""
    assert held.holds(FileRecord("A", row=4))
    assert _note(held) == "1 row was not sent, as its id is on the suppress list: 4."
    for row in range(5, 10):
        held.holds(FileRecord("A", row=row))
    assert _note(held).startswith("6 rows were not sent")
    assert _note(held).endswith("4, 5, 6, 7, 8, ...")


def _note(held: Suppressed) -> str:
    return held.note or ""
