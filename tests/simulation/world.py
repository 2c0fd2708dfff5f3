"""One world: a clock that jumps from event to event, a server, the weather, and one upload."""

import hashlib
import heapq
import math
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Final
from zlib import crc32

import attrs

from campaigns_async._core.engine import MOST_WORDLESS
from campaigns_async._core.exchange import Response
from campaigns_async.errors import TransportError
from tests.simulation import faults
from tests.simulation.driver import GRACE, RIGHT, Driver, Flight, Parts
from tests.simulation.families import build_scenario
from tests.simulation.faults import Fault
from tests.simulation.invariants import Books, BrokenPromiseError
from tests.simulation.scenario import Scenario
from tests.simulation.server import FINAL, Server
from tests.simulation.texts import Reply, Said

_LONGEST: Final = 6 * 3600.0
"""Seconds that an upload may take after the last thing that happens to it from outside."""


@attrs.frozen
class Result:
    """What a world brought: for the count, and for the reader of a failure."""

    seed: int
    family: str
    rows: int
    requests: int
    wrong_inferences: int = 0


class World:
    """The world of one seed. :meth:`run` ends with a result or with :exc:`BrokenPromiseError`."""

    def __init__(self, seed: int, parts: Parts = RIGHT) -> None:
        self.scenario: Scenario = build_scenario(seed)
        self._random = Random(-1 - seed)  # noqa: S311 - repeatable on purpose
        self.now = 0.0
        self.trace: list[tuple[float, str, int, str, int, str]] = []
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._sequence = 0
        self._held_until = -math.inf
        scenario = self.scenario
        self._may_stop = scenario.stop_after_rejects != math.inf
        # Refusals without words since the last one that had some, each sent after the one before;
        # how many there had been when a request went out; and how many an id got that was alone.
        self._wordless = 0
        self._asked_after: dict[int, int] = {}
        self._wordless_ids = Counter[str]()
        self._wordless_batches: set[tuple[str, ...]] = set()
        self.server = Server(
            scenario.habits,
            self._random,
            invalid=scenario.invalid,
            seeded=scenario.seeded,
            states=scenario.states,
        )
        self.books = Books(scenario, self.server)
        self.driver = Driver(scenario, self, self.books, parts)

    def run(self) -> Result:
        """Let it all happen, the late requests too, and check the promises."""
        scenario = self.scenario
        for at, ids in scenario.rivals:
            self._at(at, self._compete, ids)
        parts = len(scenario.arrivals)
        for number, at in enumerate(scenario.arrivals):
            rows = len(scenario.records) if number == parts - 1 else 5
            self._at(at, self.driver.arrive, rows)
        for at in (scenario.deadline, scenario.cancel_at):
            if at != math.inf:
                self._at(at, self._stop)
        self._run_events()
        if not self.driver.over:
            raise BrokenPromiseError(6, "nothing is left to happen, and the upload is not over")
        self.driver.cases.check_end()
        stopped = self.driver.engine.stopped_by
        if stopped is not None and not self._may_stop:
            raise BrokenPromiseError(6, f"it stopped without a reason: {stopped}")
        self.books.check_end(stopped=stopped is not None)
        return Result(
            scenario.seed,
            scenario.family,
            self.books.rows,
            self.driver.requests,
            self.books.wrong_inferences,
        )

    def digest(self) -> str:
        """A fingerprint of all that happened, and when."""
        return hashlib.blake2b(repr(self.trace).encode(), digest_size=16).hexdigest()

    def _run_events(self) -> None:
        events, driver = self._events, self.driver
        end = self.scenario.settled_by
        if end == math.inf:
            end = min(self.scenario.deadline, self.scenario.cancel_at)
        driver.turn()
        while events:
            self.now, _, happen, details = heapq.heappop(events)
            happen(*details)
            driver.turn()
            if self.now > end + _LONGEST and not driver.over:
                raise BrokenPromiseError(6, "the upload does not come to its end")

    def _at(self, when: float, happen: Callable[..., None], *details: Any) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (when, self._sequence, happen, details))

    # --- what the driver asks for

    def note(self, what: str, flight: Flight, detail: str = "") -> None:
        """One line of the trace."""
        whose = f"{len(flight.ids):>3} from {flight.ids[0]}"
        self.trace.append((self.now, what, flight.number, whose, crc32(flight.body), detail))

    def wake(self, at: float) -> None:
        """Let the driver look again at this time."""
        self._at(at, self._nothing)

    def _nothing(self) -> None:
        """The driver looks after each event anyway."""

    def send(self, flight: Flight) -> None:
        """One request begins its way, and its fault, if it has one, is drawn."""
        if self.now < self._held_until:
            raise BrokenPromiseError(7, "a request goes out although a Retry-After says to wait")
        self._asked_after[flight.number] = self._wordless
        fault = self.scenario.weather.draw(self._random, self.now)
        there = self.now + self._random.uniform(0.2, 1.0) * self.scenario.latency
        self._at(there, self._carry, flight, fault)

    # --- on the way

    def _carry(self, flight: Flight, fault: Fault | None) -> None:
        """The request is where the fault happens, or at the server."""
        random = self._random
        back = self.now + random.uniform(0.2, 1.0) * self.scenario.latency
        seen: Response | TransportError
        reply: Reply | None = None
        if fault in faults.CARRIED_OUT:
            self._execute(flight)
        elif fault in faults.LATER:
            delay = random.expovariate(1 / random.choice((0.5, 10, 100)))
            self._at(back + delay, self._execute_late, flight)
        if fault is Fault.THROTTLED or fault is Fault.RESENT_THROTTLED:
            seen = self._throttle(back)
        elif fault is not None and fault in faults.SEEN:
            self._may_stop = self._may_stop or fault is Fault.DENIED
            seen = faults.SEEN[fault](random)
        else:
            reply = self._execute(flight)
            if fault in faults.DAMAGED:
                said = Said.ADDED if reply.said is Said.ADDED else Said.WORDLESS
                reply = Reply(faults.DAMAGED[fault](random, reply.response), said)
            seen = reply.response
        self.note(fault.name if fault else "arrived", flight, reply.said.name if reply else "")
        self._at(back, self._answer, flight, seen, reply)

    def _execute(self, flight: Flight) -> Reply:
        reply = self.server.post(flight.body, flight.number, self.now)
        if reply.said is Said.STOP or self.scenario.habits.unsure_state:
            self._may_stop = True
        return reply

    def _execute_late(self, flight: Flight) -> None:
        reply = self._execute(flight)
        self.note("late", flight, reply.said.name)

    def _throttle(self, back: float) -> Response:
        response, wait = faults.throttled_reply(self._random)
        if wait:
            self._at(back, self._hold, back + wait)
        return response

    def _hold(self, until: float) -> None:
        self._held_until = max(self._held_until, until)

    def _answer(self, flight: Flight, seen: Response | TransportError, reply: Reply | None) -> None:
        if reply is not None and not reply.response.broken_off:
            self._count_words(flight, reply)
            if len(flight.ids) == 1 and self._is_riddle(reply, flight.ids[0]):
                self.books.riddles.update(flight.ids)
        self.driver.finish(flight, seen, reply)

    def _count_words(self, flight: Flight, reply: Reply) -> None:
        if reply.said is Said.WORDLESS:
            self._wordless_batches.add(tuple(flight.ids))
            if len(flight.ids) == 1:
                self._wordless_ids.update(flight.ids)
            self._wordless += self._asked_after[flight.number] == self._wordless
        elif reply.said is not Said.ADDED or tuple(flight.ids) in self._wordless_batches:
            self._wordless = 0

    def _is_riddle(self, reply: Reply, crm_record_id: str) -> bool:
        """Whether nobody could tell from its words why this one id is refused.

        That holds too where a word of the sentence may as well be the id, "present" say; and where
        there have been no words for long, for this one or for any.
        """
        if reply.said is Said.BLIND:
            return crm_record_id.encode() in reply.response.body
        silence = max(self._wordless, self._wordless_ids[crm_record_id])
        return reply.said is Said.VAGUE or (reply.said is Said.WORDLESS and silence > MOST_WORDLESS)

    # --- from outside

    def _compete(self, ids: list[str]) -> None:
        if self.server.state(self.now) not in FINAL:
            self.server.compete(ids, self.now)

    def _stop(self) -> None:
        self._may_stop = True
        self.driver.stop("the caller ends it")
        self._at(self.now + self._random.choice((0.0, GRACE)), self.driver.give_up)
