import os
from pathlib import Path
from typing import Any

import pytest

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.outputs import OutputFile, check_writable, keep_apart
from tests.cli.conftest import FULL


def test_text_is_added_to_what_is_there(tmp_path: Path) -> None:
    """Until it is cleared; by the line it is there at once."""
    path = tmp_path / "o"
    path.write_text("old\n")
    with OutputFile(path, "the file", by_line=True) as output:
        output.write("new\n")
        assert path.read_text() == "old\nnew\n"
        output.clear()
        output.write("only\n")

    assert path.read_text() == "only\n"
    assert output.fault is None


def test_a_pipe_has_nothing_to_clear() -> None:
    """It is written to as it is."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as end, os.fdopen(writing, "w"):
        with OutputFile(Path(f"/dev/fd/{writing}"), "the file") as output:
            output.clear()
            output.write("x\n")
        assert end.readline() == "x\n"


def test_what_cannot_be_opened_is_a_failure(tmp_path: Path) -> None:
    """It says what, where and why."""
    with pytest.raises(Failure, match=r"the file \S+ cannot be written: Is a directory"):
        OutputFile(tmp_path, "the file")


@pytest.mark.skipif(not FULL.exists(), reason="there is no disk that is always full")
@pytest.mark.parametrize("settings", [{}, {"by_line": True}])
def test_a_full_disk_raises_nothing(settings: dict[str, Any]) -> None:
    """It is a fault that says so, known when the file is closed at the latest."""
    with OutputFile(FULL, "the file", **settings) as output:
        for _ in range(3):
            output.write("x" * 5_000 + "\n")

    assert output.fault == "the file /dev/full lacks rows: No space left on device"


@pytest.mark.parametrize("name", ["in.csv", "./in.csv", "link.csv", "sub/../in.csv"])
def test_what_is_read_is_not_written(tmp_path: Path, name: str) -> None:
    """Whatever it is called."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "in.csv").touch()
    (tmp_path / "link.csv").symlink_to(tmp_path / "in.csv")
    with pytest.raises(Failure, match=r"the report .* is the input too"):
        keep_apart({"the input": tmp_path / "in.csv"}, {"the report": tmp_path / name})


def test_nothing_is_written_twice(tmp_path: Path) -> None:
    """Even where it does not exist yet; other files, none at all, and devices are fine."""
    report = tmp_path / "o.csv"
    with pytest.raises(Failure, match=r"the audit file .* is the report too"):
        keep_apart({"the input": None}, {"the report": report, "the audit file": report})
    keep_apart({"the input": tmp_path / "in.csv"}, {"the report": report, "the audit file": None})
    keep_apart({}, {"the report": os.devnull, "the audit file": os.devnull})


def test_what_is_written_at_the_end_is_tried_before(tmp_path: Path) -> None:
    """It leaves nothing behind and changes nothing; what is no file is not touched."""
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("kept")
    for path in (new, old, Path(os.devnull)):
        check_writable(path, "the report")
    assert (new.exists(), old.read_text()) == (False, "kept")
    for path in (tmp_path, tmp_path / "no" / "r.json"):
        with pytest.raises(Failure, match=r"the report \S+ cannot be written: "):
            check_writable(path, "the report")
