import json
import weakref

from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.rows import NO_ROWS, Row, Rows, is_plain


def make(*records: object, first: int = 0) -> Rows:
    """Rows of these records; None makes one that cannot be sent."""
    positions = range(first, first + len(records))
    return parse_rows(records, positions, positions)


def show(rows: Rows) -> list[tuple[object, ...]]:
    """All that is to be seen of them."""
    return [(r.index, r.given, r.id, r.said, r.rank, r.error) for r in rows]


def test_a_row_has_its_part_of_each_column() -> None:
    """By its place, from either end, with its own error if it has one."""
    rows = make("a", None, "c", first=5)
    assert isinstance(rows[0], Row)
    assert (rows[0].index, rows[0].given, rows[0].id, rows[0].error) == (5, "a", "a", None)
    assert (rows[1].index, rows[1].id, rows[1].error) == (6, "", rows.errors[6])
    assert (rows[-1].id, rows[-1].rank) == ("c", 7)
    assert len(rows) == 3


@given(st.lists(st.sampled_from(["a", "b", None]), max_size=8), st.integers(0, 8))
def test_what_is_cut_can_be_joined(records: list[str | None], at: int) -> None:
    """The same rows come out, whether parts of it are empty or not."""
    rows = make(*records)
    assert show(Rows.join([rows[:at], rows[at:]])) == show(rows)
    assert show(Rows.join(rows.singles())) == show(rows)
    assert show(Rows.of(rows)) == show(rows)


@given(
    st.lists(st.sampled_from(["a", "b", None]), max_size=8), st.integers(0, 8), st.integers(0, 8)
)
def test_a_stretch_is_what_a_slice_is(records: list[str | None], begin: int, end: int) -> None:
    """Of a stretch too, and with its columns to be read as those of any rows."""
    rows = make(*records).stretch(0, len(records))
    begin, end = sorted((min(begin, len(rows)), min(end, len(rows))))
    part, same = rows.stretch(begin, end), rows[begin:end]
    assert show(part) == show(same)
    for name in ("positions", "given", "ids", "said", "ranks", "plain"):
        assert getattr(part, name) == getattr(same, name)
    assert show(part.stretch(0, len(part) // 2)) == show(same[: len(part) // 2])
    if part:
        assert (part.first, show(part)[-1]) == (part[0].index, show(part[len(part) - 1 :])[0])


class Kept(dict[str, str]):
    """A record that can be looked for."""


def test_what_is_cut_out_keeps_nothing_of_the_rest() -> None:
    """One row that waits for hours must not keep all that were read together with it."""
    records = [Kept(crm_record_id=name) for name in "abc"]
    gone = weakref.ref(records[0])
    rows = make(*records)
    one = [rows[1:2], rows.where([False, True, False]), rows.singles()[1]]
    del records, rows
    assert gone() is None
    assert [list(row.ids) for row in one] == [["b"]] * 3


def test_nothing_joined_is_nothing() -> None:
    """And has no rows to look at."""
    assert (list(Rows.join([])), list(NO_ROWS), bool(NO_ROWS)) == ([], [], False)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=8))
def test_each_row_is_on_one_side(marked: list[tuple[str, bool]]) -> None:
    """A split keeps order, positions and errors."""
    rows, wanted = make(*[i for i, _ in marked]), [want for _, want in marked]
    inside, outside = rows.split(wanted)
    assert show(inside) == [row for row, want in zip(show(rows), wanted, strict=True) if want]
    assert show(outside) == [row for row, want in zip(show(rows), wanted, strict=True) if not want]
    assert show(rows.where(wanted)) == show(inside)


def test_rows_are_found_by_id() -> None:
    """All that have one of the ids, and those that have none of them."""
    named, left = make("a", "b", "a", "c").with_ids({"a", "c", "x"})
    assert (list(named.positions), list(left.ids)) == ([0, 2, 3], ["b"])


@given(st.text('ab "\\\n\x00\x7fé', max_size=4))
def test_plain_is_what_needs_no_escape(ids: str) -> None:
    """Neither in JSON nor in a line of its own."""
    assert is_plain(ids) == (json.dumps(ids)[1:-1] == ids)


@given(st.lists(st.lists(st.sampled_from(["a", "b c", 'd"', "é", "f\n"]), min_size=1), max_size=4))
def test_parts_are_plain_if_all_of_it_is(chunks: list[list[str]]) -> None:
    """What is called plain is so, however it was put together."""
    rows = Rows.join([make(*chunk) for chunk in chunks])
    assert rows.plain == all(map(is_plain, rows.ids))
    assert [part.plain for part in rows.singles()] == [rows.plain] * len(rows)
