import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.exchange import Response
from campaigns_async._core.pacing import Pacing, Ticket, read_congestion
from campaigns_async.errors import NotSentError, OutcomeUnknownError, TransportError


def succeed(pacing: Pacing, times: int = 1) -> None:
    """So many requests, one after the other, with success."""
    for _ in range(times):
        pacing.end(pacing.begin(0), congested=False)


def begin(pacing: Pacing, count: int) -> list[Ticket]:
    """So many requests at once."""
    return [pacing.begin(0) for _ in range(count)]


# --- what shows congestion


@pytest.mark.parametrize(
    ("seen", "congested"),
    [
        (Response(200, {}, b""), False),
        (Response(409, {}, b""), False),
        (Response(408, {}, b""), None),
        (Response(404, {}, b""), False),
        (Response(429, {}, b""), True),
        (Response(503, {}, b""), True),
        (Response(500, {}, b""), None),
        (Response(502, {}, b""), None),
        (OutcomeUnknownError("", timed_out=True), True),
        (OutcomeUnknownError(""), None),
        (NotSentError(""), None),
    ],
    ids=lambda value: f"{value!r:.60}",
)
def test_overload_shows_in_429_503_and_timeouts(
    seen: Response | TransportError,
    congested: bool | None,  # noqa: FBT001
) -> None:
    """429, 503 and timeouts show overload, answers show none, and other failures show nothing."""
    assert read_congestion(seen) is congested


# --- the window


def test_the_window_is_what_may_be_in_flight() -> None:
    """As many requests as the window has may begin; the next has to wait for an end."""
    pacing = Pacing(ceiling=16, initial=4)
    tickets = []
    for _ in range(4):
        assert pacing.admit(0) == 0
        tickets.append(pacing.begin(0))
    assert pacing.admit(0) == math.inf
    assert pacing.in_flight == 4
    pacing.end(tickets[0], congested=None)
    assert pacing.admit(0) == 0


def test_the_window_never_starts_above_the_ceiling() -> None:
    """The ceiling counts from the first request."""
    assert Pacing(ceiling=2, initial=4).window == 2


def test_the_window_doubles_in_a_round_trip_at_first() -> None:
    """Until the first congestion each success adds one, up to the ceiling."""
    pacing = Pacing(ceiling=16, initial=4)
    windows = []
    for _ in range(3):
        for ticket in begin(pacing, pacing.window):
            pacing.end(ticket, congested=False)
        windows.append(pacing.window)
    assert windows == [8, 16, 16]


def test_the_window_grows_by_one_in_a_round_trip_after_congestion() -> None:
    """After the first congestion a whole window of successes adds about one."""
    pacing = Pacing(ceiling=16, initial=8)
    pacing.end(pacing.begin(0), congested=True)
    assert pacing.window == 4
    windows = []
    for _ in range(12):
        succeed(pacing, pacing.window)
        windows.append(pacing.window)
    assert all(0 <= after - before <= 1 for before, after in pairwise(windows))
    assert windows[-1] >= 12


def test_congestion_halves_the_window_once_an_epoch() -> None:
    """Of many requests that fail together only the first halves; those begun later count anew."""
    pacing = Pacing(ceiling=16, initial=16)
    for ticket in begin(pacing, 16):
        pacing.end(ticket, congested=True)
    assert pacing.window == 8
    early, late = begin(pacing, 2)
    pacing.end(early, congested=True)
    pacing.end(late, congested=True)
    assert pacing.window == 4


def test_the_window_never_falls_below_one() -> None:
    """However often it is halved, one request may be in flight."""
    pacing = Pacing(ceiling=16, initial=4)
    for _ in range(10):
        pacing.end(pacing.begin(0), congested=True)
    assert pacing.window == 1
    assert pacing.admit(0) == 0


def test_an_end_that_shows_nothing_changes_nothing() -> None:
    """A broken connection neither widens nor narrows the window."""
    pacing = Pacing(ceiling=16, initial=4)
    pacing.end(pacing.begin(0), congested=None)
    assert (pacing.window, pacing.in_flight) == (4, 0)


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.sampled_from([True, False, None]))),
)
def test_the_window_stays_between_one_and_the_ceiling(
    ceiling: int, initial: int, events: list[tuple[bool, int, bool | None]]
) -> None:
    """Whatever happens, 1 <= window <= ceiling, and no more than the ceiling are in flight."""
    pacing = Pacing(ceiling=ceiling, initial=initial)
    flying: list[Ticket] = []
    for wants_to_begin, which, congested in events:
        if wants_to_begin and pacing.admit(0) == 0:
            flying.append(pacing.begin(0))
        elif flying:
            pacing.end(flying.pop(which % len(flying)), congested=congested)
        assert 1 <= pacing.window <= ceiling
        assert pacing.in_flight == len(flying) <= ceiling


# --- the rate


def test_a_rate_spaces_the_requests() -> None:
    """Two a second without a burst are half a second apart."""
    pacing = Pacing(ceiling=16, initial=16, requests_per_second=2)
    assert pacing.admit(10) == 0
    pacing.begin(10)
    assert pacing.admit(10) == 0.5
    assert pacing.admit(10.5) == 0


def test_a_burst_may_go_at_once_and_fills_again() -> None:
    """A burst of three goes at once, the fourth waits; after a pause there are three again."""
    pacing = Pacing(ceiling=16, initial=16, requests_per_second=2, burst=3)
    for now in (0, 100):
        begun = 0
        while pacing.admit(now) == 0:
            pacing.begin(now)
            begun += 1
        assert begun == 3
        assert pacing.admit(now) == 0.5


@given(
    st.floats(0.1, 50),
    st.integers(1, 10),
    st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_no_stretch_of_time_has_more_than_its_share(
    rate: float, burst: int, pauses: list[float]
) -> None:
    """In any stretch of t seconds at most burst + rate * t requests begin."""
    pacing = Pacing(ceiling=1_000, initial=1_000, requests_per_second=rate, burst=burst)
    now = 0.0
    begun: list[float] = []
    for pause in pauses:
        now += pause
        for _ in range(5):
            wait = pacing.admit(now)
            if wait > pause:
                break
            now += wait
            # What admit asked to wait for is enough, but for the rounding of now + wait.
            assert pacing.admit(now) <= 1e-9
            pacing.begin(now)
            begun.append(now)
    for first in range(len(begun)):
        for last in range(first, len(begun)):
            share = burst + rate * (begun[last] - begun[first])
            assert last - first + 1 <= share + 1e-6


# --- the hold


def test_a_hold_stops_everything_until_its_end() -> None:
    """Nothing begins before the hold is over; the latest of several counts."""
    pacing = Pacing(ceiling=16, initial=4)
    assert pacing.held_until == -math.inf
    pacing.hold(10)
    pacing.hold(7)
    assert pacing.held_until == 10
    assert pacing.admit(4) == 6
    assert pacing.admit(10) == 0


def test_the_longest_of_all_waits_counts() -> None:
    """A full window outlasts a hold, and a hold outlasts the rate."""
    pacing = Pacing(ceiling=2, initial=2, requests_per_second=1)
    pacing.begin(0)
    pacing.hold(5)
    assert pacing.admit(0) == 5
    pacing.begin(5)
    assert pacing.admit(5) == math.inf
