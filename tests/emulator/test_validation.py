import json
from datetime import UTC, datetime, timedelta

import pytest

from campaigns_async.emulator.quirks import Quirks
from campaigns_async.emulator.refusals import FieldProblem, Reason, Refusal
from campaigns_async.emulator.validation import (
    ActionRequest,
    parse_action,
    parse_json,
    parse_records,
    parse_timestamp,
)
from campaigns_async.models import CampaignAction, NewRecord, RecordPriority
from tests.emulator.conftest import T0, records


def parse(rows: object, quirks: Quirks | None = None) -> list[NewRecord] | Refusal:
    """What becomes of the rows."""
    return parse_records({"records": rows}, quirks=quirks or Quirks(), now=T0)


def codes(answer: object) -> list[tuple[str, str]]:
    """Field and code of each problem."""
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.INVALID
    return [(error.field, error.code) for error in answer.errors]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"records": [],}',
        b'{"rank": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\xe9"}',
        b"[" * 100_000,
        b"9" * 5_000,
    ],
    ids=["empty", "brace", "comma", "nan", "infinity", "latin-1", "deep", "digits"],
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    """Broken syntax, wrong encoding, NaN, and the monstrous are all malformed."""
    assert parse_json(body) == Refusal(reason=Reason.MALFORMED)


def test_an_action() -> None:
    """A PATCH body is read as what it asks for, what it leaves out being None."""
    assert parse_action({"action": "PURGE"}) == ActionRequest(action=CampaignAction.PURGE)
    body = {"action": "START", "enabled": False, "buildOnStart": True, "extra": 1}
    assert parse_action(body) == ActionRequest(
        action=CampaignAction.START, enabled=False, build_on_start=True
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("action", "NotNull")]),
        ({"action": "HALT"}, [("action", "Enum")]),
        ({"action": "pause"}, [("action", "Enum")]),
        ({"action": 1}, [("action", "Enum")]),
        ({"action": None}, [("action", "Enum")]),
        ({"action": "PAUSE", "enabled": "yes"}, [("enabled", "Type")]),
        ({"action": "START", "buildOnStart": None}, [("buildOnStart", "Type")]),
    ],
)
def test_a_bad_action(body: object, expected: list[tuple[str, str]]) -> None:
    """An unknown action or a flag that is none is told by field; null is not the same as absent."""
    assert expected == codes(parse_action(body))


@pytest.mark.parametrize("payload", [[], "PAUSE", None, 3])
def test_a_body_is_an_object(payload: object) -> None:
    """JSON that is no object is malformed for both operations."""
    malformed = Refusal(reason=Reason.MALFORMED)
    assert parse_action(payload) == malformed
    assert parse_records(payload, quirks=Quirks(), now=T0) == malformed


def test_records() -> None:
    """Good rows are read field by field, what they leave out being None."""
    row = {
        "crmRecordId": "A",
        "scheduleAt": "2026-02-01T10:00:00+02:00",
        "priority": "LOW",
        "rank": 2,
    }
    at = datetime(2026, 2, 1, 8, tzinfo=UTC)
    assert parse([row, {"crmRecordId": "B"}]) == [
        NewRecord("A", schedule_at=at, priority=RecordPriority.LOW, rank=2.0),
        NewRecord("B"),
    ]


@pytest.mark.parametrize("size", [1, 100])
def test_a_request_holds_up_to_a_hundred(size: int) -> None:
    """1 and 100 records are taken."""
    answer = parse(records(*map(str, range(size)))["records"])
    assert isinstance(answer, list)
    assert size == len(answer)


@pytest.mark.parametrize(
    ("rows", "code"), [([], "Size"), ([{}] * 101, "Size"), ({}, "Type"), (None, "Type")]
)
def test_the_list_itself(rows: object, code: str) -> None:
    """No record, more than 100, or no list is told of `records`."""
    assert [("records", code)] == codes(parse(rows))


