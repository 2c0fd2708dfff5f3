import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.watermark import Watermark


@given(st.permutations(range(12)), st.lists(st.integers(1, 6), min_size=12))
def test_it_is_the_lowest_that_is_not_settled(order: list[int], sizes: list[int]) -> None:
    """In whatever order they settle, and however many at once."""
    mark = Watermark()
    begin = 0
    for size in sizes:
        mark.add_all(sorted(order[begin : begin + size]))
        mark.advance()
        begin += size
        assert mark.position == next(n for n in range(13) if n not in order[:begin])


def test_what_is_settled_beyond_is_kept_as_ranges() -> None:
    """Millions may settle while one does not."""
    mark = Watermark()
    for position in range(1, 10_000):
        mark.add_all([position])
    assert (mark.position, len(mark._ends), len(mark._begins)) == (0, 1, 1)  # noqa: SLF001 - memory
    mark.add_all([0])
    assert (mark.position, mark._ends, mark._begins) == (10_000, {}, {})  # noqa: SLF001 - as above


async def test_who_waits_is_told_when_all_below_is_settled() -> None:
    """Not before; and at once where it is so already."""
    mark = Watermark()
    await mark.wait(0)
    waiting = asyncio.create_task(mark.wait(2))
    for position in (1, 0):
        await asyncio.sleep(0)
        assert not waiting.done()
        mark.add_all([position])
        mark.advance()
    await waiting
    await mark.wait(2)


async def test_who_gives_up_is_forgotten() -> None:
    """Nothing is kept of a wait that was cancelled, and nothing goes wrong later."""
    mark = Watermark()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await mark.wait(1)
    mark.add_all([0])
    mark.advance()
    assert mark.position == 1
