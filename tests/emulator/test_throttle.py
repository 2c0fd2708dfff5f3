from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.emulator.throttle import Throttle


def test_a_burst_then_a_wait() -> None:
    """From rest a burst goes through; then the wait for the next token is told."""
    throttle = Throttle(per_minute=60, burst=2)
    assert [throttle.take(100.0) for _ in range(3)] == [0.0, 0.0, 1.0]


def test_what_was_waited_for_is_there() -> None:
    """Whoever waits as long as told gets a token."""
    throttle = Throttle(per_minute=100, burst=1)
    throttle.take(0.0)
    wait = throttle.take(0.1)
    assert throttle.take(0.1 + wait) == 0.0


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_never_more_than_the_rate_allows(pauses: list[float]) -> None:
    """In any pattern of requests no more get through than the burst and the time since allow."""
    throttle = Throttle(per_minute=120, burst=5)
    at, passed = 0.0, 0
    for pause in pauses:
        at += pause
        passed += throttle.take(at) == 0.0
    assert passed <= 5 + at * 2 + 1e-6
