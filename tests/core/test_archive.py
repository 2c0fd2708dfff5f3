import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.archive import decode_error, encode_error
from campaigns_async._core.exchange import Response
from campaigns_async._core.problems import parse_error
from campaigns_async.errors import (
    APIError,
    CampaignsError,
    InvalidRecordError,
    NotSentError,
    OutcomeUnknownError,
    TransportError,
    UploadStoppedError,
    ValidationError,
)


def again(error: CampaignsError) -> CampaignsError:
    """The error as it comes back from a journal."""
    found = decode_error(encode_error(error))
    assert found is not None
    return found


@given(
    st.sampled_from([400, 401, 403, 404, 409, 429, 500, 503, 302]),
    st.fixed_dictionaries(
        {},
        optional={
            "title": st.text() | st.integers(),
            "detail": st.text(),
            "instance": st.text(),
            "time": st.text(),
            "requestId": st.text() | st.lists(st.integers()),
            "errors": st.lists(
                st.fixed_dictionaries({"field": st.text(), "code": st.text(), "message": st.text()})
            ),
        },
    ),
)
def test_what_the_service_said_survives(status: int, body: dict[str, object]) -> None:
    """An error made of any reply comes back with its class, problem, status, hint and words."""
    reply = Response(status, {}, json.dumps(body).encode())
    error = parse_error(reply, datetime(2026, 1, 1, tzinfo=UTC), ("CRM-1",))
    error.attempts = 3
    found = again(error)
    assert isinstance(found, APIError)
    assert found.attempts == 3
    assert type(found) is type(error)
    assert (found.problem, found.status, found.hint, str(found)) == (
        error.problem,
        error.status,
        error.hint,
        str(error),
    )
    assert found.problem.support_reference == error.problem.support_reference


def test_broken_text_is_kept_as_what_every_file_takes() -> None:
    """A lone surrogate in a reply does not get in the way of writing it down."""
    reply = Response(400, {}, rb'{"detail": "CRM-\ud800 is invalid"}')
    error = parse_error(reply, datetime(2026, 1, 1, tzinfo=UTC), ())
    assert (encode_error(error) or "").isascii()
    found = again(error)
    assert isinstance(found, ValidationError)
    assert found.problem.detail == "CRM-\ud800 is invalid"


@pytest.mark.parametrize(
    "error",
    [
        InvalidRecordError("the id is blank", index=4, field="crm_record_id"),
        InvalidRecordError("too many"),
        NotSentError("no connection"),
        OutcomeUnknownError("no reply", attempts=2),
        UploadStoppedError("the deadline has passed"),
        CampaignsError("something"),
    ],
    ids=str,
)
def test_errors_of_our_own_survive(error: CampaignsError) -> None:
    """Class, words and facts are the same."""
    found = again(error)
    assert (type(found), str(found)) == (type(error), str(error))
    if isinstance(error, InvalidRecordError):
        assert isinstance(found, InvalidRecordError)
        assert (found.index, found.field, found.reason) == (error.index, error.field, error.reason)
    if isinstance(error, TransportError):
        assert isinstance(found, TransportError)
        assert found.attempts == error.attempts


def test_no_error_is_no_error() -> None:
    """None is kept as None."""
    assert decode_error(encode_error(None)) is None


def test_an_error_of_a_version_to_come_is_one_of_ours() -> None:
    """A class that is not known here comes back as the root."""
    found = decode_error('{"class": "FromTheFuture", "message": "hm"}')
    assert (type(found), str(found)) == (CampaignsError, "hm")


def test_an_error_of_an_earlier_version_has_one_attempt() -> None:
    """They were not kept then."""
    found = decode_error('{"class": "NotSentError", "reason": "hm"}')
    assert isinstance(found, NotSentError)
    assert found.attempts == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '"text"',
        '{"class": "CampaignsError"}',
        '{"class": "Sequence", "message": "x"}',
        '{"class": "escape", "message": "x"}',
        '{"class": 5, "message": "x"}',
        '{"class": "ValidationError", "problem": {"errors": [5]}, "status": 400, "hint": null}',
    ],
)
def test_anything_else_is_a_value_error(text: str) -> None:
    """What was not written here is refused, and nothing of it is built."""
    with pytest.raises(ValueError, match=r".+"):
        decode_error(text)
