import asyncio

import pytest

from campaigns_async import Delivery, RecordOutcome, Status
from campaigns_async.delivery import Pending

ADDED = RecordOutcome(0, "CRM-1", Status.ADDED)


def make_pending() -> Pending:
    """A record that nobody waits for yet."""
    return Pending("CRM-1")


def settle(pending: Pending) -> None:
    """Its outcome comes."""
    for delivery in pending.deliveries:
        delivery.settle(ADDED)


async def test_a_delivery_gives_its_outcome_as_often_as_asked() -> None:
    """A delivery can be awaited again and again, also after it is done."""
    pending = make_pending()
    delivery = pending.join(0)
    settle(pending)
    assert await delivery is ADDED
    assert await delivery is ADDED
    assert delivery.outcome is ADDED


async def test_a_delivery_shows_how_far_it_is() -> None:
    """`done`, `outcome` and the repr tell whether the outcome is known, without waiting."""
    pending = make_pending()
    delivery = pending.join(7)
    assert (delivery.position, delivery.done(), delivery.outcome) == (7, False, None)
    assert repr(delivery) == "<Delivery 7 pending>"
    settle(pending)
    assert delivery.done()
    assert repr(delivery) == "<Delivery 7 ADDED>"


async def test_all_who_share_an_id_get_its_outcome() -> None:
    """Those who join a pending record each have a delivery of their own, with one outcome."""
    pending = make_pending()
    deliveries = [pending.join(position) for position in (0, 3, 5)]
    waiting = [asyncio.ensure_future(delivery) for delivery in deliveries]
    settle(pending)
    assert await asyncio.gather(*waiting) == [ADDED] * 3
    assert pending.deliveries == deliveries


async def test_a_cancelled_waiter_leaves_the_outcome_to_the_others() -> None:
    """Cancelling who awaits a delivery cancels that wait alone."""
    pending = make_pending()
    delivery = pending.join(0)

    async def wait() -> RecordOutcome:
        return await delivery

    impatient, patient = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    assert impatient.cancelled()
    settle(pending)
    assert await patient is ADDED


@pytest.mark.parametrize("look", ["await", "outcome"])
async def test_it_knows_whether_anybody_looked(look: str) -> None:
    """Awaiting it, or asking for its outcome, counts as looking; its repr and `done` do not."""
    pending = make_pending()
    delivery: Delivery = pending.join(0)
    settle(pending)
    assert delivery.done()
    assert repr(delivery)
    assert not delivery.looked_at
    if look == "await":
        await delivery
    else:
        assert delivery.outcome
    assert delivery.looked_at


async def test_asking_too_early_is_no_look() -> None:
    """Asking for the outcome before it is known sees nothing, so a failure still comes out."""
    pending = make_pending()
    delivery = pending.join(0)
    assert delivery.outcome is None
    assert not delivery.looked_at


async def test_giving_up_is_no_look() -> None:
    """Who waits for the outcome looks; who gives up before it comes has seen nothing."""
    pending = make_pending()
    delivery = pending.join(0)

    async def wait() -> RecordOutcome:
        return await delivery

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    assert delivery.looked_at
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not delivery.looked_at
