import json
import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns_async._core.exchange import Response
from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.rows import Columns, Rows
from campaigns_async._core.wire import (
    FIELD_OF_KEY,
    UnreadableBodyError,
    decode_campaign,
    decode_problem,
    decode_records,
    encode_action,
    encode_priority,
    encode_records,
    encode_schedule,
    encode_time,
    parse_json,
    tells_of,
)
from campaigns_async.errors import FieldError, Problem
from campaigns_async.models import (
    Campaign,
    CampaignAction,
    CampaignDisplayStatus,
    CampaignState,
    Record,
    RecordCount,
    RecordPriority,
    RecordState,
    RecordType,
)

CAMPAIGN = b"""{
  "id": "123e4567-e89b-12d3-a456-426614174000", "tenantId": "acme", "integrationType": "SALESFORCE",
  "startTime": "2026-12-01T09:00:00Z", "endTime": "2026-12-31T18:00:00+01:00",
  "state": "BUILDING", "displayStatus": "BUILDING", "recordCount": 3,
  "recordCounts": [
    {"type": "DYNAMIC", "state": "PENDING", "count": 2}, {"type": "CRM_QUERY", "count": 1}
  ],
  "startedTime": "2026-12-01T09:00:01.250Z"
}"""
RECORDS = b"""{"records": [
  {"id": "5b5b9f6e-0000-0000-0000-000000000001", "type": "DYNAMIC", "crmRecordId": "CRM-1",
   "priority": "HIGH", "rank": 1, "nextAttemptAfter": "2026-12-01T09:00:00Z", "retryCount": 0,
   "state": "PENDING", "stateReason": "waiting"},
  {"crmRecordId": "J\xc3\xb6rg", "rank": 2.5}
]}"""
PROBLEM = b"""{
  "title": "Validation failed", "status": 400,
  "detail": "Campaign already contains record for Id: CRM-1",
  "instance": "/cc/US1/campaigns/v1/1/records", "time": "2026-04-22T10:30:00Z",
  "errors": [{"field": "crmRecordId", "code": "NotBlank", "message": "must not be blank"}],
  "requestId": "r-1"
}"""

DEEP = b"[" * 10_000 + b"]" * 10_000
BROKEN = {
    # body: what is said of it
    "empty": (b"", "it is empty"),
    "blank": (b" \r\n", "it is empty"),
    "html": (b"<!doctype html><html><body>502 Bad Gateway</body></html>", "it is not JSON"),
    "truncated": (PROBLEM[:60], "it is not JSON"),
    "two documents": (b"{} {}", "it is not JSON"),
    "latin-1": ('{"title": "für"}'.encode("latin-1"), "it is not UTF-8"),
    "utf-16": ('{"title": "x"}'.encode("utf-16"), "it is not UTF-8"),
    "gzip": (b"\x1f\x8b\x08\x00\x00", "it is not UTF-8"),
    "deep list": (DEEP, "it is nested too deep"),
    "deep object": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "it is nested too deep"),
    "NaN": (b'{"status": NaN}', "it holds NaN, which JSON does not have"),
    "Infinity": (b'{"status": -Infinity}', "it holds -Infinity, which JSON does not have"),
    "1e999": (b'{"status": 1e999}', "it holds a number out of range, which JSON does not have"),
    "-1e999": (b'{"status": -1e999}', "it holds a number out of range, which JSON does not have"),
    "5,000 digits": (b'{"status": ' + b"9" * 5_000 + b"}", "it holds an integer of 5000 digits"),
}
NO_OBJECT = {
    "list": (b"[]", "it is a JSON list and not an object"),
    "string": (b'"no"', "it is a JSON str and not an object"),
    "number": (b"1", "it is a JSON int and not an object"),
    "null": (b"null", "it is a JSON NoneType and not an object"),
}
UNREADABLE = [
    pytest.param(body, said, id=name) for name, (body, said) in {**BROKEN, **NO_OBJECT}.items()
]

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def problem_in(body: bytes, status: int = 400) -> Problem:
    """What is read from a refusal with this body."""
    return decode_problem(Response(status, {}, body))


# --- out


def test_a_record_is_written_with_the_vendors_names() -> None:
    """A record's fields go out under the names and in the forms of the vendor's "Add records"."""
    rest = encode_schedule("2026-12-01T09:00:00Z") + encode_priority("LOW")
    body = encode_records(Rows(Columns([0], [None], ("CRM-1",), (rest,), [2.5])))
    assert body == (
        b'{"records":[{"crmRecordId":"CRM-1","scheduleAt":"2026-12-01T09:00:00Z",'
        b'"priority":"LOW","rank":2.5}]}'
    )


