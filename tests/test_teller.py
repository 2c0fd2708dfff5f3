import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.settlement import Settlement
from campaigns_async.errors import UploadStoppedError
from campaigns_async.outcomes import RecordOutcome, Status
from campaigns_async.report import MAX_CALLBACK_ERRORS, Progress
from campaigns_async.teller import Teller

NO_PROGRESS = Progress(read=1, counts={}, requests=0, retries=0, in_flight=0, elapsed=0.0)


@attrs.define
class Told:
    """What the callbacks got, and how far the journal is."""

    outcomes: list[int] = attrs.Factory(list[int])
    progress: list[Progress] = attrs.Factory(list[Progress])
    kept: int = 0
    room: int = 0

    def teller(
        self,
        on_outcome: Callable[[RecordOutcome], Any] | None = None,
        on_progress: Callable[[Progress], Any] | None = None,
    ) -> Teller:
        """One that tells this, unless given other callbacks."""
        return Teller(
            on_outcome or (lambda outcome: self.outcomes.append(outcome.index)),
            on_progress,
            is_due=lambda mark: mark <= self.kept,
            progress=lambda: NO_PROGRESS,
            on_told=self._count,
        )

    def note_progress(self) -> tuple[Callable[[Progress], None], asyncio.Event]:
        """What notes it, and what is set when that was called twice."""
        second = asyncio.Event()

        def note(progress: Progress) -> None:
            self.progress.append(progress)
            if len(self.progress) == 2:
                second.set()

        return note, second

    def _count(self) -> None:
        self.room += 1


def settled(*positions: int, recalled: bool = False) -> Settlement:
    """Rows that are in."""
    rows = parse_rows([f"CRM-{position}" for position in positions], positions)
    return Settlement(rows, Status.ADDED, recalled=recalled)


async def turns(count: int = 10) -> None:
    """Let everything that can happen without time passing happen."""
    for _ in range(count):
        await asyncio.sleep(0)


def cancel_current() -> None:
    """As a callback might, which takes the task for its own."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


async def test_nothing_is_told_before_it_is_kept() -> None:
    """Outcomes wait for their mark, and come in the order of settling."""
    told = Told()
    teller = told.teller()
    teller.add(settled(2, 3), 1)
    teller.add(settled(0, 1), 2)
    teller.start()
    await turns()
    assert told.outcomes == []
    told.kept = 1
    teller.wake()
    await turns()
    assert (told.outcomes, told.room) == ([2, 3], 1)
    told.kept = 2
    await teller.finish()
    assert told.outcomes == [2, 3, 0, 1]


async def test_what_is_not_kept_at_the_end_is_never_told() -> None:
    """Finished, it tells all that is due, whatever stands before it, and ends."""
    told = Told()
    teller = told.teller()
    for position, mark in enumerate((0, 2, 1, math.inf, 0)):
        teller.add(settled(position), mark)
    teller.start()
    await turns()
    assert told.outcomes == [0]
    told.kept = 1
    await teller.finish()
    assert (told.outcomes, teller.has_room) == ([0, 2, 4], True)


async def test_what_an_earlier_run_told_is_not_told_again() -> None:
    """Recalled verdicts count, and are no news."""
    told = Told()
    teller = told.teller()
    teller.add(settled(0, recalled=True), 0)
    teller.add(settled(1), 0)
    teller.start()
    await teller.finish()
    assert told.outcomes == [1]


async def test_outcomes_that_nobody_takes_leave_no_room() -> None:
    """From 2,000 waiting rows on nothing more should be sent; telling makes room again."""
    told = Told()
    teller = told.teller()
    teller.add(settled(*range(1_999)), 1)
    before = teller.has_room
    teller.add(settled(1_999), 1)
    assert [before, teller.has_room] == [True, False]
    told.kept = 1
    teller.start()
    await teller.finish()
    assert (teller.has_room, len(told.outcomes)) == (True, 2_000)


async def test_without_a_callback_nothing_waits() -> None:
    """There is room however much is settled."""
    teller = Teller(
        None, None, is_due=lambda _: False, progress=lambda: NO_PROGRESS, on_told=pytest.fail
    )
    teller.add(settled(*range(5_000)), 1)
    assert teller.has_room
    teller.start()
    await teller.finish()


async def test_async_callbacks_are_awaited_one_at_a_time() -> None:
    """The next outcome is told when the callback is done with the one before."""
    running: list[int] = []
    most = 0

    async def slow(outcome: RecordOutcome) -> None:
        nonlocal most
        running.append(outcome.index)
        most = max(most, len(running))
        await turns(3)
        running.remove(outcome.index)
        told.outcomes.append(outcome.index)

    told = Told()
    teller = told.teller(slow)
    teller.add(settled(0, 1, 2), 0)
    teller.start()
    await teller.finish()
    assert (told.outcomes, most) == ([0, 1, 2], 1)


async def test_what_a_callback_raises_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its kind, the first ones are kept, and the rest is told all the same."""

    def fail(outcome: RecordOutcome) -> None:
        told.outcomes.append(outcome.index)
        raise ValueError(outcome.index)

    told = Told()
    teller = told.teller(fail)
    teller.add(settled(*range(MAX_CALLBACK_ERRORS + 5)), 0)
    teller.start()
    with caplog.at_level(logging.WARNING):
        await teller.finish()
    assert told.outcomes == list(range(MAX_CALLBACK_ERRORS + 5))
    assert [error.args for error in teller.errors] == [(i,) for i in range(MAX_CALLBACK_ERRORS)]
    assert caplog.messages[0] == "a callback of the upload raised ValueError"


