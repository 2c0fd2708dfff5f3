"""``validate``: what an upload would refuse by itself, and what looks damaged; nothing is sent."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import click
from rich.text import Text

from campaigns_async._core.dedupe import Dedupe
from campaigns_async._core.parsing import parse_rows
from campaigns_async.cli import terminal
from campaigns_async.cli.failures import Exit, Failure
from campaigns_async.cli.files import RecordFile
from campaigns_async.cli.inputs import check_rejects, files_read, input_options, read_input
from campaigns_async.cli.outputs import keep_apart
from campaigns_async.cli.rejects import RejectFile
from campaigns_async.cli.report import count, encode, render_reasons
from campaigns_async.cli.rows import AnyRow, BrokenRow, FileRecord
from campaigns_async.cli.suspicions import Suspicion, Suspicions
from campaigns_async.cli.tally import FIRST_ROWS, Tally
from campaigns_async.outcomes import RecordOutcome, Status


@click.command(
    short_help="Check a file as an upload would; nothing is sent.",
    epilog="Exit codes: 0 no row would be refused here, 2 usage, 3 some would.",
)
@click.argument("path", metavar="FILE")
@input_options
@click.option(
    "--rejects",
    "rejects_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the rows that would be refused here, with why; replaces the file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def validate(ctx: click.Context, /, path: str, **options: Any) -> None:
    """Check FILE (- for stdin) as an upload would, without sending anything.

    Reads it as upload does and makes the same reject file. Says which ids are repeated and where,
    and what looks damaged: ids that a spreadsheet shortened (1.23E+05) or took zeros from, times in
    the past. Only the service knows what is on the campaign and in the CRM. Needs no key.

    \b
    Example:
      campaigns-async validate contacts.csv --rejects rejects.csv
    """  # noqa: D301 - \b is click's: do not rewrap
    with ExitStack() as stack:
        file = stack.enter_context(read_input(path, options)())
        rejects = None
        if options["rejects_path"] is not None:
            keep_apart(files_read(path, options), {"the reject file": options["rejects_path"]})
            check_rejects(options["rejects_path"], file)
            rejects = stack.enter_context(RejectFile(options["rejects_path"], file))
        found = check(file, rejects)
    if options["as_json"]:
        click.echo(encode(build_document(found)))
    else:
        console = terminal.stdout()
        for text in render(found):
            console.print(text)
    ctx.exit(found.exit_code)


@attrs.frozen(kw_only=True)
class Findings:
    """What a file is like. ``good``: rows that would be sent."""

    file: str
    good: int
    tally: Tally
    suspicions: tuple[Suspicion, ...]
    blank: int = 0
    remarks: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    rejects: str | None = None

    @property
    def exit_code(self) -> Exit:
        """Of what an upload would refuse; what only looks damaged would be sent."""
        bad = self.tally.counts[Status.REJECTED] or self.faults
        return Exit.NOT_ALL_IN if bad else Exit.ALL_IN


def check(
    file: RecordFile, rejects: RejectFile | None = None, *, now: datetime | None = None
) -> Findings:
    """Read the file to its end. ``now``: what times in the past are told by."""
    tally = Tally(file.numbers, header=file.format == "csv")
    suspicions, seen = Suspicions(now), Dedupe()
    good, faults = 0, list[str]()
    try:
        for position, row in enumerate(file):
            outcome = _judge(row, position, seen)
            if outcome is None:
                good += 1
            else:
                tally.add(outcome, row)
            if isinstance(row, FileRecord) and (outcome is None or outcome.error is None):
                suspicions.look_at(row)
            if outcome is not None and outcome.error is not None and rejects is not None:
                rejects.add(row, outcome.status, outcome.error)
    except (OSError, Failure) as error:
        faults.append(f"{file.name} was not read to its end: {error}")
    if rejects is not None:
        rejects.close()
    if rejects is not None and rejects.fault is not None:
        faults.append(rejects.fault)
    return Findings(
        file=file.name,
        good=good,
        tally=tally,
        suspicions=tuple(suspicions),
        blank=file.blank,
        remarks=file.remarks,
        faults=tuple(faults),
        rejects=None if rejects is None else str(rejects.path),
    )


def _judge(row: AnyRow, position: int, seen: Dedupe) -> RecordOutcome | None:
    """What an upload says of the row by itself; None: it would be sent."""
    if isinstance(row, BrokenRow):
        return RecordOutcome(position, row, Status.REJECTED, error=row.error)
    parsed = parse_rows([row], [position])
    [crm_record_id] = parsed.ids
    if (error := parsed.errors.get(position)) is not None:
        return RecordOutcome(
            position, row, Status.REJECTED, error=error, crm_record_id=crm_record_id
        )
    [repeat] = seen.claim(parsed) or [None]
    if repeat is None:
        return None
    return RecordOutcome(
        position,
        row,
        Status.DUPLICATE,
        duplicate_of=repeat.first,
        differs=repeat.differs,
        crm_record_id=crm_record_id,
    )


def build_document(found: Findings) -> dict[str, Any]:
    """The findings as values that JSON can hold."""
    counts = found.tally.counts
    return {
        "file": found.file,
        "total": found.good + found.tally.total,
        "would_be_sent": found.good,
        "counts": {s.value: counts[s] for s in (Status.DUPLICATE, Status.REJECTED)},
        "reasons": [
            {"status": r.status.value, "reason": r.text, "count": r.count, "first_rows": r.rows}
            for r in found.tally.reasons
        ],
        "suspicions": [
            {"what": s.what, "count": s.count, "first_rows": s.rows, "next": s.next_step}
            for s in found.suspicions
        ],
        "blank_rows": found.blank,
        "remarks": list(found.remarks),
        "faults": list(found.faults),
        "rejects": found.rejects,
        "exit_code": int(found.exit_code),
    }


def render(found: Findings) -> Iterator[Text]:
    """The findings as lines for people."""
    tally = found.tally
    total = found.good + tally.total
    yield terminal.line((found.file, "bold"), f": {count(total, 'row')}, nothing was sent")
    yield Text()
    width = len(f"{max(total, 1):,}")
    for name, number, style, meaning in (
        ("good", found.good, "green", "would be sent"),
        ("DUPLICATE", tally.counts[Status.DUPLICATE], "yellow", "repeat the id of an earlier row"),
        ("REJECTED", tally.counts[Status.REJECTED], "red", "would be refused for themselves"),
    ):
        if number or name == "good":
            yield terminal.line((f"  {name:<9}  {number:>{width},}", style), f"  {meaning}")
    yield from render_reasons(tally)
    if found.suspicions:
        yield Text()
        yield terminal.line("What would be sent and looks damaged:")
    for suspicion in found.suspicions:
        more = "" if suspicion.count <= FIRST_ROWS else ", ..."
        word = "row" if suspicion.count == 1 else "rows"
        rows = f"{word} {', '.join(map(str, suspicion.rows))}{more}"
        yield terminal.line((f"  {suspicion.count:,}", "bold yellow"), f"  {suspicion.what}")
        yield terminal.line((f"     {suspicion.next_step}; {rows}", "dim"))
    blank = (f"{count(found.blank, 'blank row')} passed over.",) if found.blank else ()
    if blank or found.remarks or found.faults:
        yield Text()
    for remark in (*blank, *found.remarks):
        yield terminal.line(("Note: ", "bold"), remark)
    for fault in found.faults:
        yield terminal.line(("Not complete: ", "bold red"), fault)
    if found.rejects is not None and tally.counts[Status.REJECTED]:
        yield Text()
        yield terminal.line(
            "Rows that would be refused, with why, are in ", (found.rejects, "bold")
        )
