"""``upload``: a file onto a campaign, with an account of every row."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import click

from campaigns_async.cli import terminal
from campaigns_async.cli.audit import AuditFile
from campaigns_async.cli.connection import connection_options, read_connection
from campaigns_async.cli.durations import duration
from campaigns_async.cli.failures import EPILOG, Exit, Failure
from campaigns_async.cli.file_upload import FileUpload, Wishes
from campaigns_async.cli.garbage import collect_seldom
from campaigns_async.cli.inputs import check_rejects, files_read, input_options, read_input
from campaigns_async.cli.journals import BESIDE, find_journal, offer_resume
from campaigns_async.cli.outputs import check_writable, keep_apart
from campaigns_async.cli.reject_limit import NO_LIMIT, reject_limit
from campaigns_async.cli.rejects import RejectFile
from campaigns_async.cli.report import Result, build_document, encode, render
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import Limits


@click.command(short_help="Put the rows of a file on a call list.", epilog=EPILOG)
@click.argument("path", metavar="FILE")
@connection_options
@input_options
@click.option(
    "--order",
    type=click.Choice(["input", "server"]),
    default="input",
    show_default=True,
    help="Dial in the file's order, by a rank given to each row without one; or as they arrive.",
)
@click.option("--rank-start", type=int, default=1, show_default=True, help="The first row's rank.")
@click.option(
    "--exclusive",
    is_flag=True,
    help="Your word that none of the ids is on the campaign and nobody else adds them meanwhile.",
)
@click.option(
    "--max-in-flight",
    type=click.IntRange(min=1),
    default=Limits().max_in_flight,
    show_default=True,
    help="Requests at a time, at most.",
)
@click.option(
    "--requests-per-second",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="At most so many, 1.5 for 90 a minute. Without it, as many as the service takes.",
)
@click.option("--deadline", type=duration, metavar="TIME", help="Stop after 90, 90s, 5m, 2h ...")
@click.option(
    "--stop-after-rejects",
    type=reject_limit,
    metavar="N|P%",
    help="Stop when so many rows were refused, or such a share of the rows read (from 1,000 on).",
)
@click.option(
    "--journal",
    "journal_path",
    is_flag=False,
    flag_value=BESIDE,
    metavar="[PATH]",
    help="Keep an account on disk that survives a crash, and go on where it ends. Without a PATH "
    "(then put it last) it is FILE.journal.",
)
@click.option("--yes", is_flag=True, help="Go on with a journal without asking.")
@click.option(
    "--rejects",
    "rejects_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the rows that are not in here, with why; replaces the file.",
)
@click.option(
    "--report",
    "report_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the report here as JSON.",
)
@click.option(
    "--audit",
    "audit_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Add a line of JSON here for each outcome, as it settles.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def upload(ctx: click.Context, /, path: str, **options: Any) -> None:
    """Put the rows of FILE (- for stdin) on a campaign's call list.

    Takes CSV with a header, in UTF-8, UTF-16 or Windows-1252 and with any delimiter, or JSON lines
    (.jsonl, .ndjson), or Parquet (.parquet, with the extra parquet). The columns crmRecordId,
    scheduleAt, priority and rank are found by name, whatever their case, spaces and underscores;
    others are not sent. Safe to run again: what is on the campaign is not added twice. For a long
    list use --journal: after a crash the same command goes on where it ended, and report and reject
    file cover all runs.

    \b
    Example:
      campaigns-async upload contacts.csv --campaign $ID --rejects rejects.csv --journal
    """  # noqa: D301 - \b is click's: do not rewrap
    connection = read_connection(
        **{name: options[name] for name in ("api_key_file", "tenant", "site", "base_url")}
    )
    in_flight: int = options["max_in_flight"]
    defaults = Limits()
    session = connection.open(
        Limits(
            max_in_flight=in_flight,
            initial_in_flight=min(in_flight, defaults.initial_in_flight),
            requests_per_second=options["requests_per_second"],
        )
    )
    session.campaign(options["campaign_id"])
    reopen = read_input(path, options)
    journal = find_journal(path, options["journal_path"])
    keep_apart(
        {**files_read(path, options), "the key file": options["api_key_file"]},
        {
            "the journal": journal,
            "the reject file": options["rejects_path"],
            "the report": options["report_path"],
            "the audit file": options["audit_path"],
        },
    )
    if options["report_path"] is not None:
        check_writable(options["report_path"], "the report")
    with ExitStack() as stack:
        file = stack.enter_context(reopen())
        resumed = journal is not None and offer_resume(journal, yes=options["yes"])
        rejects = None
        if options["rejects_path"] is not None:
            check_rejects(options["rejects_path"], file)
            rejects = stack.enter_context(RejectFile(options["rejects_path"], file, late=resumed))
        audit = None
        if options["audit_path"] is not None:
            audit = stack.enter_context(AuditFile(options["audit_path"]))
        options |= {"journal": journal, "resumed": resumed}
        options["stop_after_rejects"] = options["stop_after_rejects"] or NO_LIMIT
        wishes = Wishes(**{f.name: options[f.name] for f in attrs.fields(Wishes)})
        work = FileUpload(
            session,
            options["campaign_id"],
            file,
            rejects=rejects,
            wishes=wishes,
            reopen=reopen,
            audit=audit,
        )
        with collect_seldom():
            result = asyncio.run(_run(session, work))
    ctx.exit(tell(result, as_json=options["as_json"], report_path=options["report_path"]))


async def _run(session: CampaignsSession, work: FileUpload) -> Result:
    async with session:
        return await work.run()


def tell(result: Result, *, as_json: bool = False, report_path: Path | None = None) -> Exit:
    """Print the report, and write it where that is asked for; gives the command's exit code."""
    document = encode(build_document(result))
    unwritten = None if report_path is None else _write(report_path, document)
    if as_json:
        click.echo(document)
    else:
        console = terminal.stdout()
        for text in render(result):
            console.print(text)
    if result.failure is not None:
        result.failure.show()
    if unwritten is None:
        return result.exit_code
    unwritten.show()
    return result.exit_code or Exit.USAGE


def _write(path: Path, document: str) -> Failure | None:
    try:
        path.write_text(document + "\n", "utf-8")
    except OSError as error:
        return Failure(f"the report {path} cannot be written: {error.strerror}")
    return None
