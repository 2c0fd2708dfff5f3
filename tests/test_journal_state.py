import json

from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.journal_state import JournalState

numbers = st.integers(0, 2**40)
ranges = st.lists(st.tuples(numbers, numbers))


@given(
    st.builds(
        JournalState,
        read=numbers,
        total=st.none() | numbers,
        settled=ranges,
        open=ranges,
        reserved=numbers,
        checks=st.lists(st.tuples(numbers, st.text())),
        requests=numbers,
        retries=numbers,
        elapsed=st.floats(0, 1e9),
        stopped=st.none() | st.text(),
    )
)
def test_it_comes_back_from_json_as_it_was(state: JournalState) -> None:
    """Whatever it holds."""
    assert JournalState.parse(json.loads(json.dumps(state.build_document()))) == state


def test_what_it_does_not_know_is_left_alone() -> None:
    """And what is missing is as in a new journal."""
    parsed = JournalState.parse({"read": 5, "colour": "red"})
    assert parsed.build_document() == {**JournalState.parse({}).build_document(), "read": 5}


def test_what_a_run_reserved_and_never_closed_may_be_open() -> None:
    """With what earlier runs left."""
    state = JournalState(open=[(2, 3), (9, 12)], reserved=10)
    assert list(state.may_be_open()) == [(0, 12)]
    assert list(JournalState(open=[(2, 3)]).may_be_open()) == [(2, 3)]
