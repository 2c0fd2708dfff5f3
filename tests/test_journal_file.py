import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from campaigns_async._core.history import Kept
from campaigns_async.errors import InvalidRecordError, JournalError
from campaigns_async.journal_file import APPLICATION_ID, SCHEMA_VERSION, Changes, JournalFile
from campaigns_async.journal_log import log_of
from campaigns_async.outcomes import Attribution, Evidence, Status

STATE = {"reserved": 400, "settled": [[0, 199], [250, 299]]}
_OPEN = """
import sys
from campaigns_async.journal_file import JournalFile
JournalFile.open(sys.argv[1], create=True)
"""

KEPT = (
    Kept(position=3, status=Status.PRESENT, attribution=Attribution.THEIRS, attempts=2),
    Kept(position=7, status=Status.REJECTED, error=InvalidRecordError("blank", index=7)),
    Kept(position=9, status=Status.DUPLICATE, duplicate_of=1, differs=True),
    Kept(position=11, status=Status.ADDED, evidence=Evidence.INFERRED, attempts=1),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where there is no journal yet."""
    return tmp_path / "journal"


def write_one(path: Path) -> None:
    """A journal with something of all that there can be."""
    with closing(JournalFile.open(path, create=True)) as file:
        file.write_fact("identity", {"campaign": "one"})
        file.write(Changes(state=STATE, exceptions=KEPT, split=[100]))


def plain(kept: Sequence[Kept]) -> list[tuple[Any, ...]]:
    """All of their fields, the errors by their words."""
    return [
        (
            k.position,
            k.status,
            k.evidence,
            k.attribution,
            k.attempts,
            k.duplicate_of,
            k.differs,
            str(k.error),
        )
        for k in kept
    ]


def test_what_is_written_can_be_read(path: Path) -> None:
    """Facts, exceptions in order of position, and splits come back from the file."""
    write_one(path)
    file = JournalFile.open(path, create=False)
    assert file.read_fact("identity") == {"campaign": "one"}
    assert file.read_fact("state") == STATE
    assert plain(list(file.read_exceptions())) == plain(KEPT)
    assert file.read_split() == {100}
    assert file.read_fact("nothing") is None
    file.close()


def test_thousands_of_exceptions_are_read_page_by_page(path: Path) -> None:
    """Reading goes on while more is written, and gives each of them once."""
    file = JournalFile.open(path, create=True)
    many = [Kept(position=p, status=Status.PRESENT) for p in range(2_500)]
    file.write(Changes(state={}, exceptions=many))
    reader = file.read_exceptions()
    first = next(reader)
    file.write(Changes(state={}, exceptions=[Kept(position=9_999, status=Status.REJECTED)]))
    assert [first.position, *(kept.position for kept in reader)] == [*range(2_500), 9_999]
    file.close()


def test_only_the_owner_can_read_it(path: Path) -> None:
    """The file and what SQLite puts beside it have mode 0600 from the beginning."""
    before = os.umask(0)
    try:
        file = JournalFile.open(path, create=True)
        file.write(Changes(state=STATE))
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
        file.close()
    finally:
        os.umask(before)
    assert modes == {"journal": 0o600, "journal-wal": 0o600}


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    """Where a process died right after making the file, the next one goes on."""
    path.touch()
    write_one(path)
    assert path.stat().st_size > 0


def test_there_must_be_one_to_be_read(path: Path) -> None:
    """Reading makes no file, and no journal of an empty one."""
    with pytest.raises(JournalError, match="there is no journal at"):
        JournalFile.open(path, create=False)
    assert not path.exists()
    path.touch()
    with pytest.raises(JournalError, match="is empty: no upload has begun with it"):
        JournalFile.open(path, create=False)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("target", ["journal", "nowhere"])
def test_a_symbolic_link_is_refused(tmp_path: Path, target: str) -> None:
    """Whether it leads to a journal or nowhere; what it leads to is not touched."""
    write_one(tmp_path / "journal")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / target)
    with pytest.raises(JournalError, match="is a symbolic link; give the path of a file"):
        JournalFile.open(link, create=True)
    assert not (tmp_path / "nowhere").exists()


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """As is all that is no regular file."""
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(JournalError, match="is no regular file; give the path of a file"):
            JournalFile.open(path, create=True)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """A journal is made, its folder is not."""
    with pytest.raises(JournalError, match="its folder does not exist"):
        JournalFile.open(tmp_path / "none" / "journal", create=True)


@pytest.mark.parametrize("content", [b"x", b"id;rank\n" * 4_000, b"\0" * 8192])
def test_what_is_no_database_is_left_as_it_is(path: Path, content: bytes) -> None:
    """Somebody gave the wrong path: it is refused and not a byte of it is changed."""
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"is damaged or no journal .* upload with a new one"):
        JournalFile.open(path, create=True)
    assert path.read_bytes() == content


@pytest.mark.parametrize("version", [0, 1, 7])
def test_a_database_of_somebody_else_is_left_as_it_is(path: Path, version: int) -> None:
    """An SQLite file with other tables is refused, and keeps its tables and its mode."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
    content = path.read_bytes()
    with pytest.raises(JournalError, match="is an SQLite file, but no journal; give another path"):
        JournalFile.open(path, create=True)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == ["journal"]


def test_a_newer_version_is_refused(path: Path) -> None:
    """It may say things that this version would not understand."""
    write_one(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(JournalError, match=r"newer version .*schema 2, this one knows 1.*use that"):
        JournalFile.open(path, create=True)


def test_the_second_one_is_refused(path: Path) -> None:
    """As long as one has it open, and not any longer."""
    first = JournalFile.open(path, create=True)
    for create in (True, False):
        with pytest.raises(JournalError, match="is open in another process; let that one end"):
            JournalFile.open(path, create=create)
    first.close()
    JournalFile.open(path, create=False).close()


def test_the_lock_survives_a_second_attempt(path: Path) -> None:
    """One in the same process, which is refused, does not let other processes in."""
    first = JournalFile.open(path, create=True)
    with pytest.raises(JournalError, match="is open in another process"):
        JournalFile.open(path, create=True)
    other = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", _OPEN, path], capture_output=True, text=True, check=False
    )
    assert "is open in another process; let that one end first" in other.stderr
    first.close()


@pytest.mark.parametrize("after", ["moved", "deleted", "replaced"])
def test_a_journal_that_goes_away_is_told(path: Path, after: str) -> None:
    """What would be written then, nobody would find again."""
    file = JournalFile.open(path, create=True)
    file.write(Changes(state=STATE))
    path.rename(path.with_name("moved"))
    if after == "deleted":
        path.with_name("moved").unlink()
    elif after == "replaced":
        path.mkdir()
    with pytest.raises(JournalError, match="was moved or deleted while it was written"):
        file.write(Changes(state=STATE))
    file.close()


def test_a_log_that_goes_away_is_told(path: Path) -> None:
    """It holds what was written last, and what would be written next."""
    file = JournalFile.open(path, create=True)
    file.write(Changes(state=STATE))
    log_of(path).unlink()
    with pytest.raises(JournalError, match="or its log, was moved or deleted"):
        file.write(Changes(state=STATE))
    file.close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """What a full disk is like: no file can grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 4_096, 8_192, 16_384])
def test_without_room_no_journal_begins(path: Path, size: int) -> None:
    """It is told, and what is left behind becomes a journal when there is room."""
    with largest_file(size), pytest.raises(JournalError, match="failed: disk I/O error"):
        write_one(path)
    write_one(path)


@pytest.mark.parametrize("room", [0, 100, 4_120, 9_000])
def test_a_commit_without_room_is_no_commit(path: Path, room: int) -> None:
    """Nor is anything lost by closing the file while there is none."""
    file = JournalFile.open(path, create=True)
    file.write(Changes(state=STATE))
    with largest_file(log_of(path).stat().st_size + room):
        for _ in range(2):
            with pytest.raises(JournalError, match="failed: disk I/O error"):
                file.write(Changes(state={"filler": "x" * 20_000}))
        assert file.read_state() == STATE
        file.close()
    again = JournalFile.open(path, create=True)
    assert again.read_state() == STATE
    again.write(Changes(state={}))
    again.close()


def change_attributes(how: str, path: Path) -> None:
    """Where there is such a thing."""
    if chattr := shutil.which("chattr"):
        subprocess.run([chattr, how, path], capture_output=True, check=False)  # noqa: S603 - ours


@pytest.fixture
def protect() -> Iterator[Callable[[Path], None]]:
    """Make a file or folder one that cannot be written; root needs more than its permissions."""
    protected: list[Path] = []

    def protect(path: Path) -> None:
        protected.append(path)
        path.chmod(path.stat().st_mode & ~0o222)
        if os.access(path, os.W_OK):
            change_attributes("+i", path)
            if os.access(path, os.W_OK):
                pytest.skip("nothing is read-only here")

    yield protect
    for path in protected:
        if os.geteuid() == 0:
            change_attributes("-i", path)
        path.chmod(path.stat().st_mode | 0o200)


@pytest.mark.parametrize("which", ["file", "folder"])
@pytest.mark.parametrize("create", [True, False])
def test_what_cannot_be_written_is_told(
    tmp_path: Path, protect: Callable[[Path], None], which: str, *, create: bool
) -> None:
    """Be it the file or its folder; nothing is changed."""
    path = tmp_path / "folder" / "journal"
    path.parent.mkdir()
    write_one(path)
    content = path.read_bytes()
    protect(path if which == "file" else path.parent)
    with pytest.raises(JournalError, match="cannot be written, which reading it takes as well"):
        JournalFile.open(path, create=create)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_gets_no_journal(
    tmp_path: Path, protect: Callable[[Path], None]
) -> None:
    """And no trace of one."""
    protect(tmp_path)
    with pytest.raises(JournalError, match="cannot be written"):
        JournalFile.open(tmp_path / "journal", create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_path_with_any_words_is_described_by_its_error(tmp_path: Path) -> None:
    """That a folder is called "locked" or "busy" says nothing of locks."""
    with pytest.raises(JournalError, match="its folder does not exist"):
        JournalFile.open(tmp_path / "busy, locked" / "journal", create=True)


@pytest.mark.parametrize("cut", [4_096, 8_192, 12_288])
def test_a_file_cut_short_is_refused(path: Path, cut: int) -> None:
    """Pages missing at its end are found when it is opened."""
    write_one(path)
    os.truncate(path, path.stat().st_size - cut)
    with pytest.raises(JournalError, match="is damaged or no journal"):
        JournalFile.open(path, create=False)


def test_a_failed_write_leaves_it_as_it_was(path: Path) -> None:
    """All of a commit or nothing; then the file can still be written."""
    file = JournalFile.open(path, create=True)
    file.write(Changes(state=STATE))
    bad = Kept(position=1, status=Status.ADDED, attempts=None)  # type: ignore[arg-type]
    with pytest.raises(JournalError, match="failed: NOT NULL constraint"):
        file.write(Changes(state={}, exceptions=[bad]))
    assert file.read_fact("state") == STATE
    file.write(Changes(state={}))
    file.close()


@pytest.mark.parametrize(
    ("table", "change", "read"),
    [
        ("facts", "value = '{' WHERE name = 'state'", lambda file: file.read_fact("state")),
        ("exceptions", "status = 'HM'", lambda file: list(file.read_exceptions())),
        ("exceptions", "error = '{}'", lambda file: list(file.read_exceptions())),
    ],
    ids=["fact", "status", "error"],
)
def test_content_that_was_not_written_here_is_damage(
    path: Path, table: str, change: str, read: Any
) -> None:
    """What cannot be understood is told, and not guessed."""
    write_one(path)
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE {table} SET {change}")  # noqa: S608 - our own text
    connection.commit()
    connection.close()
    file = JournalFile.open(path, create=False)
    with pytest.raises(JournalError, match="is damaged or no journal"):
        read(file)
    file.close()


def test_a_closed_one_says_so(path: Path) -> None:
    """Whatever is asked of it afterwards is a JournalError."""
    file = JournalFile.open(path, create=True)
    file.close()
    for use in (
        lambda: file.read_fact("state"),
        file.read_split,
        lambda: list(file.read_exceptions()),
    ):
        with pytest.raises(JournalError, match="failed: Cannot operate on a closed database"):
            use()


def test_it_says_whose_file_it_is(path: Path) -> None:
    """``file`` and other tools find our application id in its header."""
    write_one(path)
    assert int.from_bytes(path.read_bytes()[68:72]) == APPLICATION_ID


def test_a_full_disk_is_told(path: Path) -> None:
    """With what to do; what was there is there."""
    file = JournalFile.open(path, create=True)
    file.write(Changes(state=STATE))
    connection: sqlite3.Connection = file._connection  # noqa: SLF001 - the disk of this test
    connection.execute("PRAGMA max_page_count = 1")
    many = [Kept(position=p, status=Status.PRESENT) for p in range(10_000)]
    with pytest.raises(JournalError, match="cannot grow, the disk is full; make room and resume"):
        file.write(Changes(state={}, exceptions=many))
    assert file.read_fact("state") == STATE
    file.close()
