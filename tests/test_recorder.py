import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from campaigns_async._core.dedupe import Repeat
from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.resolver import Piece
from campaigns_async._core.rows import Rows
from campaigns_async._core.settlement import Settlement
from campaigns_async.errors import CampaignsError, JournalError
from campaigns_async.journal_file import Changes, JournalFile
from campaigns_async.outcomes import Evidence, Status
from campaigns_async.recorder import Recorder

IDENTITY = {"campaign": "/one/records", "tenant": "acme", "order": "input"}


def rows(first: int, count: int) -> Rows:
    """Rows of an input."""
    positions = range(first, first + count)
    return parse_rows([f"CRM-{i}" for i in positions], positions)


def added(some: Rows) -> Settlement:
    """They are in."""
    return Settlement(some, Status.ADDED, evidence=Evidence.CONFIRMED)


class BrokenFile(JournalFile):
    """One that can be written only so often."""

    left = 1_000

    def write(self, changes: Changes) -> None:
        """Or not."""
        self.left -= 1
        if self.left < 0:
            msg = "the disk is full"
            raise JournalError(msg)
        super().write(changes)


class Run:
    """One recorder, with its news."""

    def __init__(
        self, path: Path, identity: dict[str, Any] | None = None, **options: float
    ) -> None:
        self.commits = 0
        self.file = BrokenFile.open(path, create=True)
        self.news = asyncio.Event()
        self.errors: list[CampaignsError] = []
        try:
            self.recorder = Recorder(
                self.file,
                identity=identity or IDENTITY,
                facts=self._give_facts,
                on_news=self.news.set,
                on_error=self.errors.append,
                **options,
            )
        except JournalError:
            self.file.close()
            raise

    def _give_facts(self) -> dict[str, Any]:
        # Asked for when a commit begins.
        self.commits += 1
        return {"read": 1, "requests": 2}

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for news that make it true."""
        while not condition():
            self.news.clear()
            if not condition():
                await asyncio.wait_for(self.news.wait(), 30)

    def state(self) -> dict[str, Any]:
        """What is on disk."""
        state: dict[str, Any] = self.file.read_fact("state")
        return state

    def crash(self) -> None:
        """As if the process ended here."""
        self.file.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where there is no journal yet."""
    return tmp_path / "journal"


async def reserve(run: Run, count: int, *, exhausted: bool = False) -> Rows:
    """Rows that were read, and may be sent."""
    run.recorder.put(rows(0, count), exhausted=exhausted)
    taken: list[Rows] = []

    def enough() -> bool:
        taken.append(run.recorder.take())
        return sum(map(len, taken)) == count

    await run.until(enough)
    return Rows.join(taken)


async def test_rows_are_taken_only_when_they_are_reserved(path: Path) -> None:
    """Not before it is on disk that they may be sent."""
    run = Run(path)
    run.recorder.put(rows(0, 100), exhausted=False)
    assert not run.recorder.take()
    await run.until(lambda: len(run.recorder.take()) == 100)
    assert run.state()["reserved"] == 100
    await run.recorder.close(None)


async def test_the_end_is_known_when_it_is_on_disk(path: Path) -> None:
    """A last partial batch goes out only when the file says that it is the last."""
    run = Run(path)
    before = run.recorder.complete
    run.recorder.put(rows(0, 30), exhausted=True)
    assert [before, run.recorder.complete] == [False, False]
    await run.until(lambda: bool(run.recorder.take()))
    assert [run.recorder.complete, run.state()["total"]] == [True, 30]
    await run.recorder.close(None)


async def test_an_input_that_failed_has_no_end(path: Path) -> None:
    """What was read is settled, and its short last batch marked, for there may be more."""
    run = Run(path)
    run.recorder.put(rows(0, 30), exhausted=True, failed=True)
    taken: list[Rows] = []

    def complete() -> bool:
        taken.append(run.recorder.take())
        return run.recorder.complete

    await run.until(complete)
    assert run.state()["total"] is None
    await run.recorder.intend(Piece.of(Rows.join([rows for rows in taken if rows])))
    assert run.file.read_split() == {0}
    await run.recorder.close(None)


