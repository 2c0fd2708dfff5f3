import asyncio
import time

import aiohttp
import pytest

from tests.stack.harness import ids, open_stack
from tests.stack.loop import DeadlockError, VirtualLoop, run, virtual


def test_time_jumps_to_the_next_timer() -> None:
    """A sleep of a century takes no time, and ends at exactly its time."""
    began = time.perf_counter()

    async def main() -> float:
        await asyncio.sleep(100 * 365 * 86_400)
        return asyncio.get_running_loop().time()

    assert run(main()) == 100 * 365 * 86_400
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("start", [0.0, 1e6, 1e9])
def test_timers_fire_however_late_it_is(start: float) -> None:
    """Short sleeps end in order at any time of the clock, where floats are coarse too."""
    order: list[float] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append(seconds)

    async def main() -> None:
        await asyncio.gather(*(sleep(s) for s in (0.3, 0.1, 0.001, 0.2)))

    loop = VirtualLoop(start)
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    assert order == [0.001, 0.1, 0.2, 0.3]


def test_a_deadlock_is_told() -> None:
    """Where everybody waits for somebody else, the loop says who waits instead of hanging."""

    async def wait_for_godot() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="wait_for_godot"):
        run(wait_for_godot())


def test_nobody_listens_where_there_is_no_network() -> None:
    """Without a network, connections are refused as by a real loop."""

    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get("http://localhost/")

    with pytest.raises(aiohttp.ClientConnectorError):
        run(main())


@virtual
async def test_the_real_stack_runs_in_memory() -> None:
    """Session, aiohttp and service talk over connections in memory, as over real ones."""
    async with open_stack() as stack:
        _, handle = stack.create_campaign()
        records = await handle.add_records(["OTHER-1"])
        assert [record.crm_record_id for record in records] == ["OTHER-1"]
        other, _ = stack.create_campaign(holds=["CRM-1"])
        report, _ = await stack.upload(other, ids(1_000))
        assert (report.added, report.present) == (999, 1)
        assert stack.network.connections <= 16
