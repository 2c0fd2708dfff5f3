import json
from collections.abc import Callable

import pytest

from campaigns_async.emulator.problems import Problem, build_problem, encode_problem, html_page
from campaigns_async.emulator.quirks import ErrorMedia, Naming, Quirks, Wording
from campaigns_async.emulator.refusals import FieldProblem, Reason, Refusal
from campaigns_async.emulator.replies import MEDIA_TYPE
from campaigns_async.models import CampaignAction, CampaignState
from tests.emulator.conftest import T0, chance

PATH = "/cc/US1/campaigns/v1/123e4567-e89b-12d3-a456-426614174000/records"
DUPLICATE = Refusal(reason=Reason.DUPLICATE, ids=("B", "C"), requested=("A", "B", "C"))
UNKNOWN = Refusal(reason=Reason.UNKNOWN_TO_CRM, ids=("B", "C"), requested=("A", "B", "C"))
ILLEGAL = Refusal(
    reason=Reason.ILLEGAL_ACTION, action=CampaignAction.PAUSE, state=CampaignState.CREATED
)
NO_RECORDS = Refusal(reason=Reason.TAKES_NO_RECORDS, state=CampaignState.BUILDING)


def problem(refusal: Refusal, **quirks: object) -> Problem:
    """What is said of the refusal."""
    return build_problem(
        refusal,
        quirks=Quirks(**quirks),  # type: ignore[arg-type]
        rng=chance(0),
        instance=PATH,
        time=T0,
    )


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.KEY_MISSING, 401),
        (Reason.KEY_MALFORMED, 401),
        (Reason.KEY_REVOKED, 401),
        (Reason.PRODUCT_MISSING, 403),
        (Reason.NO_SUCH_SITE, 404),
        (Reason.NO_SUCH_TENANT, 404),
        (Reason.NO_SUCH_CAMPAIGN, 404),
        (Reason.METHOD, 405),
        (Reason.MALFORMED, 400),
        (Reason.INVALID, 400),
        (Reason.NOT_DYNAMIC, 400),
        (Reason.DISABLED, 409),
        (Reason.ILLEGAL_ACTION, 409),
        (Reason.TAKES_NO_RECORDS, 409),
        (Reason.DUPLICATE, 409),
        (Reason.UNKNOWN_TO_CRM, 400),
        (Reason.MEDIA_TYPE, 415),
    ],
)
def test_the_status_of_each_reason(reason: Reason, status: int) -> None:
    """Without quirks each reason has the status of the troubleshooting page."""
    assert status == problem(Refusal(reason=reason)).status


@pytest.mark.parametrize(
    ("refusal", "setting", "status"),
    [
        (DUPLICATE, "duplicate_status", 400),
        (ILLEGAL, "transition_status", 400),
        (NO_RECORDS, "records_state_status", 400),
        (UNKNOWN, "unknown_to_crm_status", 404),
        (Refusal(reason=Reason.MEDIA_TYPE), "wrong_media_type_status", 400),
        (Refusal(reason=Reason.DISABLED), "records_state_status", 400),
        (
            Refusal(reason=Reason.DISABLED, action=CampaignAction.PAUSE),
            "transition_status",
            400,
        ),
    ],
)
def test_the_status_is_a_quirk(refusal: Refusal, setting: str, status: int) -> None:
    """Where the pages contradict each other the setting decides."""
    assert status == problem(refusal, **{setting: status}).status


def test_the_guides_sample() -> None:
    """A duplicate told with 400 reads word for word like the guide's sample."""
    told = problem(
        Refusal(reason=Reason.DUPLICATE, ids=("CRM-12345",), requested=("CRM-12345",)),
        duplicate_status=400,
    )
    assert (told.title, told.status, told.detail) == (
        "Validation failed",
        400,
        "Campaign already contains record for Id: CRM-12345",
    )


