import asyncio
from collections.abc import Awaitable, Callable

import pytest

from campaigns_async._core.dedupe import Dedupe
from campaigns_async._core.engine import Engine
from campaigns_async._core.ranks import Ranks
from campaigns_async._core.settlement import Settlement
from campaigns_async.call import Call
from campaigns_async.dispatch import Dispatcher
from campaigns_async.drive import GRACE, Drive, build_engine
from campaigns_async.errors import ConfigurationError, OutcomeUnknownError, UploadStoppedError
from campaigns_async.events import AttemptEnded, CallBegun, Event
from campaigns_async.outcomes import Status
from campaigns_async.settings import Limits, Timeout
from campaigns_async.transport import Connections
from tests.servers import RawServer, Received, connect, hang, http, say, settings_for

LATE = UploadStoppedError("too late")
ADDED = http(201, b'{"records": []}')


class Driven:
    """A drive on a raw server, with what it settled."""

    def __init__(self, server: RawServer, *, rows: int = 1, **options: object) -> None:
        limits = options.pop("limits", Limits())
        self.connections = Connections()
        self.dispatcher = Dispatcher(
            settings_for(server.url, timeout=Timeout(), limits=limits), self.connections
        )
        self.engine: Engine = build_engine(
            self.dispatcher,
            ranks=Ranks("server"),
            exclusive=False,
            dedupe=Dedupe(),
            max_batch_size=int(str(options.pop("size", 100))),
        )
        self.settled: list[Settlement] = []
        self._rows = [f"CRM-{number}" for number in range(rows)]
        self.drive = Drive(
            self.dispatcher,
            "/x/records",
            self.engine,
            on_settled=self.settled.extend,
            feed=self._feed,
            **{"call": Call(CallBegun("upload"), None), **options},  # type: ignore[arg-type]
        )

    def _feed(self) -> None:
        if self._rows:
            now = asyncio.get_running_loop().time()
            self.settled += self.engine.feed(self.engine.parse(self._rows), now)
            self.settled += self.engine.finish(now)
            self._rows = []

    async def run(self, deadline: float | None = None) -> None:
        """To its end; then no turn may be taken."""
        try:
            await self.drive.run(deadline=deadline, on_deadline=lambda: LATE)
        finally:
            assert self.dispatcher.slots.in_flight == 0
            await self.connections.close()

    def statuses(self) -> dict[str, int]:
        """How many rows of each."""
        counts: dict[str, int] = {}
        for settlement in self.settled:
            key = settlement.status.value
            counts[key] = counts.get(key, 0) + len(settlement.rows)
        return counts


async def test_it_runs_until_every_row_is_settled() -> None:
    """As many batches as it takes."""
    async with RawServer(say(ADDED)) as server:
        driven = Driven(server, rows=250)
        await driven.run()
        assert len(server.requests) == 3
    assert (driven.statuses(), driven.engine.requests) == ({"ADDED": 250}, 3)


async def test_it_has_no_more_requests_in_flight_than_allowed() -> None:
    """By its own bound, below what the session allows."""
    flying = 0
    most = 0

    async def converse(_: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.002)
        flying -= 1
        writer.write(ADDED)

    async with RawServer(converse) as server:
        driven = Driven(server, rows=40, size=4, max_in_flight=2)
        await driven.run()
    assert (most, driven.statuses()) == (2, {"ADDED": 40})


async def test_it_sends_nothing_while_it_may_not() -> None:
    """And goes on when told that something changed."""
    allowed = False
    async with RawServer(say(ADDED)) as server:
        driven = Driven(server, may_send=lambda: allowed)
        run = asyncio.create_task(driven.run())
        for _ in range(10):
            await asyncio.sleep(0)
        assert server.connections == 0
        allowed = True
        driven.drive.notify()
        await run
    assert driven.statuses() == {"ADDED": 1}


async def test_a_turn_that_is_not_needed_any_more_goes_back() -> None:
    """Whether it was waiting or granted, when sending is no more allowed."""
    allowed = True
    async with RawServer(say(ADDED)) as server:
        driven = Driven(server, may_send=lambda: allowed, limits=Limits(max_in_flight=1))
        ticket = await driven.dispatcher.slots.acquire()
        run = asyncio.create_task(driven.run())
        for _ in range(5):
            await asyncio.sleep(0)
        allowed = False
        driven.drive.notify()
        for _ in range(5):
            await asyncio.sleep(0)
        driven.dispatcher.slots.release(ticket, congested=None)
        assert driven.dispatcher.slots.in_flight == 0
        allowed = True
        driven.drive.notify()
        await run
    assert driven.statuses() == {"ADDED": 1}


