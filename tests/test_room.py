import asyncio

from campaigns_async.room import Room


async def begin(room: Room, count: int) -> list["asyncio.Task[None]"]:
    """So many that wait, in this order."""
    waiting = [asyncio.create_task(room.wait()) for _ in range(count)]
    await asyncio.sleep(0)
    return waiting


async def told(waiting: list["asyncio.Task[None]"]) -> list[bool]:
    """Which of them have been told by now."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return [task.done() for task in waiting]


def test_it_is_full_when_all_places_are_taken() -> None:
    """Or more of them: who was told may come too late."""
    room = Room(2)
    seen = []
    for room.taken in (0, 1, 2, 3):
        seen.append(room.full)
    assert seen == [False, False, True, True]


async def test_as_many_are_told_as_there_are_places() -> None:
    """Those who came first."""
    room = Room(3)
    room.taken = 3
    waiting = await begin(room, 3)
    room.tell()
    assert await told(waiting) == [False, False, False]
    room.taken = 1
    room.tell()
    assert await told(waiting) == [True, True, False]
    room.close()
    await asyncio.gather(*waiting)


async def test_who_gives_up_passes_on_what_it_was_told() -> None:
    """Cancelled before it could look, it leaves the place to the next one."""
    room = Room(1)
    room.taken = 1
    first, second = await begin(room, 2)
    room.taken = 0
    room.tell()
    first.cancel()
    await asyncio.wait([first])
    assert (first.cancelled(), await told([second])) == (True, [True])


async def test_who_gave_up_is_not_told() -> None:
    """The place is for somebody who still waits."""
    room = Room(1)
    room.taken = 1
    first, second = await begin(room, 2)
    first.cancel()
    room.taken = 0
    room.tell()
    assert await told([second]) == [True]


async def test_when_it_is_closed_all_are_told() -> None:
    """Those that come later too: as soon as somebody tells."""
    room = Room(1)
    room.taken = 1
    waiting = await begin(room, 3)
    room.close()
    assert await told(waiting) == [True] * 3
    late = await begin(room, 1)
    room.tell()
    assert await told(late) == [True]
