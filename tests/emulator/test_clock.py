import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from campaigns_async.emulator.clock import LoopClock


async def test_the_clock_goes_with_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its first look at the wall the clock passes as the loop's time passes."""
    clock = LoopClock()
    begin = clock()
    loop = asyncio.get_running_loop()
    elapsed = loop.time() + 3600
    monkeypatch.setattr(loop, "time", lambda: elapsed)
    assert timedelta(seconds=3599) < clock() - begin < timedelta(seconds=3660)


async def test_the_clock_begins_at_the_wall() -> None:
    """The first reading is now, in UTC."""
    before = datetime.now(UTC)
    assert abs(LoopClock()() - before) < timedelta(seconds=5)


def test_the_clock_needs_a_loop_once() -> None:
    """Outside of a loop the clock cannot begin, but it can go on."""
    clock = LoopClock()
    with pytest.raises(RuntimeError):
        clock()

    async def begin() -> datetime:
        return clock()

    assert asyncio.run(begin()) <= clock()
