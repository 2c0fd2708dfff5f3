import asyncio

import pytest

from campaigns_async import Delivery, RecordOutcome, Status

ADDED = RecordOutcome(0, "CRM-1", Status.ADDED)


async def test_a_delivery_gives_its_outcome_as_often_as_asked() -> None:
    """A delivery can be awaited again and again, also after it is done."""
    delivery = Delivery(0, "CRM-1")
    delivery.settle(ADDED)
    assert await delivery is ADDED
    assert await delivery is ADDED
    assert delivery.outcome is ADDED


async def test_a_delivery_shows_how_far_it_is() -> None:
    """`done`, `outcome` and the repr tell whether the outcome is known, without waiting."""
    delivery = Delivery(7, "CRM-1")
    assert (delivery.position, delivery.done(), delivery.outcome) == (7, False, None)
    assert repr(delivery) == "<Delivery 7 pending>"
    delivery.settle(ADDED)
    assert delivery.done()
    assert repr(delivery) == "<Delivery 7 ADDED>"


async def test_all_who_wait_get_its_outcome() -> None:
    """However many there are."""
    delivery = Delivery(0, "CRM-1")

    async def wait() -> RecordOutcome:
        return await delivery

    waiting = [asyncio.create_task(wait()) for _ in range(3)]
    await asyncio.sleep(0)
    delivery.settle(ADDED)
    assert await asyncio.gather(*waiting) == [ADDED] * 3


def test_it_knows_those_that_share_its_id() -> None:
    """In the order in which they came; whoever settles it settles them."""
    first, second, third = (Delivery(position, "CRM-1") for position in (0, 3, 5))
    assert first.sharers is None
    first.share(second)
    first.share(third)
    assert first.sharers == [second, third]


async def test_a_cancelled_waiter_leaves_the_outcome_to_the_others() -> None:
    """Cancelling who awaits a delivery cancels that wait alone."""
    delivery = Delivery(0, "CRM-1")

    async def wait() -> RecordOutcome:
        return await delivery

    impatient, patient = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    assert impatient.cancelled()
    delivery.settle(ADDED)
    assert await patient is ADDED


@pytest.mark.parametrize("look", ["await", "outcome"])
async def test_it_knows_whether_anybody_looked(look: str) -> None:
    """Awaiting it, or asking for its outcome, counts as looking; its repr and `done` do not."""
    delivery = Delivery(0, "CRM-1")
    delivery.settle(ADDED)
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
    delivery = Delivery(0, "CRM-1")
    assert delivery.outcome is None
    assert not delivery.looked_at


async def test_giving_up_is_no_look() -> None:
    """Who waits for the outcome looks; who gives up before it comes has seen nothing."""
    delivery = Delivery(0, "CRM-1")

    async def wait() -> RecordOutcome:
        return await delivery

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    assert delivery.looked_at
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not delivery.looked_at