@pytest.mark.parametrize("rank", [None, 0, -1, 1.5, 1e300])
def test_a_rank_that_is_not_given_is_absent(rank: float | None) -> None:
    """And never null."""
    rest = {} if rank is None else {"rank": rank}
    for ranks in ([rank], None if rank is None else [rank]):
        body = encode_records(Rows(Columns([0], [None], ("x",), ("",), ranks)))
        assert json.loads(body) == {"records": [{"crmRecordId": "x", **rest}]}


@given(
    st.integers(-5, 5) | st.integers(90, 10**20),
    st.integers(0, 120),
    st.sampled_from([1, 1, 2, -1]),
)
def test_ranks_in_a_range_are_written_as_any(first: int, count: int, step: int) -> None:
    """It is one way to give them, whether or not they follow each other."""
    ranks = range(first, first + count * step, step)
    ids, said = ("x",) * count, ("",) * count
    bodies = [encode_records(Rows(Columns(ranks, ranks, ids, said, r))) for r in (ranks, [*ranks])]
    assert bodies[0] == bodies[1]


@given(st.lists(st.tuples(st.text(), st.text(), st.floats(-1e9, 1e9))))
@example([("\ud800", "", 1.0)])
@example([('","rank":9,"x":"', '"}', -0.0)])
def test_any_text_comes_through_as_it_is(rows: list[tuple[str, str, float]]) -> None:
    """Whatever an id or a priority holds, the body is ASCII, and JSON for just that text."""
    body = encode_records(
        Rows(
            Columns(
                range(len(rows)),
                rows,
                tuple(i for i, _, _ in rows),
                tuple(encode_priority(priority) for _, priority, _ in rows),
                [rank for _, _, rank in rows],
            )
        )
    )
    assert body.isascii()
    assert json.loads(body) == {
        "records": [
            {"crmRecordId": i, "priority": priority, "rank": rank} for i, priority, rank in rows
        ]
    }


@given(st.lists(st.text(alphabet='ab "\\\n\x7fé', max_size=32).filter(str.strip)))
@example(['x","rank":9,"x":"'])
def test_ids_that_need_no_escape_are_told_from_those_that_do(ids: list[str]) -> None:
    """As they come from an input, where most need none."""
    rows = parse_rows(ids, range(len(ids)))
    assert not rows.errors
    body = encode_records(rows)
    assert json.loads(body) == {"records": [{"crmRecordId": i} for i in ids]}


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - the zone is drawn next
    st.integers(-1439, 1439),
)
def test_a_time_goes_out_in_utc(moment: datetime, offset: int) -> None:
    """A time is written as the same moment in UTC, with Z."""
    local = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text = encode_time(local)
    assert text.endswith("Z")
    assert "+" not in text
    assert datetime.fromisoformat(text) == local


@pytest.mark.parametrize("action", CampaignAction)
def test_an_action_alone_says_nothing_else(action: CampaignAction) -> None:
    """``enabled`` and ``buildOnStart`` are absent unless given, because absent means "as it is"."""
    assert encode_action(action) == f'{{"action":"{action.value}"}}'.encode()


@pytest.mark.parametrize("enabled", [None, True, False])
@pytest.mark.parametrize("build", [None, True, False])
def test_an_action_carries_what_was_given(enabled: bool | None, build: bool | None) -> None:  # noqa: FBT001
    """``False`` goes out as false and None not at all."""
    body = encode_action(CampaignAction.START, enabled=enabled, build_on_start=build)
    wanted = {"action": "START", "enabled": enabled, "buildOnStart": build}
    assert json.loads(body) == {key: value for key, value in wanted.items() if value is not None}


def test_a_new_records_keys_are_known_in_both_spellings() -> None:
    """Each field of a new record may be given by its Python name or by the vendor's."""
    assert FIELD_OF_KEY == {
        "crm_record_id": "crm_record_id",
        "crmRecordId": "crm_record_id",
        "schedule_at": "schedule_at",
        "scheduleAt": "schedule_at",
        "priority": "priority",
        "rank": "rank",
    }


# --- in: what can be read


def test_a_campaign_is_read() -> None:
    """The vendor's names become ours, times become datetimes, and what is absent is None."""
    assert decode_campaign(CAMPAIGN) == Campaign(
        id="123e4567-e89b-12d3-a456-426614174000",
        tenant_id="acme",
        integration_type="SALESFORCE",
        start_time=datetime(2026, 12, 1, 9, tzinfo=UTC),
        end_time=datetime(2026, 12, 31, 17, tzinfo=UTC),
        state=CampaignState.BUILDING,
        display_status=CampaignDisplayStatus.BUILDING,
        record_count=3,
        record_counts=(
            RecordCount(type=RecordType.DYNAMIC, state=RecordState.PENDING, count=2),
            RecordCount(type=RecordType.CRM_QUERY, count=1),
        ),
        started_time=datetime(2026, 12, 1, 9, 0, 1, 250_000, tzinfo=UTC),
    )


