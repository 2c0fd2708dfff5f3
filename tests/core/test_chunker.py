import math

from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.chunker import Chunker
from campaigns_async._core.parsing import parse_rows


def feed(chunker: Chunker, *indices: int, now: float = 0) -> None:
    """Rows with these positions."""
    for index in indices:
        chunker.feed(parse_rows(["CRM"], [index]), now)


def take(chunker: Chunker, now: float = 0) -> list[int]:
    """The positions of the next batch's rows."""
    return list(chunker.take(now).positions)


def test_a_full_batch_is_ready_at_once() -> None:
    """Rows that fill a batch go without a flush, in input order; what is over waits."""
    chunker = Chunker(size=3)
    feed(chunker, 0, 1)
    assert chunker.ready_at() == math.inf
    assert take(chunker) == []
    feed(chunker, 2, 3)
    assert chunker.ready_at() == -math.inf
    assert take(chunker) == [0, 1, 2]
    assert take(chunker) == []
    assert len(chunker) == 1


def test_a_flush_lets_a_partial_batch_go() -> None:
    """What was fed before a flush is ready; what comes after it waits again."""
    chunker = Chunker(size=3)
    feed(chunker, 0, 1, 2, 3)
    chunker.flush()
    assert take(chunker) == [0, 1, 2]
    assert take(chunker) == [3]
    feed(chunker, 4)
    assert take(chunker) == []
    assert chunker.ready_at() == math.inf


def test_what_comes_after_a_flush_may_join_what_was_flushed() -> None:
    """A flushed partial batch takes in later rows if they come before it goes."""
    chunker = Chunker(size=3)
    feed(chunker, 0)
    chunker.flush()
    feed(chunker, 1)
    assert take(chunker) == [0, 1]
    assert chunker.ready_at() == math.inf


def test_a_flush_of_nothing_does_nothing() -> None:
    """Flushing an empty chunker does not let later rows go early."""
    chunker = Chunker(size=3)
    chunker.flush()
    assert chunker.ready_at() == math.inf
    feed(chunker, 0)
    assert take(chunker) == []


def test_a_partial_batch_lingers_from_its_first_row() -> None:
    """The linger counts from the first row of the batch, however many come after it."""
    chunker = Chunker(size=3, linger=0.5)
    feed(chunker, 0, now=10)
    feed(chunker, 1, now=10.4)
    assert chunker.ready_at() == 10.5
    assert take(chunker, 10.4) == []
    assert take(chunker, 10.5) == [0, 1]
    assert chunker.ready_at() == math.inf


def test_a_linger_of_zero_waits_for_nothing() -> None:
    """With a linger of 0 a row is ready when it comes."""
    chunker = Chunker(size=3, linger=0)
    feed(chunker, 0, now=7)
    assert take(chunker, 7) == [0]


def test_drained_rows_are_no_batch() -> None:
    """A drain gives back all rows that wait, once."""
    chunker = Chunker(size=2, linger=1)
    feed(chunker, 0, 1, 2)
    assert list(chunker.drain().positions) == [0, 1, 2]
    assert not chunker.drain()
    assert (len(chunker), chunker.ready_at()) == (0, math.inf)


@given(
    st.integers(1, 5),
    st.none() | st.floats(0, 3),
    st.lists(st.sampled_from(["feed", "flush", "take", "wait"]), max_size=60),
)
def test_every_row_is_in_one_batch(size: int, linger: float | None, verbs: list[str]) -> None:
    """Batches have 1 to ``size`` rows, and together all rows once in input order.

    A batch can be taken exactly if :meth:`Chunker.ready_at` is not after now.
    """
    chunker = Chunker(size=size, linger=linger)
    now, fed = 0.0, 0
    taken: list[int] = []
    for verb in verbs:
        if verb == "feed":
            feed(chunker, fed, now=now)
            fed += 1
        elif verb == "flush":
            chunker.flush()
        elif verb == "wait":
            now += 1
        else:
            due = chunker.ready_at() <= now
            batch = take(chunker, now)
            assert due == bool(batch)
            assert len(batch) <= size
            taken += batch
        assert len(taken) + len(chunker) == fed
    chunker.flush()
    while batch := take(chunker, now):
        taken += batch
    assert taken == list(range(fed))
