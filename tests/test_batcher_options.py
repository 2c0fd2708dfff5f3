import math
from typing import Any

import pytest

from campaigns_async.batcher_options import BatcherOptions, Patience
from campaigns_async.errors import ConfigurationError

SOUND: dict[str, Any] = {
    "linger": 0.05,
    "max_batch_size": 100,
    "max_in_flight": None,
    "max_buffered": 10_000,
    "when_full": "wait",
    "order": "server",
    "exclusive": False,
}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("linger", -1, "at least 0"),
        ("linger", True, "a number"),
        ("linger", "1", "a number"),
        ("linger", math.nan, "a number"),
        ("max_batch_size", 0, "at least 1"),
        ("max_batch_size", 101, "at most 100"),
        ("max_batch_size", 1.5, "a whole number"),
        ("max_in_flight", 0, "at least 1"),
        ("max_in_flight", False, "a finite number"),
        ("max_buffered", 0, "at least 1"),
        ("max_buffered", 1e3, "a whole number"),
        ("when_full", "drop", "'wait' or 'error'"),
        ("exclusive", 1, "True or False"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(name: str, value: object, wanted: str) -> None:
    """By its name, with what it must be and what it is."""
    with pytest.raises(ConfigurationError) as caught:
        BatcherOptions(**{**SOUND, name: value})
    assert str(caught.value) == f"{name} must be {wanted}, not {value!r}"


@pytest.mark.parametrize(("name", "value"), [("linger", 0), ("linger", math.inf), *SOUND.items()])
def test_what_can_be_meant_is_taken(name: str, value: object) -> None:
    """A batch may linger not at all, or for ever."""
    assert getattr(BatcherOptions(**{**SOUND, name: value}), name) == value


@pytest.mark.parametrize("timeout", [None, 0, -1.5, 60, math.inf])
def test_any_time_is_a_timeout(timeout: float | None) -> None:
    """What is left of some other time may be below 0."""
    assert Patience(timeout).timeout == timeout


@pytest.mark.parametrize("timeout", ["5", True, math.nan])
def test_a_timeout_that_is_no_time_is_refused(timeout: Any) -> None:
    """In our own words, and not by what adds it up."""
    with pytest.raises(ConfigurationError, match="timeout must be a number, not"):
        Patience(timeout)
