from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.dedupe import Dedupe, Repeat
from campaigns_async._core.parsing import parse_rows
from campaigns_async.models import NewRecord


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([None, "LOW", "HIGH"]))),
    st.integers(1, 5),
    st.sampled_from([0, 2, 4, 200_000]),
)
def test_a_repeat_points_to_the_first_row_with_its_id(
    records: list[tuple[str, str | None]], size: int, few: int
) -> None:
    """Each id is claimed once, few or many; each later row with it points there."""
    dedupe = Dedupe(few)
    first: dict[str, tuple[int, str | None]] = {}
    expected: list[Repeat | None] = []
    for position, (crm_record_id, priority) in enumerate(records):
        before, said = first.setdefault(crm_record_id, (position, priority))
        expected.append(None if before == position else Repeat(before, differs=said != priority))
    found: list[Repeat | None] = []
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