async def test_a_cancellation_inside_a_callback_is_the_callbacks_own() -> None:
    """It is noted like an exception; the teller ends when it is given up, and not sooner."""

    async def cancelled(outcome: RecordOutcome) -> None:
        told.outcomes.append(outcome.index)
        if outcome.index == 0:
            raise asyncio.CancelledError
        if outcome.index == 1:
            cancel_current()
        await asyncio.Event().wait()

    told = Told()
    teller = told.teller(cancelled)
    teller.add(settled(0, 1, 2), 0)
    teller.start()
    await turns()
    assert (told.outcomes, len(teller.errors)) == ([0, 1, 2], 2)
    await teller.finish(timeout=0.01)
    teller.give_up()
    await teller.finish()
    assert (len(teller.errors), teller.ended_by) == (2, None)


async def test_given_up_it_calls_nobody_any_more() -> None:
    """Not even where the callback swallows its cancellation."""

    async def stubborn(outcome: RecordOutcome) -> None:
        told.outcomes.append(outcome.index)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    told = Told()
    teller = told.teller(stubborn, told.progress.append)
    teller.add(settled(0, 1), 0)
    teller.add(settled(2), 0)
    teller.start()
    await turns()
    teller.give_up()
    await teller.finish()
    assert (told.outcomes, told.progress) == ([0], [])


async def test_what_is_no_exception_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    """It says by what, so that whoever waits for it can raise that."""

    class Fatal(BaseException):
        """As a test framework's own."""

    def fail(_: RecordOutcome) -> None:
        raise Fatal

    told = Told()
    teller = told.teller(fail)
    teller.add(settled(0), 0)
    teller.start()
    await teller.finish()
    assert isinstance(teller.ended_by, Fatal)
    assert (told.room, caplog.records) == (1, [])


async def test_a_strangers_cancel_before_its_first_turn_ends_it_with_a_word() -> None:
    """Nothing of it ran, so it can say nothing itself."""
    told = Told()
    teller = told.teller()
    teller.add(settled(0), 0)
    others = asyncio.all_tasks()
    teller.start()
    (task,) = asyncio.all_tasks() - others
    task.cancel()
    await teller.finish()
    await teller.catch_up()
    assert (told.outcomes, told.room) == ([], 1)
    assert isinstance(teller.ended_by, UploadStoppedError)


async def test_what_is_told_as_a_whole_is_told_to_the_end() -> None:
    """A cancellation that is not ours is noted; then it goes on with what is left."""
    told: list[int] = []

    async def tell(outcomes: Iterator[RecordOutcome]) -> None:
        for outcome in outcomes:
            told.append(outcome.index)
            if outcome.index == 1:
                cancel_current()
                await asyncio.Event().wait()

    teller = Teller(
        None,
        None,
        tell=tell,
        is_due=lambda _: True,
        progress=lambda: NO_PROGRESS,
        on_told=lambda: None,
    )
    teller.add(settled(0, 1, 2, 3), 0)
    teller.start()
    await teller.finish()
    assert (told, len(teller.errors)) == ([0, 1, 2, 3], 1)


@pytest.mark.parametrize("how", ["told", "not due", "given up"])
async def test_who_catches_up_waits_while_there_is_anything_to_wait_for(how: str) -> None:
    """Until there is room again; not where nothing more is told for now, or at all."""
    told = Told(kept=0 if how == "not due" else 1)
    taken = asyncio.Event()

    async def slow(_: RecordOutcome) -> None:
        await taken.wait()

    teller = told.teller(slow)
    teller.add(settled(*range(2_000)), 1)
    teller.start()
    catching_up = asyncio.create_task(teller.catch_up())
    await turns()
    assert catching_up.done() is (how == "not due")
    if how == "told":
        taken.set()
        await turns()
        assert catching_up.done()
    teller.give_up()
    await catching_up
    await teller.finish()


async def test_a_last_callback_that_cancels_its_task_does_not_end_it_so() -> None:
    """All was told by then, and nobody gave it up."""
    told = Told()
    teller = told.teller(on_progress=lambda _: cancel_current())
    teller.add(settled(0), 0)
    teller.start()
    await teller.finish()
    assert teller.ended_by is None
    assert (told.outcomes, len(teller.errors)) == ([0], 1)


async def test_progress_is_told_while_records_settle_and_nobody_takes_outcomes() -> None:
    """Now and then, and not for each."""
    told = Told()
    note, second = told.note_progress()
    teller = Teller(
        None,
        note,
        is_due=lambda _: True,
        progress=lambda: NO_PROGRESS,
        on_told=lambda: None,
    )
    teller.start()
    settlements = 0
    async with asyncio.timeout(30):
        while not second.is_set():
            teller.add(settled(settlements), 0)
            settlements += 1
            await asyncio.sleep(0.001)
    await teller.finish()
    assert (len(told.progress), settlements > 10) == (3, True)


async def test_progress_is_told_while_nothing_is_settled_and_at_the_end() -> None:
    """Now and then without any news, and once more when all is over."""
    told = Told()
    note, second = told.note_progress()
    teller = told.teller(on_progress=note)
    teller.start()
    await asyncio.wait_for(second.wait(), 30)
    before = len(told.progress)
    await teller.finish()
    assert len(told.progress) == before + 1
