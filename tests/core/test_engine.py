import math
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.chunker import Chunker
from campaigns_async._core.dedupe import Dedupe
from campaigns_async._core.engine import MOST_WORDLESS, Engine, Judged
from campaigns_async._core.gate import Gate
from campaigns_async._core.ranks import Ranks
from campaigns_async._core.resolver import Piece, Resolver
from campaigns_async._core.retry import Backoff, Budget
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.verdicts import Proof, Verdict
from campaigns_async.errors import (
    AuthenticationError,
    CampaignsError,
    CampaignStateError,
    ConflictError,
    DuplicateRecordError,
    InvalidRecordError,
    NotSentError,
    OutcomeUnknownError,
    Problem,
    RateLimitError,
    ServerError,
    UploadStoppedError,
    ValidationError,
)
from campaigns_async.models import CampaignState
from campaigns_async.outcomes import RecordOutcome, Status

ADDED = Verdict(Proof.ADDED)
OPEN = Verdict(Proof.OPEN, OutcomeUnknownError("lost"))
NOT_SENT = Verdict(Proof.NOT_SENT, NotSentError("x"))
DUPLICATE = Verdict(Proof.DUPLICATE, DuplicateRecordError(Problem(), 409))
THROTTLED = Verdict(Proof.THROTTLED, RateLimitError(Problem(), 429))
BUSY = Verdict(Proof.BUSY, CampaignStateError(Problem(), 409))
UNSURE = Verdict(Proof.BUSY, CampaignStateError(Problem(), 409), sure=False)
FATAL = Verdict(Proof.FATAL, AuthenticationError(Problem(), 401))
WORDLESS = Verdict(Proof.WORDLESS, ConflictError(Problem(), 409))
INVALID = Verdict(Proof.INVALID, ValidationError(Problem(), 400))


class Highest:
    """A source of randomness that always gives the most."""

    def uniform(self, a: float, b: float, /) -> float:
        """The upper end."""
        del a
        return b


def new_backoff() -> Backoff:
    """Waits of 1, 2, 4, 8, 8, ... seconds."""
    return Backoff(base=1, cap=8, random=Highest())


def new_engine(
    *,
    size: int = 2,
    linger: float | None = None,
    tokens: float = 100,
    patience: float = 60,
    max_unsettled: int = 1_000,
    **options: Any,
) -> Engine:
    """An engine with small batches."""
    defaults: dict[str, Any] = {
        "ranks": Ranks("server"),
        "dedupe": Dedupe(),
        "budget": Budget(tokens),
    }
    return Engine(
        chunker=Chunker(size=size, linger=linger),
        resolver=Resolver(),
        gate=Gate(patience=patience),
        new_backoff=new_backoff,
        max_unsettled=max_unsettled,
        **defaults | options,
    )


def feed(engine: Engine, records: Iterable[object], now: float) -> list[Settlement]:
    """Hand records over as an upload does."""
    return engine.feed(engine.parse(list(records)), now)


def fed(records: Iterable[object], **options: Any) -> Engine:
    """An engine that has read all of its input."""
    engine = new_engine(**options)
    feed(engine, records, 0)
    engine.finish(0)
    return engine


def take(engine: Engine, now: float = 0) -> Piece:
    """The next batch, of which there must be one."""
    piece = engine.take(now)
    assert piece is not None
    return piece


def room(engine: Engine) -> int:
    """Asked anew each time, for it changes."""
    return engine.room


def is_done(engine: Engine) -> bool:
    """Likewise."""
    return engine.done


def is_closed(engine: Engine) -> bool:
    """Likewise."""
    return engine.gate_closed


def ids(piece: Piece | None) -> str:
    """The ids in a batch as one text; empty for none."""
    return "".join(piece.ids) if piece else ""


def outcomes(settled: Iterable[Settlement]) -> list[RecordOutcome]:
    """One for each row."""
    return [outcome for settlement in settled for outcome in settlement.outcomes()]


