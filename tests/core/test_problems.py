import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.exchange import Response
from campaigns_async._core.problems import parse_error, unexpected_error
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    CampaignStateError,
    ConflictError,
    DuplicateRecordError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    ValidationError,
)
from campaigns_async.models import CampaignState

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DUPLICATE = "Campaign already contains record for Id: CRM-12"
STATE = "Records cannot be added while the campaign is BUILDING"
NOT_DYNAMIC = "Invalid Operation: isDynamic is false"


def refusal(status: int, detail: str = "", **headers: str) -> Response:
    """A refusal in the vendor's format."""
    body = {"title": "T", "status": status, "detail": detail}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, json.dumps(body).encode())


# status, detail, class of the error, words in its hint
TABLE: list[tuple[int, str, type[APIError], str]] = [
    # The number alone.
    (400, "", ValidationError, "1 to 32 characters"),
    (401, "", AuthenticationError, "eght_"),
    (403, "", PermissionDeniedError, "Contact Center Campaigns product"),
    (404, "", NotFoundError, "US1, US2 or UK3"),
    (409, "", ConflictError, "does not say which"),
    (422, "", ValidationError, "1 to 32 characters"),
    (429, "", RateLimitError, "requests_per_second"),
    (500, "", ServerError, "instance and time"),
    (503, "", ServerError, "instance and time"),
    (599, "", ServerError, "instance and time"),
    (302, "", UnexpectedResponseError, "redirect"),
    (408, "", UnexpectedResponseError, "not known"),
    (413, "", UnexpectedResponseError, "fewer records"),
    (418, "", UnexpectedResponseError, "proxy"),
    (100, "", UnexpectedResponseError, "proxy"),
    (600, "", UnexpectedResponseError, "support"),
    (999, "", UnexpectedResponseError, "support"),
    # The text goes before the number, where the vendor's pages contradict each other.
    (400, DUPLICATE, DuplicateRecordError, "use upload"),
    (409, DUPLICATE, DuplicateRecordError, "use upload"),
    (422, DUPLICATE, DuplicateRecordError, "use upload"),
    (400, STATE, CampaignStateError, "BUILDING or STARTING"),
    (409, STATE, CampaignStateError, "BUILDING or STARTING"),
    (400, "The campaign is disabled", CampaignStateError, "enabled=True"),
    (409, "The campaign is Disabled", CampaignStateError, "enabled=True"),
    (400, NOT_DYNAMIC, ValidationError, "Configuration Manager"),
    (409, NOT_DYNAMIC, ValidationError, "Configuration Manager"),
    # But only there: the meaning of the others does not hang on a word.
    (401, DUPLICATE, AuthenticationError, "eght_"),
    (404, STATE, NotFoundError, "US1, US2 or UK3"),
    (429, DUPLICATE, RateLimitError, "requests_per_second"),
    (500, DUPLICATE, ServerError, "instance and time"),
    (302, NOT_DYNAMIC, UnexpectedResponseError, "redirect"),
]


@pytest.mark.parametrize(("status", "detail", "cls", "hint"), TABLE)
def test_the_class_follows_the_text_and_then_the_number(
    status: int, detail: str, cls: type[APIError], hint: str
) -> None:
    """A refusal becomes the error that says what it proves, with a hint of what to look at."""
    error = parse_error(refusal(status, detail), NOW)
    assert type(error) is cls
    assert error.hint is not None
    assert hint in error.hint
    assert (error.status, error.problem.detail) == (status, detail)


def test_an_error_has_the_replys_facts() -> None:
    """Status, headers, problem and the wait that was asked for are on the error."""
    error = parse_error(refusal(429, "slow down", retry_after="7", x_request_id="r1"), NOW)
    assert error.headers == {"retry-after": "7", "x-request-id": "r1"}
    assert (error.retry_after, error.attempts, error.request_sent) == (7.0, 1, True)
    assert error.problem.title == "T"
    assert not error.after_ambiguous_attempt


def test_a_duplicate_names_the_requests_ids() -> None:
    """A duplicate tells which of the request's ids the reply names, and none if it names none."""
    error = parse_error(refusal(409, DUPLICATE), NOW, ["CRM-1", "CRM-12"])
    assert isinstance(error, DuplicateRecordError)
    assert error.crm_record_ids == ("CRM-12",)
    error = parse_error(refusal(409, DUPLICATE), NOW, ["CRM-1"])
    assert isinstance(error, DuplicateRecordError)
    assert error.crm_record_ids == ()


@pytest.mark.parametrize(
    ("detail", "state"),
    [
        (STATE, CampaignState.BUILDING),
        ("not allowed in state ARCHIVED", None),
        ("not allowed while BUILDING or STARTING", None),
    ],
)
def test_a_state_conflict_tells_the_state(detail: str, state: CampaignState | None) -> None:
    """A state conflict tells the campaign's state if the reply names just one."""
    error = parse_error(refusal(409, detail), NOW)
    assert isinstance(error, CampaignStateError)
    assert error.state == state


def test_a_record_called_like_a_state_is_no_state() -> None:
    """A text about a record called COMPLETE does not say that the campaign is."""
    unknown = "No CRM record for Id: COMPLETE"
    assert type(parse_error(refusal(400, unknown), NOW, ["COMPLETE"])) is ValidationError
    error = parse_error(refusal(409, "Bad state transition of COMPLETE"), NOW, ["COMPLETE"])
    assert isinstance(error, CampaignStateError)
    assert error.state is None


def test_a_success_that_is_none_is_unexpected() -> None:
    """A 2xx that is not what was asked for keeps its body's beginning and says in what way."""
    error = unexpected_error(Response(200, {"a": "b"}, b"<html>"), "It is a page")
    assert type(error) is UnexpectedResponseError
    assert (error.status, error.headers, error.hint) == (200, {"a": "b"}, "It is a page")
    assert error.problem.extra["body"] == "<html>"


@given(
    st.integers(100, 999),
    st.binary()
    | st.recursive(st.text() | st.none(), st.lists).map(lambda v: json.dumps(v).encode())
    | st.fixed_dictionaries(
        {"detail": st.text(), "errors": st.lists(st.fixed_dictionaries({"field": st.text()}))}
    ).map(lambda v: json.dumps(v).encode()),
    st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-reset", "date"]), st.text()),
    st.sets(st.text(min_size=1)),
)
def test_any_refusal_is_an_error_in_one_printable_line(
    status: int, body: bytes, headers: dict[str, str], ids: set[str]
) -> None:
    """Whatever a gateway answers is an APIError with its status, whose text is safe to show."""
    error: Any = parse_error(Response(status, headers, body), NOW, ids)
    assert isinstance(error, APIError)
    assert error.status == status
    assert str(error).isprintable()
