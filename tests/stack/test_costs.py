"""What an upload costs, in what can be counted: calls of ours and requests, not seconds."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import campaigns_async
from campaigns_async import CampaignHandle, NewRecord
from campaigns_async.cli.rows import FileRecord
from tests.stack.harness import ids, open_stack
from tests.stack.loop import virtual

_OURS = str(Path(campaigns_async.__file__).parent)
_SERVICE = str(Path(_OURS) / "emulator")

FORMS: dict[str, Callable[[str], object]] = {
    "id": str,
    "mapping": lambda i: {"crm_record_id": i, "priority": "HIGH"},
    "NewRecord": lambda i: NewRecord(i, priority="HIGH"),
    "record of a file": lambda i: FileRecord(i, priority="HIGH", row=1),
}


@contextmanager
def count_calls() -> Iterator[list[int]]:
    """How often a function of the client is called or resumed, in the first place of the list."""
    calls = [0]

    def note(frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(_OURS) and not file.startswith(_SERVICE):
            calls[0] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


async def upload(campaign: CampaignHandle, records: list[Any]) -> int:
    """Upload, and count."""
    with count_calls() as calls:
        await campaign.upload(records)
    return calls[0]


async def stream(campaign: CampaignHandle, records: list[Any]) -> int:
    """Take every outcome, and count."""
    with count_calls() as calls:
        async for _ in campaign.stream(records):
            pass
    return calls[0]


async def add(campaign: CampaignHandle, records: list[Any]) -> int:
    """Wait for each in a task of its own, and count."""
    with count_calls() as calls:
        async with campaign.batcher() as batcher:
            await asyncio.gather(*map(batcher.add, records))
    return calls[0]


Way = Callable[[CampaignHandle, list[Any]], Awaitable[int]]


async def count_per_batch(way: Way, form: str) -> float:
    """Calls for 100 records: the difference of two uploads, free of what beginning takes."""
    async with open_stack() as stack:
        counts: list[int] = []
        for number, batches in enumerate((0, 10, 50)):
            _, campaign = stack.create_campaign()
            records = [FORMS[form](i) for i in ids(batches * 100, f"R{number}")]
            counts.append(await way(campaign, records))
        assert stack.emulator.request_count == 60
    return (counts[2] - counts[1]) / 40


@pytest.mark.parametrize("form", FORMS)
@virtual
async def test_an_upload_makes_no_call_for_each_record(form: str) -> None:
    """A full batch takes some 120 calls, and one request."""
    assert await count_per_batch(upload, form) <= 1.02 * 119.9


@virtual
async def test_a_stream_makes_few_calls_for_each_record() -> None:
    """Making an outcome and taking it takes three calls."""
    assert await count_per_batch(stream, "mapping") <= 1.02 * 358.0


@virtual
async def test_an_add_takes_few_calls() -> None:
    """19: to hand a record over, to wait for it and to settle it, those for its batch shared."""
    assert await count_per_batch(add, "mapping") <= 1.02 * 1921.7
