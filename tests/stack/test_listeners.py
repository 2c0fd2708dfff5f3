"""Who listens to events may raise what he likes: the books do not hang on it."""

import asyncio

from campaigns_async.emulator import Fault, Faults
from campaigns_async.events import Event
from campaigns_async.models import CampaignState
from tests.stack.harness import ids, open_stack
from tests.stack.loop import virtual

TROUBLED = Faults(
    rates={Fault.UNAVAILABLE: 0.2, Fault.THROTTLE_SECONDS: 0.2, Fault.DROP_AFTER_COMMIT: 0.2}
)


def cancelled(_: Event) -> None:
    """Looked at something that was cancelled, say."""
    raise asyncio.CancelledError


@virtual
async def test_no_outcome_is_lost_to_whoever_listens_to_an_upload() -> None:
    """The books are kept first, and it is told then."""
    async with open_stack(client={"on_event": cancelled}, faults=TROUBLED) as stack:
        campaign, _ = stack.create_campaign(state=CampaignState.BUILDING, holds=ids(5))
        asyncio.get_running_loop().call_later(30, campaign.force, CampaignState.READY)
        report, _ = await stack.upload(campaign, ids(2_000))
        assert (report.total, report.added + report.present) == (2_000, 2_000)


@virtual
async def test_no_delivery_is_lost_to_whoever_listens_to_a_batcher() -> None:
    """Each gets its outcome, and a flush ends."""
    async with open_stack(client={"on_event": cancelled}, faults=TROUBLED) as stack:
        campaign, handle = stack.create_campaign(state=CampaignState.BUILDING)
        asyncio.get_running_loop().call_later(30, campaign.force, CampaignState.READY)
        async with handle.batcher() as batcher:
            deliveries = [await batcher.submit(crm_record_id) for crm_record_id in ids(1_000)]
            await batcher.flush()
            assert batcher.settled_through == 1_000
            assert all([(await delivery).in_campaign for delivery in deliveries])
