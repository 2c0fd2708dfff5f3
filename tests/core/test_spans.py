import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.spans import Spans

ranges = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda r: (r[0], r[0] + r[1]))
)


def as_set(spans: Spans) -> set[int]:
    """Every position of it."""
    """Its positions, by its ranges."""
    return {p for first, last in spans for p in range(first, last + 1)}


@given(ranges)
def test_it_is_the_set_of_all_positions_added(given_ranges: list[tuple[int, int]]) -> None:
    """Whatever is added in whatever order, it holds just that, in disjoint ascending ranges."""
    spans = Spans(given_ranges)
    expected = {p for first, last in given_ranges for p in range(first, last + 1)}
    assert as_set(spans) == expected
    assert len(spans) == len(expected)
    assert {p for p in range(-1, 80) if p in spans} == expected
    assert all(first <= last for first, last in spans)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(spans))


@given(ranges, st.sets(st.integers(0, 80)))
def test_positions_one_by_one_are_the_same_as_ranges(
    before: list[tuple[int, int]], positions: set[int]
) -> None:
    """Adding a sorted sequence is adding each of its positions."""
    spans = Spans(before)
    expected = as_set(spans) | positions
    spans.add_all(sorted(positions))
    assert as_set(spans) == expected


def test_nothing_is_nothing() -> None:
    """Empty, it has no position, no range, and adding nothing changes nothing."""
    spans = Spans()
    spans.add_all([])
    assert (len(spans), list(spans), 0 in spans) == (0, [], False)


def test_it_is_made_again_of_its_ranges() -> None:
    """The ranges that it gives make an equal one, pairs or lists as JSON has them."""
    spans = Spans([(5, 9), (0, 2)])
    assert list(Spans(json.loads(json.dumps(list(spans))))) == [(0, 2), (5, 9)]


def test_a_million_in_order_are_one_range() -> None:
    """What an upload settles in order takes no more room than one range."""
    spans = Spans()
    for first in range(0, 1_000_000, 100):
        spans.add_all(range(first, first + 100))
    assert list(spans) == [(0, 999_999)]


@given(ranges, st.integers(0, 80))
def test_the_gaps_are_all_that_is_not_in_it(before: list[tuple[int, int]], below: int) -> None:
    """In ascending ranges that do not touch, up to where one asks."""
    spans = Spans(before)
    gaps = list(spans.gaps(below))
    assert {p for first, last in gaps for p in range(first, last + 1)} == set(
        range(below)
    ) - as_set(spans)
    assert all(first <= last for first, last in gaps)
    assert all(left[1] + 1 < right[0] for left, right in pairwise(gaps))


@given(ranges, st.integers(0, 80), st.integers(0, 80))
def test_positions_of_a_range_are_counted(
    before: list[tuple[int, int]], first: int, length: int
) -> None:
    """As many as there are; none in an empty range."""
    spans = Spans(before)
    among = set(range(first, first + length))
    assert spans.count(first, first + length - 1) == len(as_set(spans) & among)
