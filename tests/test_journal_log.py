import shutil
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import pytest

from campaigns_async.errors import JournalError
from campaigns_async.journal_file import MOST_LOG, Changes, JournalFile
from campaigns_async.journal_log import Link, check_log, log_of


def begin(path: Path, **state: Any) -> JournalFile:
    """A journal that is being written."""
    file = JournalFile.open(path, create=True)
    file.write(Changes(state=state))
    return file


def copy(path: Path, to: Path, *, log: bool = True) -> Path:
    """What a crash would leave now, or somebody who copies files while an upload runs."""
    to.parent.mkdir(exist_ok=True)
    shutil.copyfile(path, to)
    if log:
        shutil.copyfile(log_of(path), log_of(to))
    return to


def state_of(path: Path) -> Any:
    """What the journal says."""
    file = JournalFile.open(path, create=False)
    try:
        return file.read_state()
    finally:
        file.close()


def grow(file: JournalFile, *, copies: int) -> None:
    """Write until the log has been copied so often."""
    state: dict[str, Any] = {"filler": "x" * 20_000, "n": 0}
    for _ in range(copies):
        size = log_of(file.path).stat().st_size
        while log_of(file.path).stat().st_size >= size:
            size = log_of(file.path).stat().st_size
            state["n"] += 1
            file.write(Changes(state=state))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where there is no journal yet."""
    return tmp_path / "journal"


@pytest.mark.parametrize("copies", [0, 1, 2])
@pytest.mark.parametrize("how", ["missing", "emptied"])
def test_a_journal_without_its_log_is_refused(
    path: Path, tmp_path: Path, copies: int, how: str
) -> None:
    """From the first commit on; nothing of it is changed, and with the log back it is whole."""
    file = begin(path, reserved=100)
    grow(file, copies=copies)
    state = file.read_state()
    crashed = copy(path, tmp_path / "crashed" / "journal")
    file.close()
    content, log = crashed.read_bytes(), log_of(crashed).read_bytes()
    log_of(crashed).unlink()
    if how == "emptied":
        log_of(crashed).touch()
    for create in (True, False):
        with pytest.raises(JournalError, match=r"lacks what was written last: .*-wal, which is"):
            JournalFile.open(crashed, create=create)
    assert crashed.read_bytes() == content
    log_of(crashed).write_bytes(log)
    assert state_of(crashed) == state


def test_a_closed_journal_needs_no_log(path: Path) -> None:
    """Then all is in the file, which may be moved by itself."""
    begin(path, reserved=100).close()
    assert not log_of(path).exists()
    moved = path.rename(path.with_name("moved"))
    assert state_of(moved) == {"reserved": 100}


def test_whoever_takes_up_the_log_leaves_a_whole_file(path: Path, tmp_path: Path) -> None:
    """SQLite's own tools may look at a crashed journal, and ours may: it can be resumed then."""
    file = begin(path, reserved=100)
    by_tool = copy(path, tmp_path / "tool" / "journal")
    by_us = copy(path, tmp_path / "us" / "journal")
    file.close()
    connection = sqlite3.connect(by_tool)
    assert len(list(connection.iterdump())) > 3
    connection.close()
    assert state_of(by_us) == {"reserved": 100}
    for whole in (by_tool, by_us):
        assert not log_of(whole).exists()
        assert state_of(whole) == {"reserved": 100}


def test_a_crash_in_the_middle_of_a_copy_is_taken_up_by_whoever_reads(
    path: Path, tmp_path: Path
) -> None:
    """The file says that more follows, and nothing does: our own reading takes that back."""
    begin(path, reserved=100).close()
    link = Link().before_copy().text
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(
        "UPDATE facts SET value = ?, crc = ? WHERE name = 'link'", (link, zlib.crc32(link.encode()))
    )
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    crashed = copy(path, tmp_path / "crashed" / "journal")
    connection.close()
    assert link.encode() in crashed.read_bytes()
    for _ in range(2):
        assert state_of(crashed) == {"reserved": 100}
        assert not log_of(crashed).exists()