async def test_a_retry_waits_and_goes_by_itself() -> None:
    """Nobody needs to tell it."""
    async with RawServer(say(http(500), http(500), ADDED)) as server:
        driven = Driven(server)
        await driven.run()
    assert (driven.statuses(), driven.engine.retries) == ({"ADDED": 1}, 2)


async def test_the_deadline_stops_it() -> None:
    """What is in flight had no more time than that, and is unknown; the rest was not sent."""
    async with RawServer(hang) as server:
        driven = Driven(server, rows=8, size=4, max_in_flight=1)
        await driven.run(deadline=0.5)
    assert driven.statuses() == {"UNKNOWN": 4, "NOT_ADDED": 4}
    assert driven.engine.stopped_by is LATE


async def test_the_deadline_ends_even_a_limiter_that_hangs() -> None:
    """What waits for it was never sent."""

    class Hanging:
        async def acquire(self) -> None:
            await asyncio.get_running_loop().create_future()

    async with RawServer(say(ADDED)) as server:
        driven = Driven(server, limits=Limits(limiter=Hanging()))
        await driven.run(deadline=0.01)
        assert server.requests == []
    assert driven.statuses() == {"NOT_ADDED": 1}


@pytest.mark.parametrize("how", ["cancel", "stop"])
async def test_what_waits_for_a_limiter_is_not_sent_after_the_end(how: str) -> None:
    """It is looked at again when the limiter lets it go."""
    asked, may_go = asyncio.Event(), asyncio.Event()

    class Slow:
        async def acquire(self) -> None:
            asked.set()
            await may_go.wait()

    async with RawServer(say(ADDED)) as server:
        driven = Driven(server, rows=8, size=4, limits=Limits(limiter=Slow()))
        run = asyncio.create_task(driven.run())
        await asked.wait()
        if how == "cancel":
            run.cancel()
        else:
            driven.drive.stop(LATE)
        await asyncio.sleep(0)
        may_go.set()
        await asyncio.wait([run])
        assert server.requests == []
    assert driven.statuses() == {"NOT_ADDED": 8}
    assert run.cancelled() is (how == "cancel")


async def test_a_cancellation_out_of_an_event_counts_at_once() -> None:
    """No further batch goes out in the same turn of the loop."""
    run: asyncio.Task[None] | None = None

    def cancel(event: Event) -> None:
        if isinstance(event, AttemptEnded) and run is not None:
            run.cancel()

    async with RawServer(say(ADDED)) as server:
        call = Call(CallBegun("upload"), cancel)
        driven = Driven(server, rows=40, size=4, max_in_flight=1, call=call)
        run = asyncio.create_task(driven.run())
        with pytest.raises(asyncio.CancelledError):
            await run
        assert len(server.requests) == 1
    assert driven.statuses() == {"ADDED": 4, "NOT_ADDED": 36}


async def test_a_cancellation_lets_requests_in_flight_answer() -> None:
    """Those count; nothing else is sent."""
    answers = asyncio.Event()

    async def converse(_: Received, writer: asyncio.StreamWriter) -> None:
        await answers.wait()
        writer.write(ADDED)

    async with RawServer(converse) as server:
        driven = Driven(server, rows=8, size=4, max_in_flight=1)
        run = asyncio.create_task(driven.run())
        await server.received(1)
        run.cancel()
        await asyncio.sleep(0)
        answers.set()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert len(server.requests) == 1
    assert driven.statuses() == {"NOT_ADDED": 4, "ADDED": 4}


@pytest.mark.parametrize("twice", [False, True])
async def test_after_the_grace_a_request_is_given_up(*, twice: bool) -> None:
    """Its rows are unknown; a second cancellation shortens the grace."""
    async with RawServer(hang) as server:
        driven = Driven(server, rows=8, size=4, max_in_flight=1)
        run = asyncio.create_task(driven.run())
        await server.received(1)
        for _ in range(1 + twice):
            run.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(GRACE / 2 if twice else GRACE * 2):
                await run
    assert driven.statuses() == {"NOT_ADDED": 4, "UNKNOWN": 4}


async def test_an_attempt_that_is_cancelled_from_inside_is_made_again() -> None:
    """One whose own wait was cancelled before it was sent ends no drive, and is made again."""

    class Odd:
        def __init__(self) -> None:
            self.asked = 0

        async def acquire(self) -> None:
            self.asked += 1
            if self.asked == 1:
                raise asyncio.CancelledError

    async with RawServer(say(ADDED)) as server:
        driven = Driven(server, limits=Limits(limiter=Odd()))
        await driven.run()
    assert driven.statuses() == {"ADDED": 1}


