"""The options that say how a file is read, the same for `upload` and `validate`."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.files import JSON_SUFFIXES, RecordFile, open_file
from campaigns_async.cli.scheduling import Scheduling
from campaigns_async.cli.suppress import read_ids

_COLUMNS: Final = {
    "crm_record_id": "id_column",
    "schedule_at": "schedule_column",
    "priority": "priority_column",
    "rank": "rank_column",
    "time_zone": "time_zone_column",
}

_OPTIONS: Final = (
    click.option("--id-column", metavar="NAME", help="Column of the CRM record ids. [crmRecordId]"),
    click.option("--schedule-column", metavar="NAME", help="Column of the times. [scheduleAt]"),
    click.option("--priority-column", metavar="NAME", help="Column of the priorities. [priority]"),
    click.option("--rank-column", metavar="NAME", help="Column of the ranks. [rank]"),
    click.option(
        "--schedule-at",
        metavar="TIME",
        help='Of rows without a time: "2026-12-01 09:00", with an offset or in --time-zone.',
    ),
    click.option(
        "--time-zone",
        metavar="ZONE",
        help="Of times without an offset: Europe/London. One that clocks show twice is the first; "
        "one that they skip, 01:30, is the hour after it, 02:30.",
    ),
    click.option(
        "--time-zone-column",
        metavar="NAME",
        help="Column of the rows' own zones, which count before --time-zone. [timeZone]",
    ),
    click.option(
        "--suppress",
        "suppress_path",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Ids never to be sent, one a line, compared letter by letter.",
    ),
    click.option(
        "--delimiter", metavar="SIGN", help="Between the cells; else found in the header."
    ),
)


def input_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of `read_input`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_input(path: str, options: Mapping[str, Any]) -> Callable[[], RecordFile]:
    """What opens the file as the options say, each time from its beginning."""
    chosen: dict[str, str | None] = {field: options[name] for field, name in _COLUMNS.items()}
    suppress: Path | None = options["suppress_path"]
    return partial(
        open_file,
        path,
        chosen=chosen,
        delimiter=options["delimiter"],
        scheduling=Scheduling(options["schedule_at"], options["time_zone"]),
        suppress=frozenset() if suppress is None else read_ids(suppress),
    )


def files_read(path: str, options: Mapping[str, Any]) -> dict[str, Path | str | None]:
    """What is read, and must therefore not be written."""
    return {
        "the input": None if path == "-" else path,
        "the suppress list": options["suppress_path"],
    }


def check_rejects(rejects: Path, file: RecordFile) -> None:
    """Raise `Failure` where the name would make an upload read the reject file as what it is not.

    Its form is that of the file: JSON lines of JSON lines, else CSV.
    """
    other = {"jsonl": {".csv", ".parquet"}, "csv": {*JSON_SUFFIXES, ".parquet"}}
    if rejects.suffix.lower() in other[file.format]:
        form, suffix = ("JSON lines", ".jsonl") if file.format == "jsonl" else ("CSV", ".csv")
        raise Failure(
            f"the reject file of {file.name} is {form}, and is called {rejects.name}",
            next_step=f"name it {suffix}",
        )