def statuses(judged: Judged | list[Settlement]) -> dict[Any, str]:
    """What became of each row, by what was given."""
    settled = judged if isinstance(judged, list) else judged.settled
    return {outcome.record_in: outcome.status.value for outcome in outcomes(settled)}


# --- rows in


def test_a_row_that_is_wrong_is_its_own_outcome() -> None:
    """An invalid record is REJECTED with its error and its position; the others go on."""
    engine = new_engine()
    [outcome] = outcomes(feed(engine, ["a", "", "b"], 0))
    assert (outcome.index, outcome.record_in, outcome.status) == (1, "", Status.REJECTED)
    assert isinstance(outcome.error, InvalidRecordError)
    assert (outcome.error.index, outcome.attempts) == (1, 0)
    assert ids(engine.take(0)) == "ab"


def test_a_repeat_points_to_the_first() -> None:
    """A repeated id is a DUPLICATE of the row that came first, and is not sent."""
    engine = new_engine()
    [outcome] = outcomes(feed(engine, ["a", {"crmRecordId": "a", "priority": "LOW"}, "b"], 0))
    assert (outcome.status, outcome.duplicate_of, outcome.differs) == (Status.DUPLICATE, 0, True)
    assert ids(engine.take(0)) == "ab"


def test_a_repeat_may_be_an_error() -> None:
    """With ``repeats_are_errors`` a repeated id is REJECTED, and names the row that came first."""
    engine = new_engine(repeats_are_errors=True)
    [outcome] = outcomes(feed(engine, ["a", "a"], 0))
    assert outcome.status is Status.REJECTED
    assert str(outcome.error).startswith("record 1: its crm_record_id repeats record 0")


def test_without_dedupe_the_caller_keeps_ids_apart() -> None:
    """Without a memory of ids every row goes into a batch."""
    engine = new_engine(dedupe=None)
    assert feed(engine, ["a", "a"], 0) == []
    assert ids(engine.take(0)) == "aa"


def test_ranks_go_by_position() -> None:
    """A row's rank follows from its place in the input, gaps of refused rows included."""
    engine = fed(["a", "", "a", "b"], ranks=Ranks("input", 10))
    assert [(row.id, row.rank) for row in take(engine).rows] == [("a", 10), ("b", 13)]


def test_rows_are_wanted_while_there_is_room() -> None:
    """With ``max_unsettled`` rows on their way no more are wanted, until enough are settled."""
    engine = new_engine(max_unsettled=4)
    assert room(engine) == 4
    feed(engine, ["a", "b", ""], 0)
    assert room(engine) == 2
    feed(engine, ["c"], 0)
    assert room(engine) == 0  # for one more, which can wait for others
    feed(engine, ["d"], 0)
    engine.judge(take(engine), ADDED, 0)
    assert room(engine) == 2
    assert (engine.parsed, engine.unsettled) == (5, 2)
    engine.finish(0)
    assert room(engine) == 0


# --- batches out


def test_batches_come_in_input_order() -> None:
    """Full batches go at once; the last one goes when the input has ended."""
    engine = new_engine()
    feed(engine, "abcde", 0)
    assert engine.wake_at() == -math.inf
    assert [ids(engine.take(0)) for _ in range(3)] == ["ab", "cd", ""]
    assert engine.wake_at() == math.inf
    engine.finish(0)
    assert [ids(engine.take(0)) for _ in range(2)] == ["e", ""]


def test_a_flush_sends_what_is_there() -> None:
    """A flush lets a partial batch go although more may come."""
    engine = new_engine()
    feed(engine, "a", 0)
    assert engine.take(0) is None
    engine.flush()
    assert ids(engine.take(0)) == "a"
    assert room(engine) > 0


def test_a_partial_batch_lingers() -> None:
    """With a linger a partial batch goes when its first row has waited so long."""
    engine = new_engine(linger=0.5)
    feed(engine, "a", 10)
    assert engine.wake_at() == 10.5
    assert engine.take(10.4) is None
    assert ids(engine.take(10.5)) == "a"