def test_records_are_read() -> None:
    """The records of a reply come in its order, each with what it has."""
    assert decode_records(RECORDS) == (
        Record(
            id="5b5b9f6e-0000-0000-0000-000000000001",
            type=RecordType.DYNAMIC,
            crm_record_id="CRM-1",
            priority=RecordPriority.HIGH,
            rank=1,
            next_attempt_after=datetime(2026, 12, 1, 9, tzinfo=UTC),
            retry_count=0,
            state=RecordState.PENDING,
            state_reason="waiting",
        ),
        Record(crm_record_id="Jörg", rank=2.5),
    )


def test_a_problem_is_read() -> None:
    """A problem keeps what the service said, and under ``extra`` what is no field of its format."""
    assert problem_in(PROBLEM) == Problem(
        title="Validation failed",
        status=400,
        detail="Campaign already contains record for Id: CRM-1",
        instance="/cc/US1/campaigns/v1/1/records",
        time="2026-04-22T10:30:00Z",
        errors=[FieldError("crmRecordId", "NotBlank", "must not be blank")],
        extra={"requestId": "r-1"},
    )


def test_a_byte_order_mark_does_no_harm() -> None:
    """A body that begins with the UTF-8 byte order mark is read like one without it."""
    assert decode_campaign(b"\xef\xbb\xbf" + CAMPAIGN) == decode_campaign(CAMPAIGN)


def test_tomorrows_values_and_fields_are_taken() -> None:
    """An unknown state decodes to itself, and an unknown field is left alone."""
    campaign = decode_campaign(b'{"state": "ARCHIVED", "owner": {"name": "x"}}')
    assert campaign == Campaign(state=CampaignState("ARCHIVED"))


@pytest.mark.parametrize(
    "field",
    [
        '"id": 5',
        '"state": 5',
        '"state": null',
        '"recordCount": "3"',
        '"recordCount": true',
        '"recordCount": 1.5',
        '"startTime": 1764579600',
        '"startTime": "tomorrow"',
        '"startTime": "2026-12-01T09:00:00"',
        '"startTime": "2026-12-01"',
        '"recordCounts": {"count": 1}',
        '"recordCounts": null',
        '"recordCounts": [1, null, "x"]',
    ],
)
def test_a_field_of_another_kind_counts_as_absent(field: str) -> None:
    """A field that is not what it should be, a time without an offset say, is None or empty."""
    assert decode_campaign(f"{{{field}}}".encode()) == Campaign()


@pytest.mark.parametrize("rank", ['"1"', "true", "null", "[1]"])
def test_a_rank_is_a_number_or_none(rank: str) -> None:
    """A rank that is no number is None."""
    assert decode_records(f'{{"records":[{{"rank":{rank}}}]}}'.encode()) == (Record(),)


def test_what_is_no_object_among_the_records_is_left_out() -> None:
    """Entries of a list that are no objects do not spoil the others."""
    assert decode_records(b'{"records": [null, {"id": "1"}, 7, []]}') == (Record(id="1"),)


@pytest.mark.parametrize("body", [b"{}", b'{"records": null}', b'{"records": {"id": "1"}}'])
def test_a_reply_without_a_list_of_records_is_unreadable(body: bytes) -> None:
    """Records that are not there are not taken for none at all."""
    with pytest.raises(UnreadableBodyError, match=r"^it has no list of records$"):
        decode_records(body)


@given(json_values)
@example({"state": "\ud800", "startTime": "9999-12-31T24:00:00Z", "recordCounts": [{"state": {}}]})
def test_any_document_is_read_or_said_to_be_no_object(document: Any) -> None:
    """Any JSON document is a campaign, or is unreadable for being no object or holding NaN."""
    try:
        campaign = decode_campaign(json.dumps(document).encode())
    except UnreadableBodyError:
        return
    assert isinstance(document, dict)
    assert isinstance(campaign, Campaign)


@given(
    st.dictionaries(
        st.sampled_from(["title", "status", "detail", "instance", "time", "errors", "x", "y"]),
        json_values,
    )
)
def test_a_problem_has_the_kinds_it_promises(document: dict[str, Any]) -> None:
    """Whatever the fields of a problem document hold, the problem has text, an int or None."""
    problem = problem_in(json.dumps(document).encode())
    assert isinstance(problem.status, int | None)
    for text in (problem.title, problem.detail, problem.instance, problem.time):
        assert isinstance(text, str | None)
    for error in problem.errors:
        assert isinstance(error, FieldError)
        assert isinstance(error.field, str | None)
    assert set(problem.extra) <= {"x", "y", "body", "unreadable"}


