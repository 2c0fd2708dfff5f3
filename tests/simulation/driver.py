"""The shell's twin: ``drive.py`` with a heap of events in the place of an event loop.

It feeds the real engine, asks the real pacing for turns, sends through the world, and tells the
engine what was seen, at the same moments and in the same order as the real one.
"""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, Protocol

import attrs

from campaigns_async._core.chunker import Chunker
from campaigns_async._core.dedupe import Dedupe
from campaigns_async._core.engine import Engine
from campaigns_async._core.exchange import Response
from campaigns_async._core.gate import Gate
from campaigns_async._core.pacing import Pacing, Ticket, read_congestion
from campaigns_async._core.ranks import Ranks
from campaigns_async._core.resolver import Piece, Resolver
from campaigns_async._core.retry import Backoff, Budget
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.verdicts import Proof, Step, Verdict, decide_verdict
from campaigns_async._core.wire import encode_records
from campaigns_async.errors import (
    CampaignsError,
    OutcomeUnknownError,
    TransportError,
    UploadStoppedError,
)
from tests.simulation.cases import Cases
from tests.simulation.invariants import Books, BrokenPromiseError
from tests.simulation.scenario import Scenario
from tests.simulation.texts import Reply

GRACE: Final = 2.0
_NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)
_BATCHES_AHEAD: Final = 2

Decide = Callable[[Sequence[str], Response | TransportError, datetime], Verdict]


@attrs.frozen
class Parts:
    """The parts under test, so that wrong ones can be put in their place."""

    decide: Decide = decide_verdict
    resolver: Callable[..., Resolver] = Resolver
    gate: Callable[..., Gate] = Gate


RIGHT: Final = Parts()
"""The real ones."""


@attrs.define(eq=False)
class Flight:
    """One request under way."""

    number: int
    piece: Piece
    ids: Sequence[str]
    body: bytes
    ticket: Ticket
    begun: float
    over: bool = False


class Network(Protocol):
    """What the driver needs of the world."""

    now: float

    def send(self, flight: Flight) -> None:
        """Put it on its way; :meth:`Driver.finish` is told how it ends, once."""

    def wake(self, at: float) -> None:
        """Let the driver look again at this time."""

    def note(self, what: str, flight: Flight, detail: str = "") -> None:
        """For the trace."""


