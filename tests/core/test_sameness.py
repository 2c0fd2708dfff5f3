from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.rows import NO_ROWS, Rows
from campaigns_async._core.sameness import SameInput


def rows(*given_records: object, first: int = 0) -> Rows:
    """The records as rows."""
    return parse_rows(given_records, range(first, first + len(given_records)))


def read(*portions: Rows) -> SameInput:
    """An input read to its end for the first time."""
    same = SameInput()
    for portion in portions:
        assert same.follow(portion, exhausted=False) is None
    assert same.follow(NO_ROWS, exhausted=True) is None
    return same


def again(before: SameInput) -> SameInput:
    """What a later run knows of the input."""
    return SameInput(before.checks(), before.total)


def test_the_first_run_has_nothing_to_compare() -> None:
    """Without checks everything is proved, and nothing is ever different."""
    same = SameInput()
    assert (same.proved, same.base, same.next_check()) == (True, 0, None)
    assert same.follow(rows("a", "b"), exhausted=True) is None
    assert (same.read, same.total) == (2, 2)


RECORDS = ["a", "b", " ", "\n", {"crm_record_id": "c", "priority": "LOW"}, {"priority": "LOW"}]


@given(st.lists(st.sampled_from(RECORDS), max_size=12), st.integers(1, 5), st.integers(1, 5))
def test_the_same_input_is_the_same_in_any_portions(
    records: list[object], size: int, other_size: int
) -> None:
    """What was read in portions of one size is found again in portions of another."""

    def portions(step: int) -> list[Rows]:
        return [rows(*records[at : at + step], first=at) for at in range(0, len(records), step)]

    same = again(read(*portions(size)))
    for portion in portions(other_size):
        while portion:
            to_check = same.next_check() or len(portion)
            assert same.follow(portion[:to_check], exhausted=False) is None
            portion = portion[to_check:]  # noqa: PLW2901 - what is left of it
    assert same.follow(NO_ROWS, exhausted=True) is None
    assert same.proved


def test_other_records_are_found_out() -> None:
    """The sentence says up to where the input is not the same."""
    same = again(read(rows("a", "b")))
    difference = same.follow(rows("a", "c"), exhausted=False)
    assert difference == "its first 2 records are not the same"
    assert not same.proved


def test_a_shorter_input_is_found_out() -> None:
    """The sentence says how many records there are, and were."""
    same = again(read(rows("a", "b", "c")))
    difference = same.follow(rows("a"), exhausted=True)
    assert difference == "it has 1 records, and 3 were read before"


def test_a_longer_input_is_found_out() -> None:
    """The sentence says how many records there were when it ended before."""
    same = again(read(rows("a")))
    assert same.follow(rows("a"), exhausted=False) is None
    assert same.follow(rows("b", first=1), exhausted=False) == (
        "it has more than the 1 records of before"
    )


lines = st.sampled_from(["a", "b", "a\nb", "b\na", "\n", "a\\", "\\n", "a\\nb", "\ud800", ""])


@given(st.lists(lines, min_size=1, max_size=4), st.lists(lines, min_size=1, max_size=4))
def test_ids_are_told_apart_whatever_is_in_them(one: list[str], other: list[str]) -> None:
    """Line breaks and backslashes among them, in rows that cannot be sent as well."""
    assert (read(rows(*one)).checks() == read(rows(*other)).checks()) is (one == other)


def test_what_else_a_row_says_is_part_of_it() -> None:
    """Its priority, its own rank, and that it cannot be sent."""
    inputs: list[object] = [
        "a",
        {"crmRecordId": "a", "priority": "LOW"},
        {"crmRecordId": "a", "rank": 1},
        {"crmRecordId": "a", "rank": "x"},
    ]
    checks = [str(read(rows(given_record)).checks()) for given_record in inputs]
    assert len(set(checks)) == len(inputs)


@given(
    st.lists(st.sampled_from(RECORDS), min_size=1, max_size=6),
    st.lists(st.sampled_from(RECORDS), min_size=1, max_size=6),
    st.integers(1, 5),
)
def test_no_other_input_is_the_same(records: list[object], others: list[object], size: int) -> None:
    """Whichever record it differs by, in its id or in what else it says."""
    same = again(read(rows(*records)))
    found: list[str | None] = []
    for at in range(0, len(others), size):
        portion = rows(*others[at : at + size], first=at)
        while portion and not any(found):
            to_check = same.next_check() or len(portion)
            found.append(same.follow(portion[:to_check], exhausted=False))
            portion = portion[to_check:]
    found.append(same.follow(NO_ROWS, exhausted=True))
    assert any(found) == (records != others)