def test_a_missing_list() -> None:
    """A body without `records` is told so."""
    assert codes(parse_records({}, quirks=Quirks(), now=T0)) == [("records", "NotNull")]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, ("crmRecordId", "NotBlank")),
        ({"crmRecordId": ""}, ("crmRecordId", "NotBlank")),
        ({"crmRecordId": " \t"}, ("crmRecordId", "NotBlank")),
        ({"crmRecordId": None}, ("crmRecordId", "Type")),
        ({"crmRecordId": 12345}, ("crmRecordId", "Type")),
        ({"crmRecordId": "x" * 33}, ("crmRecordId", "Size")),
        ({"crmRecordId": "A", "scheduleAt": "2026-02-01T10:00:00"}, ("scheduleAt", "DateTime")),
        ({"crmRecordId": "A", "scheduleAt": "tomorrow"}, ("scheduleAt", "DateTime")),
        ({"crmRecordId": "A", "scheduleAt": 1767225600}, ("scheduleAt", "DateTime")),
        ({"crmRecordId": "A", "scheduleAt": None}, ("scheduleAt", "DateTime")),
        ({"crmRecordId": "A", "priority": "URGENT"}, ("priority", "Enum")),
        ({"crmRecordId": "A", "priority": "high"}, ("priority", "Enum")),
        ({"crmRecordId": "A", "priority": None}, ("priority", "Enum")),
        ({"crmRecordId": "A", "rank": "1"}, ("rank", "Number")),
        ({"crmRecordId": "A", "rank": True}, ("rank", "Number")),
        ({"crmRecordId": "A", "rank": None}, ("rank", "Number")),
        ({"crmRecordId": "A", "rank": 10**400}, ("rank", "Number")),
        ({"crmRecordId": "A", "rank": float("inf")}, ("rank", "Number")),
        ("A", ("records", "Type")),
    ],
)
def test_a_bad_row(row: object, expected: tuple[str, str]) -> None:
    """Each kind of bad row sinks the request, told by field and code without an index."""
    assert [expected] == codes(parse([{"crmRecordId": "good"}, row]))


def test_thirty_two_characters_are_taken() -> None:
    """The longest id has 32 characters."""
    assert parse([{"crmRecordId": "x" * 32}]) == [NewRecord("x" * 32)]


@pytest.mark.parametrize("ignore_case", [True, False])
def test_repeats_in_a_request(ignore_case: bool) -> None:  # noqa: FBT001
    """An id twice in a request is refused, and in two cases where case does not count."""
    quirks = Quirks(ids_ignore_case=ignore_case)
    assert codes(parse(records("A", "A")["records"], quirks)) == [("crmRecordId", "Unique")]
    assert ignore_case == isinstance(parse(records("A", "a")["records"], quirks), Refusal)


def test_every_bad_row_is_told() -> None:
    """All problems of a request are listed, in the order of its rows."""
    rows = [{"crmRecordId": ""}, {"crmRecordId": "A", "rank": "x", "priority": 1}]
    assert codes(parse(rows)) == [
        ("crmRecordId", "NotBlank"),
        ("priority", "Enum"),
        ("rank", "Number"),
    ]


@pytest.mark.parametrize("names", [True, False])
def test_the_value_at_fault_is_named_by_quirk(names: bool) -> None:  # noqa: FBT001
    """Whether a message quotes the value is a setting."""
    answer = parse([{"crmRecordId": "x" * 33}], Quirks(names_invalid=names))
    assert isinstance(answer, Refusal)
    message = "size must be between 1 and 32"
    told = message + f": {json.dumps('x' * 33)}" if names else message
    assert answer.errors == (FieldProblem("crmRecordId", "Size", told),)


def test_a_schedule_in_the_past_is_taken_by_quirk() -> None:
    """Whether a past scheduleAt is taken is written nowhere, so it is a setting."""
    rows = [{"crmRecordId": "A", "scheduleAt": (T0 - timedelta(seconds=1)).isoformat()}]
    assert isinstance(parse(rows), list)
    refused = parse(rows, Quirks(takes_past_schedule=False))
    assert codes(refused) == [("scheduleAt", "FutureOrPresent")]


@pytest.mark.parametrize(
    "text",
    ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "20260101T000000Z", "2026-01-01T00:00Z"],
)
def test_timestamps(text: str) -> None:
    """ISO 8601 with an offset is read, whatever the offset."""
    assert parse_timestamp(text) == T0


@pytest.mark.parametrize("text", ["", "2026-01-01", "2026-01-01 00:00:00Z", "2026-13-01T00:00:00Z"])
def test_other_timestamps(text: str) -> None:
    """What is no ISO 8601 time with an offset is not."""
    assert parse_timestamp(text) is None
