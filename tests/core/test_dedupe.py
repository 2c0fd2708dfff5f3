from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.dedupe import Dedupe, Repeat
from campaigns_async._core.rows import Row, parse_row
from campaigns_async.models import NewRecord


def row(crm_record_id: str, index: int = 0, said: str = "") -> Row:
    """A row with this id."""
    return Row(index, crm_record_id, crm_record_id, said, "")


@given(
    st.lists(st.tuples(st.text(max_size=2), st.sampled_from(["", "a", "b"]))),
    st.sampled_from([0, 2, 200_000]),
)
def test_a_repeat_points_to_the_first_row_with_its_id(
    rows: list[tuple[str, str]], few: int
) -> None:
    """Each id is claimed once, few or many; each later row with it points there."""
    dedupe = Dedupe(few)
    first: dict[str, tuple[int, str]] = {}
    for index, (crm_record_id, said) in enumerate(rows):
        repeat = dedupe.claim(row(crm_record_id, index, said))
        if crm_record_id in first:
            position, said_first = first[crm_record_id]
            assert repeat == Repeat(position, differs=said != said_first)
        else:
            assert repeat is None
            first[crm_record_id] = index, said


def test_ids_are_compared_exactly() -> None:
    """Ids that differ in case or in spaces are different ones: the vendor does not say."""
    dedupe = Dedupe()
    assert [dedupe.claim(row(i)) for i in ("crm-1", "CRM-1", " CRM-1", "CRM-1 ")] == [None] * 4


def test_the_rank_of_the_input_order_makes_no_difference() -> None:
    """Two rows with the same content do not differ for standing at different places."""
    dedupe = Dedupe()
    assert dedupe.claim(parse_row(NewRecord("x", priority="LOW"), 0, 1)) is None
    assert dedupe.claim(parse_row({"crmRecordId": "x", "priority": "low"}, 8, 9)) == Repeat(
        0, differs=False
    )
    assert dedupe.claim(parse_row("x", 9, 10)) == Repeat(0, differs=True)