async def test_verdicts_are_due_when_they_are_on_disk(path: Path) -> None:
    """The mark of a settlement tells; ADDED takes a range, the rest a row each."""
    run = Run(path)
    taken = await reserve(run, 100)
    marks = [
        run.recorder.settle(settlement)
        for settlement in (
            added(taken[:50]),
            Settlement(taken[50:51], Status.DUPLICATE, repeat=Repeat(3, differs=True)),
        )
    ]
    assert [run.recorder.is_kept(mark) for mark in marks] == [False, False]
    at_once = [
        run.recorder.settle(settlement)
        for settlement in (
            Settlement(taken[60:61], Status.UNKNOWN),
            Settlement(taken[61:62], Status.NOT_ADDED),
            Settlement(taken[70:80], Status.ADDED, recalled=True),
        )
    ]
    assert all(run.recorder.is_kept(mark) for mark in at_once)
    run.recorder.hurry()
    await run.until(lambda: all(run.recorder.is_kept(mark) for mark in marks))
    assert run.state()["settled"] == [[0, 50]]
    (kept,) = run.file.read_exceptions()
    assert (kept.position, kept.duplicate_of, kept.differs) == (50, 3, True)
    await run.recorder.close("stopped")
    file = JournalFile.open(path, create=False)
    state = file.read_fact("state")
    assert (state["reserved"], state["open"], state["stopped"]) == (0, [[60, 60]], "stopped")
    file.close()


async def test_verdicts_beyond_what_was_read_are_neither_kept_nor_told(path: Path) -> None:
    """The digest says nothing of rows that came after a stop; the next run gives them again."""
    run = Run(path)
    await reserve(run, 100)
    mark = run.recorder.settle(Settlement(rows(500, 1), Status.REJECTED))
    await run.recorder.close("stopped")
    assert not run.recorder.is_kept(mark)
    file = JournalFile.open(path, create=False)
    assert (file.read_fact("state")["settled"], list(file.read_exceptions())) == ([], [])
    file.close()


async def test_a_part_waits_until_its_batch_is_marked(path: Path) -> None:
    """A whole batch goes at once; the first part of one only when the file says so."""
    run = Run(path)
    taken = await reserve(run, 100)
    whole = Piece.of(taken)
    await run.recorder.intend(whole)
    assert run.file.read_split() == set()
    await asyncio.gather(
        run.recorder.intend(whole.part(taken[:50])), run.recorder.intend(whole.part(taken[50:]))
    )
    assert run.file.read_split() == {0}
    await run.recorder.intend(whole.part(taken[:1]))
    await run.recorder.close(None)


async def test_a_resume_sends_nothing_before_the_input_is_proved(path: Path) -> None:
    """Then everything that was reserved may be open, and it takes over the verdicts."""
    run = Run(path)
    taken = await reserve(run, 300)
    mark = run.recorder.settle(added(taken[:100]))
    run.recorder.hurry()
    await run.until(lambda: run.recorder.is_kept(mark))
    run.crash()

    again = Run(path)
    assert again.recorder.earlier["requests"] == 2
    history = again.recorder.history
    assert history is not None
    assert [history.is_settled(99), history.is_settled(100)] == [True, False]
    settled, unseen, fresh = history.sort(rows(0, 301))
    assert [len(settled), len(unseen), list(fresh.positions)] == [100, 200, [300]]
    before = again.state()
    count = 0
    for first in (0, 100, 200):
        assert (again.recorder.may_send, again.recorder.most(0)) == (False, 300 - first)
        assert again.state() == before
        again.recorder.put(rows(first, 100), exhausted=False)
        count += len(again.recorder.take())
    assert (count, again.recorder.may_send) == (300, False)
    await again.until(lambda: again.recorder.may_send)
    assert again.errors == []
    await again.recorder.close(None)


@pytest.mark.parametrize(
    ("input_rows", "sentence"),
    [
        (
            Rows.join([parse_rows(["OTHER"], [0]), rows(1, 99)]),
            "its first 100 records are not the same",
        ),
        (rows(0, 40), "it has 40 records, and 100 were read before"),
    ],
    ids=["other", "shorter"],
)
async def test_another_input_is_refused(path: Path, input_rows: Rows, sentence: str) -> None:
    """Nothing is written then, and nothing more is read."""
    run = Run(path)
    await reserve(run, 100)
    before = run.state()
    run.crash()

    again = Run(path)
    again.recorder.put(input_rows, exhausted=True)
    (error,) = again.errors
    assert (error, sentence in str(error)) == (again.recorder.refused, True)
    assert (again.recorder.may_send, again.recorder.most(9)) == (False, 0)
    assert again.state() == before
    again.recorder.rest()
    await again.recorder.close("refused")
    file = JournalFile.open(path, create=False)
    assert file.read_fact("state") == before
    file.close()


async def test_an_input_that_fails_too_soon_is_not_refused(path: Path) -> None:
    """It may be the right one; nothing is sent in this run."""
    run = Run(path)
    await reserve(run, 100)
    run.crash()
    again = Run(path)
    again.recorder.put(rows(0, 40), exhausted=True, failed=True)
    (error,) = again.errors
    assert "nothing was sent in this run" in str(error)
    assert again.recorder.refused is None
    await again.recorder.close("failed")


