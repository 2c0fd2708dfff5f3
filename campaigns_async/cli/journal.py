"""``journal show`` and ``journal export``: what an upload's journal says, without uploading."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TextIO

import click
from rich.text import Text

from campaigns_async.cli import terminal
from campaigns_async.cli.failures import Failure
from campaigns_async.cli.files import open_file
from campaigns_async.cli.journals import describe
from campaigns_async.cli.outputs import keep_apart
from campaigns_async.cli.rejects import facts_of, make_harmless
from campaigns_async.cli.report import count, encode
from campaigns_async.cli.rows import RowNumbers
from campaigns_async.journal import Journal
from campaigns_async.outcomes import Evidence, RecordOutcome, Status

COLUMNS: Final = (
    *("position", "row", "status", "evidence", "attribution", "attempts"),
    *("duplicate_of", "error", "reason", "instance", "time"),
)
"""What `journal export` tells of each outcome."""

_PATH: Final = click.Path(path_type=Path, dir_okay=False)


@click.group(short_help="Read the journal of an upload.")
def journal() -> None:
    """Read the journal of an upload, which `upload --journal` writes.

    \b
    Example:
      campaigns-async journal show contacts.csv.journal
    """  # noqa: D301 - \b is click's: do not rewrap


@journal.command(short_help="Say how far an upload is.")
@click.argument("path", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(path: Path, *, as_json: bool) -> None:
    """Say which upload the journal at PATH is of, how far it is, and what came of the rows.

    Nothing is sent, and the journal stays as it is.

    \b
    Example:
      campaigns-async journal show contacts.csv.journal
    """  # noqa: D301 - \b is click's: do not rewrap
    with Journal.open(path) as opened:
        document = build_document(path, opened)
        far = describe(opened)
    if as_json:
        click.echo(encode(document))
        return
    console = terminal.stdout()
    for text in render(document, far):
        console.print(text)


@journal.command(short_help="Write the outcome of each row.")
@click.argument("path", type=_PATH)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl"]),
    help="CSV, or one JSON object a line. [by the name of --output, else csv]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
@click.option("--output", type=_PATH, metavar="FILE", help="Write here instead of to stdout.")
@click.option(
    "--input",
    "input_path",
    type=_PATH,
    metavar="FILE",
    help="The file that was uploaded, for its row numbers; else they are left out.",
)
@click.option("--id-column", metavar="NAME", help="Column of the ids in that file. [crmRecordId]")
@click.option("--delimiter", metavar="SIGN", help="Between its cells; else found in the header.")
def export(
    path: Path,
    *,
    form: str | None,
    as_json: bool,
    output: Path | None,
    input_path: Path | None,
    id_column: str | None,
    delimiter: str | None,
) -> None:
    """Write the outcome of every row that the journal at PATH knows of, in the file's order.

    Each has position (from 0), row, status, evidence, attribution, attempts, duplicate_of (a
    position), error, reason, instance and time. The journal holds no ids, so there are none.

    \b
    Example:
      campaigns-async journal export contacts.csv.journal --input contacts.csv --output outcomes.csv
    """  # noqa: D301 - \b is click's: do not rewrap
    if form is None:
        lines = as_json or (output is not None and output.suffix.lower() in {".jsonl", ".ndjson"})
        form = "jsonl" if lines else "csv"
    elif as_json and form == "csv":
        raise Failure("--json and --format csv are two formats", next_step="leave one of them out")
    keep_apart({"the journal": path, "the input": input_path}, {"the output": output})
    numbers = None
    if input_path is not None:
        with open_file(
            str(input_path), chosen={"crm_record_id": id_column}, delimiter=delimiter
        ) as file:
            for _ in file:
                pass
            numbers = file.numbers
    with ExitStack() as stack:
        opened = stack.enter_context(Journal.open(path))
        if numbers is not None and len(numbers) < opened.read:
            raise Failure(
                f"the file {input_path} has fewer rows than the {opened.read:,} that were uploaded",
                next_step="give the file that the journal is of",
            )
        stream: TextIO = sys.stdout
        if output is not None:
            try:
                stream = stack.enter_context(output.open("w", encoding="utf-8", newline=""))
            except OSError as error:
                raise Failure(f"{output} cannot be written: {error.strerror}") from None
        write_outcomes(stream, describe_all(opened.outcomes(), numbers), form)


def build_document(path: Path, opened: Journal) -> dict[str, Any]:
    """What the journal says of the upload as a whole, for JSON."""
    report = opened.report()
    identity = dict(opened.identity)
    # The identity has the path of the requests; people know the campaign by its id.
    if "campaign" in identity:
        identity["campaign"] = str(identity["campaign"]).removesuffix("/records").strip("/")
    return {
        "journal": str(path),
        "complete": opened.complete,
        "identity": identity,
        "rows": opened.total,
        "read": opened.read,
        "settled": opened.settled,
        "counts": {status.value: report.counts[status] for status in Status},
        "requests": report.requests,
        "retries": report.retries,
        "elapsed": round(report.elapsed, 3),
        "stopped_by": None if report.stopped_by is None else str(report.stopped_by),
    }


def render(document: dict[str, Any], far: str) -> Iterator[Text]:
    """The document as lines for people."""
    style = ("complete", "green") if document["complete"] else ("not complete", "bold yellow")
    yield terminal.line((document["journal"], "bold"), ": ", style, f", {far}")
    yield Text()
    retries = f", {count(document['retries'], 'retry')}" if document["retries"] else ""
    facts = {
        **{name.replace("_", " "): value for name, value in document["identity"].items()},
        "requests": f"{document['requests']:,}{retries}",
        "elapsed": f"{document['elapsed']:,.1f} s",
        "stopped by": None if document["complete"] else document["stopped_by"],
    }
    for name, value in facts.items():
        if value is not None:
            yield terminal.line((f"  {name:<12}  ", "dim"), str(value))
    yield Text()
    width = len(f"{max(document['counts'].values()):,}")
    for name, number in document["counts"].items():
        if number or name == Status.ADDED:
            yield terminal.line(f"  {name:<9}  {number:>{width},}")


def describe_all(
    outcomes: Iterator[RecordOutcome], numbers: RowNumbers | None
) -> Iterator[dict[str, Any]]:
    """Each outcome as plain values, by `COLUMNS`; None for what does not apply."""
    for outcome in outcomes:
        facts = facts_of(outcome.error)
        values = (
            outcome.index,
            None if numbers is None else numbers[outcome.index],
            outcome.status.value,
            outcome.evidence,
            outcome.attribution,
            # Of confirmed ones the journal does not keep how many.
            None if outcome.evidence is Evidence.CONFIRMED else outcome.attempts,
            outcome.duplicate_of,
            None if outcome.error is None else type(outcome.error).__name__,
            *(facts[name] for name in ("reason", "instance", "time")),
        )
        yield dict(zip(COLUMNS, values, strict=True))


def write_outcomes(stream: TextIO, rows: Iterator[dict[str, Any]], form: str) -> None:
    """The rows as CSV with a header, or as JSON lines."""
    if form == "jsonl":
        stream.writelines(json.dumps(row) + "\n" for row in rows)
        return
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = ("" if value is None else value for value in row.values())
        writer.writerow(
            [make_harmless(terminal.safe(c)) if isinstance(c, str) else c for c in cells]
        )
