"""Runs an engine: waits for turns, sends what it gives, tells it what was seen."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import attrs

from campaigns_async._core.chunker import Chunker
from campaigns_async._core.dedupe import Dedupe
from campaigns_async._core.engine import Engine
from campaigns_async._core.exchange import Request, Seen
from campaigns_async._core.gate import Gate
from campaigns_async._core.pacing import Ticket, read_congestion
from campaigns_async._core.ranks import Ranks
from campaigns_async._core.resolver import Piece, Resolver
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.verdicts import decide_verdict
from campaigns_async._core.wire import encode_records
from campaigns_async.call import Call
from campaigns_async.dispatch import NOT_WANTED, Dispatcher, wall_clock
from campaigns_async.errors import (
    CampaignsError,
    ConfigurationError,
    JournalError,
    NotSentError,
    OutcomeUnknownError,
    UploadStoppedError,
)
from campaigns_async.models import MAX_RECORDS_PER_REQUEST

_logger = logging.getLogger(__name__)

GRACE: Final = 2.0
"""Seconds that requests in flight get to answer after a cancellation."""

_CANCELLED: Final = "the upload was cancelled before the reply came"

_BATCHES_AHEAD: Final = 2
"""Batches on their way for each that may be in flight: room for retries that wait."""


def build_engine(
    dispatcher: Dispatcher,
    *,
    ranks: Ranks,
    exclusive: bool,
    dedupe: Dedupe | None,
    repeats_are_errors: bool = False,
    max_batch_size: int = MAX_RECORDS_PER_REQUEST,
    linger: float | None = None,
) -> Engine:
    """An engine with the session's policies."""
    retry, limits = dispatcher.settings.retry, dispatcher.settings.limits
    return Engine(
        ranks=ranks,
        chunker=Chunker(size=max_batch_size, linger=linger),
        resolver=Resolver(exclusive=exclusive, gateway_resends=retry.gateway_resends),
        gate=Gate(patience=retry.deadline),
        dedupe=dedupe,
        new_backoff=dispatcher.new_backoff,
        budget=dispatcher.budget,
        max_unsettled=_BATCHES_AHEAD * limits.max_in_flight * max_batch_size,
        repeats_are_errors=repeats_are_errors,
    )


@attrs.define(eq=False)
class _Flight:
    """A batch on its way.

    ``sent``: whether it may have left this machine. ``called_off``: whether it is not to any more.
    """

    piece: Piece
    ticket: Ticket
    sent: bool = False
    called_off: bool = False


