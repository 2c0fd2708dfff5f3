import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns_async._core.parsing import (
    parse_batch,
    parse_row,
    parse_rows,
    read_id,
    repeated_id_error,
    snapshot,
)
from campaigns_async._core.rows import Row, Rows
from campaigns_async._core.wire import encode_records
from campaigns_async.errors import InvalidRecordError
from campaigns_async.models import NewRecord, RecordPriority

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)


class Odd(tzinfo):
    """A time zone of the caller's own, whose offset is out of range."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """An offset that no time can have."""
        del moment
        return timedelta(days=2)

    tzname = None  # type: ignore[assignment]
    dst = None  # type: ignore[assignment]


class Vague(Odd):
    """A time zone of the caller's own that does not know its offset."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """As the base class of time zones does it."""
        del moment
        raise NotImplementedError


class Lines(Mapping[str, object]):
    """A mapping that is no dict."""

    def __init__(self, **fields: object) -> None:
        self._fields = fields

    def __getitem__(self, key: str) -> object:
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


@attrs.frozen
class Line(NewRecord):
    """A record of a kind of the caller's own."""

    number: int = 0


def bad(error: type[Exception]) -> NewRecord:
    """A record of a kind of the caller's own that raises when its priority is looked at."""

    class Bad(Line):
        @property
        def priority(self) -> str:
            raise error("it is gone")

    record = object.__new__(Bad)
    for name in ("crm_record_id", "schedule_at", "rank"):
        object.__setattr__(record, name, "CRM-9" if name == "crm_record_id" else None)
    return record


class Silent:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


def body_of(given_record: object, rank: float | None = None) -> dict[str, Any]:
    """What a request carries of this record."""
    return content(parse_row(given_record, 0, rank))


def content(row: Row) -> dict[str, Any]:
    """What a request carries of this row."""
    document: dict[str, Any]
    [document] = json.loads(encode_records(Rows.of([row])))["records"]
    return document


# --- what is taken

FULL = {
    "crmRecordId": "CRM-1",
    "scheduleAt": "2026-12-01T09:00:00Z",
    "priority": "LOW",
    "rank": 7,
}


@pytest.mark.parametrize(
    ("given_record", "body"),
    [
        pytest.param("CRM-1", {"crmRecordId": "CRM-1"}, id="id alone"),
        pytest.param(NewRecord("CRM-1"), {"crmRecordId": "CRM-1"}, id="record with id alone"),
        pytest.param({"crm_record_id": "CRM-1"}, {"crmRecordId": "CRM-1"}, id="mapping with id"),
        pytest.param(
            NewRecord("CRM-1", schedule_at=NINE, priority=RecordPriority.LOW, rank=7),
            FULL,
            id="record",
        ),
        pytest.param(
            {"crm_record_id": "CRM-1", "schedule_at": NINE, "priority": "low", "rank": 7},
            FULL,
            id="mapping with Python names",
        ),
        pytest.param(FULL, FULL, id="mapping with the vendor's names"),
        pytest.param(
            {"crmRecordId": "CRM-1", "schedule_at": NINE, "priority": "Low", "rank": 7},
            FULL,
            id="mapping with both",
        ),
        pytest.param(MappingProxyType(FULL), FULL, id="mapping that is no dict"),
        pytest.param(Lines(**FULL), FULL, id="mapping of one's own"),
        pytest.param(
            {"crm_record_id": "x", "schedule_at": None, "priority": None, "rank": None},
            {"crmRecordId": "x"},
            id="mapping with None",
        ),
    ],
)
def test_a_record_may_come_in_several_forms(given_record: object, body: dict[str, object]) -> None:
    """An id, a NewRecord and a mapping in either spelling say the same; None says nothing."""
    assert body_of(given_record) == body
    row = parse_row(given_record, 3)
    assert (row.index, row.given, row.id) == (3, given_record, body["crmRecordId"])


