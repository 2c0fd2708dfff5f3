import pytest

from campaigns_async._core.values import value


@value
class Point:
    """Two numbers."""

    x: int
    y: int = 0


def test_values_are_compared_by_what_they_say() -> None:
    """And not by which object they are."""
    assert Point(1) == Point(1, 0) != Point(1, 2)


def test_a_value_takes_nothing_that_it_does_not_have() -> None:
    """A misspelt name is found out when it is set."""
    with pytest.raises(AttributeError):
        Point(1).z = 3  # type: ignore[attr-defined]