def test_done_is_when_every_row_is_settled() -> None:
    """An engine is done when its input has ended and the last batch was judged."""
    engine = new_engine()
    assert not is_done(engine)
    feed(engine, "a", 0)
    engine.finish(0)
    assert not is_done(engine)
    piece = take(engine)
    assert statuses(engine.judge(piece, ADDED, 0)) == {"a": "ADDED"}
    assert is_done(engine)
    assert (engine.requests, engine.retries) == (1, 0)


# --- waits


def silent_since(engine: Engine) -> float | None:
    """Asked anew each time, for it changes."""
    return engine.silent_since


@pytest.mark.parametrize("verdict", [OPEN, NOT_SENT], ids=lambda v: v.proof.name)
def test_it_knows_since_when_there_is_no_answer(verdict: Verdict) -> None:
    """From the first failure of those in a row, until anything at all is answered."""
    engine = fed("abcdef")
    pieces = [take(engine) for _ in range(3)]
    assert silent_since(engine) is None
    engine.judge(pieces[0], verdict, 5)
    engine.judge(pieces[1], verdict, 7)
    assert silent_since(engine) == 5
    engine.judge(pieces[2], THROTTLED, 9)
    assert silent_since(engine) is None


@pytest.mark.parametrize("verdict", [OPEN, NOT_SENT, THROTTLED], ids=lambda v: v.proof.name)
def test_it_knows_why_an_attempt_has_to_be_made_again(verdict: Verdict) -> None:
    """Until one brings any of its records further."""
    engine = fed("abcdef")
    pieces = [take(engine) for _ in range(3)]
    told = [engine.hindrance]
    for piece, each in zip(pieces, (verdict, INVALID, verdict), strict=True):
        engine.judge(piece, each, 5)
        told.append(engine.hindrance)
    assert told == [None, verdict.error, None, verdict.error]


def test_a_campaign_that_takes_no_records_hinders_all_of_it() -> None:
    """Whatever an older request is told, until records are taken again."""
    engine = fed("abcd")
    canary, older = take(engine), take(engine)
    engine.judge(canary, BUSY, 0)
    engine.judge(older, ADDED, 0)
    assert engine.hindrance is BUSY.error
    engine.judge(take(engine, 1), ADDED, 1)
    assert engine.hindrance is None


@pytest.mark.parametrize("verdict", [OPEN, NOT_SENT], ids=lambda v: v.proof.name)
def test_a_failure_is_retried_after_growing_waits(verdict: Verdict) -> None:
    """The same batch goes again after 1, 2, 4, ... seconds; others go meanwhile."""
    engine = fed("abcd")
    piece = take(engine)
    now = 0.0
    for wait in (1, 2, 4, 8, 8):
        assert engine.judge(piece, verdict, now) == Judged([])
        other = engine.take(now)
        if other is not None:
            engine.judge(other, ADDED, now)
        assert engine.wake_at() == now + wait
        assert engine.take(now + wait - 0.1) is None
        now += wait
        assert engine.take(now) is piece
    assert engine.retries == 5
    assert engine.requests == (6 if verdict is OPEN else 1)


def test_a_split_begins_with_short_waits() -> None:
    """The waits of a batch are not those of its parts: an answer is progress."""
    engine = fed("ab")
    piece = take(engine)
    engine.judge(piece, OPEN, 0)
    engine.judge(take(engine, 1), OPEN, 1)
    engine.judge(take(engine, 3), INVALID, 3)
    part = take(engine, 3)
    assert ids(part) == "a"
    assert ids(engine.take(3)) == "b"
    engine.judge(part, OPEN, 3)
    assert engine.wake_at() == 4


