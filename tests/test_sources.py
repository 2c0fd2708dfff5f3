import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from campaigns_async.errors import ConfigurationError
from campaigns_async.models import NewRecord
from campaigns_async.sources import Source, open_source
from tests.stack.loop import virtual


def nothing() -> None:
    """For a test that looks for itself."""


def numbers(count: int, error: BaseException | None = None) -> Iterator[int]:
    """So many, then perhaps an exception."""
    yield from range(count)
    if error is not None:
        raise error


async def anumbers(count: int, error: BaseException | None = None) -> AsyncIterator[int]:
    """The same, one round of the loop after the other."""
    for number in range(count):
        await asyncio.sleep(0)
        yield number
    if error is not None:
        raise error


async def read(source: Source, more: asyncio.Event) -> list[Any]:
    """All of it, as it comes."""
    taken: list[Any] = []
    while not source.exhausted:
        more.clear()
        part = source.take(7)
        taken += part
        if not part and not source.exhausted:
            await more.wait()
    return taken


@pytest.mark.parametrize("records", ["CRM-1", b"x", {"a": 1}, NewRecord("x"), 7, None], ids=repr)
def test_what_is_no_iterable_of_records_is_refused(records: Any) -> None:
    """ConfigurationError says what to give instead."""
    with pytest.raises(ConfigurationError, match="iterable"):
        open_source(records, nothing)


@pytest.mark.parametrize("count", [0, 1, 7, 14, 500])
@pytest.mark.parametrize("as_async", [False, True])
async def test_all_of_it_comes_once_and_in_order(count: int, *, as_async: bool) -> None:
    """However many are taken at a time."""
    more = asyncio.Event()
    source = open_source(anumbers(count) if as_async else numbers(count), more.set)
    assert await read(source, more) == list(range(count))
    assert (source.take(7), source.rest(7), source.error) == ([], [], None)
    await source.close()


def test_an_iterable_is_read_no_further_than_asked() -> None:
    """Exactly as many as were taken."""
    records = numbers(10)
    source = open_source(records, nothing)
    assert (source.take(3), next(records)) == ([0, 1, 2], 3)


@pytest.mark.parametrize("error", [OSError("the disk is gone"), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize("as_async", [False, True])
async def test_what_came_before_an_exception_is_kept(
    error: BaseException, *, as_async: bool
) -> None:
    """The exception is the source's to tell, and it is exhausted."""
    more = asyncio.Event()
    source = open_source(anumbers(10, error) if as_async else numbers(10, error), more.set)
    assert await read(source, more) == list(range(10))
    assert type(source.error) is type(error)
    await source.close()


@pytest.mark.parametrize("turns", [0, 3])
async def test_a_strangers_cancellation_ends_the_reading_with_a_word(turns: int) -> None:
    """Even before its first turn, in which nothing of it runs."""
    more = asyncio.Event()
    others = asyncio.all_tasks()
    source = open_source(anumbers(100), more.set)
    source.take(1)
    for _ in range(turns):
        await asyncio.sleep(0)
    (reading,) = asyncio.all_tasks() - others
    reading.cancel()
    taken = await read(source, more)
    assert taken == list(range(len(taken)))
    assert isinstance(source.error, asyncio.CancelledError)
    await source.close()


@pytest.mark.parametrize(
    ("records", "rest"), [([1, 2, 3, 4, 5], [3, 4, 5]), (numbers(5), [])], ids=["list", "iterator"]
)
async def test_the_rest_is_had_of_what_surely_ends(records: Any, rest: list[int]) -> None:
    """A list is read to its end, some at a time; an iterator may have none."""
    source = open_source(records, nothing)
    source.take(2)
    await source.close()
    assert [source.rest(2) for _ in range(3)] == [rest[:2], rest[2:], []]
    assert source.exhausted is bool(rest)


class Breaking:
    """Has a length, and fails on the way."""

    def __len__(self) -> int:
        """As it says."""
        return 4

    def __iter__(self) -> Iterator[int]:
        """As it does."""
        return numbers(2, OSError("gone"))


def test_a_rest_that_breaks_is_what_came_before() -> None:
    """Its exception is told like any other."""
    source = open_source(Breaking(), nothing)
    source.take(1)
    assert (source.rest(9), source.exhausted, type(source.error)) == ([1], True, OSError)


async def test_an_async_iterable_is_read_a_little_ahead_and_no_more() -> None:
    """Until there is room again."""
    read_to = 0

    async def endless() -> AsyncIterator[int]:
        nonlocal read_to
        while True:
            read_to += 1
            yield read_to

    source = open_source(endless(), nothing)
    assert (source.take(5), read_to) == ([], 0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert read_to == 200
    assert source.take(50) == list(range(1, 51))
    for _ in range(20):
        await asyncio.sleep(0)
    assert 200 < read_to <= 350
    await source.close()
    await source.close()
    buffered = source.rest(100) + source.rest(1_000)
    assert (buffered, source.exhausted) == (list(range(51, read_to + 1)), False)


async def test_nothing_is_read_before_it_is_asked_for() -> None:
    """And nothing after it was closed."""
    before = asyncio.all_tasks()
    source = open_source(anumbers(5), nothing)
    await source.close()
    assert (source.rest(1), source.take(1), asyncio.all_tasks()) == ([], [], before)


async def test_an_iterable_that_ignores_the_end_comes_to_it_all_the_same() -> None:
    """What it gives after its cancellation belongs to the rest, and no more is asked of it."""

    async def stubborn() -> AsyncIterator[int]:
        for number in itertools.count():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0 if number < 3 else 60)
            yield number

    source = open_source(stubborn(), nothing)
    source.take(1)
    for _ in range(10):
        await asyncio.sleep(0)
    await source.close()
    assert (source.rest(10), source.rest(10), source.exhausted) == ([0, 1, 2, 3], [], False)


async def test_closing_lets_an_iterable_clean_up() -> None:
    """It is cancelled once, and gets its time."""
    steps: list[str] = []

    async def careful() -> AsyncIterator[int]:
        yield 1
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("begun")
            await asyncio.sleep(0.01)
            steps.append("ended")

    source = open_source(careful(), nothing)
    source.take(1)
    for _ in range(3):
        await asyncio.sleep(0)
    await asyncio.gather(source.close(), source.close())
    assert (steps, source.rest(5), source.error) == (["begun", "ended"], [1], None)


@virtual
async def test_closing_ends_even_what_hangs_in_its_cleaning_up() -> None:
    """After a while it is cancelled once more."""

    async def hangs() -> AsyncIterator[int]:
        yield 1
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()

    source = open_source(hangs(), nothing)
    source.take(1)
    for _ in range(3):
        await asyncio.sleep(0)
    await source.close()
    assert (source.rest(5), source.error) == ([1], None)
    assert 0 < asyncio.get_running_loop().time() < 60


async def test_closing_stops_the_reading_wherever_it_stands() -> None:
    """An iterable that waits is cancelled."""
    ended = asyncio.Event()

    async def waits() -> AsyncIterator[int]:
        yield 1
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    source = open_source(waits(), nothing)
    source.take(1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await source.close()
    assert (ended.is_set(), source.error) == (True, None)
