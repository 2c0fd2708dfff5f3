"""A model of the service: a ledger, a state over time, and one atomic add.

It shares no line with ``campaigns_async.emulator``, so that a misreading of the contract would have
to be made twice.
"""

import json
from bisect import bisect_right
from collections.abc import Collection, Sequence
from random import Random
from typing import Final, Literal

import attrs

from campaigns_async._core.exchange import Response
from tests.simulation import texts
from tests.simulation.texts import Reply, Said

US: Final = "us"
COMPETITOR: Final = "competitor"
SEEDED: Final = "seeded"

TRANSIENT: Final = frozenset({"BUILDING", "STARTING"})
FINAL: Final = frozenset({"COMPLETE", "DELETED"})

_SIGNS: Final = " ()[]\"'.,:;"

Naming = Literal["first", "last", "random", "all", "none", "wrong", "any"]
Check = Literal["state", "invalid", "duplicate"]


@attrs.frozen(eq=False)
class Entry:
    """Who added an id, when, and with which request (0 for others than us)."""

    by: str
    at: float
    request: int


@attrs.frozen
class Habits:
    """What the vendor's pages leave open, decided for one world.

    ``vague``, ``wrong``: how often a refusal is vague, or names an id that is not in the request.
    ``most``: records that something in between lets through, in one request.
    """

    naming: Naming = "first"
    duplicate_status: int = 409
    state_status: int = 409
    documented: bool = True
    names_invalid: bool = True
    vague: float = 0.0
    wrong: float = 0.0
    unsure_state: bool = False
    dynamic: bool = True
    most: int = 100
    checks: tuple[Check, ...] = ("state", "invalid", "duplicate")


class Server:
    """One campaign. ``states``: (from when, state), in order; before the first it is READY."""

    def __init__(
        self,
        habits: Habits,
        random: Random,
        *,
        invalid: Collection[str] = (),
        seeded: Collection[str] = (),
        states: Sequence[tuple[float, str]] = (),
    ) -> None:
        self.habits = habits
        self.invalid = frozenset(invalid)
        self.ledger: dict[str, Entry] = dict.fromkeys(seeded, Entry(SEEDED, 0.0, 0))
        self._random = random
        self._times = [at for at, _ in states]
        self._states = [state for _, state in states]

    def state(self, now: float) -> str:
        """The campaign's state at this time."""
        place = bisect_right(self._times, now)
        return self._states[place - 1] if place else "READY"

    def post(self, body: bytes, request: int, now: float) -> Reply:
        """Carry out one request of ours, whole or not at all."""
        ids: list[str] = [record["crmRecordId"] for record in json.loads(body)["records"]]
        refusal = self._refuse(ids, now)
        if refusal is not None:
            return refusal
        self.ledger.update(dict.fromkeys(ids, Entry(US, now, request)))
        # The records as they came: what the service adds to each (id, state, ...) proves nothing.
        return Reply(Response(201 if request % 2 else 200, texts.HEADERS, body), Said.ADDED)

    def compete(self, ids: Collection[str], now: float) -> None:
        """Somebody else adds those of the ids that are not there."""
        entry = Entry(COMPETITOR, now, 0)
        for crm_record_id in ids:
            if crm_record_id not in self.invalid:
                self.ledger.setdefault(crm_record_id, entry)

    def _refuse(self, ids: list[str], now: float) -> Reply | None:
        if len(ids) > self.habits.most:
            return Reply(Response(413, texts.HTML, b"<h1>413</h1>"), Said.BLIND)
        if not self.habits.dynamic:
            return texts.say_not_dynamic()
        for check in self.habits.checks:
            if check == "state":
                state = self.state(now)
                if state in TRANSIENT or state in FINAL:
                    return self._say_state(state)
            elif check == "invalid":
                if self.invalid and not self.invalid.isdisjoint(ids):
                    return self._say_invalid([i for i in ids if i in self.invalid])
            elif not self.ledger.keys().isdisjoint(ids):
                return self._say_duplicate(ids, [i for i in ids if i in self.ledger])
        return None

    # --- words

    def _say_state(self, state: str) -> Reply:
        if self._random.random() < self.habits.vague:
            return texts.say_vague(self._random, self.habits.state_status)
        return texts.say_state(
            self._random,
            self.habits.state_status,
            state,
            final=state in FINAL,
            unsure=self.habits.unsure_state and state not in FINAL,
        )

    def _say_invalid(self, offenders: list[str]) -> Reply:
        if self._random.random() < self.habits.vague:
            return texts.say_vague(self._random, 400, offenders)
        return texts.say_invalid(self._random, offenders if self.habits.names_invalid else ())

    def _say_duplicate(self, ids: list[str], offenders: list[str]) -> Reply:
        random, habits = self._random, self.habits
        status = habits.duplicate_status
        if random.random() < habits.vague:
            return texts.say_vague(random, status, offenders)
        wrong = None
        if random.random() < habits.wrong:
            wrong = self._wrong_id(ids, offenders)
        naming = habits.naming
        if naming == "any":
            naming = random.choice(("first", "last", "random", "all", "none"))
        match naming:
            case "first":
                named = offenders[:1]
            case "last":
                named = offenders[-1:]
            case "random":
                named = [random.choice(offenders)]
            case "all":
                named = offenders
            case _:
                named = []
        return texts.say_duplicate(random, status, named, wrong, documented=habits.documented)

    def _wrong_id(self, ids: list[str], offenders: list[str]) -> str | None:
        """An id like an offender's that is not in the request; None if none comes to mind."""
        near = self._random.choice(offenders)
        wrong = self._random.choice((near[:-1], near + "2", "X" + near, "OTHER-4711"))
        # Nor one that is an id of the request with a word after it, or signs around it.
        parts = {wrong, wrong.strip(_SIGNS), *wrong.split()}
        return wrong if wrong and parts.isdisjoint(ids) else None