def test_429_holds_everyone() -> None:
    """After 429 the batch is the next to go, and nobody on the session sends for the wait."""
    engine = fed("abcd", tokens=0)
    piece = take(engine)
    assert engine.judge(piece, THROTTLED, 0) == Judged([], hold=1)
    assert engine.wake_at() == -math.inf
    assert engine.take(0) is piece


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(Proof.THROTTLED, RateLimitError(Problem(), 429, retry_after=30)),
        Verdict(Proof.OPEN, ServerError(Problem(), 503, retry_after=30)),
    ],
    ids=lambda v: v.proof.name,
)
def test_a_wait_that_is_asked_for_is_a_floor_for_everyone(verdict: Verdict) -> None:
    """Retry-After holds the whole session for at least so long."""
    engine = fed("ab")
    judged = engine.judge(take(engine), verdict, 0)
    assert judged.hold is not None
    assert 30 <= judged.hold <= 31


@pytest.mark.parametrize("batch", ["ab", "a"])
def test_a_refusal_without_words_is_asked_for_them(batch: str) -> None:
    """The same batch goes again, as after a failure: what it says then counts."""
    engine = fed(batch)
    piece = take(engine)
    assert engine.judge(piece, OPEN, 0) == Judged([])
    assert engine.judge(take(engine, 1), WORDLESS, 1) == Judged([])
    assert take(engine, 3) is piece
    named = attrs.evolve(DUPLICATE, named=tuple(batch))
    assert statuses(engine.judge(piece, named, 3)) == dict.fromkeys(batch, "PRESENT")


@pytest.mark.parametrize("how", ["words", "the same one added"])
def test_where_there_never_are_words_it_does_not_ask_for_ever(how: str) -> None:
    """After five such refusals in a row, whosoever they are, the next is as good as any.

    Until it is seen that they can be damaged: there are words again, or one is added after all.
    """
    engine = fed([f"{n:02}" for n in range(20)], size=1)
    for _ in range(MOST_WORDLESS):
        assert engine.judge(take(engine), WORDLESS, 0) == Judged([])
        # What is added at once shows nothing: a success needs no words.
        assert statuses(engine.judge(take(engine), ADDED, 0))
    assert list(statuses(engine.judge(take(engine), WORDLESS, 0)).values()) == ["REJECTED"]
    if how == "words":
        engine.judge(take(engine), INVALID, 0)
    else:
        engine.judge(take(engine, 8), ADDED, 8)
    assert engine.judge(take(engine), WORDLESS, 0) == Judged([])


def test_what_was_under_way_together_tells_of_one_trouble() -> None:
    """A hiccup of a gateway costs none of a dozen records its second chance."""
    engine = fed("abcdefghijkl", size=1)
    flying = [take(engine) for _ in range(12)]
    assert all(engine.judge(piece, WORDLESS, 0) == Judged([]) for piece in flying)
    again = [engine.judge(take(engine, 8), ADDED, 8) for _ in range(12)]
    assert {status for judged in again for status in statuses(judged).values()} == {"ADDED"}


def test_one_that_never_gets_words_is_not_asked_for_ever() -> None:
    """Whatever the others get."""
    engine = fed([f"{n:02}" for n in range(20)], size=1)
    silent, now = take(engine), 0.0
    for _ in range(MOST_WORDLESS):
        assert engine.judge(silent, WORDLESS, now) == Judged([])
        assert statuses(engine.judge(take(engine, now), INVALID, now))
        now += 8
        while (piece := take(engine, now)) is not silent:
            engine.judge(piece, INVALID, now)
    assert statuses(engine.judge(silent, WORDLESS, now)) == {"00": "REJECTED"}


def test_without_budget_each_retry_waits_for_the_cap() -> None:
    """When the retries to spare are used up, a batch goes again after the longest wait."""
    engine = fed("abcd", tokens=1)
    first, second = take(engine), take(engine)
    engine.judge(first, OPEN, 0)
    assert engine.wake_at() == 1
    engine.judge(second, OPEN, 0)
    assert engine.take(1) is first
    assert engine.wake_at() == 8