class Driver:
    """One upload. ``stop_reasons``: what may have ended it; without any it has to go on."""

    def __init__(self, scenario: Scenario, network: Network, books: Books, parts: Parts) -> None:
        self._scenario = scenario
        self._network = network
        self._books = books
        self._decide = parts.decide
        random = Random(scenario.seed + 1)  # noqa: S311 - repeatable on purpose
        self._pacing = Pacing(
            ceiling=scenario.ceiling,
            initial=scenario.initial,
            requests_per_second=scenario.requests_per_second,
        )
        self.engine = Engine(
            ranks=Ranks("input"),
            chunker=Chunker(size=scenario.size, linger=scenario.linger),
            resolver=parts.resolver(
                exclusive=scenario.exclusive, gateway_resends=scenario.gateway_resends
            ),
            gate=parts.gate(patience=120.0),
            dedupe=Dedupe(),
            new_backoff=lambda: Backoff(base=0.5, cap=20.0, random=random),
            budget=Budget(scenario.budget),
            max_unsettled=_BATCHES_AHEAD * scenario.ceiling * scenario.size,
            repeats_are_errors=scenario.repeats_are_errors,
        )
        self._read = 0
        self._finished = False
        self._ready = 0 if scenario.arrivals else len(scenario.records)
        self._flights: dict[int, Flight] = {}
        self._woken = math.inf
        self._busy_since: float | None = None
        self.cases = Cases(ids_are_words=scenario.family == "words")
        self.sent = 0
        self.requests = 0
        self.over = False

    # --- what the world tells

    def arrive(self, rows: int) -> None:
        """So many more rows can be read."""
        self._ready = min(self._ready + rows, len(self._scenario.records))

    def stop(self, reason: str) -> None:
        """The caller's deadline or cancellation. What is in flight gets a short grace."""
        if not self.over:
            self._settle(self.engine.stop(UploadStoppedError(reason)))

    def give_up(self) -> None:
        """The grace is over: what is still in flight is broken off."""
        for flight in list(self._flights.values()):
            self.finish(flight, OutcomeUnknownError("the upload was cancelled"))

    def finish(
        self, flight: Flight, seen: Response | TransportError, reply: Reply | None = None
    ) -> None:
        """One request is over. ``reply``: what the server knows of it."""
        if flight.over:
            return
        flight.over = True
        del self._flights[flight.number]
        piece, ids, now = flight.piece, flight.ids, self._network.now
        if _leaves_doubt(seen, reply) or self._scenario.gateway_resends:
            self._books.doubtful.update(ids)
        verdict = self._decide(ids, seen, _NOW)
        self._network.note("judged", flight, verdict.proof.name)
        if verdict.proof is not Proof.NOT_SENT:
            self.requests += 1
        self.cases.judged(piece, ids, verdict, reply)
        self._follow_state(flight, verdict)
        judged = self.engine.judge(piece, verdict, now)
        if judged.hold is not None:
            self._pacing.hold(now + judged.hold)
        self._pacing.end(flight.ticket, congested=read_congestion(seen))
        self._settle(judged.settled)

    # --- the loop's body

    def turn(self) -> None:
        """Everything that can be done now."""
        if self.over:
            return
        now = self._network.now
        self._feed()
        while True:
            if not self._flights and (self.engine.done or self.engine.stopped_by):
                self._end()
                return
            due = self.engine.wake_at()
            if due > now:
                self._wake(due)
                return
            wait = self._pacing.admit(now)
            if wait > 0:
                self._wake(now + wait)
                return
            self._begin(now)
            self._feed()

    def _begin(self, now: float) -> None:
        ticket = self._pacing.begin(now)
        piece = self.engine.take(now)
        if piece is None:
            raise BrokenPromiseError(7, "wake_at() told of a batch that take() does not have")
        if self.engine.stopped_by is not None:
            raise BrokenPromiseError(7, "a request goes out after the stop")
        if self._busy_since is not None and any(
            flight.begun >= self._busy_since for flight in self._flights.values()
        ):
            raise BrokenPromiseError(7, "two at once ask a campaign that takes no records now")
        self.sent += 1
        ids = piece.ids
        body = encode_records(piece.rows)
        flight = Flight(self.sent, piece, ids, body, ticket, now)
        self._flights[flight.number] = flight
        self.cases.sent(piece, ids)
        self._network.note("sent", flight)
        self._network.send(flight)

    def _feed(self) -> None:
        engine, records = self.engine, self._scenario.records
        while engine.room and not engine.stopped_by and self._read < len(records):
            upto = min(self._read + 100, self._ready)
            if upto == self._read:
                return
            rows = engine.parse(records[self._read : upto])
            self._settle(engine.feed(rows, self._network.now))
            self._read = upto
        if self._read == len(records) and not self._finished:
            self._finished = True
            self._settle(engine.finish(self._network.now))

    def _end(self) -> None:
        self.over = True
        if self.engine.stopped_by is not None:
            rest: Sequence[Any] = self._scenario.records[self._read :]
            self._settle(self.engine.feed(self.engine.parse(rest), self._network.now))
        if self.engine.unsettled:
            raise BrokenPromiseError(1, f"{self.engine.unsettled} rows are left without an outcome")
        if self.engine.requests != self.requests:
            raise BrokenPromiseError(1, f"{self.requests} requests, told {self.engine.requests}")

    def _settle(self, settled: list[Settlement]) -> None:
        self._books.settle(settled)
        if (
            self._books.rejected >= self._scenario.stop_after_rejects
            and self.engine.stopped_by is None
        ):
            error: CampaignsError = UploadStoppedError("too many were rejected")
            self._books.settle(self.engine.stop(error))

    def _wake(self, at: float) -> None:
        if at != math.inf and not self._network.now < self._woken <= at:
            self._woken = at
            self._network.wake(at)

    def _follow_state(self, flight: Flight, verdict: Verdict) -> None:
        """While the campaign takes no records, only one at a time may ask."""
        step = verdict.meaning.step
        if step is Step.WAIT:
            if self._busy_since is None:
                self._busy_since = self._network.now
        elif (
            step is not Step.RETRY
            and self._busy_since is not None
            and flight.begun >= self._busy_since
        ):
            self._busy_since = None


def _leaves_doubt(seen: Response | TransportError, reply: Reply | None) -> bool:
    """Whether the request may have been carried out, for all that can be seen from here."""
    if reply is not None:
        return False
    if isinstance(seen, TransportError):
        return isinstance(seen, OutcomeUnknownError)
    return 200 <= seen.status < 300 or seen.status == 408 or seen.status >= 500
