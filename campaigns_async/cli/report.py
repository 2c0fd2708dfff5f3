"""What is said at the end of an upload: as JSON for programs, as text for people."""

import json
from collections.abc import Iterator
from typing import Any, Final

import attrs
from rich.text import Text

from campaigns_async.cli import terminal
from campaigns_async.cli.failures import Exit, Failure, exit_code_of, explain
from campaigns_async.cli.tally import FIRST_ROWS, Tally
from campaigns_async.errors import CampaignsError, JournalError
from campaigns_async.outcomes import FAILED, Status

_STYLES: Final = {
    Status.ADDED: "green",
    Status.PRESENT: "cyan",
    Status.DUPLICATE: "yellow",
    Status.REJECTED: "red",
    Status.NOT_ADDED: "magenta",
    Status.UNKNOWN: "bold red",
}
UNSETTLED: Final = (Status.NOT_ADDED, Status.UNKNOWN)
"""What a resume settles."""

_MEANINGS: Final = {
    Status.ADDED: "put on the campaign by this upload",
    Status.PRESENT: "on the campaign already",
    Status.DUPLICATE: "repeat the id of an earlier row",
    Status.REJECTED: "refused for themselves",
    Status.NOT_ADDED: "surely not taken: the upload stopped first",
    Status.UNKNOWN: "may or may not be in: upload them again to find out",
}


@attrs.frozen(kw_only=True)
class Result:
    """All there is to tell about an upload.

    ``suppressed``: rows held back for their ids. ``remarks``: sentences on what else was seen.
    ``faults``: on what makes this account, or the reading of the file, incomplete. ``rejects``,
    ``journal``: the files, None if there are none.
    """

    file: str
    campaign: str
    tally: Tally
    requests: int
    retries: int
    elapsed: float
    stopped_by: CampaignsError | None = None
    blank: int = 0
    suppressed: int = 0
    remarks: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    rejects: str | None = None
    journal: str | None = None

    @property
    def exit_code(self) -> Exit:
        """Of several that apply: what is in doubt first, then why it ended, then what is not in."""
        counts = self.tally.counts
        if counts[Status.UNKNOWN]:
            return Exit.UNKNOWN
        if self.stopped_by is not None and not isinstance(self.stopped_by, JournalError):
            return exit_code_of(self.stopped_by)
        if self.stopped_by is not None:
            # It failed under way (a full disk): no fault of usage any more.
            return Exit.NOT_ALL_IN
        return Exit.NOT_ALL_IN if any(counts[s] for s in FAILED) or self.faults else Exit.ALL_IN

    @property
    def failure(self) -> Failure | None:
        """Why it ended before the file did, and what to do; None if it did not."""
        return None if self.stopped_by is None else explain(self.stopped_by)


def build_document(result: Result) -> dict[str, Any]:
    """The report as values that JSON can hold."""
    failure = result.failure
    return {
        "file": result.file,
        "campaign": result.campaign,
        "total": result.tally.total,
        "counts": {status.value: result.tally.counts[status] for status in Status},
        "reasons": [
            {"status": r.status.value, "reason": r.text, "count": r.count, "first_rows": r.rows}
            for r in result.tally.reasons
        ],
        "blank_rows": result.blank,
        "suppressed": result.suppressed,
        "requests": result.requests,
        "retries": result.retries,
        "elapsed": round(result.elapsed, 3),
        "stopped_by": None
        if failure is None
        else {
            "error": type(result.stopped_by).__name__,
            "what": failure.message,
            "next": failure.next_step,
            "reference": failure.reference,
        },
        "remarks": list(result.remarks),
        "faults": list(result.faults),
        "rejects": result.rejects,
        "journal": result.journal,
        "exit_code": int(result.exit_code),
    }


def encode(document: dict[str, Any]) -> str:
    """The document as JSON text, in ASCII so that no terminal or pipe can spoil it."""
    return json.dumps(document, indent=2)


def render(result: Result) -> Iterator[Text]:
    """The report as lines for people."""
    tally = result.tally
    yield terminal.line(
        (result.file, "bold"),
        f": {count(tally.total, 'row')} in {result.elapsed:.1f} s, "
        f"{count(result.requests, 'request')}"
        + (f", {count(result.retries, 'retry')}" if result.retries else ""),
    )
    yield Text()
    width = len(f"{max(tally.counts.values()):,}")
    for status in Status:
        number = tally.counts[status]
        if number or status is Status.ADDED:
            yield terminal.line(
                (f"  {status.value:<9}  {number:>{width},}", _STYLES[status]),
                f"  {_MEANINGS[status]}",
            )
    yield from render_reasons(tally)
    remarks = [*_blank_note(result), *result.remarks]
    if remarks or result.faults:
        yield Text()
    for remark in remarks:
        yield terminal.line(("Note: ", "bold"), remark)
    for fault in result.faults:
        yield terminal.line(("Not complete: ", "bold red"), fault)
    if result.rejects is not None and any(tally.counts[s] for s in FAILED):
        yield Text()
        yield terminal.line(
            "Rows that are not in, with why, are in ",
            (result.rejects, "bold"),
            "; mend it and upload it as it is.",
        )
    if result.journal is not None and any(tally.counts[s] for s in UNSETTLED):
        yield Text()
        yield terminal.line(
            "The same command goes on where this one ended; the journal is ",
            (result.journal, "bold"),
            ".",
        )


def render_reasons(tally: Tally) -> Iterator[Text]:
    """Why rows are not added, and which."""
    reasons = list(tally.reasons)
    if not reasons:
        return
    yield Text()
    header = " (the header is row 1)" if tally.header else ""
    yield terminal.line(f"Why, and which rows{header}:")
    width = len(f"{max(reason.count for reason in reasons):,}")
    for reason in reasons:
        more = "" if reason.count <= FIRST_ROWS else ", ..."
        rows = ", ".join(reason.rows) + more
        yield terminal.line(
            (f"  {reason.status.value:<9}  {reason.count:>{width},}", _STYLES[reason.status]),
            f"  {reason.text}",
        )
        yield terminal.line((f"  {'':9}  {'':{width}}  {_row_word(reason.count)} {rows}", "dim"))


def _blank_note(result: Result) -> tuple[str, ...]:
    return (f"{count(result.blank, 'blank row')} passed over.",) if result.blank else ()


def _row_word(number: int) -> str:
    return "row" if number == 1 else "rows"


def count(number: int, noun: str) -> str:
    """``1 row``, ``2,500 rows``, ``3 retries``."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"
