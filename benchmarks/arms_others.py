"""What a user would take instead, by hand: the limit, the loop, and the tidy client on cattrs."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import aiohttp
import attrs
import cattrs
from arms import BATCH, HEADERS, Send, Target, arm, identify, make_vendor_mappings


def make_bodies(rows: Sequence[int]) -> list[bytes]:
    """Requests ready to send, with the fields that an upload of mappings has."""
    records = [
        f'{{"crmRecordId":"{identify(row)}","priority":"HIGH","rank":{row + 1}}}' for row in rows
    ]
    return [
        f'{{"records":[{",".join(records[i : i + BATCH])}]}}'.encode()
        for i in range(0, len(records), BATCH)
    ]


@arm("raw", "aiohttp, prepared bytes", load=1.0, make=make_bodies)
@asynccontextmanager
async def raw(target: Target) -> AsyncIterator[Send]:
    """The limit: nothing is built, and nothing of the reply is looked at but its status."""

    async def work(session: aiohttp.ClientSession, bodies: Iterator[bytes]) -> None:
        for body in bodies:
            async with session.post(target.url, data=body, headers=HEADERS) as reply:
                await reply.read()
                assert reply.status == 201

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send(bodies: list[bytes]) -> None:
            waiting = iter(bodies)
            await asyncio.gather(*(work(session, waiting) for _ in range(target.in_flight)))

        yield send


@arm("naive", "aiohttp, a naive loop", load=0.3, make=make_vendor_mappings)
@asynccontextmanager
async def naive(target: Target) -> AsyncIterator[Send]:
    """What one writes on a Friday: no retries, no outcomes, and JSON as it comes."""
    semaphore = asyncio.Semaphore(target.in_flight)
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def post(batch: list[dict[str, Any]]) -> int:
            async with semaphore, session.post(target.url, json={"records": batch}) as reply:
                reply.raise_for_status()
                return len((await reply.json())["records"])

        async def send(records: list[dict[str, Any]]) -> None:
            batches = [records[i : i + BATCH] for i in range(0, len(records), BATCH)]
            added = await asyncio.gather(*map(post, batches))
            assert sum(added) == len(records)

        yield send


class Priority(StrEnum):
    """As the vendor has it."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


@attrs.frozen
class NewRow:
    """A record to send."""

    crmRecordId: str  # noqa: N815 - the vendor's spelling saves the renaming
    priority: Priority | None = None
    rank: float | None = None
    scheduleAt: datetime | None = None  # noqa: N815


@attrs.frozen
class Row:
    """A record in the reply."""

    id: UUID
    type: str
    crmRecordId: str  # noqa: N815
    priority: Priority
    rank: float
    nextAttemptAfter: datetime | None  # noqa: N815
    retryCount: int  # noqa: N815
    state: str


@attrs.frozen
class Added:
    """The reply."""

    records: list[Row]


def make_rows(rows: Sequence[int]) -> list[NewRow]:
    """Attrs objects."""
    return [NewRow(identify(row), Priority.HIGH, row + 1.0) for row in rows]


def make_converter() -> cattrs.Converter:
    """As the documentation of cattrs has it."""
    converter = cattrs.Converter()
    converter.register_structure_hook(UUID, lambda value, _: UUID(value))
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    return converter


@arm("cattrs", "aiohttp with cattrs, plainly", load=0.12, make=make_rows)
@asynccontextmanager
async def plain_cattrs(target: Target) -> AsyncIterator[Send]:
    """Objects out and objects in, each field checked, and no more than that."""
    converter = make_converter()

    async def work(session: aiohttp.ClientSession, batches: Iterator[list[NewRow]]) -> None:
        for batch in batches:
            body = json.dumps({"records": converter.unstructure(batch)}).encode()
            async with session.post(target.url, data=body, headers=HEADERS) as reply:
                added = converter.structure(json.loads(await reply.read()), Added)
                assert len(added.records) == len(batch)

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send(rows: list[NewRow]) -> None:
            waiting = (rows[i : i + BATCH] for i in range(0, len(rows), BATCH))
            await asyncio.gather(*(work(session, waiting) for _ in range(target.in_flight)))

        yield send