def test_the_log_of_another_journal_is_refused(path: Path, tmp_path: Path) -> None:
    """Neither is changed."""
    begin(path, reserved=100).close()
    other = begin(tmp_path / "other", reserved=7)
    shutil.copyfile(log_of(tmp_path / "other"), log_of(path))
    other.close()
    before = [path.read_bytes(), log_of(path).read_bytes()]
    with pytest.raises(JournalError, match="journal-wal do not belong together; put both back"):
        JournalFile.open(path, create=True)
    assert [path.read_bytes(), log_of(path).read_bytes()] == before


def test_file_and_log_of_different_moments_are_refused(path: Path, tmp_path: Path) -> None:
    """A copy that was overtaken: what the log builds on is not in the file."""
    file = begin(path, reserved=100)
    early = copy(path, tmp_path / "early" / "journal")
    grow(file, copies=2)
    late = copy(path, tmp_path / "late" / "journal")
    file.close()
    shutil.copyfile(log_of(early), tmp_path / "log")
    shutil.copyfile(log_of(late), log_of(early))
    shutil.copyfile(tmp_path / "log", log_of(late))
    for mixed in (early, late):
        with pytest.raises(JournalError, match="do not belong together"):
            JournalFile.open(mixed, create=False)


@pytest.mark.parametrize("empty", [False, True])
def test_a_log_without_its_journal_is_refused(path: Path, *, empty: bool) -> None:
    """SQLite would delete it, and a new journal would know nothing."""
    log_of(path).write_bytes(b"what was written last")
    if empty:
        path.touch()
    with pytest.raises(JournalError, match=r"that it belongs to is missing; put it back, or remov"):
        JournalFile.open(path, create=True)
    assert (log_of(path).exists(), path.exists()) == (True, empty)


def test_a_shared_memory_file_is_no_part_of_it(path: Path) -> None:
    """A tool that was killed may leave one; there or not, it changes nothing."""
    file = begin(path, reserved=100)
    file.close()
    path.with_name("journal-shm").write_bytes(b"\xa5" * 32_768)
    assert state_of(path) == {"reserved": 100}


def test_a_log_whose_first_commit_was_cut_off_is_no_news(path: Path) -> None:
    """A process that died while it began one left a whole file beside it."""
    begin(path, reserved=100).close()
    log_of(path).write_bytes(b"\x37\x7f\x06\x82" + b"\0" * 28)
    assert state_of(path) == {"reserved": 100}


def test_the_log_is_copied_when_it_is_long(path: Path) -> None:
    """And cut back then: it never grows much beyond that."""
    file = begin(path)
    largest = 0
    for n in range(300):
        file.write(Changes(state={"filler": "x" * 20_000, "n": n}))
        largest = max(largest, log_of(path).stat().st_size)
    assert MOST_LOG < largest < MOST_LOG + 60_000
    file.close()


def test_a_large_state_has_its_tag_in_each_commit(path: Path, tmp_path: Path) -> None:
    """However it is spread over pages, the log is known as the journal's own."""
    file = begin(path)
    file.write_fact("identity", {"address": "x" * 3_000})
    grow(file, copies=2)
    for size in (0, 500, 2_000, 4_000, 100_000):
        file.write(Changes(state={"filler": "x" * size}))
        check_log(copy(path, tmp_path / "copy" / "journal"))
    file.close()


@pytest.mark.parametrize("content", [b"", b"x" * 600, b"SQLite format 3\0" + b"\0" * 600])
def test_what_says_nothing_of_a_log_is_left_to_others(path: Path, content: bytes) -> None:
    """Whether it is a journal at all is not asked here."""
    path.write_bytes(content)
    check_log(path)


def test_a_link_changes_with_each_copy() -> None:
    """During one it names the one before; the first commit after it has the new tag alone."""
    first = Link()
    during = first.before_copy()
    after = during.after_copy()
    assert (during.after, during.more) == (first.tag, True)
    assert (after.tag, after.after, after.more) == (during.tag, None, False)
    assert len({first.tag, during.tag}) == 2
