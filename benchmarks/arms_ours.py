"""Our own ways in."""

import asyncio
import csv
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from arms import (
    BATCH,
    CAMPAIGN,
    KEY,
    TENANT,
    Send,
    Target,
    arm,
    check,
    make_ids,
    make_mappings,
    make_vendor_mappings,
)

from campaigns_async import CampaignsSession, Limits, NewRecord
from campaigns_async.campaign import CampaignHandle

CALLERS = 1_000
"""Tasks that wait for the batcher at the same time."""


@asynccontextmanager
async def open_campaign(target: Target) -> AsyncIterator[CampaignHandle]:
    """The campaign, with as many requests in flight as the others have from the start."""
    limits = Limits(max_in_flight=target.in_flight, initial_in_flight=target.in_flight)
    async with CampaignsSession(
        api_key=KEY, tenant=TENANT, base_url=target.root, limits=limits
    ) as session:
        yield session.campaign(CAMPAIGN)


def make_new_records(rows: Sequence[int]) -> list[NewRecord]:
    """The same rows as values of ours."""
    return [NewRecord(m["crm_record_id"], priority=m["priority"]) for m in make_mappings(rows)]


@asynccontextmanager
async def upload(target: Target) -> AsyncIterator[Send]:
    """One call for all of them, and a report."""
    async with open_campaign(target) as campaign:

        async def send(records: list[Any]) -> None:
            report = await campaign.upload(records)
            check(added=report.added, wanted=len(records))

        yield send


arm("upload", "upload of mappings", load=0.5, make=make_mappings)(upload)
arm("upload-new", "upload of NewRecords", load=0.5, make=make_new_records)(upload)
arm("upload-ids", "upload of ids", load=0.5, make=make_ids)(upload)


@arm("upload-journal", "upload with a journal", load=0.5, make=make_mappings)
@asynccontextmanager
async def upload_with_journal(target: Target) -> AsyncIterator[Send]:
    """The same with a new journal each time, on the disk where temporary files are."""
    with tempfile.TemporaryDirectory() as folder:
        paths = (Path(folder, str(number)) for number in count())
        async with open_campaign(target) as campaign:

            async def send(records: list[Any]) -> None:
                report = await campaign.upload(records, journal=next(paths))
                check(added=report.added, wanted=len(records))

            yield send


def make_csv(rows: Sequence[int]) -> tuple[int, Path]:
    """A file on disk, as people have it; the one who uploads it removes it."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="", delete=False) as file:
        writer = csv.DictWriter(file, ["crmRecordId", "priority"])
        writer.writeheader()
        writer.writerows(make_vendor_mappings(rows))
    return len(rows), Path(file.name)


def read_rows(file: TextIO) -> Iterator[dict[str, str]]:
    """The records of a file, as one writes it who has many."""
    rows = csv.reader(file)
    next(rows)
    return (
        {"crmRecordId": crm_record_id, "priority": priority} for crm_record_id, priority in rows
    )


def add_csv_arm(key: str, label: str, read: Callable[[TextIO], Iterable[Any]]) -> None:
    """From the file to the report."""

    @arm(key, label, load=0.4, make=make_csv)
    @asynccontextmanager
    async def upload_csv(target: Target) -> AsyncIterator[Send]:
        async with open_campaign(target) as campaign:

            async def send(given: tuple[int, Path]) -> None:
                wanted, path = given
                with path.open(newline="", encoding="utf-8-sig") as file:
                    report = await campaign.upload(read(file))
                check(added=report.added, wanted=wanted)
                path.unlink()

            yield send


add_csv_arm("upload-csv", "upload of a CSV file", read_rows)
add_csv_arm("upload-csv-dict", "the same, by csv.DictReader", csv.DictReader)


@arm("stream", "stream, each outcome taken", load=0.3, make=make_mappings)
@asynccontextmanager
async def stream(target: Target) -> AsyncIterator[Send]:
    """Every outcome passes through the caller's loop."""
    async with open_campaign(target) as campaign:

        async def send(records: list[Any]) -> None:
            added = 0
            async with campaign.stream(records) as outcomes:
                async for outcome in outcomes:
                    added += outcome.in_campaign
            check(added=added, wanted=len(records))

        yield send


@arm("stream-records", "stream, each record read", load=0.2, make=make_mappings)
@asynccontextmanager
async def stream_records(target: Target) -> AsyncIterator[Send]:
    """Every outcome, and the service's record in it."""
    async with open_campaign(target) as campaign:

        async def send(records: list[Any]) -> None:
            added = 0
            async with campaign.stream(records) as outcomes:
                async for outcome in outcomes:
                    record = outcome.record
                    added += record is not None and record.retry_count == 0
            check(added=added, wanted=len(records))

        yield send


@arm("add-records", "add_records, 100 at a time", load=0.2, make=make_mappings)
@asynccontextmanager
async def add_records(target: Target) -> AsyncIterator[Send]:
    """The plain call: one request, and every record of the reply as a value."""
    async with open_campaign(target) as campaign:

        async def work(batches: Iterator[list[Any]]) -> int:
            return sum([len(await campaign.add_records(batch)) for batch in batches])

        async def send(records: list[Any]) -> None:
            batches = (records[i : i + BATCH] for i in range(0, len(records), BATCH))
            added = await asyncio.gather(*(work(batches) for _ in range(target.in_flight)))
            check(added=sum(added), wanted=len(records))

        yield send


@arm("batcher", f"batcher, {CALLERS:,} callers of add", load=0.15, make=make_mappings)
@asynccontextmanager
async def batcher(target: Target) -> AsyncIterator[Send]:
    """A service with many tasks, each of which waits for the outcome of its record."""
    async with open_campaign(target) as campaign, campaign.batcher() as records_in:

        async def work(records: Iterator[Any]) -> int:
            return sum([(await records_in.add(record)).in_campaign for record in records])

        async def send(records: list[Any]) -> None:
            waiting = iter(records)
            added = await asyncio.gather(*(work(waiting) for _ in range(CALLERS)))
            check(added=sum(added), wanted=len(records))

        yield send