@given(st.none() | st.integers(-5, 5), st.none() | st.integers(-5, 5))
def test_a_rows_own_rank_wins(own: int | None, given_rank: int | None) -> None:
    """The rank of the input order is for rows that have none of their own."""
    wanted = given_rank if own is None else own
    body = {"crmRecordId": "x"} | ({} if wanted is None else {"rank": wanted})
    assert body_of(NewRecord("x", rank=own), given_rank) == body
    assert body_of({"crmRecordId": "x", "rank": own}, given_rank) == body


def test_the_order_of_the_input_is_nothing_that_a_row_said() -> None:
    """Rows that differ in the rank they were given, and not in their own, say the same."""
    assert parse_row("x", 0, 1).said == parse_row(NewRecord("x"), 7, 8).said == ""
    assert parse_row(NewRecord("x", rank=1), 0).said != parse_row("x", 0, 1).said
    assert parse_row(NewRecord("x", priority="LOW"), 0).said != parse_row("x", 0).said


# --- what is refused

WHAT_SERVES = "give a NewRecord, a mapping with its fields, or the id as a string"
KNOWN_FIELDS = "the fields are crm_record_id, schedule_at, priority, rank"


@pytest.mark.parametrize(
    ("given_record", "field", "reason"),
    [
        (None, None, f"an object of type NoneType is no record; {WHAT_SERVES}"),
        (7, None, f"an object of type int is no record; {WHAT_SERVES}"),
        (b"CRM-1", None, f"an object of type bytes is no record; {WHAT_SERVES}"),
        (["CRM-1"], None, f"an object of type list is no record; {WHAT_SERVES}"),
        ({"id": "x"}, None, f"'id' is no field of a record; {KNOWN_FIELDS}"),
        ({7: "x"}, None, f"7 is no field of a record; {KNOWN_FIELDS}"),
        ({"\x1b[2J": 1}, None, rf"'\x1b[2J' is no field of a record; {KNOWN_FIELDS}"),
        (
            {"crmRecordId": "x", "crm_record_id": "x"},
            "crm_record_id",
            "crm_record_id is given twice, in both spellings; give one",
        ),
        ({}, "crm_record_id", "the crm_record_id is missing; it must be a string"),
        (
            {"crmRecordId": None},
            "crm_record_id",
            "the crm_record_id is missing; it must be a string",
        ),
        (
            {"crmRecordId": 7},
            "crm_record_id",
            "the crm_record_id is of type int; it must be a string",
        ),
        ("", "crm_record_id", "the crm_record_id is blank; leave the row out or give it an id"),
        (
            " \t\u3000",
            "crm_record_id",
            "the crm_record_id is blank; leave the row out or give it an id",
        ),
        (
            "x" * 33,
            "crm_record_id",
            f"the crm_record_id '{'x' * 33}' has 33 characters; the service takes 1 to 32",
        ),
        (
            "\udc80",
            "crm_record_id",
            r"the crm_record_id '\udc80' is broken text (lone surrogate)",
        ),
        (
            NewRecord("x", schedule_at="tomorrow"),
            "schedule_at",
            "schedule_at 'tomorrow' cannot be read; write it as 2026-12-01T09:00:00+00:00",
        ),
        (
            NewRecord("x", schedule_at="2026-12-01T09:00:00"),
            "schedule_at",
            "schedule_at '2026-12-01T09:00:00' has no time zone; add its offset, such as +00:00",
        ),
        (
            {"crmRecordId": "x", "scheduleAt": 1764579600},
            "schedule_at",
            "schedule_at is of type int; give a datetime or text",
        ),
        (
            NewRecord("x", priority="urgent"),
            "priority",
            "priority 'urgent' is not one of HIGH, MEDIUM, LOW",
        ),
        (
            {"crmRecordId": "x", "priority": 1},
            "priority",
            "priority 1 is not one of HIGH, MEDIUM, LOW",
        ),
        (NewRecord("x", rank=math.nan), "rank", "the rank nan is not a finite number"),
        (NewRecord("x", rank=math.inf), "rank", "the rank inf is not a finite number"),
        (NewRecord("x", rank=True), "rank", "the rank True is not a number"),
        ({"crmRecordId": "x", "rank": "1"}, "rank", "the rank '1' is not a number"),
        ({"crmRecordId": "x", "rank": Decimal(1)}, "rank", "the rank Decimal('1') is not a number"),
    ],
    ids=repr,
)
def test_a_refusal_names_row_field_and_remedy(
    given_record: object, field: str | None, reason: str
) -> None:
    """What no request may carry is refused with its position, its field and what to do."""
    with pytest.raises(InvalidRecordError) as caught:
        parse_row(given_record, 41)
    error = caught.value
    assert (error.index, error.field, error.reason) == (41, field, reason)
    assert str(error) == f"record 41: {reason}"


