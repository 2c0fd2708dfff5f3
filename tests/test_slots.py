import asyncio

import pytest

from campaigns_async._core.pacing import Pacing
from campaigns_async.slots import Slots


def slots(size: int = 1, **pacing: float) -> Slots:
    """As many turns as that."""
    return Slots(Pacing(ceiling=size, initial=size, **pacing))  # type: ignore[arg-type]


async def test_a_turn_is_granted_at_once_where_there_is_room() -> None:
    """Without a round of the loop."""
    some = slots(2)
    first, second = some.request(), some.request()
    assert (first.done(), second.done(), some.in_flight) == (True, True, 2)


async def test_turns_are_granted_first_come_first_served() -> None:
    """Each release lets the next one go."""
    some = slots(1)
    ticket = await some.acquire()
    order: list[int] = []

    async def go(number: int) -> None:
        mine = await some.acquire()
        order.append(number)
        some.release(mine, congested=None)

    tasks = [asyncio.create_task(go(number)) for number in range(5)]
    await asyncio.sleep(0)
    some.release(ticket, congested=None)
    await asyncio.gather(*tasks)
    assert (order, some.in_flight) == ([0, 1, 2, 3, 4], 0)


async def test_nobody_overtakes_those_who_wait() -> None:
    """A newcomer queues even when a turn would be free for it."""
    some = slots(1)
    ticket = await some.acquire()
    waiting = some.request()
    some.release(ticket, congested=None)
    newcomer = some.request()
    assert (waiting.done(), newcomer.done()) == (True, False)
    some.release(waiting.result(), congested=None)
    assert newcomer.done()


async def test_one_who_is_cancelled_while_waiting_leaves_the_queue() -> None:
    """The next one gets the turn."""
    some = slots(1)
    ticket = await some.acquire()
    gone = asyncio.create_task(some.acquire())
    stays = asyncio.create_task(some.acquire())
    await asyncio.sleep(0)
    gone.cancel()
    some.release(ticket, congested=None)
    some.release(await stays, congested=None)
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert some.in_flight == 0


async def test_one_who_is_cancelled_just_when_granted_gives_the_turn_back() -> None:
    """It is not lost."""
    some = slots(1)
    ticket = await some.acquire()
    unlucky = asyncio.create_task(some.acquire())
    await asyncio.sleep(0)
    some.release(ticket, congested=None)
    unlucky.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unlucky
    assert some.in_flight == 0
    assert some.request().done()


async def test_a_turn_that_is_withdrawn_goes_to_the_next() -> None:
    """Granted or not."""
    some = slots(1)
    granted, waiting, last = some.request(), some.request(), some.request()
    some.withdraw(waiting)
    some.withdraw(granted)
    assert (waiting.cancelled(), last.done(), some.in_flight) == (True, True, 1)
    some.withdraw(waiting)
    assert some.in_flight == 1


async def test_a_hold_keeps_everybody_back_for_so_long() -> None:
    """Those who wait and those who come; then they go by themselves."""
    loop = asyncio.get_running_loop()
    some = slots(2)
    began = loop.time()
    some.hold(0.03)
    some.hold(0.01)
    turns = [some.request(), some.request()]
    assert [turn.done() for turn in turns] == [False, False]
    await asyncio.gather(*turns)
    assert loop.time() - began >= 0.03


async def test_a_hold_can_be_waited_out_with_a_turn() -> None:
    """By who has begun and not sent yet, through a hold that came meanwhile too."""
    loop = asyncio.get_running_loop()
    some = slots(1)
    await some.outwait_hold()
    began = loop.time()
    some.hold(0.01)
    waiting = asyncio.create_task(some.outwait_hold())
    await asyncio.sleep(0)
    some.hold(0.03)
    await waiting
    assert (loop.time() - began >= 0.03, some.is_open()) == (True, True)


async def test_a_rate_spreads_the_turns() -> None:
    """Each one waits for its time."""
    loop = asyncio.get_running_loop()
    some = slots(9, requests_per_second=100)
    began = loop.time()
    for _ in range(4):
        some.release(await some.acquire(), congested=None)
    assert loop.time() - began >= 0.029


async def test_congestion_makes_fewer_turns() -> None:
    """Until successes make more of them again."""
    some = slots(4)
    tickets = [await some.acquire() for _ in range(4)]
    for ticket in tickets:
        some.release(ticket, congested=True)
    assert [some.request().done() for _ in range(3)] == [True, True, False]
