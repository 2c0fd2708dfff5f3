import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.emulator.ledger import Ledger
from campaigns_async.models import NewRecord, RecordCount, RecordPriority, RecordState, RecordType
from tests.emulator.conftest import T0

PREFIX = "00000000-0000-4000-8000-"


def ledger(*, ignore_case: bool = False, removed_id_stays_taken: bool = True) -> Ledger:
    """An empty ledger."""
    return Ledger(
        id_prefix=PREFIX, ignore_case=ignore_case, removed_id_stays_taken=removed_id_stays_taken
    )


def test_an_entry_says_who_added_what() -> None:
    """An entry holds the record, its place, its time, its request and its client."""
    held = ledger()
    held.add([NewRecord("A"), NewRecord("B")], now=T0, request=7, client="worker")
    entry = held["B"]
    assert (
        entry.position,
        entry.added_at,
        entry.request,
        entry.client,
        entry.seeded,
    ) == (1, T0, 7, "worker", False)
    assert f"{PREFIX}000000000001" == entry.record.id
    assert entry.record.next_attempt_after == T0


def test_what_is_answered_is_what_is_held() -> None:
    """The records of the answer are those of the entries."""
    held = ledger()
    rows = [
        NewRecord("A", priority="LOW", rank=1.5),
        NewRecord("B", schedule_at="2026-02-01T00:00:00+01:00"),
    ]
    assert held.add(rows, now=T0) == [entry.record for entry in held.values()]


def test_a_ledger_is_a_mapping_in_the_order_of_adding() -> None:
    """Iteration, length and membership are those of the ids, oldest first."""
    held = ledger()
    held.add([NewRecord("B")], now=T0)
    held.add([NewRecord("A")], now=T0)
    assert list(held) == ["B", "A"]
    assert len(held) == 2
    assert "A" in held
    assert "C" not in held
    assert "2 records" in repr(held)
    with pytest.raises(KeyError):
        _ = held["C"]


@given(st.lists(st.sampled_from([None, *RecordPriority])))
def test_a_rank_left_out_is_the_size_of_the_group_plus_one(
    priorities: list[RecordPriority | None],
) -> None:
    """Within each priority (HIGH where none is said) the service counts 1, 2, 3 by arrival."""
    held = ledger()
    held.add([NewRecord(str(i), priority=p) for i, p in enumerate(priorities)], now=T0)
    for priority in RecordPriority:
        ranks = [e.record.rank for e in held.values() if e.record.priority is priority]
        assert ranks == [float(n) for n in range(1, len(ranks) + 1)]


def test_an_explicit_rank_counts_in_its_group() -> None:
    """A record with a rank of its own counts towards the rank that the next one gets."""
    held = ledger()
    held.add([NewRecord("A", rank=40.5), NewRecord("B")], now=T0)
    assert [entry.record.rank for entry in held.values()] == [40.5, 2.0]


@pytest.mark.parametrize(("ignore_case", "expected"), [(False, ("A",)), (True, ("a", "A"))])
def test_duplicates(ignore_case: bool, expected: tuple[str, ...]) -> None:  # noqa: FBT001
    """Taken ids are found in exact case or in any, as set, and in the order asked."""
    held = ledger(ignore_case=ignore_case)
    held.add([NewRecord("A")], now=T0)
    assert expected == held.duplicates(["b", "a", "A"])


@pytest.mark.parametrize("ignore_case", [True, False])
@pytest.mark.parametrize("stays_taken", [True, False])
def test_a_removed_id(stays_taken: bool, ignore_case: bool) -> None:  # noqa: FBT001
    """A removed record is gone from the ledger; its id stays taken or not, as set."""
    held = ledger(removed_id_stays_taken=stays_taken, ignore_case=ignore_case)
    held.add([NewRecord("A")], now=T0)
    gone = held.remove("A")
    assert "A" not in held
    assert (gone,) == held.removed
    assert gone.record.state is RecordState.DELETED
    assert (("A",) if stays_taken else ()) == held.duplicates(["A"])
    assert held.counts() == ()


def test_added_by_tells_clients_apart() -> None:
    """The ids are told by client; those of no client and the seeded ones are apart."""
    held = ledger()
    held.add([NewRecord("S")], now=T0, seeded=True)
    held.add([NewRecord("A")], now=T0, client="a")
    held.add([NewRecord("B")], now=T0, client="b")
    held.add([NewRecord("N")], now=T0)
    assert [held.added_by("a"), held.added_by("b"), held.added_by(None)] == [["A"], ["B"], ["N"]]


def test_counts() -> None:
    """Records are counted by type: seeded ones are the campaign's own, added ones dynamic."""
    held = ledger()
    held.add([NewRecord("S")], now=T0, seeded=True)
    held.add([NewRecord("A"), NewRecord("B")], now=T0)
    pending = RecordState.PENDING
    assert held.counts() == (
        RecordCount(type=RecordType.CRM_QUERY, state=pending, count=1),
        RecordCount(type=RecordType.DYNAMIC, state=pending, count=2),
    )