async def test_another_upload_is_refused(path: Path) -> None:
    """With what is different, each by name."""
    Run(path).crash()
    with pytest.raises(JournalError) as refused:
        Run(path, {**IDENTITY, "tenant": "other", "order": "server"})
    assert (
        "belongs to another upload: tenant was 'acme' and is now 'other'; "
        "order was 'input' and is now 'server'. Use another journal"
    ) in str(refused.value)


async def test_a_journal_that_cannot_be_written_ends_the_upload(path: Path) -> None:
    """It is told once; whoever waits is woken with it, and nothing waits any more."""
    run = Run(path)
    taken = await reserve(run, 100)
    run.file.left = 0
    whole = Piece.of(taken)
    for _ in range(2):
        with pytest.raises(JournalError):
            await run.recorder.intend(whole.part(taken[:50]))
    mark = run.recorder.settle(added(taken))
    assert not run.recorder.is_kept(mark)
    assert [str(error) for error in run.errors] == ["the disk is full"]
    await run.recorder.close("stopped")
    assert not run.recorder.is_kept(mark)


async def test_what_cannot_be_kept_at_the_end_is_not_told(path: Path) -> None:
    """A verdict that came when all was read, and that the last commit failed to write."""
    run = Run(path)
    taken = await reserve(run, 100, exhausted=True)
    run.file.left = 0
    mark = run.recorder.settle(added(taken))
    with pytest.raises(JournalError, match="the disk is full"):
        await run.recorder.close(None)
    assert not run.recorder.is_kept(mark)
    assert [str(error) for error in run.errors] == ["the disk is full"]


async def test_what_settles_before_the_input_is_proved_is_told_after_it_or_not(path: Path) -> None:
    """A row that an earlier run reserved and never judged may be refused as soon as it is read."""
    run = Run(path)
    await reserve(run, 200)
    run.crash()
    for proved in (False, True):
        again = Run(path)
        again.recorder.put(rows(0, 100), exhausted=False)
        mark = again.recorder.settle(Settlement(again.recorder.take()[:1], Status.REJECTED))
        before = again.recorder.is_kept(mark)
        if proved:
            again.recorder.put(rows(100, 100), exhausted=False)
        await again.recorder.close("stopped")
        assert [before, again.recorder.is_kept(mark)] == [False, proved]


async def test_closing_twice_at_once_is_closing(path: Path) -> None:
    """As where a cancellation comes while the books are being closed."""
    run = Run(path)
    mark = run.recorder.settle(added(await reserve(run, 100)))
    await asyncio.gather(run.recorder.close("first"), run.recorder.close("second"))
    await run.recorder.close("third")
    assert (run.recorder.is_kept(mark), run.errors) == (True, [])
    file = JournalFile.open(path, create=False)
    assert file.read_state()["stopped"] == "first"
    file.close()


async def test_who_waits_for_what_is_being_written_asks_for_no_other_commit(path: Path) -> None:
    """Only rows that the commit under way does not reserve make the next one begin at once."""
    run = Run(path, interval=3_600)
    assert await reserve(run, 100)
    before = run.commits
    run.recorder.put(rows(100, 100), exhausted=False)
    while run.commits == before:
        assert not run.recorder.take()
        await asyncio.sleep(0)
    # They are being written now.
    assert not run.recorder.take()
    run.recorder.settle(added(rows(0, 100)))
    await run.until(lambda: len(run.recorder.take()) == 100)
    for _ in range(10):
        await asyncio.sleep(0)
    assert run.commits == before + 1
    run.recorder.put(rows(200, 100), exhausted=False)
    await run.until(lambda: len(run.recorder.take()) == 100)
    assert run.commits == before + 2
    await run.recorder.close(None)


async def test_reading_does_not_run_ahead_for_ever(path: Path) -> None:
    """20,000 rows wait at most, whether the engine wants rows or not."""
    run = Run(path)
    for first in range(0, 20_000, 100):
        assert run.recorder.most(9) == min(500, 20_000 - first)
        run.recorder.put(rows(first, 100), exhausted=False)
    assert run.recorder.most(9) == 0
    await run.until(lambda: bool(run.recorder.take()))
    assert run.recorder.most(0) == 100
    assert len(run.recorder.rest()) == 19_900
    await run.recorder.close(None)


async def test_rows_that_cannot_be_sent_are_input_too(path: Path) -> None:
    """Another bad row is another input."""
    run = Run(path)
    run.recorder.put(parse_rows([None], [0]), exhausted=True)
    await run.until(lambda: bool(run.recorder.take()))
    run.crash()
    again = Run(path)
    again.recorder.put(rows(0, 1), exhausted=True)
    assert again.recorder.refused is not None
    await again.recorder.close(None)
