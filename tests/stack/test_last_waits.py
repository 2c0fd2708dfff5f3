"""The last waits before a request, for a limiter or a connection: what happens meanwhile counts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count, pairwise
from typing import Any

import pytest

from campaigns_async import (
    Limits,
    RateLimitError,
    RecordOutcome,
    RetryPolicy,
    Status,
    Timeout,
    UnresolvedError,
)
from campaigns_async.emulator import EmulatedCampaign, Fault
from campaigns_async.models import CampaignState
from tests.stack.harness import VirtualStack, check_ledger, ids, open_stack
from tests.stack.loop import run, virtual

QUICK, SLOW = 3, 100.0


def slow_at_last() -> Callable[[], float]:
    """The wait of each in turn: none for the first three, 100 s for the others."""
    asked = count()
    return lambda: SLOW if next(asked) >= QUICK else 0.0


class SlowLimiter:
    """Lets one go after the other when its time has come."""

    def __init__(self) -> None:
        self._takes = slow_at_last()

    async def acquire(self) -> None:
        """As said."""
        await asyncio.sleep(self._takes())


@asynccontextmanager
async def open_slow(waits_for: str, **options: Any) -> AsyncIterator[VirtualStack]:
    """A stack with turns for all of five batches, two of which come to wait."""
    limiter = SlowLimiter() if waits_for == "limiter" else None
    limits = Limits(max_in_flight=5, initial_in_flight=5, limiter=limiter)
    client = {"limits": limits, "timeout": Timeout(connect=1_000, total=1_000), **options}
    async with open_stack(client=client) as stack:
        if waits_for == "connection":
            stack.network.takes = slow_at_last()
        yield stack


LAST_WAITS = ["limiter", "connection"]


@pytest.mark.parametrize("waits_for", LAST_WAITS)
@virtual
async def test_retry_after_holds_those_that_come_out_of_their_wait(waits_for: str) -> None:
    """They got their turn before the service asked to wait, and wait all the same."""
    async with open_slow(waits_for) as stack:
        campaign, _ = stack.create_campaign()
        stack.emulator.inject(Fault.THROTTLE_SECONDS, times=QUICK, retry_after=3 * SLOW)
        report, _ = await stack.upload(campaign, ids(500))
        begin = stack.emulator.requests[0].at
        times = [(request.at - begin).total_seconds() for request in stack.emulator.requests]
        assert (times[:QUICK], report.added) == ([0.0] * QUICK, 500)
        assert all(time >= 3 * SLOW for time in times[QUICK:])
        # Those that were throttled came again; the others did not fail.
        assert report.retries == QUICK


@pytest.mark.parametrize("waits_for", LAST_WAITS)
@virtual
async def test_being_held_at_the_last_moment_costs_no_attempt(waits_for: str) -> None:
    """A call that may make but one waits, and makes that."""
    async with open_slow(waits_for, retry=RetryPolicy(max_attempts=1, deadline=1_000)) as stack:
        handles = [stack.create_campaign()[1] for _ in range(QUICK + 1)]
        stack.emulator.inject(Fault.THROTTLE_SECONDS, retry_after=3 * SLOW)
        calls = [handle.add_records(["CRM-1"]) for handle in handles]
        first, *others = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(first, RateLimitError)
        assert [len(records) for records in others if isinstance(records, list)] == [1] * QUICK


@virtual
async def test_a_hold_costs_no_permits() -> None:
    """Those that it held back ask the limiter once more, and do not go all at once at its end."""

    class Steady:
        """One in a second."""

        def __init__(self) -> None:
            self._next = 0.0

        async def acquire(self) -> None:
            now = asyncio.get_running_loop().time()
            self._next = max(now, self._next + 1)
            await asyncio.sleep(self._next - now)

    limits = Limits(max_in_flight=20, initial_in_flight=20, limiter=Steady())
    async with open_stack(client={"limits": limits}) as stack:
        campaign, _ = stack.create_campaign()
        stack.emulator.inject(Fault.THROTTLE_SECONDS, retry_after=30)
        await stack.upload(campaign, ids(2_000))
        times = [request.at for request in stack.emulator.requests]
        assert all((b - a).total_seconds() >= 1 - 1e-6 for a, b in pairwise(times))


# --- whatever ends it: two of five batches wait for their limiter or their connection then

Ending = Callable[[VirtualStack, EmulatedCampaign], Awaitable[list[RecordOutcome]]]


async def end_by_deadline(stack: VirtualStack, campaign: EmulatedCampaign) -> list[RecordOutcome]:
    """The upload has no more time."""
    return (await stack.upload(campaign, ids(500), deadline=SLOW / 2))[1]


async def end_by_rejects(stack: VirtualStack, campaign: EmulatedCampaign) -> list[RecordOutcome]:
    """One row too many cannot be sent."""

    async def rows() -> AsyncIterator[str]:
        for crm_record_id in ids(500):
            yield crm_record_id
        await asyncio.sleep(SLOW / 2)
        yield ""

    outcomes: list[RecordOutcome] = []
    handle = stack.session.campaign(campaign.id)
    await handle.upload(rows(), on_outcome=outcomes.append, stop_after_rejects=1)
    return outcomes


async def end_by_key(stack: VirtualStack, campaign: EmulatedCampaign) -> list[RecordOutcome]:
    """The key is revoked: the first three are told."""
    stack.emulator.revoke_key()
    return (await stack.upload(campaign, ids(500)))[1]


async def end_by_state(stack: VirtualStack, campaign: EmulatedCampaign) -> list[RecordOutcome]:
    """The campaign is over: the first three are told."""
    campaign.force(CampaignState.COMPLETE)
    return (await stack.upload(campaign, ids(500)))[1]


async def end_by_cancel(stack: VirtualStack, campaign: EmulatedCampaign) -> list[RecordOutcome]:
    """The caller cancels it."""
    outcomes: list[RecordOutcome] = []
    handle = stack.session.campaign(campaign.id)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SLOW / 2):
            await handle.upload(ids(500), on_outcome=outcomes.append)
    return outcomes


async def end_by_aclose(stack: VirtualStack, campaign: EmulatedCampaign) -> list[RecordOutcome]:
    """The stream is left after what came at once; the rest of its outcomes nobody takes."""
    outcomes: list[RecordOutcome] = []
    async with stack.session.campaign(campaign.id).stream(ids(500)) as stream:
        async for outcome in stream:
            outcomes.append(outcome)
            if len(outcomes) == QUICK * 100:
                break
    assert (stream.report.added, stream.report.not_added) == (QUICK * 100, 200)
    return outcomes


async def end_by_exception(stack: VirtualStack, campaign: EmulatedCampaign) -> list[RecordOutcome]:
    """The batcher is left by one."""
    with suppress(ZeroDivisionError):
        async with stack.session.campaign(campaign.id).batcher() as batcher:
            deliveries = [await batcher.submit(crm_record_id) for crm_record_id in ids(500)]
            await asyncio.sleep(SLOW / 2)
            raise ZeroDivisionError
    return [await delivery for delivery in deliveries]


async def end_by_timeout(stack: VirtualStack, campaign: EmulatedCampaign) -> list[RecordOutcome]:
    """The batcher is closed, and has no time for them."""
    batcher = stack.session.campaign(campaign.id).batcher()
    deliveries = [await batcher.submit(crm_record_id) for crm_record_id in ids(500)]
    with pytest.raises(UnresolvedError):
        await batcher.aclose(timeout=SLOW / 2)
    return [await delivery for delivery in deliveries]


@pytest.mark.parametrize("waits_for", LAST_WAITS)
@pytest.mark.parametrize(
    "end",
    [
        end_by_deadline,
        end_by_rejects,
        end_by_key,
        end_by_state,
        end_by_cancel,
        end_by_aclose,
        end_by_exception,
        end_by_timeout,
    ],
)
def test_what_waits_is_not_sent_after_the_end(end: Ending, waits_for: str) -> None:
    """Not at once, and not when its wait is over; and its outcome says so."""

    async def main() -> None:
        async with open_slow(waits_for) as stack:
            campaign, _ = stack.create_campaign()
            outcomes = await end(stack, campaign)
            assert asyncio.get_running_loop().time() < SLOW
            await asyncio.sleep(10 * SLOW)
            assert stack.emulator.request_count == QUICK
            check_ledger(outcomes, campaign)
            late = {o.status for o in outcomes if QUICK * 100 <= o.index < 500}
            assert late <= {Status.NOT_ADDED}

    run(main())
