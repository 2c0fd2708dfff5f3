"""The journal's file: SQLite with a schema of its own, opened by one process at a time.

It holds positions and verdicts, never a record and never a key.
"""

import json
import os
import sqlite3
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, cast

import attrs

from campaigns_async._core.archive import decode_error, encode_error
from campaigns_async._core.history import Kept
from campaigns_async.errors import JournalError
from campaigns_async.outcomes import Attribution, Evidence, Status

APPLICATION_ID: Final = 0x38783843
SCHEMA_VERSION: Final = 1

_MAGIC: Final = b"SQLite format 3\0"

# One row of JSON changes with every commit; so a commit is a page or two, however long the upload.
_SCHEMA: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER) WITHOUT ROWID;
CREATE TABLE exceptions (
    position INTEGER PRIMARY KEY, status TEXT NOT NULL, evidence TEXT, attribution TEXT,
    attempts INTEGER NOT NULL, duplicate_of INTEGER, differs INTEGER, error TEXT, crc INTEGER
);
CREATE TABLE split (first INTEGER PRIMARY KEY);
"""


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

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, create: bool) -> Self:
        """Open the journal at ``path``; make it if it is missing and ``create``.

        Refused: a symbolic link, what is no journal, one of a newer version, a damaged one, and one
        that another process has open.
        """
        path = Path(path)
        try:
            new = _check_path(path, create=create)
            # Transactions are ours to begin; the connection moves to the writer's thread.
            connection = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise _explain(path, error) from None
        journal = cls(path, connection)
        try:
            journal._prepare(new=new)
        except (sqlite3.Error, JournalError) as error:
            connection.close()
            raise _explain(path, error) from None
        return journal

    def _prepare(self, *, new: bool) -> None:
        run = self._connection.execute
        # Held as long as it is open: a second process must not send what this one is sending.
        run("PRAGMA locking_mode = EXCLUSIVE")
        # Looked at before anything of it is changed, be it the way it is written.
        run("BEGIN EXCLUSIVE")
        version = run("PRAGMA user_version").fetchone()[0]
        new = new or (version == 0 and not run("SELECT 1 FROM sqlite_schema").fetchone())
        if new:
            pass
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
        run("PRAGMA synchronous = FULL")
        run("PRAGMA wal_autocheckpoint = 100")
        run("PRAGMA journal_size_limit = 524288")
        if new:
            run("BEGIN EXCLUSIVE")
            run(f"PRAGMA application_id = {APPLICATION_ID}")
            run(f"PRAGMA user_version = {SCHEMA_VERSION}")
            for statement in _SCHEMA.split(";"):
                run(statement)
            run("COMMIT")
        if run("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            msg = "database disk image is malformed"
            raise sqlite3.DatabaseError(msg)

    # --- reading

    def read_fact(self, name: str) -> Any:
        """The JSON value under this name; None if there is none."""
        try:
            query = "SELECT value, crc FROM facts WHERE name = ?"
            row = self._connection.execute(query, (name,)).fetchone()
            return None if row is None else json.loads(_checked(row)[0])
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
                page = [_read_kept(row) for row in rows]
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
        fact = _with_crc(json.dumps(value))
        self._write([("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", [(name, *fact)])])

    def write(self, changes: Changes) -> None:
        """All of it or nothing; on disk when this returns."""
        statements: list[tuple[str, list[tuple[Any, ...]]]] = [
            (
                "INSERT OR REPLACE INTO facts VALUES ('state', ?, ?)",
                [_with_crc(json.dumps(changes.state))],
            )
        ]
        if changes.exceptions:
            rows = [_write_kept(kept) for kept in changes.exceptions]
            statements.append(
                ("INSERT OR REPLACE INTO exceptions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            )
        if changes.split:
            firsts = [(first,) for first in changes.split]
            statements.append(("INSERT OR IGNORE INTO split VALUES (?)", firsts))
        self._write(statements)

    def _write(self, statements: list[tuple[str, list[tuple[Any, ...]]]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise _explain(self.path, error) from None

    def close(self) -> None:
        """Close it; others may open it then."""
        self._connection.close()


def _check_path(path: Path, *, create: bool) -> bool:
    """Whether the file is new; it is made here, so that nobody else can ever read it."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        if not create:
            msg = f"there is no journal at {path}"
            raise JournalError(msg) from None
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return True
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "no regular file"
        msg = f"the journal {path} is {kind}; give the path of a file"
        raise JournalError(msg)
    with path.open("rb") as file:
        # SQLite takes a file of a few bytes for an empty one, and would write over it.
        if found.st_size and file.read(len(_MAGIC)) != _MAGIC:
            msg = "file is not a database"
            raise sqlite3.DatabaseError(msg)
    return found.st_size == 0


def _read_kept(row: tuple[Any, ...]) -> Kept:
    position, status, evidence, attribution, attempts, duplicate_of, differs, error = _checked(row)
    return Kept(
        position=position,
        status=Status(status),
        evidence=Evidence(evidence) if evidence else None,
        attribution=Attribution(attribution) if attribution else None,
        attempts=attempts,
        duplicate_of=duplicate_of,
        differs=None if differs is None else bool(differs),
        error=decode_error(error),
    )


def _write_kept(kept: Kept) -> tuple[Any, ...]:
    return _with_crc(
        kept.position,
        kept.status.value,
        kept.evidence and kept.evidence.value,
        kept.attribution and kept.attribution.value,
        kept.attempts,
        kept.duplicate_of,
        None if kept.differs is None else int(kept.differs),
        encode_error(kept.error),
    )


def _with_crc(*values: Any) -> tuple[Any, ...]:
    """The values and their checksum: SQLite does not notice a flipped bit inside of a value."""
    return (*values, _crc(values))


def _checked(row: tuple[Any, ...]) -> tuple[Any, ...]:
    *values, crc = row
    if crc != _crc(values):
        msg = "a checksum does not match"
        raise ValueError(msg)
    return tuple(values)


def _crc(values: Iterable[Any]) -> int:
    text = "\n".join("" if value is None else str(value) for value in values)
    return zlib.crc32(text.encode(errors="surrogatepass"))


def _explain(path: Path, error: Exception) -> JournalError:
    """What went wrong with the file, in a sentence with what to do."""
    if isinstance(error, JournalError):
        return error
    text = str(error)
    if "locked" in text or "busy" in text:
        msg = f"the journal {path} is open in another process; let that one end first"
    elif "not a database" in text or "malformed" in text or isinstance(error, ValueError):
        msg = (
            f"the journal {path} is damaged or no journal ({text}); "
            "upload with a new one: records that are in the campaign come out as PRESENT"
        )
    elif "disk is full" in text or "No space" in text:
        msg = f"the journal {path} cannot grow, the disk is full; make room and resume"
    elif "readonly" in text or isinstance(error, PermissionError):
        msg = f"the journal {path} cannot be written; check its permissions and its folder's"
    else:
        msg = f"the journal {path} failed: {text}"
    return JournalError(msg)
