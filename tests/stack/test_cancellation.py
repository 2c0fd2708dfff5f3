"""A call may be cancelled at any await: the session stays usable, and no turn is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from campaigns_async.campaign import CampaignHandle
from campaigns_async.emulator import Emulator
from campaigns_async.errors import CampaignsError
from campaigns_async.models import CampaignState
from tests.servers import ONE_AT_A_TIME, connect

CALLS: dict[str, Callable[[CampaignHandle, int], Awaitable[Any]]] = {
    "add": lambda handle, n: handle.add_records([f"CRM-{n}"]),
    "action": lambda handle, _: handle.modify("PURGE"),
    "upload": lambda handle, n: handle.upload([f"CRM-{n}-{row}" for row in range(150)]),
    "start": lambda handle, _: handle.start_when_ready(deadline=5),
}


async def cancel_after(steps: int, call: Awaitable[Any]) -> bool:
    """Cancel the call after so many steps of the loop; whether it had ended before."""
    task = asyncio.ensure_future(call)
    for _ in range(steps):
        await asyncio.sleep(0)
    over = task.done()
    task.cancel()
    with suppress(asyncio.CancelledError, CampaignsError):
        await task
    return over


@pytest.mark.parametrize("fault", [None, "throttle_bare", "drop_before_commit"])
@pytest.mark.parametrize("name", CALLS)
async def test_a_call_that_is_cancelled_anywhere_leaves_the_session_usable(
    emulator: Emulator, name: str, fault: str | None
) -> None:
    """After each step of the loop; the next call succeeds, and no turn is taken meanwhile."""
    building = name == "start"
    async with connect(emulator, limits=ONE_AT_A_TIME) as session:
        slots = session._dispatcher.slots  # noqa: SLF001 - what it is all about
        steps, ended = 0, 0
        # Until it ends by itself before it is cancelled, twice; with longer strides far out.
        while ended < 2 and steps < 1_000_000:
            campaign = emulator.create_campaign(
                state=CampaignState.BUILDING if building else CampaignState.PAUSED,
                build_seconds=0.005,
            )
            handle = session.campaign(campaign.id)
            if fault:
                emulator.inject(fault)
            ended += await cancel_after(steps, CALLS[name](handle, steps))
            emulator.clear_faults()
            assert slots.in_flight == 0, steps
            if not building:
                async with asyncio.timeout(10):
                    await handle.add_records([f"AFTER-{steps}"])
                    await handle.purge()
            steps += 1 if steps < 60 else steps // 4
        assert ended == 2


async def test_of_many_that_wait_any_may_be_cancelled(emulator: Emulator) -> None:
    """The others get their turns, each once."""
    campaign = emulator.create_campaign()
    async with connect(emulator, limits=ONE_AT_A_TIME) as session:
        handle = session.campaign(campaign.id)
        tasks = [asyncio.create_task(handle.add_records([f"CRM-{n}"])) for n in range(40)]
        for _ in range(3):
            await asyncio.sleep(0)
        for task in tasks[1::2]:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert session._dispatcher.slots.in_flight == 0  # noqa: SLF001 - what it is all about
    assert [type(end) for end in ends[1::2]] == [asyncio.CancelledError] * 20
    assert list(campaign.ledger) == [f"CRM-{n}" for n in range(0, 40, 2)]
