from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.outcomes import RecordOutcome, Status
from campaigns_async.remembered import Remembered


def outcome(number: int) -> RecordOutcome:
    """Some outcome."""
    return RecordOutcome(number, str(number), Status.ADDED)


@given(st.integers(1, 5), st.integers(0, 30))
def test_the_latest_are_remembered_and_not_many_more(most: int, count: int) -> None:
    """At least as many as asked for and at most twice as many; it says when it forgets."""
    remembered = Remembered(most)
    forgot = [remembered.add(str(number), outcome(number)) for number in range(count)]
    known = [n for n in range(count) if remembered.find(str(n)) is not None]
    assert known == list(range(count - len(known), count))
    assert min(most, count) <= len(known) <= 2 * most
    assert any(forgot) == (len(known) < count)


def test_it_gives_the_outcome_of_the_id() -> None:
    """The very one; None for an id that it does not know, and for none."""
    remembered = Remembered()
    added = outcome(1)
    assert remembered.add("1", added) is False
    assert remembered.find("1") is added
    assert (remembered.find("2"), remembered.find(None)) == (None, None)


def test_an_outcome_that_is_found_keeps_no_reply() -> None:
    """Its record is decoded, for it may be kept much longer than the others of its batch."""
    asked: list[str | None] = []
    [lazy] = RecordOutcome.lazy([(0, "1", "1")], asked.append, status=Status.ADDED)
    remembered = Remembered()
    remembered.add("1", lazy)
    assert asked == []
    remembered.find("1")
    assert asked == ["1"]
