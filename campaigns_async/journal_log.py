"""Whether the log beside a journal is there, and is its own.

SQLite commits into a log, the file ``PATH-wal``, and copies it into the journal now and then. It
takes a journal without its log for a whole one, and whatever log it finds for the right one. So the
journal has a link: a line that is in each commit, and that changes with each copy.

- Before a copy the link gets a new tag, and says that there is ``more``: as it then stands in the
  journal, something follows in the log. The first commit after the copy takes the word back. So a
  journal that says ``more`` has lost its log if there is none.
- Each commit has the tag that the copy before it left in the journal. So a log without the
  journal's tag follows on another journal, or on another state of it.
"""

import json
import re
import secrets
import sqlite3
from pathlib import Path
from typing import Final, Self

import attrs

from campaigns_async.errors import JournalError

_TAGS: Final = re.compile(rb'"(?:tag|after)": "([0-9a-f]{32})"')

_OR_ANEW: Final = (
    "or upload with a new journal: records that are in the campaign come out as PRESENT"
)


@attrs.frozen
class Link:
    """``tag``: of the last copy. ``after``: during a copy, the one before. ``more``: see above."""

    tag: str = attrs.field(factory=lambda: secrets.token_hex(16))
    after: str | None = None
    more: bool = False

    @classmethod
    def parse(cls, facts: object) -> Self:
        """The link of this JSON value; raises :exc:`ValueError` where it is none."""
        match facts:
            case {"tag": str(tag), "after": str() | None as after, "more": bool(more)}:
                return cls(tag, after, more)
            case _:
                msg = "what links it with its log is missing"
                raise ValueError(msg)

    @property
    def text(self) -> str:
        """As it stands in the file, and byte by byte in the log."""
        return json.dumps(attrs.asdict(self))

    def before_copy(self) -> Self:
        """What the journal is to say after the next copy."""
        return type(self)(after=self.tag, more=True)

    def after_copy(self) -> Self:
        """What the first commit after it says."""
        return type(self)(self.tag)


def log_of(path: Path) -> Path:
    """Where SQLite has the log."""
    return path.with_name(path.name + "-wal")


def check_log(path: Path) -> None:
    """Raise :exc:`JournalError` where it is proved that journal and log do not belong together.

    To be asked before SQLite sees them: it would copy any log into the journal.
    """
    log = log_of(path)
    link, content = _read_both(path, log)
    if content and not (path.exists() and path.stat().st_size):
        msg = (
            f"there is {log}, and the journal {path} that it belongs to is missing; put it back, "
            f"or remove the other to begin anew"
        )
        raise JournalError(msg)
    if link is None:
        return
    if link.more and not content:
        msg = (
            f"the journal {path} lacks what was written last: that was in {log}, which is missing; "
            f"put it back, {_OR_ANEW}"
        )
        raise JournalError(msg)
    tags = {tag.decode() for tag in _TAGS.findall(content)}
    # None at all: its first commit was cut off.
    if tags and link.tag not in tags:
        msg = (
            f"the journal {path} and {log} do not belong together; put both back as they were "
            f"at the same time, {_OR_ANEW}"
        )
        raise JournalError(msg)


def _read_both(path: Path, log: Path) -> tuple[Link | None, bytes]:
    """As they stood at one time, though somebody may be writing them."""
    link = _read_link(path)
    while True:
        try:
            content = log.read_bytes()
        except FileNotFoundError:
            content = b""
        before, link = link, _read_link(path)
        if link == before:
            return link, content


def _read_link(path: Path) -> Link | None:
    """What the journal itself says, its log left aside; None if it says nothing."""
    if not path.exists():
        return None
    try:
        # Immutable: read as it stands there, without log or lock.
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)
        try:
            query = "SELECT value FROM facts WHERE name = 'link'"
            row = connection.execute(query).fetchone()
        finally:
            connection.close()
        return None if row is None else Link.parse(json.loads(row[0]))
    except (sqlite3.Error, ValueError):
        # Damaged, no journal, or being written: what opens it next says so.
        return None
