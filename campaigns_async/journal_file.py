"""The journal's file: SQLite with a schema of its own, opened by one process at a time.

It holds positions and verdicts, never a record and never a key.
"""

import errno
import json
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, cast

import attrs

from campaigns_async._core.history import Kept
from campaigns_async.errors import JournalError
from campaigns_async.journal_log import Link, check_log, log_of
from campaigns_async.journal_rows import checked, read_kept, with_crc, write_kept

APPLICATION_ID: Final = 0x38783843
SCHEMA_VERSION: Final = 1

MOST_LOG: Final = 400 * 1024
"""Bytes of the log from which on it is copied into the file before the next commit."""

_SMALLEST_DATABASE: Final = 512
"""Bytes; SQLite takes a file of one for an empty one, and would write over it."""

# One row of JSON changes with every commit; so a commit is a page or two, however long the upload.
_SCHEMA: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER) WITHOUT ROWID;
CREATE TABLE exceptions (
    position INTEGER PRIMARY KEY, status TEXT NOT NULL, evidence TEXT, attribution TEXT,
    attempts INTEGER NOT NULL, duplicate_of INTEGER, differs INTEGER, error TEXT, crc INTEGER
);
CREATE TABLE split (first INTEGER PRIMARY KEY);
"""


_Statement = tuple[str, list[tuple[Any, ...]]]
"""SQL, and the rows that it is done with."""


@attrs.frozen(kw_only=True)
class Changes:
    """What one commit writes: ``state`` whole, the rest in addition."""

    state: Mapping[str, Any]
    exceptions: Sequence[Kept] = ()
    split: Sequence[int] = ()


class JournalFile:
    """An open journal. Its methods block; they raise :exc:`JournalError` and nothing else."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._log = log_of(path)
        self._inode = path.stat().st_ino
        # As the last commit left it.
        self._link = Link()
        self._copied = False

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, create: bool) -> Self:
        """Open the journal at ``path``; make it if it is missing and ``create``.

        Refused: a symbolic link, what is no journal, one of a newer version, a damaged one, one
        without its log, and one that another process has open.
        """
        path = Path(path)
        try:
            missing = _is_missing(path, create=create)
            check_log(path)
            if missing:
                # Made here, so that nobody else can ever read it.
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            elif not create and not path.stat().st_size:
                # Reading makes no journal of it.
                msg = f"the journal {path} is empty: no upload has begun with it"
                raise JournalError(msg)
            # Transactions are ours to begin; the connection moves to the writer's thread.
            connection = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except (OSError, ValueError, sqlite3.Error) as error:
            raise _explain(path, error) from None
        journal = cls(path, connection)
        try:
            journal._prepare()
        except (sqlite3.Error, ValueError, JournalError) as error:
            connection.close()
            raise _explain(path, error) from None
        return journal

    def _prepare(self) -> None:
        run = self._connection.execute
        # Held as long as it is open: a second process must not send what this one is sending.
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA synchronous = FULL")
        # Looked at before anything of it is changed, be it the way it is written.
        run("BEGIN EXCLUSIVE")
        version = run("PRAGMA user_version").fetchone()[0]
        if version == 0 and not run("SELECT 1 FROM sqlite_schema").fetchone():
            # Not in the log yet, which has nothing to hold on to before this is in the file.
            self._create()
        elif run("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            msg = f"{self.path} is an SQLite file, but no journal; give another path"
            raise JournalError(msg)
        elif version > SCHEMA_VERSION:
            msg = (
                f"the journal {self.path} was written by a newer version of campaigns-async "
                f"(schema {version}, this one knows {SCHEMA_VERSION}); use that version"
            )
            raise JournalError(msg)
        run("COMMIT")
        run("PRAGMA journal_mode = WAL")
        # Copied when we say so, see journal_log. What is copied is cut off by the next commit.
        run("PRAGMA wal_autocheckpoint = 0")
        run("PRAGMA journal_size_limit = 0")
        if run("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            msg = "its pages contradict each other"
            raise ValueError(msg)
        self._link = Link.parse(self.read_fact("link"))
        if self._link.more:
            # Killed during a copy. Whoever closes it now leaves a whole file without a log.
            self._set_link(self._link.after_copy())

    def _create(self) -> None:
        run = self._connection.execute
        run(f"PRAGMA application_id = {APPLICATION_ID}")
        run(f"PRAGMA user_version = {SCHEMA_VERSION}")
        for statement in _SCHEMA.split(";"):
            run(statement)
        run("INSERT INTO facts VALUES ('link', ?, ?)", with_crc(Link().text))

    # --- reading

    def read_fact(self, name: str) -> Any:
        """The JSON value under this name; None if there is none."""
        try:
            query = "SELECT value, crc FROM facts WHERE name = ?"
            row = self._connection.execute(query, (name,)).fetchone()
            return None if row is None else json.loads(checked(row)[0])
        except (sqlite3.Error, ValueError) as error:
            raise _explain(self.path, error) from None

    def read_state(self) -> dict[str, Any]:
        """How far the upload is, as the last commit left it; empty before the first."""
        state = self.read_fact("state")
        if state is None:
            return {}
        if not isinstance(state, dict):
            raise _explain(self.path, ValueError("its state is no object"))
        return cast("dict[str, Any]", state)

    def read_exceptions(self) -> Iterator[Kept]:
        """The verdicts that are not a plain ADDED, in order of position, read as they are asked."""
        query = "SELECT * FROM exceptions WHERE position > ? ORDER BY position LIMIT 1000"
        last = -1
        while True:
            try:
                # Page by page: writing goes on meanwhile.
                rows = self._connection.execute(query, (last,)).fetchall()
                page = [read_kept(row) for row in rows]
            except (sqlite3.Error, ValueError) as error:
                raise _explain(self.path, error) from None
            yield from page
            if not page:
                return
            last = page[-1].position

    def read_split(self) -> frozenset[int]:
        """First positions of the batches that were taken apart."""
        try:
            return frozenset(first for (first,) in self._connection.execute("SELECT * FROM split"))
        except sqlite3.Error as error:
            raise _explain(self.path, error) from None

    # --- writing

    def write_fact(self, name: str, value: object) -> None:
        """Keep a JSON value under this name, at once."""
        fact = with_crc(json.dumps(value))
        self._write([("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", [(name, *fact)])])

    def write(self, changes: Changes) -> None:
        """All of it or nothing; on disk when this returns."""
        statements: list[_Statement] = [
            (
                "INSERT OR REPLACE INTO facts VALUES ('state', ?, ?)",
                [with_crc(json.dumps(changes.state))],
            )
        ]
        if changes.exceptions:
            rows = [write_kept(kept) for kept in changes.exceptions]
            statements.append(
                ("INSERT OR REPLACE INTO exceptions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            )
        if changes.split:
            firsts = [(first,) for first in changes.split]
            statements.append(("INSERT OR IGNORE INTO split VALUES (?)", firsts))
        self._write(statements)

    def _write(self, statements: list[_Statement]) -> None:
        try:
            # Before the first commit too: from then on the file knows that there is a log.
            if self._measure_log() > MOST_LOG or not self._copied:
                self._copy_log()
            self._commit(statements)
        except (OSError, sqlite3.Error) as error:
            raise _explain(self.path, error) from None

    def _measure_log(self) -> int:
        """Bytes of the log; 0 before there is one.

        Raises where the file or its log was moved or deleted: what is written there is lost, and
        nobody notices.
        """
        try:
            found = self.path.stat().st_ino
            size = self._log.stat().st_size if self._copied else 0
        except FileNotFoundError:
            found = size = 0
        if found != self._inode:
            msg = f"the journal {self.path}, or its log, was moved or deleted while it was written"
            raise JournalError(msg)
        return size

    def _copy_log(self) -> None:
        """Copy the log into the file; the next commits go into it from its beginning again."""
        self._set_link(self._link.before_copy())
        self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        self._set_link(self._link.after_copy())
        self._copied = True

    def _set_link(self, link: Link) -> None:
        fact = with_crc(link.text)
        self._commit([("INSERT OR REPLACE INTO facts VALUES ('link', ?, ?)", [fact])])
        self._link = link

    def _commit(self, statements: list[_Statement]) -> None:
        connection = self._connection
        try:
            match statements:
                case [(statement, [row])]:
                    # A transaction in itself. As a rule it is all, and each call may have to wait
                    # until the event loop lets go of the interpreter.
                    connection.execute(statement, row)
                case _:
                    connection.execute("BEGIN IMMEDIATE")
                    for statement, rows in statements:
                        connection.executemany(statement, rows)
                    connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            raise

    def close(self) -> None:
        """Close it; others may open it then."""
        self._connection.close()


def _is_missing(path: Path, *, create: bool) -> bool:
    """Whether the file is to be made. It is not opened here.

    To close it again would give up the locks that this process may have on it elsewhere (POSIX).
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        if not create:
            msg = f"there is no journal at {path}"
            raise JournalError(msg) from None
        return True
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "no regular file"
        msg = f"the journal {path} is {kind}; give the path of a file"
        raise JournalError(msg)
    if 0 < found.st_size < _SMALLEST_DATABASE:
        msg = "file is not a database"
        raise ValueError(msg)
    return False


def _explain(path: Path, error: Exception) -> JournalError:
    """What went wrong with the file, in a sentence with what to do."""
    if isinstance(error, JournalError):
        return error
    name = getattr(error, "sqlite_errorname", "")
    number = getattr(error, "errno", None)
    if name.startswith("SQLITE_BUSY"):
        msg = f"the journal {path} is open in another process; let that one end first"
    elif name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")) or isinstance(error, ValueError):
        msg = (
            f"the journal {path} is damaged or no journal ({error}); "
            "upload with a new one: records that are in the campaign come out as PRESENT"
        )
    elif name == "SQLITE_FULL" or number in {errno.ENOSPC, errno.EDQUOT}:
        msg = f"the journal {path} cannot grow, the disk is full; make room and resume"
    elif number in {errno.EACCES, errno.EPERM, errno.EROFS} or not _is_writable(path):
        # Of which SQLite says that the disk has an error.
        msg = (
            f"the journal {path} cannot be written, which reading it takes as well; "
            "check its permissions and its folder's"
        )
    elif number == errno.ENOENT:
        msg = f"the journal {path} cannot be made, its folder does not exist; make that first"
    else:
        msg = f"the journal {path} failed: {getattr(error, 'strerror', None) or error}"
    return JournalError(msg)


def _is_writable(path: Path) -> bool:
    return all(os.access(place, os.W_OK) for place in (path, path.parent) if place.exists())