def test_successes_give_retries_back() -> None:
    """Ten added batches, give or take one, pay for a quick retry; probes are no retries."""
    budget = Budget(1)
    engine = fed([f"{n:02}" for n in range(26)], budget=budget)
    assert budget.take()
    for _ in range(11):
        engine.judge(take(engine), ADDED, 0)
    engine.judge(take(engine), INVALID, 0)
    engine.judge(take(engine), OPEN, 0)
    while engine.take(0):
        pass
    assert engine.wake_at() == 1


# --- the gate


def test_one_canary_asks_while_the_campaign_is_busy() -> None:
    """While the campaign is BUILDING one batch asks, after growing waits; the others wait."""
    engine = fed("abcdef")
    canary, other = take(engine), take(engine)
    engine.judge(canary, BUSY, 0)
    engine.judge(other, BUSY, 0)
    assert is_closed(engine)
    now = 0.0
    for wait in (1, 2, 4):
        assert engine.wake_at() == now + wait
        assert engine.take(now + wait - 0.1) is None
        now += wait
        assert engine.wake_at() == now
        assert engine.take(now) is canary
        assert engine.wake_at() == math.inf
        assert engine.take(now) is None
        engine.judge(canary, BUSY, now)
    assert engine.take(now + 8) is canary
    assert statuses(engine.judge(canary, ADDED, now + 8)) == {"a": "ADDED", "b": "ADDED"}
    assert not is_closed(engine)
    assert [ids(engine.take(now + 8)) for _ in range(3)] == ["cd", "ef", ""]


def test_a_canary_that_is_throttled_asks_again() -> None:
    """The canary stays the canary when its request fails for another reason."""
    engine = fed("abcd")
    canary = take(engine)
    engine.judge(canary, BUSY, 0)
    assert engine.take(1) is canary
    assert engine.judge(canary, THROTTLED, 1).hold == 2
    assert engine.wake_at() == -math.inf
    assert engine.take(1) is canary
    engine.judge(canary, OPEN, 1)
    assert engine.take(5) is canary


@pytest.mark.parametrize("verdict", [DUPLICATE, INVALID], ids=lambda v: v.proof.name)
def test_any_answer_about_records_opens_the_gate(verdict: Verdict) -> None:
    """A canary that is refused for its records shows that records are taken again."""
    engine = fed("abcd")
    canary = take(engine)
    engine.judge(canary, BUSY, 0)
    engine.judge(take(engine, 1), verdict, 1)
    assert not is_closed(engine)
    assert {ids(engine.take(1)) for _ in range(3)} == {"a", "b", "cd"}


def test_the_state_is_told_as_long_as_it_counts() -> None:
    """What the refusal names, until records are taken again: it cannot be asked for."""
    engine = fed("ab")
    canary = take(engine)
    told = [engine.campaign_state]
    error = CampaignStateError(Problem(), 409)
    error.state = CampaignState.BUILDING
    engine.judge(canary, Verdict(Proof.BUSY, error), 0)
    told.append(engine.campaign_state)
    engine.judge(take(engine, 1), ADDED, 1)
    told.append(engine.campaign_state)
    assert told == [None, CampaignState.BUILDING, None]


def test_an_answer_to_an_older_request_does_not_open_the_gate() -> None:
    """A batch that was sent before may be added although the campaign takes no more."""
    engine = fed("abcdef")
    canary, older = take(engine), take(engine)
    engine.judge(canary, BUSY, 0)
    assert statuses(engine.judge(older, ADDED, 0)) == {"c": "ADDED", "d": "ADDED"}
    assert is_closed(engine)
    assert engine.take(0) is None


def test_patience_ends_where_nobody_said_that_the_state_will_change() -> None:
    """An unclear state conflict is asked again for ``patience`` seconds, then stops the upload."""
    engine = fed("abcd", patience=10)
    canary = take(engine)
    engine.judge(canary, UNSURE, 0)
    engine.judge(take(engine, 9), UNSURE, 9)
    judged = engine.judge(take(engine, 20), UNSURE, 20)
    assert statuses(judged) == dict.fromkeys("abcd", "NOT_ADDED")
    assert engine.stopped_by is UNSURE.error
    assert is_done(engine)