async def test_after_a_fault_of_its_own_nothing_more_is_sent() -> None:
    """It comes out of the run; what is in flight may answer, but brings no further request."""
    told, answers = asyncio.Event(), asyncio.Event()
    broken = False

    def may_send() -> bool:
        if broken and not told.is_set():
            told.set()
            msg = "out of order"
            raise RuntimeError(msg)
        return True

    async def converse(_: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal broken
        if len(server.requests) == 2:
            await answers.wait()
        else:
            await server.received(2)
            broken = True
        writer.write(ADDED)

    async with RawServer(converse) as server:
        driven = Driven(server, rows=16, size=4, max_in_flight=2, may_send=may_send)
        run = asyncio.create_task(driven.run())
        await told.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        answers.set()
        with pytest.raises(RuntimeError, match="out of order"):
            await run
        assert len(server.requests) == 2


async def test_a_session_that_is_closed_stops_it() -> None:
    """With the ConfigurationError that says so."""
    async with RawServer(say(ADDED)) as server:
        driven = Driven(server)
        await driven.connections.close()
        await driven.run()
    assert driven.statuses() == {"NOT_ADDED": 1}
    assert isinstance(driven.engine.stopped_by, ConfigurationError)


async def test_a_hold_that_an_upload_is_asked_for_holds_single_calls_too() -> None:
    """All tasks of the session."""
    loop = asyncio.get_running_loop()
    arrivals: list[float] = []
    answer = say(http(429, headers={"Retry-After": "1"}), ADDED)

    async def converse(request: Received, writer: asyncio.StreamWriter) -> None:
        arrivals.append(loop.time())
        await answer(request, writer)

    one = Limits(max_in_flight=1)
    async with RawServer(converse) as server, connect(server, limits=one) as session:
        handle = session.campaign("123e4567-e89b-12d3-a456-426614174000")
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: handle.upload(["CRM-1"]),
            handle.pause,
        ]
        await asyncio.gather(*(call() for call in calls))
    assert arrivals[1] - arrivals[0] >= 1.0


async def test_a_bug_in_an_attempt_is_told_as_unknown() -> None:
    """Whatever it is, the rows have an outcome, and the reason is in it."""

    class Bug(BaseException):
        pass

    class Broken:
        async def acquire(self) -> None:
            msg = "not ours"
            raise Bug(msg)

    async with RawServer(say(ADDED)) as server:
        driven = Driven(server, limits=Limits(limiter=Broken()))
        await driven.run(deadline=0.5)
    assert driven.statuses() == {Status.UNKNOWN.value: 1}
    assert isinstance(driven.settled[0].error, OutcomeUnknownError)
    assert "Bug: not ours" in str(driven.settled[0].error)


class Ticking(asyncio.SelectorEventLoop):
    """A loop on which time passes between any two looks at its clock."""

    def time(self) -> float:
        """A little later each time."""
        self.looks = getattr(self, "looks", 0) + 1
        return super().time() + self.looks * 0.0004


def test_a_retry_that_comes_due_while_it_is_looked_at_is_not_forgotten() -> None:
    """However the clock falls between two lines, it goes by itself."""

    async def run() -> None:
        async with RawServer(say(*[http(500)] * 50, ADDED)) as server:
            driven = Driven(server)
            async with asyncio.timeout(60):
                await driven.run()
        assert driven.statuses() == {"ADDED": 1}

    with asyncio.Runner(loop_factory=Ticking) as runner:
        runner.run(run())


async def test_its_call_is_told_how_it_goes() -> None:
    """Each attempt, that one is repeated, and that the campaign took no records for a while."""
    told: list[Event] = []
    building = b'{"title": "Conflict", "status": 409, "detail": "Campaign is in state BUILDING"}'
    async with RawServer(say(http(500), http(409, building), ADDED)) as server:
        driven = Driven(server, call=Call(CallBegun("upload"), told.append))
        await driven.run()
    attempt = ["attempt.begun", "attempt.ended"]
    assert [event.name for event in told] == [
        *attempt,
        "retry.scheduled",
        *attempt,
        "gate.closed",
        *attempt,
        "gate.opened",
    ]


async def test_a_limiter_that_cleans_up_is_cancelled_once() -> None:
    """However many verdicts come in meanwhile: its places must come back."""
    places, asked = 2, 0

    class Careful:
        async def acquire(self) -> None:
            nonlocal places, asked
            asked += 1
            if asked <= 2:
                return
            places -= 1
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.05)
                places += 1

    answers = iter((0.0, 0.02))

    async def converse(_: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(next(answers))
        writer.write(http(401))

    async with RawServer(converse) as server:
        limits = Limits(max_in_flight=4, initial_in_flight=4, limiter=Careful())
        driven = Driven(server, rows=16, size=4, limits=limits)
        await driven.run()
    assert (asked, places, driven.statuses()) == (4, 2, {"NOT_ADDED": 16})
