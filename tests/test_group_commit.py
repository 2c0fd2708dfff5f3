import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from campaigns_async.errors import JournalError
from campaigns_async.group_commit import GroupCommit


class Desk:
    """Things to be written, and what was.

    ``door`` shut, a write stands until it is opened. ``failure``: what the next one ends with.
    """

    def __init__(self, *, interval: float = 0.0) -> None:
        self.new: list[str] = []
        self.written: list[list[str]] = []
        self.commits_seen = 0
        self.commit = asyncio.Event()
        self.errors: list[JournalError] = []
        self.failure: Exception | None = None
        self.door = threading.Event()
        self.door.set()
        self.commits = GroupCommit(
            prepare=self._prepare,
            on_commit=self._note,
            on_error=self.errors.append,
            interval=interval,
        )

    def _note(self) -> None:
        self.commits_seen += 1
        self.commit.set()

    def _prepare(self) -> Callable[[], None]:
        taken, self.new = self.new, []

        def write() -> None:
            self.door.wait(30)
            failure, self.failure = self.failure, None
            if failure is not None:
                raise failure
            self.written.append(taken)

        return write

    def add(self, text: str) -> int:
        """One more; its mark."""
        self.new.append(text)
        return self.commits.request()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """One that may write at once."""
    desk = Desk()
    desk.commits.begin()
    yield desk
    desk.door.set()
    desk.commits.close()


async def turns(count: int = 5) -> None:
    """Let everything that can happen without a thread happen."""
    for _ in range(count):
        await asyncio.sleep(0)


def cancel_others() -> None:
    """As a loop does at its end."""
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_a_mark_is_kept_when_it_is_written(desk: Desk) -> None:
    """Waiting for it returns then, and everybody is told of the commit."""
    desk.door.clear()
    mark = desk.add("a")
    waiter = asyncio.create_task(desk.commits.wait(mark))
    await turns()
    assert [waiter.done(), mark > desk.commits.kept] == [False, True]
    desk.door.set()
    await waiter
    assert (desk.commits.kept, desk.written, desk.commits_seen) == (mark, [["a"]], 1)


async def test_what_comes_up_during_a_commit_goes_into_the_next(desk: Desk) -> None:
    """All of it together, and never two commits at a time."""
    desk.door.clear()
    desk.add("a")
    await turns()
    marks = [desk.add(text) for text in "bcd"]
    waiter = asyncio.create_task(desk.commits.wait(marks[-1]))
    await turns()
    desk.door.set()
    await waiter
    assert desk.written == [["a"], ["b", "c", "d"]]


async def test_nothing_is_written_before_it_begins() -> None:
    """What was requested until then goes into the first commit."""
    desk = Desk()
    mark = desk.add("a")
    await turns()
    before = desk.commits.begun
    desk.commits.begin()
    await desk.commits.wait(mark)
    assert [before, desk.commits.begun, desk.written] == [False, True, [["a"]]]
    desk.commits.close()


async def test_commits_keep_their_distance_unless_somebody_waits() -> None:
    """An hour apart here: what nobody waits for goes together with what somebody does."""
    desk = Desk(interval=3_600)
    desk.commits.begin()
    await desk.commits.wait(desk.add("a"))
    desk.add("b")
    await turns()
    mark = desk.add("c")
    assert desk.written == [["a"]]
    await desk.commits.wait(mark)
    desk.commit.clear()
    desk.add("d")
    desk.commits.hurry()
    await desk.commit.wait()
    assert desk.written == [["a"], ["b", "c"], ["d"]]
    await desk.commits.finish()
    desk.commits.close()


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (JournalError("the disk is full"), "the disk is full"),
        (MemoryError("so much"), r"the journal failed: MemoryError\('so much'\)"),
    ],
    ids=["known", "unknown"],
)
async def test_a_failure_is_told_once_and_to_all_who_wait(
    desk: Desk, failure: Exception, words: str
) -> None:
    """Nothing is written after it, and nothing is kept that was not."""
    desk.failure = failure
    mark = desk.add("a")
    for _ in range(2):
        with pytest.raises(JournalError, match=words):
            await desk.commits.wait(mark)
    with pytest.raises(JournalError, match=words):
        await desk.commits.wait(desk.add("b"))
    assert (desk.errors, desk.written, desk.commits.kept) == ([desk.commits.failed], [], 0)


async def test_after_the_end_nothing_begins(desk: Desk) -> None:
    """What is under way is finished; who waits for more is told that there is none."""
    desk.door.clear()
    first = desk.add("a")
    await turns()
    end = asyncio.create_task(desk.commits.finish())
    waiter = asyncio.create_task(desk.commits.wait(desk.add("b")))
    await turns()
    assert not end.done()
    desk.door.set()
    await end
    with pytest.raises(JournalError, match="the journal is closed"):
        await waiter
    assert (desk.written, desk.commits.kept) == ([["a"]], first)


async def test_closing_waits_for_what_is_under_way(desk: Desk) -> None:
    """Where nothing can be awaited; the loop may learn of it later."""
    desk.add("a")
    await turns()
    desk.commits.close()
    desk.add("b")
    await desk.commits.finish()
    assert desk.written == [["a"]]


async def test_a_cancelled_commit_loses_nothing_that_was_prepared(desk: Desk) -> None:
    """A loop that ends cancels every task; what comes after builds on what was prepared."""
    desk.door.clear()
    mark = desk.add("a")
    await turns(1)
    cancel_others()
    await turns()
    desk.door.set()
    later = desk.add("b")
    await desk.commits.wait(later)
    assert desk.commits.kept >= later > mark
    assert [text for texts in desk.written for text in texts] == ["a", "b"]
    assert desk.errors == []


async def test_what_was_asked_for_is_written_though_the_commit_was_cancelled(desk: Desk) -> None:
    """Nobody who waits for it waits for ever."""
    desk.door.clear()
    desk.add("a")
    await turns()
    later = desk.add("b")
    cancel_others()
    await turns()
    desk.door.set()
    await desk.commits.wait(later)
    assert desk.written == [["a"], ["b"]]


async def test_a_commit_that_was_cancelled_is_told_all_the_same(desk: Desk) -> None:
    """It was written, and somebody may wait for nothing else."""
    desk.door.clear()
    desk.add("a")
    await turns()
    cancel_others()
    await turns()
    desk.door.set()
    await desk.commit.wait()
    assert (desk.written, desk.commits_seen) == ([["a"]], 1)


async def test_what_is_cancelled_before_it_began_begins_anew(desk: Desk) -> None:
    """A task whose first turn never came must not be waited for."""
    mark = desk.add("a")
    cancel_others()
    await desk.commits.wait(mark)
    assert desk.written == [["a"]]


async def test_a_write_that_fails_is_told_however_often_it_was_cancelled(desk: Desk) -> None:
    """Later commits would build on what is not there."""
    desk.door.clear()
    desk.failure = OSError("no room")
    mark = desk.add("a")
    await turns()
    for _ in range(3):
        cancel_others()
        await turns()
    desk.door.set()
    with pytest.raises(JournalError, match="no room"):
        await desk.commits.wait(mark)
    assert (desk.written, desk.commits.kept, len(desk.errors)) == ([], 0, 1)