# --- stops


def test_a_fatal_answer_stops_everything() -> None:
    """After 401, say, nothing is sent: what waits is NOT_ADDED, what comes later as well."""
    engine = new_engine()
    feed(engine, "abcde", 0)
    waiting, fatal = take(engine), take(engine)
    engine.judge(waiting, NOT_SENT, 0)
    judged = engine.judge(fatal, FATAL, 0)
    assert statuses(judged) == dict.fromkeys("abcde", "NOT_ADDED")
    assert {outcome.error for outcome in outcomes(judged.settled)} == {FATAL.error}
    assert statuses(feed(engine, ["f", "a", ""], 1)) == {
        "f": "NOT_ADDED",
        "a": "DUPLICATE",
        "": "REJECTED",
    }
    assert (engine.take(99), engine.wake_at()) == (None, math.inf)
    engine.finish(0)
    assert is_done(engine)


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (ADDED, "ADDED"),
        (OPEN, "UNKNOWN"),
        (NOT_SENT, "NOT_ADDED"),
        (THROTTLED, "NOT_ADDED"),
        (BUSY, "NOT_ADDED"),
        (INVALID, "NOT_ADDED"),
        (FATAL, "NOT_ADDED"),
    ],
    ids=lambda value: value.proof.name if isinstance(value, Verdict) else value,
)
def test_what_is_in_flight_at_a_stop_is_settled_by_its_verdict(
    verdict: Verdict, outcome: str
) -> None:
    """A stop waits for what is in flight: its answer counts, and it is not sent again."""
    engine = fed("abc")
    flying = take(engine)
    reason = UploadStoppedError("no time")
    assert statuses(engine.stop(reason)) == {"c": "NOT_ADDED"}
    assert not is_done(engine)
    assert statuses(engine.judge(flying, verdict, 0)) == dict.fromkeys("ab", outcome)
    assert is_done(engine)
    assert engine.take(99) is None
    assert engine.stopped_by is reason


def test_a_stop_leaves_unknown_what_was_lost() -> None:
    """A batch that waits for its retry may have landed, and is UNKNOWN at a stop."""
    engine = fed("abcd")
    engine.judge(take(engine), OPEN, 0)
    assert statuses(engine.stop(UploadStoppedError("no time"))) == {
        "a": "UNKNOWN",
        "b": "UNKNOWN",
        "c": "NOT_ADDED",
        "d": "NOT_ADDED",
    }


class Kept(dict[str, str]):
    """A record that can be looked for."""


@pytest.mark.parametrize("verdict", [OPEN, THROTTLED, BUSY, DUPLICATE], ids=lambda v: v.proof.name)
def test_a_batch_that_waits_keeps_no_records_but_its_own(verdict: Verdict) -> None:
    """It may wait for hours, with all that was read together with it settled long ago."""
    records = [Kept(crm_record_id=name) for name in "abcd"]
    references = [weakref.ref(record) for record in records]
    engine = fed(records)
    del records
    first, second = take(engine), take(engine)
    engine.judge(second, verdict, 0)
    engine.judge(first, ADDED, 0)
    del first, second
    assert [reference() is None for reference in references] == [True, True, False, False]
    assert engine.unsettled == 2


def test_the_first_reason_stays() -> None:
    """A second stop settles nothing and changes no reason."""
    engine = fed("ab")
    first = CampaignsError("first")
    engine.stop(first)
    assert engine.stop(CampaignsError("second")) == []
    assert engine.stopped_by is first


# --- properties, against a model of the service

FAULTS = [NOT_SENT, THROTTLED, OPEN, BUSY, UNSURE, "lost after"]