class Drive:
    """One engine on one campaign.

    - ``on_settled``: told at once of everything that is settled; must not wait.
    - ``feed``: called when there may be room for rows; gives the engine more, and must not wait.
    - ``may_send``: False holds further requests back, while nobody takes the outcomes.
    - ``max_in_flight``: requests of this engine, below what the session allows.
    - ``call``: what this is, and is told how it goes.

    ``intend``, set before :meth:`run`: awaited before a batch is sent, to keep what must be on disk
    by then; None for nothing to keep.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        path: str,
        engine: Engine,
        *,
        call: Call,
        on_settled: Callable[[list[Settlement]], None],
        feed: Callable[[], None],
        may_send: Callable[[], bool] = lambda: True,
        max_in_flight: int | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._path = path
        self._engine = engine
        self._call = call
        self._on_settled = on_settled
        self._feed = feed
        self._may_send = may_send
        self.intend: Callable[[Piece], Awaitable[None]] | None = None
        self._max_in_flight = math.inf if max_in_flight is None else max_in_flight
        self._deadline_at = math.inf
        self._turn: asyncio.Future[Ticket] | None = None
        self._grace = GRACE
        self._changed = asyncio.Event()
        self._about_to_notify = False
        self._expired: CampaignsError | None = None
        self._due = math.inf
        # Whether anything more may be sent, as far as it is ours to say.
        self._open = True
        self._runner: asyncio.Task[Any] | None = None
        self._cancellations = 0
        self._tasks: set[asyncio.Task[None]] = set()
        # What each of them has in flight, or has lost without a verdict.
        self._flights: dict[asyncio.Task[None], _Flight] = {}

    def notify(self) -> None:
        """Something changed outside: rows came, outcomes were taken."""
        self._changed.set()

    def _notify_soon(self) -> None:
        """In the turn after the next one; by then the request that takes over is on the wire."""
        if not self._about_to_notify:
            self._about_to_notify = True
            asyncio.get_running_loop().call_soon(self._notify_now)

    def _notify_now(self) -> None:
        self._about_to_notify = False
        self.notify()

    def stop(self, error: CampaignsError, *, grace: float = GRACE) -> None:
        """Send nothing more; :meth:`run` ends when what is in flight has answered.

        ``grace``: seconds that it gets for that if :meth:`run` is cancelled too.
        """
        self._grace = min(self._grace, grace)
        self._on_settled(self._engine.stop(error))
        self._call_off()
        self._changed.set()

    async def run(
        self, *, deadline: float | None = None, on_deadline: Callable[[], CampaignsError]
    ) -> None:
        """Until the engine is done or stopped, and nothing is in flight.

        ``deadline``: seconds from now, None for none; then what ``on_deadline`` gives stops it. A
        cancellation stops it too, gives requests in flight :data:`GRACE` seconds, and comes out.
        """
        self._runner = asyncio.current_task()
        assert self._runner is not None  # noqa: S101 - this is one
        # Whoever was cancelled before, and goes on all the same, may upload.
        self._cancellations = self._runner.cancelling()
        timer = None
        if deadline is not None:
            loop = asyncio.get_running_loop()
            self._deadline_at = loop.time() + deadline
            timer = loop.call_at(self._deadline_at, self._expire, on_deadline)
        try:
            # A cancellation that was asked for before comes out here, and not after some requests.
            await asyncio.sleep(0)
            await self._send_all()
        except asyncio.CancelledError:
            self.stop(UploadStoppedError("the upload was cancelled"))
            raise
        finally:
            if timer is not None:
                timer.cancel()
            # Only after a cancellation is anything still in flight here.
            await self._end()

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._changed.clear()
                expired, self._expired = self._expired, None
                if expired is not None:
                    self.stop(expired)
                self._judge_what_ended()
                self._feed()
                while (flight := self._next()) is not None:
                    self._begin(flight)
                if not self._tasks and (self._engine.done or self._engine.stopped_by):
                    return
                timer = None if self._due == math.inf else loop.call_at(self._due, self.notify)
                await self._changed.wait()
                if timer is not None:
                    timer.cancel()
        finally:
            self._open = False
            self._give_up_turn()

    def _next(self) -> _Flight | None:
        """The next batch that may go now; None if there is none, or no turn for it.

        ``_due`` is then when there may be one, infinity for unknown.
        """
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            if not self._is_due(now) or self._due > -math.inf:
                # Nothing, or a batch that waited in vain for more: there may be more by now.
                self._feed()
                now = loop.time()
                if not self._is_due(now):
                    self._give_up_turn()
                    return None
            # The turn first and the batch then: what waits for a turn may change its mind.
            if self._turn is None:
                self._turn = self._dispatcher.slots.request()
                if not self._turn.done():
                    self._turn.add_done_callback(lambda _: self.notify())
            if not self._turn.done():
                self._due = math.inf
                return None
            ticket, self._turn = self._turn.result(), None
            piece = self._engine.take(now)
            if piece is not None:
                return _Flight(piece, ticket)
            self._dispatcher.slots.release(ticket, congested=None)

    @property
    def _wanted(self) -> bool:
        """Whether anything more is to be sent: a cancellation counts as soon as it is asked for."""
        return (
            self._open
            and self._engine.stopped_by is None
            and self._runner is not None
            and self._runner.cancelling() == self._cancellations
        )

    def _is_due(self, now: float) -> bool:
        free = (
            self._wanted
            and len(self._flights) < self._max_in_flight
            and self._may_send()
            # With no time left an attempt would only make doubt out of certainty.
            and now < self._deadline_at
        )
        self._due = self._engine.wake_at() if free else math.inf
        return self._due <= now

    def _give_up_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            self._dispatcher.slots.withdraw(turn)

    def _expire(self, on_deadline: Callable[[], CampaignsError]) -> None:
        self._expired = on_deadline()
        self.notify()
        # The attempts were given no more time than this; something of the caller's may hang.
        asyncio.get_running_loop().call_later(GRACE, self._cancel)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _call_off(self) -> None:
        """What has its turn and waits, be it for a connection, is not sent any more."""
        for task, flight in self._flights.items():
            if not (flight.sent or flight.called_off):
                # Once: another one would come out of a limiter's cleaning up.
                flight.called_off = True
                task.cancel()

    def _begin(self, flight: _Flight) -> None:
        task = asyncio.get_running_loop().create_task(self._work(flight))
        self._tasks.add(task)
        self._flights[task] = flight
        task.add_done_callback(lambda _: self.notify())

    async def _work(self, flight: _Flight | None) -> None:
        """One request after the other, as long as there is something to send.

        The next goes out as soon as the reply to the last is judged, before anything else is done.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is one
        while flight is not None:
            seen = await self._attempt(flight)
            if self._flights.pop(task, None) is None:
                # Given up meanwhile.
                return
            self._judge(flight, seen)
            self._notify_soon()
            flight = self._next()
            if flight is not None:
                self._flights[task] = flight

    async def _attempt(self, flight: _Flight) -> Seen:
        if self.intend is not None:
            try:
                await self.intend(flight.piece)
            except JournalError as error:
                return NotSentError(f"nothing was sent: {error}", permanent=True)
        request = Request("POST", self._path, encode_records(flight.piece.rows))
        return await self._dispatcher.attempt(
            request,
            by=self._deadline_at,
            call=self._call,
            wanted=partial(self._is_wanted, flight),
        )

    def _is_wanted(self, flight: _Flight) -> bool:
        """Asked last before it is sent."""
        flight.sent = self._wanted
        return flight.sent

    def _judge_what_ended(self) -> None:
        """Here and not in a callback: what goes wrong must come out of :meth:`run`."""
        for task in [task for task in self._tasks if task.done()]:
            self._judge_last(task)

    def _judge_last(self, task: "asyncio.Task[None]") -> None:
        """What it was at when it ended, or was given up."""
        self._tasks.remove(task)
        flight = self._flights.pop(task, None)
        if flight is not None:
            self._judge(flight, self._read_failure(task, flight))
        else:
            task.result()

    def _read_failure(self, task: "asyncio.Task[None]", flight: _Flight) -> Seen:
        """How an attempt ended that gave nothing to judge: nothing about it gets lost here."""
        bug = task.exception() if task.done() and not task.cancelled() else None
        if bug is None:
            return OutcomeUnknownError(_CANCELLED) if flight.sent else NotSentError(NOT_WANTED)
        if isinstance(bug, ConfigurationError):
            # The session was closed meanwhile: no later attempt can do better.
            self.stop(bug)
            return NotSentError(str(bug), permanent=True)
        # Nobody thought of it, so nothing is known of the attempt; but it must be seen.
        _logger.error("an attempt failed", exc_info=bug)
        return OutcomeUnknownError(f"the attempt failed: {type(bug).__name__}: {bug}")

    def _judge(self, flight: _Flight, seen: Seen) -> None:
        slots, engine = self._dispatcher.slots, self._engine
        try:
            verdict = decide_verdict(flight.piece.ids, seen, wall_clock())
            judged = engine.judge(flight.piece, verdict, asyncio.get_running_loop().time())
            if judged.hold is not None:
                # Before the turn is given back: whoever gets it has to wait as well.
                slots.hold(judged.hold)
        finally:
            slots.release(flight.ticket, congested=read_congestion(seen))
        if engine.stopped_by is not None:
            self._call_off()
        self._on_settled(judged.settled)
        self._call.follow(
            seen, retries=engine.retries, hold=judged.hold, gate_closed=engine.gate_closed
        )

    async def _end(self) -> None:
        """Whatever is in flight gets its grace, and then its verdict."""
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._grace)
                self._cancel()
                await asyncio.wait(self._tasks)
        finally:
            # Cancelled once more meanwhile, some are not even over.
            self._cancel()
            # What goes wrong with one must not keep the others from their verdict.
            with contextlib.ExitStack() as each:
                for task in self._tasks:
                    each.callback(self._judge_last, task)
