import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns_async._core.retry import (
    LONGEST_HOLD,
    Backoff,
    Budget,
    is_ambiguous,
    may_repeat,
    may_repeat_action,
    parse_retry_after,
)
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    CampaignsError,
    CampaignStateError,
    ConflictError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    Problem,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    ValidationError,
)
from campaigns_async.models import CampaignAction

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)

seconds = st.floats(0.01, 100)


class Highest:
    """A source of randomness that always gives the most, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float, /) -> float:
        """The upper end."""
        self.asked.append((a, b))
        return b


# --- how long


@given(seconds, seconds)
def test_the_ceilings_double_up_to_the_cap(base: float, cap: float) -> None:
    """Wait n is drawn from 0 to min(cap, base * 2**n)."""
    highest = Highest()
    backoff = Backoff(base=base, cap=cap, random=highest)
    waits = [backoff.next_wait() for _ in range(20)]
    assert waits == pytest.approx([min(cap, base * 2**n) for n in range(20)])
    assert highest.asked == [(0, wait) for wait in waits]
    assert backoff.cap == cap


@given(seconds, seconds, st.integers(0, 2**32), st.lists(st.none() | st.floats(0, 100)))
def test_waits_stay_in_their_bounds(
    base: float, cap: float, seed: int, floors: list[float | None]
) -> None:
    """A wait is never below what the service asked for, and never above the ceiling beyond it."""
    backoff = Backoff(base=base, cap=cap, random=random.Random(seed))  # noqa: S311
    for n, floor in enumerate(floors):
        ceiling = min(cap, base * 2**n)
        wait = backoff.next_wait(floor)
        if floor is None:
            assert 0 <= wait <= ceiling
        else:
            assert floor <= wait <= floor + ceiling


def test_the_same_seed_gives_the_same_waits() -> None:
    """Waits follow from the source of randomness alone."""
    a, b = (Backoff(base=0.5, cap=20, random=random.Random(7)) for _ in "ab")  # noqa: S311
    assert [a.next_wait() for _ in range(9)] == [b.next_wait() for _ in range(9)]


def test_after_a_success_waits_are_short_again() -> None:
    """A reset begins at the shortest ceiling."""
    backoff = Backoff(base=0.5, cap=20, random=Highest())
    assert [backoff.next_wait() for _ in range(3)] == [0.5, 1, 2]
    backoff.reset()
    assert [backoff.next_wait() for _ in range(3)] == [0.5, 1, 2]


def test_waiting_does_not_end() -> None:
    """The thousandth wait is drawn below the cap like the tenth."""
    backoff = Backoff(base=0.5, cap=20, random=Highest())
    assert {backoff.next_wait() for _ in range(3_000)} == {0.5, 1, 2, 4, 8, 16, 20}


# --- the budget


@given(st.integers(0, 30), st.lists(st.booleans(), max_size=200))
def test_a_budget_bounds_the_retries(tokens: int, events: list[bool]) -> None:
    """Retries are at most the budget and a tenth of the successes."""
    budget = Budget(tokens)
    taken = successes = 0
    for success in events:
        if success:
            budget.give_back()
            successes += 1
        else:
            taken += budget.take()
        assert taken <= tokens + successes / 10 + 1e-9


def test_ten_successes_pay_for_a_retry() -> None:
    """An empty budget has one retry again after ten successes or so, and not before."""
    budget = Budget(1)
    assert budget.take()
    for _ in range(9):
        budget.give_back()
        assert not budget.take()
    budget.give_back()
    budget.give_back()
    assert budget.take()


def test_a_budget_does_not_grow_beyond_its_start() -> None:
    """However many successes there were, an outage finds the budget that was set."""
    budget = Budget(2)
    for _ in range(100):
        budget.give_back()
    assert [budget.take() for _ in range(3)] == [True, True, False]


# --- whether


def refused(cls: type[APIError], status: int) -> APIError:
    """An error of this class."""
    return cls(Problem(), status)


REPEATABLE = [
    # error, ambiguous, may repeat anything, may repeat START, may repeat BUILD, BUILD if asked
    (NotSentError("x"), False, True, True, True, True),
    (NotSentError("x", permanent=True), False, False, False, False, False),
    (OutcomeUnknownError("x"), True, False, False, False, True),
    (OutcomeUnknownError("x", timed_out=True), True, False, False, False, True),
    (refused(RateLimitError, 429), False, True, True, True, True),
    (refused(ServerError, 500), True, False, True, False, True),
    (refused(ServerError, 503), True, False, True, False, True),
    (refused(UnexpectedResponseError, 408), True, False, False, False, True),
    (refused(UnexpectedResponseError, 302), False, False, False, False, False),
    (refused(ValidationError, 400), False, False, False, False, False),
    (refused(AuthenticationError, 401), False, False, False, False, False),
    (refused(NotFoundError, 404), False, False, False, False, False),
    (refused(ConflictError, 409), False, False, False, False, False),
    (refused(CampaignStateError, 409), False, False, False, False, False),
    (CampaignsError("x"), False, False, False, False, False),
]


@pytest.mark.parametrize(
    ("error", "ambiguous", "anything", "start", "build", "if_asked"),
    [pytest.param(*row, id=f"{n}: {row[0]!r:.60}") for n, row in enumerate(REPEATABLE)],
)
def test_what_may_be_repeated(  # noqa: PLR0917 - the columns of a table
    error: CampaignsError,
    ambiguous: bool,  # noqa: FBT001
    anything: bool,  # noqa: FBT001
    start: bool,  # noqa: FBT001
    build: bool,  # noqa: FBT001
    if_asked: bool,  # noqa: FBT001
) -> None:
    """What was surely not executed is repeated; else only what the state guards, or if asked."""
    assert is_ambiguous(error) == ambiguous
    assert may_repeat(error) == anything
    for action in ("START", "PAUSE", "RESUME", "CANCEL"):
        assert may_repeat_action(CampaignAction(action), error, asked=False) == start
        assert may_repeat_action(CampaignAction(action), error, asked=True) == if_asked
    for action in ("BUILD", "RESET", "RETRY", "PURGE"):
        assert may_repeat_action(CampaignAction(action), error, asked=False) == build
        assert may_repeat_action(CampaignAction(action), error, asked=True) == if_asked


# --- what the service asks for


def http_date(moment: datetime) -> str:
    """As HTTP writes a time."""
    return format_datetime(moment, usegmt=True)


UNIX_NOW = int(NOW.timestamp())
IN_A_MINUTE = http_date(NOW + timedelta(minutes=1))
FAST_CLOCK = http_date(NOW + timedelta(hours=5))


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "86400"}, LONGEST_HOLD),
        ({"retry-after": IN_A_MINUTE}, 60),
        ({"retry-after": "Tue, 01 Dec 2026 09:01:00 -0000"}, 60),
        ({"retry-after": "Tue, 01 Dec 2026 10:01:00 +0100"}, 60),
        ({"retry-after": http_date(NOW - timedelta(days=1))}, 0),
        ({"retry-after": http_date(NOW + timedelta(days=9))}, LONGEST_HOLD),
        # Its clock counts, where the reply shows it.
        ({"retry-after": http_date(NOW + timedelta(hours=5, seconds=9)), "date": FAST_CLOCK}, 9),
        ({"x-ratelimit-reset": str(UNIX_NOW + 5 * 3600 + 9), "date": FAST_CLOCK}, 9),
        ({"retry-after": IN_A_MINUTE, "date": "yesterday"}, 60),
        # The reset counts only where there is no Retry-After.
        ({"x-ratelimit-reset": str(UNIX_NOW + 30)}, 30),
        ({"x-ratelimit-reset": f"{UNIX_NOW + 30}.5"}, 30.5),
        ({"x-ratelimit-reset": str(UNIX_NOW - 30)}, 0),
        ({"x-ratelimit-reset": str((UNIX_NOW + 30) * 1000)}, LONGEST_HOLD),
        ({"retry-after": "7", "x-ratelimit-reset": str(UNIX_NOW + 30)}, 7),
        ({"retry-after": "soon", "x-ratelimit-reset": str(UNIX_NOW + 30)}, 30),
        # What cannot be read asks for nothing.
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "Tue, 99 Dec 2026 09:01:00 GMT"}, None),
        ({"x-ratelimit-reset": "soon"}, None),
    ],
    ids=str,
)
def test_the_wait_that_a_reply_asks_for(headers: Mapping[str, str], wait: float | None) -> None:
    """Retry-After in seconds or as a date, or the reset of a rate limit, give seconds from now."""
    assert parse_retry_after(headers, NOW) == wait


header_texts = (
    st.text() | st.text("0123456789eE+-. :,GMTinfa") | st.datetimes().map(format_datetime)
)


@given(st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-reset", "date"]), header_texts))
@example({"retry-after": "Mon, 01 Jan 0001 00:00:00 +9999"})
@example({"retry-after": "1 Jan 2026 00:00:00 +999999999999"})
@example({"retry-after": "9" * 5_000})
def test_any_headers_ask_for_a_bounded_wait(headers: dict[str, str]) -> None:
    """Whatever the headers say, the wait is None, or from 0 to an hour."""
    wait = parse_retry_after(headers, NOW)
    assert wait is None or 0 <= wait <= LONGEST_HOLD
