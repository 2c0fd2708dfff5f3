from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.ranks import MOST_RANK_START, Ranks
from campaigns_async.errors import ConfigurationError

STARTS = st.integers(-MOST_RANK_START, MOST_RANK_START)


@given(STARTS, st.integers(0), st.integers(0))
def test_input_order_gives_ranks_in_the_order_of_the_rows(start: int, a: int, b: int) -> None:
    """A rank follows from the position alone, whichever rows it is asked with."""
    ranks = Ranks("input", start)
    assert ranks.of([a, b]) == [start + a, start + b]
    assert ranks.of([b]) == [start + b]


def test_ranks_start_at_one_as_the_services_do() -> None:
    """The first row has rank 1 unless said otherwise."""
    assert Ranks("input").of([0, 1, 2]) == [1, 2, 3]
    assert Ranks("input").of(range(3)) == range(1, 4)


@given(STARTS, st.integers(0))
def test_server_order_gives_none(start: int, position: int) -> None:
    """With ``order="server"`` the service gives the ranks."""
    assert Ranks("server", start).of([position]) is None


@pytest.mark.parametrize("order", ["INPUT", "", None, 1])
def test_an_unknown_order_is_refused(order: Any) -> None:
    """An order is "input" or "server", and the error says so."""
    with pytest.raises(ConfigurationError, match=r"^order must be 'input' or 'server', not"):
        Ranks(order)


@pytest.mark.parametrize("start", [1.5, "1", True, None])
def test_a_start_is_a_whole_number(start: Any) -> None:
    """``rank_start`` is an int, and the error says so."""
    with pytest.raises(ConfigurationError, match=r"^rank_start must be a whole number, not"):
        Ranks("input", start)


@pytest.mark.parametrize(
    "start", [MOST_RANK_START + 1, -MOST_RANK_START - 1, 10**5_000], ids=["above", "below", "huge"]
)
def test_a_start_is_a_number_that_the_service_can_tell_from_the_next(start: int) -> None:
    """Beyond that the order would be lost, and what is longer cannot even be written."""
    with pytest.raises(ConfigurationError, match=r"^rank_start must be 4,503,599,627,370,496 at"):
        Ranks("input", start)