@pytest.mark.parametrize(
    ("given_record", "field"),
    [
        pytest.param(NewRecord("x", rank=10**400), "rank", id="too large for a float"),
        pytest.param(NewRecord("x", rank=10**5_000), "rank", id="too large to be shown"),
        pytest.param({"crmRecordId": "x", "rank": Silent()}, "rank", id="no repr"),
        pytest.param({10**5_000: "x"}, None, id="a key too large to be shown"),
        pytest.param({Silent(): "x"}, None, id="a key without repr"),
        pytest.param(
            NewRecord("x", schedule_at=NINE.replace(tzinfo=Odd())), "schedule_at", id="odd offset"
        ),
        pytest.param(
            NewRecord("x", schedule_at=NINE.replace(tzinfo=Vague())), "schedule_at", id="no offset"
        ),
        pytest.param(
            NewRecord("x", schedule_at=datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))),
            "schedule_at",
            id="before year 1",
        ),
        pytest.param(
            NewRecord("x", schedule_at="9999-12-31T23:00:00-05:00"),
            "schedule_at",
            id="after year 9999",
        ),
    ],
)
def test_no_value_is_too_odd_to_be_refused(given_record: object, field: str | None) -> None:
    """A value that cannot be converted, or not even shown, is refused in one printable line."""
    with pytest.raises(InvalidRecordError) as caught:
        parse_row(given_record, 5)
    assert (caught.value.index, caught.value.field) == (5, field)
    assert str(caught.value).isprintable()


def test_a_repeated_id_points_to_the_first() -> None:
    """The error for a repeat names both rows, and says what to do."""
    error = repeated_id_error(9, 2)
    assert str(error) == "record 9: its crm_record_id repeats record 2; leave one of them out"
    assert (error.index, error.field) == (9, "crm_record_id")


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.none() | st.timezones() | st.just(UTC))
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.sampled_from([*RecordPriority, RecordPriority("\x1b"), Odd()])
    | st.builds(Silent)
)
keys = st.sampled_from(
    ["crm_record_id", "crmRecordId", "schedule_at", "scheduleAt", "priority", "rank", "Rank", 1]
)
anything = (
    scalars
    | st.dictionaries(keys | scalars, scalars)
    | st.fixed_dictionaries(
        {"crmRecordId": st.text()}, optional={"scheduleAt": scalars, "rank": scalars}
    )
    | st.builds(NewRecord, scalars, schedule_at=scalars, priority=scalars, rank=scalars)
    | st.lists(scalars)
)


@given(anything, st.integers(0, 10**9), st.none() | st.integers())
@example(NewRecord("x", schedule_at="2026-12-31T24:00:00Z"), 0, None)
@example(NewRecord("x", schedule_at="9999-12-31T24:00:00Z"), 0, None)
def test_anything_is_a_row_or_refused(given_record: object, index: int, rank: int | None) -> None:
    """Any object gives a row whose text is JSON with the contract's fields, or is refused."""
    try:
        row = parse_row(given_record, index, rank)
    except InvalidRecordError as error:
        assert error.index == index  # noqa: PT017 - either is right
        return
    assert isinstance(row, Row)
    body = content(row)
    assert body.keys() <= {"crmRecordId", "scheduleAt", "priority", "rank"}
    assert body["crmRecordId"] == row.id
    assert None not in body.values()
    assert math.isfinite(body.get("rank", 0))


