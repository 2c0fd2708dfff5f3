"""The journal of an upload from the terminal: where it is, how far it is, and whether to go on."""

from pathlib import Path
from typing import Final

from campaigns_async.cli import terminal
from campaigns_async.cli.failures import Failure
from campaigns_async.cli.report import count
from campaigns_async.journal import Journal

BESIDE: Final = ""
"""The path that stands for a name beside the file."""


def find_journal(file: str, given: str | None) -> Path | None:
    """The journal's path for an upload of this file; None if none was asked for."""
    if given is None:
        return None
    if file == "-":
        raise Failure(
            "stdin goes with no journal: to go on after a crash, the file is read again from its "
            "beginning",
            next_step="save it as a file, and upload that",
        )
    return Path(given or f"{file}.journal")


def offer_resume(path: Path, *, yes: bool = False) -> bool:
    """Whether the journal holds an earlier run to go on with; says how far that came.

    At a terminal it asks first, unless ``yes``; a no ends the command.
    """
    if not path.is_symlink() and (not path.exists() or not path.stat().st_size):
        return False
    with Journal.open(path) as journal:
        begun, complete = journal.read > 0 or journal.total is not None, journal.complete
        far = describe(journal)
    if not begun:
        return False
    console = terminal.stderr()
    if complete:
        console.print(
            terminal.line(f"The journal {path} is complete: {far}. Nothing is left to be sent.")
        )
        return True
    console.print(terminal.line(f"The journal {path} holds an upload that did not end: {far}."))
    if not yes and terminal.can_ask() and not terminal.confirm("Go on with it?", default=True):
        raise Failure("nothing was sent", next_step="to begin anew, name another journal")
    return True


def describe(journal: Journal) -> str:
    """``3,000 of 5,000 rows settled``."""
    if journal.total is None:
        return f"{journal.settled:,} of {count(journal.read, 'row')} read so far settled"
    return f"{journal.settled:,} of {count(journal.total, 'row')} settled"
