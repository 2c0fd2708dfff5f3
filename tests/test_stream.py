import asyncio
from collections.abc import AsyncIterator

import pytest

from campaigns_async import CampaignHandle, CampaignsSession, RetryPolicy, Status
from campaigns_async.emulator import Emulator, Fault, Faults
from tests.stack.harness import open_stack
from tests.stack.loop import virtual

IDS = [f"CRM-{i}" for i in range(250)]


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """A local service."""
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
async def handle(emulator: Emulator) -> AsyncIterator[CampaignHandle]:
    """A running, empty campaign on it."""
    async with CampaignsSession(
        api_key=emulator.api_key,
        tenant=emulator.tenant,
        base_url=emulator.base_url,
        retry=RetryPolicy(base=0.001, cap=0.01),
    ) as session:
        yield session.campaign(emulator.create_campaign().id)


async def test_it_gives_each_outcome_once(handle: CampaignHandle) -> None:
    """One for each row, and at the end the report of all of them."""
    stream = handle.stream(IDS)
    outcomes = [outcome async for outcome in stream]
    assert sorted(outcome.index for outcome in outcomes) == list(range(250))
    assert {outcome.status for outcome in outcomes} == {Status.ADDED}
    assert (stream.report.total, stream.report.added, stream.report.exhausted) == (250, 250, True)


async def test_after_the_end_there_is_nothing(handle: CampaignHandle) -> None:
    """Asked again, it is over again."""
    stream = handle.stream(["CRM-1"])
    assert len([outcome async for outcome in stream]) == 1
    assert [outcome async for outcome in stream] == []
    await stream.aclose()


async def test_nothing_happens_before_the_first_is_asked_for(
    handle: CampaignHandle, emulator: Emulator
) -> None:
    """Making it sends nothing; closed at once, it never does."""
    stream = handle.stream(IDS)
    await stream.aclose()
    assert [outcome async for outcome in stream] == []
    assert emulator.request_count == 0


async def test_it_goes_on_only_as_outcomes_are_taken(
    handle: CampaignHandle, emulator: Emulator
) -> None:
    """Who takes one outcome and stops does not upload a million records."""

    def endless() -> AsyncIterator[str]:
        async def ids() -> AsyncIterator[str]:
            position = 0
            while True:
                yield f"CRM-{position}"
                position += 1

        return ids()

    async with handle.stream(endless()) as stream:
        first = await anext(stream)
        assert first.status is Status.ADDED
        for _ in range(2_000):
            await asyncio.sleep(0)
        assert emulator.request_count < 100
    assert stream.report.stopped_by is not None


async def test_leaving_the_block_stops_it(handle: CampaignHandle, emulator: Emulator) -> None:
    """Each row that was read has a verdict then, and nothing more is sent."""
    async with handle.stream(IDS * 100, on_duplicate="first") as stream:
        async for _ in stream:
            break
    report = stream.report
    assert report.total == sum(report.counts.values())
    assert str(report.stopped_by) == "the upload was cancelled"
    sent = emulator.request_count
    await asyncio.sleep(0)
    assert emulator.request_count == sent


async def test_a_cancelled_wait_loses_nothing(handle: CampaignHandle, emulator: Emulator) -> None:
    """An outcome that came while nobody waited is given to the next who asks."""
    emulator.inject(Fault.UNAVAILABLE, times=3, retry_after=0)
    stream = handle.stream(["CRM-1", "CRM-2"])
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert sorted([outcome.index async for outcome in stream]) == [0, 1]


async def test_what_the_input_raises_comes_out_at_the_end(handle: CampaignHandle) -> None:
    """After the outcomes of all that was read."""

    async def ids() -> AsyncIterator[str]:
        yield "CRM-1"
        raise LookupError

    stream = handle.stream(ids())
    assert (await anext(stream)).status is Status.ADDED
    with pytest.raises(LookupError):
        await anext(stream)
    await stream.aclose()


@virtual
async def test_closing_it_twice_takes_no_time_from_what_is_in_flight() -> None:
    """The second one waits with the first."""
    async with open_stack(faults=Faults(latency=1)) as stack:
        _, handle = stack.create_campaign()
        stream = handle.stream(IDS[:100])
        taking = asyncio.create_task(anext(stream, None))
        await asyncio.sleep(0.5)
        await asyncio.gather(stream.aclose(), stream.aclose())
        await taking
        assert stream.report.added == 100
