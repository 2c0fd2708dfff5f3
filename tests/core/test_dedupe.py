from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core import dedupe as memory
from campaigns_async._core.dedupe import Dedupe, Repeat
from campaigns_async._core.parsing import parse_rows
from campaigns_async.models import NewRecord


@given(
    records=st.lists(
        st.tuples(st.integers(0, 40).map(str), st.sampled_from([None, "LOW", "HIGH"])),
        max_size=60,
    ),
    size=st.integers(1, 8),
    few=st.sampled_from([0, 2, 4, 20, 200_000]),
    at_a_time=st.sampled_from([1, 5, 1_000]),
    chunks=st.sampled_from([1, 3, 5_000]),
)
def test_a_repeat_points_to_the_first_row_with_its_id(
    records: list[tuple[str, str | None]], size: int, few: int, at_a_time: int, chunks: int
) -> None:
    """Each id is claimed once, few or many, in whatever memory it is by now."""
    first: dict[str, tuple[int, str | None]] = {}
    expected: list[Repeat | None] = []
    for position, (crm_record_id, priority) in enumerate(records):
        before, said = first.setdefault(crm_record_id, (position, priority))
        expected.append(None if before == position else Repeat(before, differs=said != priority))
    found: list[Repeat | None] = []
    with patch.object(memory, "_AT_A_TIME", at_a_time), patch.object(memory, "_CHUNKS", chunks):
        dedupe = Dedupe(few)
        for at in range(0, len(records), size):
            some = [NewRecord(i, priority=priority) for i, priority in records[at : at + size]]
            repeats = dedupe.claim(parse_rows(some, range(at, at + len(some))))
            found += repeats or [None] * len(some)
    assert found == expected


def test_ids_are_compared_exactly() -> None:
    """Ids that differ in case or in spaces are different ones: the vendor does not say."""
    rows = parse_rows(["crm-1", "CRM-1", " CRM-1", "CRM-1 "], range(4))
    assert Dedupe().claim(rows) == []


def test_the_rank_of_the_input_order_makes_no_difference() -> None:
    """Two rows with the same content do not differ for standing at different places."""
    dedupe = Dedupe()
    assert dedupe.claim(parse_rows([NewRecord("x", priority="LOW")], [0], [1])) == []
    later = [{"crmRecordId": "x", "priority": "low"}, "x", NewRecord("x", priority="LOW", rank=1)]
    assert dedupe.claim(parse_rows(later, [8, 9, 10], [9, 10, 11])) == [
        Repeat(0, differs=False),
        Repeat(0, differs=True),
        Repeat(0, differs=True),
    ]
