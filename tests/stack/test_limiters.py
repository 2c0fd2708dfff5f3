"""A shared limiter is the last wait before a request: what happens meanwhile counts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from campaigns_async import Limits, RecordOutcome, Status, UnresolvedError
from campaigns_async.emulator import EmulatedCampaign, Fault
from campaigns_async.models import CampaignState
from tests.stack.harness import VirtualStack, check_ledger, ids, open_stack
from tests.stack.loop import run, virtual

QUICK, SLOW = 3, 100.0


class SlowLimiter:
    """Lets the first three go at once, and each of the others after 100 s."""

    def __init__(self) -> None:
        self._asked = 0

    async def acquire(self) -> None:
        """As said."""
        self._asked += 1
        if self._asked > QUICK:
            await asyncio.sleep(SLOW)


def wide() -> Limits:
    """Turns for all of five batches."""
    return Limits(max_in_flight=5, initial_in_flight=5, limiter=SlowLimiter())


@virtual
async def test_retry_after_holds_those_that_the_limiter_lets_go() -> None:
    """They got their turn before the service asked to wait, and wait all the same."""
    async with open_stack(client={"limits": wide()}) as stack:
        campaign, _ = stack.create_campaign()
        stack.emulator.inject(Fault.THROTTLE_SECONDS, times=QUICK, retry_after=3 * SLOW)
        report, _ = await stack.upload(campaign, ids(500))
        begin = stack.emulator.requests[0].at
        times = [(request.at - begin).total_seconds() for request in stack.emulator.requests]
        assert (times[:QUICK], report.added) == ([0.0] * QUICK, 500)
        assert all(time >= 3 * SLOW for time in times[QUICK:])


# --- whatever ends it: two of five batches wait in the limiter then

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
    with contextlib.suppress(ZeroDivisionError):
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
def test_what_waits_for_a_limiter_is_not_sent_after_the_end(end: Ending) -> None:
    """Not at once and not when the limiter lets it go; and its outcome says so."""

    async def main() -> None:
        async with open_stack(client={"limits": wide()}) as stack:
            campaign, _ = stack.create_campaign()
            outcomes = await end(stack, campaign)
            assert asyncio.get_running_loop().time() < SLOW
            await asyncio.sleep(10 * SLOW)
            assert stack.emulator.request_count == QUICK
            check_ledger(outcomes, campaign)
            late = {o.status for o in outcomes if QUICK * 100 <= o.index < 500}
            assert late <= {Status.NOT_ADDED}

    run(main())