@pytest.mark.parametrize(
    ("record_in", "crm_record_id"),
    [
        ("CRM-1", "CRM-1"),
        (NewRecord("CRM-1"), "CRM-1"),
        ({"crm_record_id": "CRM-1"}, "CRM-1"),
        ({"crmRecordId": "CRM-1"}, "CRM-1"),
        (MappingProxyType({"crmRecordId": "CRM-1"}), "CRM-1"),
        ({"crmRecordId": 7}, None),
        ({}, None),
        (NewRecord(7), None),  # type: ignore[arg-type]
        (7, None),
        (None, None),
    ],
    ids=repr,
)
def test_the_id_of_a_row_is_read_from_any_of_its_forms(
    record_in: object, crm_record_id: str | None
) -> None:
    """The id of a row is given as far as there is one, in any form of a row."""
    assert read_id(record_in) == crm_record_id


class Lazy(Mapping[str, object]):
    """A row whose fields are fetched when they are looked at, and cannot be but for these."""

    def __init__(self, **fetched: object) -> None:
        self._fetched = fetched

    def __iter__(self) -> Iterator[str]:
        return iter(["crm_record_id", "rank"])

    def __len__(self) -> int:
        return 2

    def __getitem__(self, key: str) -> object:
        if key in self._fetched:
            return self._fetched[key]
        raise RuntimeError("the database is gone")


def test_what_cannot_be_read_is_in_the_row_and_not_raised() -> None:
    """A bad record becomes a row with its error, its position and its id as far as there is one."""
    half = Lazy(crm_record_id="CRM-1")
    assert read_id(snapshot(half)) == "CRM-1"
    rows = parse_rows([Lazy(), {"crmRecordId": "CRM-2", "rank": "x"}, "CRM-3", half], range(7, 11))
    assert list(rows.ids) == ["", "CRM-2", "CRM-3", "CRM-1"]
    assert {at: (error.index, error.field) for at, error in rows.errors.items()} == {
        7: (7, None),
        8: (8, "rank"),
        10: (10, None),
    }


moments = st.sampled_from(
    [
        None,
        "2026-12-01T09:00:00Z",
        "2026-12-01T10:00:00+01:00",
        "2026-12-01",
        NINE,
        NINE.astimezone(timezone(timedelta(hours=1))),
        datetime(2026, 10, 25, 1, 30, tzinfo=ZoneInfo("Europe/London")),
        datetime(2026, 10, 25, 1, 30, tzinfo=ZoneInfo("Europe/London"), fold=1),
    ]
)
priorities = st.sampled_from([None, "HIGH", "high", "LATER", *RecordPriority, RecordPriority("X")])
ids = st.text(st.sampled_from('aZ0- \u00fc\ud800"\\'), max_size=33)


def alike() -> st.SearchStrategy[list[Any]]:
    """Records of one kind, good ones and bad ones, as a file or a query gives them."""
    columns = {
        "crm_record_id": ids,
        "schedule_at": moments,
        "priority": priorities,
        "rank": st.none() | st.sampled_from([1, 2.5, math.nan]),
    }
    others = st.sets(st.sampled_from([*columns][1:]))
    shapes = others.map(lambda names: {name: columns[name] for name in ("crm_record_id", *names)})
    records = shapes.flatmap(lambda shape: st.lists(st.fixed_dictionaries(shape), max_size=6))
    made = [st.lists(st.builds(kind, **columns), max_size=6) for kind in (NewRecord, Line)]
    return st.one_of(records, *made, st.lists(ids, max_size=6))