def test_which_ids_are_named() -> None:
    """Duplicates and unknown ids are named as set, each by its own setting."""
    assert problem(DUPLICATE).detail.endswith(": B")
    assert problem(DUPLICATE, names_duplicate=Naming.LAST).detail.endswith(": C")
    assert problem(UNKNOWN, names_unknown_to_crm=Naming.ALL).detail.endswith(": B, C")
    assert problem(UNKNOWN, names_unknown_to_crm=Naming.NONE).detail == "CRM record not found"


def test_states_are_told_or_not() -> None:
    """A refusal for the state says which, unless the service is to be vague."""
    assert problem(ILLEGAL).detail == "Action PAUSE is not valid for campaign in state CREATED"
    assert "BUILDING" in problem(NO_RECORDS).detail
    assert "disabled" in problem(Refusal(reason=Reason.DISABLED)).detail
    for refusal in (ILLEGAL, NO_RECORDS, Refusal(reason=Reason.DISABLED)):
        assert problem(refusal, vague_states=True).detail == "Conflict"
    assert problem(DUPLICATE, duplicate_wording=Wording.VAGUE).detail == "Conflict"


def test_not_dynamic_names_the_setting() -> None:
    """The refusal of a campaign that is not dynamic is headed as the guide says."""
    told = problem(Refusal(reason=Reason.NOT_DYNAMIC))
    assert told.title == "Invalid Operation"
    assert "isDynamic" in told.detail


def test_the_body() -> None:
    """An error has the fields of the troubleshooting page, `errors` only for fields at fault."""
    error = FieldProblem("crmRecordId", "NotBlank", "must not be blank")
    told = problem(Refusal(reason=Reason.INVALID, errors=(error,)))
    reply = encode_problem(told, quirks=Quirks(), rng=chance(0))
    body = json.loads(reply.body)
    assert (reply.status, reply.media_type) == (400, MEDIA_TYPE)
    assert body == {
        "title": "Validation failed",
        "status": 400,
        "detail": "Request is not valid",
        "instance": PATH,
        "time": "2026-01-01T00:00:00Z",
        "errors": [{"field": "crmRecordId", "code": "NotBlank", "message": "must not be blank"}],
    }
    bare = json.loads(encode_problem(problem(ILLEGAL), quirks=Quirks(), rng=chance(0)).body)
    assert "errors" not in bare


def test_every_problem_fits_the_openapi_file(conforms: Callable[[str, object], bool]) -> None:
    """Whatever the reason, the body is an ErrorMessage."""
    error = FieldProblem("crmRecordId", "NotBlank", "must not be blank")
    for reason in Reason:
        told = problem(Refusal(reason=reason, errors=(error,)))
        assert conforms(
            "ErrorMessage", json.loads(encode_problem(told, quirks=Quirks(), rng=chance(0)).body)
        )


@pytest.mark.parametrize(
    ("media", "media_type", "begins"),
    [
        (ErrorMedia.VENDOR, MEDIA_TYPE, b'{"title"'),
        (ErrorMedia.PROBLEM_JSON, "application/problem+json", b'{"title"'),
        (ErrorMedia.HTML, "text/html", b"<html>"),
        (ErrorMedia.EMPTY, None, b""),
    ],
)
def test_the_media_type_is_a_quirk(
    media: ErrorMedia, media_type: str | None, begins: bytes
) -> None:
    """An error comes in the form that is set, with its status in any case."""
    reply = encode_problem(problem(ILLEGAL), quirks=Quirks(error_media=media), rng=chance(0))
    assert (409, media_type) == (reply.status, reply.media_type)
    assert reply.body.startswith(begins)
    assert bool(begins) == bool(reply.body)


def test_request_ids_are_a_quirk() -> None:
    """Where set, errors carry requestId and responseId; equal seeds make equal ones."""
    quirks = Quirks(error_ids=True)
    body = json.loads(encode_problem(problem(ILLEGAL), quirks=quirks, rng=chance(1)).body)
    again = json.loads(encode_problem(problem(ILLEGAL), quirks=quirks, rng=chance(1)).body)
    assert body == again
    assert body["requestId"] != body["responseId"]


def test_a_page_is_escaped() -> None:
    """What goes into a page is text there, not markup."""
    assert b"<h1>502 &lt;b&gt;</h1>" in html_page(502, "<b>")
