"""A connection to the journal that ends its process at one of its writes."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from campaigns_async import journal_file


class WritePoints:
    """Counts moments before and after each write; ``die`` is called at the one numbered ``at``.

    ``at_commit``: it is called right after that commit, before anything can rely on it.
    """

    def __init__(
        self, at: int | None, die: Callable[[], object], *, at_commit: int | None = None
    ) -> None:
        self.count = 0
        self.commits = 0
        self._at = at
        self._at_commit = at_commit
        self._die = die

    def step(self) -> None:
        """One more moment."""
        self.count += 1
        if self.count == self._at:
            self._die()

    def commit(self) -> None:
        """One more commit is on disk."""
        self.commits += 1
        if self.commits == self._at_commit:
            self._die()


def kill_myself() -> None:
    """What no cleanup survives."""
    os.kill(os.getpid(), signal.SIGKILL)


def watch_journal(points: WritePoints, most_log: int | None = None) -> None:
    """From now on every SQLite connection of this process steps through ``points``.

    ``most_log``: bytes of the log from which on it is copied into the file, None for the journal's
    own number. With 0 it is before each commit.
    """
    if most_log is not None:
        vars(journal_file)["MOST_LOG"] = most_log

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            if sql.startswith("SELECT"):
                return super().execute(sql, parameters)
            points.step()
            cursor = super().execute(sql, parameters)
            if sql == "COMMIT" or (sql.startswith("INSERT") and not self.in_transaction):
                points.commit()
            points.step()
            return cursor

        def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
            cursor = super().executemany(sql, self._each(parameters))
            points.step()
            return cursor

        def _each(self, parameters: Iterable[Any]) -> Iterator[Any]:
            for one in parameters:
                points.step()
                yield one

        def close(self) -> None:
            points.step()
            super().close()
            points.step()

    vars(sqlite3)["connect"] = partial(sqlite3.connect, factory=Watched)