class Service:
    """Adds all of a request's ids or none, and keeps who added what."""

    def __init__(self, theirs: Iterable[str], invalid: str) -> None:
        self.ledger = dict.fromkeys(theirs, "them")
        self.invalid = invalid

    def post(self, ids: Sequence[str], fault: Any) -> Verdict:
        """What is seen of a request; ``fault``: what is seen instead."""
        if isinstance(fault, Verdict):
            return fault
        seen = self._carry_out(ids)
        return OPEN if fault == "lost after" else seen

    def _carry_out(self, ids: Sequence[str]) -> Verdict:
        if any(i in self.invalid for i in ids):
            return INVALID
        present = [i for i in ids if i in self.ledger]
        if present:
            return Verdict(Proof.DUPLICATE, DUPLICATE.error, named=tuple(present[:1]))
        self.ledger |= dict.fromkeys(ids, "us")
        return ADDED


def run(
    engine: Engine,
    service: Service,
    records: str,
    trouble: tuple[list[Any], list[int]],
    *,
    stop_after: int | None,
) -> list[Settlement]:
    """All that is settled with up to three requests in flight, which end in any order."""
    settled: list[Settlement] = []
    faults, order = map(list, trouble)
    source = list(records)
    flying: list[Piece] = []
    now = 0.0
    for step in range(10_000):
        while source and engine.room:
            settled += feed(engine, [source.pop(0)], now)
        if not source:
            engine.finish(0)
        if step == stop_after:
            settled += engine.stop(UploadStoppedError("no time"))
        if engine.done or (engine.stopped_by and not flying):
            return settled + feed(engine, source, now)
        piece = engine.take(now) if len(flying) < 3 else None
        if piece is not None:
            flying.append(piece)
        elif flying:
            piece = flying.pop((order.pop() if order else 0) % len(flying))
            verdict = service.post(piece.ids, faults.pop(0) if faults else None)
            judged = engine.judge(piece, verdict, now)
            settled += judged.settled
            now += judged.hold or 0
        else:
            assert now < engine.wake_at() < math.inf
            now = engine.wake_at()
    raise AssertionError


def is_true(outcome: RecordOutcome, ledger: dict[str, str], *, stopped: bool) -> bool:
    """Whether the ledger bears the outcome out; nothing is open unless it was stopped."""
    who = ledger.get(outcome.record_in)
    return {
        Status.ADDED: who == "us",
        Status.PRESENT: who == "them" if outcome.attribution == "theirs" else who is not None,
        Status.DUPLICATE: True,
        Status.REJECTED: who is None,
        Status.NOT_ADDED: stopped and who != "us",
        Status.UNKNOWN: stopped,
    }[outcome.status]


letters = st.text("abcdefghij", max_size=30)


@given(
    letters,
    st.text("abcdefghij", max_size=4),
    st.text("abcdefghij", max_size=2),
    st.tuples(
        st.lists(st.none() | st.sampled_from(FAULTS), max_size=15), st.lists(st.integers(0, 3))
    ),
    st.none() | st.integers(0, 20),
)
def test_every_row_has_one_true_outcome(
    records: str,
    theirs: str,
    invalid: str,
    trouble: tuple[list[Any], list[int]],
    stop_after: int | None,
) -> None:
    """Whatever happens in whatever order, each row is settled once, and the ledger bears it out.

    Unless it was stopped, nothing stays UNKNOWN or NOT_ADDED once the faults are over.
    """
    service = Service((i for i in theirs if i not in invalid), invalid)
    engine = new_engine(size=4, max_unsettled=8, patience=1e6, tokens=3)
    settled = run(engine, service, records, trouble, stop_after=stop_after)
    found = sorted(outcomes(settled), key=lambda outcome: outcome.index)
    assert [outcome.record_in for outcome in found] == list(records)
    assert engine.unsettled == 0
    stopped = engine.stopped_by is not None
    assert [o for o in found if not is_true(o, service.ledger, stopped=stopped)] == []