@given(records=alike() | st.lists(anything, max_size=4), ranked=st.booleans())
@example(records=[RecordPriority.HIGH, "x"], ranked=True)
@example(records=[{"crm_record_id": "x", "crmRecordId": "y"}], ranked=True)
@example(records=[{"crm_record_id": "x"}, {"priority": "LOW"}], ranked=True)
@example(records=[{"crm_record_id": "x"}, {"crm_record_id": "y", "priority": "LOW"}], ranked=True)
@example(records=[NewRecord("x", schedule_at=NINE, priority="LOW", rank=1)], ranked=True)
@example(records=[Line("x", schedule_at=NINE, priority="LOW")], ranked=True)
def test_a_chunk_reads_as_its_rows_do(records: list[Any], *, ranked: bool) -> None:
    """At a glance or row by row, the same rows and the same errors come out."""
    ranks = list(range(1, len(records) + 1)) if ranked else None
    rows = parse_rows(records, range(len(records)), ranks)
    assert list(rows.positions) == list(range(len(records)))
    assert [id(given_record) for given_record in rows.given] == [*map(id, records)]
    for row in rows:
        try:
            alone = parse_row(row.given, row.index, ranks[row.index] if ranks else None)
        except InvalidRecordError as error:
            assert str(row.error) == str(error)  # noqa: PT017 - either is right
        else:
            assert (row.id, row.said, row.rank) == (alone.id, alone.said, alone.rank)
            assert row.error is None


def test_an_id_is_its_text_whatever_it_is_beside() -> None:
    """A member of an enum hashes as its name, so that it would not be seen to repeat its text."""

    class Known(StrEnum):
        FIRST = "CRM-1"

    rows = parse_rows([Known.FIRST, "CRM-1", NewRecord(Known.FIRST)], range(3))
    assert [type(found) for found in (*rows.ids, read_id(Known.FIRST))] == [str] * 4
    assert {*rows.ids, read_id(Known.FIRST)} == {"CRM-1"}


@pytest.mark.parametrize("error", [InvalidRecordError, KeyError, StopIteration])
def test_a_record_that_raises_is_refused_alone(error: type[Exception]) -> None:
    """Whatever it raises, among others of its kind and of any, and its id is told."""
    for others in ([], ["x", "y"], [Line("x"), Line("y")]):
        row = bad(error)
        rows = parse_rows([*others[:1], row, *others[1:]], range(len(others) + 1))
        assert len(rows) == len(others) + 1
        [(at, refusal)] = rows.errors.items()
        assert (rows[at].given, rows[at].id) == (row, "CRM-9")
        assert "its fields cannot be read" in str(refusal)


def test_a_batch_is_one_to_a_hundred_records_with_ids_of_their_own() -> None:
    """Each other number, a repeated id, a single record and what is no list are refused."""
    assert [row.id for row in parse_batch(["CRM-1", {"crm_record_id": "CRM-2"}])] == [
        "CRM-1",
        "CRM-2",
    ]
    for wrong, reason in (
        ([], "1 to 100 records, and these are 0"),
        ([f"CRM-{i}" for i in range(101)], "these are 101"),
        (["CRM-1", "CRM-1"], "record 1: its crm_record_id repeats record 0"),
        ("CRM-1", "in a list"),
        (5, "takes a list"),
    ):
        with pytest.raises(InvalidRecordError, match=reason):
            parse_batch(wrong)


def test_both_spellings_at_once_are_refused() -> None:
    """Nobody could tell which counts."""
    with pytest.raises(InvalidRecordError, match="given twice"):
        parse_row({"crm_record_id": "a", "crmRecordId": "b"}, 0)


def test_a_snapshot_is_the_record_as_it_was() -> None:
    """A copy of a mapping; what cannot be read stays as it is, and is refused later."""
    row, lazy = {"crm_record_id": "a"}, Lazy()
    taken = snapshot(row)
    row["crm_record_id"] = "b"
    assert (taken, snapshot("a"), snapshot(lazy)) == ({"crm_record_id": "a"}, "a", lazy)
