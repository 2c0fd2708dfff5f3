import attrs
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.history import History, Kept
from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.rows import Rows
from campaigns_async._core.spans import Spans
from campaigns_async.outcomes import Attribution, Evidence, Status


def rows(first: int, last: int) -> Rows:
    """Rows of an input, both ends in them."""
    positions = range(first, last + 1)
    return parse_rows([f"CRM-{i}" for i in positions], positions)


def history(
    *,
    settled: tuple[tuple[int, int], ...] = (),
    open: tuple[tuple[int, int], ...] = (),  # noqa: A002 - the word for it
    split: tuple[int, ...] = (),
    exceptions: tuple[Kept, ...] = (),
) -> History:
    """What an earlier run left."""
    return History(
        settled=Spans(settled), open=Spans(open), split=frozenset(split), exceptions=exceptions
    )


def test_a_batch_that_was_never_due_is_sent_as_if_new() -> None:
    """Without a reservation it went out nowhere: whole, with no open attempt."""
    (piece,) = history(open=((0, 4),)).revive(rows(5, 9))
    assert (piece.whole, piece.open, len(piece.rows), piece.case.first) == (True, (), 5, 5)


def test_a_batch_reserved_in_part_was_never_sent() -> None:
    """Batches go out whole: one whose last rows were not due has not been sent."""
    (piece,) = history(open=((0, 7),)).revive(rows(5, 9))
    assert (piece.whole, piece.open) == (True, ())


def test_a_reserved_batch_may_have_gone_out_just_so() -> None:
    """Whole, with an open attempt of which it is known what it held."""
    (piece,) = history(open=((0, 9),)).revive(rows(5, 9))
    assert (piece.whole, [attempt.known for attempt in piece.open]) == (True, [True])


def test_a_batch_taken_apart_is_asked_in_pieces() -> None:
    """What went out of it is not known, so nothing said of one row refutes another."""
    (piece,) = history(open=((0, 9),), split=(5,)).revive(rows(5, 9))
    assert (piece.whole, [attempt.known for attempt in piece.open]) == (False, [False])


def test_rows_surely_not_sent_are_kept_apart_from_open_ones() -> None:
    """Of a batch settled in part, only the open rows have an attempt behind them."""
    fresh, unseen = history(settled=((5, 5),), open=((8, 9),)).revive(rows(5, 9))
    assert ([row.index for row in fresh.rows], fresh.open, fresh.whole) == ([6, 7], (), False)
    assert ([row.index for row in unseen.rows], unseen.whole) == ([8, 9], False)
    assert {fresh.case.first, unseen.case.first} == {5}


def test_a_settled_batch_leaves_nothing() -> None:
    """Nothing is to be sent of it."""
    assert history(settled=((5, 9),)).revive(rows(5, 9)) == []


KEPT = st.builds(
    Kept,
    position=st.just(0),
    status=st.sampled_from([Status.PRESENT, Status.REJECTED, Status.ADDED]),
    evidence=st.sampled_from([None, Evidence.INFERRED]),
    attribution=st.sampled_from([None, *Attribution]),
    attempts=st.integers(0, 5),
)


@given(
    st.dictionaries(st.integers(0, 59), st.none() | KEPT),
    st.sets(st.integers(0, 59)),
    st.sets(st.integers(0, 59)),
    st.integers(1, 13),
)
def test_every_row_comes_back_once(
    verdicts: dict[int, Kept | None], maybe_sent: set[int], split: set[int], size: int
) -> None:
    """Batch by batch: settled rows with their verdicts, the others with what may have landed."""
    settled, sent = Spans(), Spans()
    settled.add_all(sorted(verdicts))
    sent.add_all(sorted(maybe_sent))
    exceptions = [
        attrs.evolve(kept, position=p) for p, kept in sorted(verdicts.items()) if kept is not None
    ]
    past = History(settled=settled, open=sent, split=frozenset(split), exceptions=iter(exceptions))
    for first in range(0, 60, size):
        batch = rows(first, min(first + size, 60) - 1)
        recalled = {row.index: s for s in past.recall(past.sort(batch)[0]) for row in s.rows}
        assert recalled.keys() == {r.index for r in batch if r.index in verdicts}
        for position, settlement in recalled.items():
            kept = verdicts[position] or Kept(
                position=position, status=Status.ADDED, evidence=Evidence.CONFIRMED
            )
            assert settlement.recalled
            assert (settlement.status, settlement.evidence, settlement.attribution) == (
                kept.status,
                kept.evidence,
                kept.attribution,
            )
        revived = past.revive(batch)
        left = [row.index for piece in revived for row in piece.rows]
        assert sorted(left) == [r.index for r in batch if r.index not in verdicts]
        for piece in revived:
            if piece.whole:
                assert [r.index for r in piece.rows] == [r.index for r in batch]
                assert bool(piece.open) == all(r.index in maybe_sent for r in batch)
                assert batch[0].index not in split
            else:
                assert {r.index in maybe_sent for r in piece.rows} == {bool(piece.open)}
                assert not any(attempt.known for attempt in piece.open)


def test_it_knows_what_is_settled_and_what_is_open() -> None:
    """Both are told by position; what is settled is not open any more."""
    past = history(settled=((0, 1),), open=((1, 3),))
    assert [past.is_settled(p) for p in range(5)] == [True, True, False, False, False]
    sorted_out = past.sort(rows(0, 4))
    assert [list(some.positions) for some in sorted_out] == [[0, 1], [2, 3], [4]]