@pytest.mark.parametrize("gap", ["", " "])
def test_a_record_is_seen_in_a_reply_that_is_not_decoded(gap: str) -> None:
    """In either spelling of JSON, by its whole id, and only as an id."""
    body = f'{{"records":[{{"state":{gap}"CRM-2","crmRecordId":{gap}"CRM-1"}}]}}'.encode()
    assert [tells_of(body, i) for i in ("CRM-1", "CRM-", "CRM-2")] == [True, False, False]


# --- in: what cannot


@pytest.mark.parametrize(("body", "said"), UNREADABLE)
def test_a_broken_body_is_unreadable_in_a_sentence(body: bytes, said: str) -> None:
    """A body that is no JSON object is refused with what is wrong with it."""
    for decode in (decode_campaign, decode_records):
        with pytest.raises(UnreadableBodyError) as caught:
            decode(body)
        assert str(caught.value) == said
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(("body", "said"), UNREADABLE)
def test_a_broken_problem_is_kept_as_an_excerpt(body: bytes, said: str) -> None:
    """A refusal's body that is no problem document is kept: its beginning, and why."""
    excerpt = body[:1_000].decode("utf-8", "replace")
    wanted = {"body": excerpt, "unreadable": said} if body else {}
    assert problem_in(body) == Problem(extra=wanted)


@pytest.mark.parametrize("digits", ["9" * 40, "-" + "9" * 39, "0", "12345678901234567890"])
def test_integers_of_some_length_are_read(digits: str) -> None:
    """Integers of up to 40 characters, more than any int64 has, are read exactly."""
    assert parse_json(digits.encode()) == int(digits)


def test_a_large_body_is_read() -> None:
    """A body of 5 MB is read like any other, and an excerpt of it is short."""
    many = b'{"records":[' + b",".join([b'{"crmRecordId":"CRM-12345678"}'] * 165_000) + b"]}"
    assert len(many) > 5_000_000
    assert len(parse_json(many)["records"]) == 165_000
    assert len(problem_in(b"x" * 5_000_000).extra["body"]) == 1_000
    [kept] = problem_in(b'{"padding": "' + b"x" * 5_000_000 + b'"}').extra.values()
    assert len(kept) == 1_000


def test_few_of_many_strange_fields_are_kept() -> None:
    """A problem keeps 20 of the fields that are none of its own, with short names and values."""
    document = {f"{n}" + "k" * 2_000: [1.5] * 1_000 for n in range(100)}
    extra = problem_in(json.dumps(document).encode()).extra
    assert len(extra) == 20
    assert {len(key) for key in extra} == {1_000}
    assert {len(value) for value in extra.values()} == {1_000}


def test_simple_strange_values_keep_their_kind() -> None:
    """Strange fields that are null, true or numbers stay so; others become text."""
    body = b'{"a": null, "b": true, "c": 1, "d": 1.5, "e": "t", "f": {"g": [1]}}'
    assert problem_in(body).extra == {
        "a": None,
        "b": True,
        "c": 1,
        "d": 1.5,
        "e": "t",
        "f": '{"g": [1]}',
    }


@pytest.mark.parametrize("depth", [900, *range(960, 1010, 3), 2_000, 9_996, 50_000])
def test_no_depth_escapes(depth: int) -> None:
    """A problem nested as deep as can just be read, or just not, is a problem all the same."""
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        body = b'{"x":' + opening * depth + b"1" + closing * depth + b"}"
        extra = problem_in(body).extra
        assert extra.keys() == {"x"} or extra["unreadable"] == "it is nested too deep"


@pytest.mark.parametrize(
    "body", [pytest.param(b, id=n) for n, b in [("c", CAMPAIGN), ("r", RECORDS), ("p", PROBLEM)]]
)
def test_every_truncation_is_unreadable(body: bytes) -> None:
    """A reply cut off at any byte is unreadable, never a smaller one; as a problem, an excerpt."""
    for end in range(len(body)):
        for decode in (decode_campaign, decode_records):
            with pytest.raises(UnreadableBodyError):
                decode(body[:end])
        assert problem_in(body[:end]).extra.get("unreadable") is not None or end == 0


openings = st.sampled_from([b"{", b'{"records":[', b"["])


@given(st.binary() | st.builds(bytes.__add__, openings, st.binary()))
def test_any_bytes_are_read_or_unreadable(body: bytes) -> None:
    """Any bytes decode to a value, or to :exc:`UnreadableBodyError` and nothing else."""
    for decode in (parse_json, decode_campaign, decode_records):
        with suppress(UnreadableBodyError):
            decode(body)


@given(st.integers(), st.binary())
def test_a_problem_can_be_made_of_any_bytes(status: int, body: bytes) -> None:
    """Reading a refusal never fails."""
    assert isinstance(problem_in(body, status), Problem)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_finite_numbers_are_read(number: float) -> None:
    """Every finite number is read as it was written."""
    read = parse_json(json.dumps(number).encode())
    assert read == number
    assert math.isfinite(read)
