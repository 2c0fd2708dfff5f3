"""How a refusal is told: status, title, detail, and the body in the form the quirks ask for.

Source: the vendor's page "Troubleshooting" (error format, and the causes of each status).
"""

import html
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from random import Random
from types import MappingProxyType
from typing import Final
from uuid import UUID

import attrs

from campaigns_async.emulator.quirks import ErrorMedia, Quirks, choose_named, duplicate_text
from campaigns_async.emulator.refusals import FieldProblem, Reason, Refusal
from campaigns_async.emulator.replies import MEDIA_TYPE, Reply, timestamp

_R = Reason


@attrs.frozen(kw_only=True)
class Problem:
    """The error object before it becomes bytes. ``errors`` empty: the field is left out."""

    status: int
    title: str
    detail: str
    instance: str
    time: datetime
    errors: tuple[FieldProblem, ...] = ()


_TOLD: Final[Mapping[Reason, tuple[int, str, str]]] = MappingProxyType(
    {
        _R.KEY_MISSING: (401, "Unauthorized", "API key is missing"),
        _R.KEY_MALFORMED: (401, "Unauthorized", "API key is malformed"),
        _R.KEY_REVOKED: (401, "Unauthorized", "API key is not valid"),
        _R.PRODUCT_MISSING: (403, "Forbidden", "API key is not authorised for this API"),
        _R.NO_SUCH_PATH: (404, "Not Found", "No such resource"),
        _R.NO_SUCH_SITE: (404, "Not Found", "Customer site not found"),
        _R.NO_SUCH_TENANT: (404, "Not Found", "Tenant not found"),
        _R.NO_SUCH_CAMPAIGN: (404, "Not Found", "Campaign not found"),
        _R.METHOD: (405, "Method Not Allowed", "Method is not supported"),
        _R.MALFORMED: (400, "Bad Request", "Request body is not readable"),
        _R.INVALID: (400, "Validation failed", "Request is not valid"),
        _R.NOT_DYNAMIC: (
            400,
            "Invalid Operation",
            "Records can only be added to a campaign with isDynamic set to true",
        ),
    }
)
"""Status, title and detail where neither a quirk nor a fact of the request changes them."""


def build_problem(
    refusal: Refusal, *, quirks: Quirks, rng: Random, instance: str, time: datetime
) -> Problem:
    """What the service says of the refusal. ``rng`` picks the id that `Naming.RANDOM` names."""
    if refusal.reason in _TOLD:
        status, title, detail = _TOLD[refusal.reason]
    else:
        status, title, detail = _TELLERS[refusal.reason](refusal, quirks, rng)
    return Problem(
        status=status,
        title=title,
        detail=detail,
        instance=instance,
        time=time,
        errors=refusal.errors,
    )


def encode_problem(problem: Problem, *, quirks: Quirks, rng: Random) -> Reply:
    """The problem as a reply. ``rng`` makes up the request ids where the quirks ask for them."""
    if quirks.error_media is ErrorMedia.EMPTY:
        return Reply(status=problem.status)
    if quirks.error_media is ErrorMedia.HTML:
        return Reply(
            status=problem.status,
            media_type="text/html",
            body=html_page(problem.status, problem.title),
        )
    fields: dict[str, object] = {
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": problem.instance,
        "time": timestamp(problem.time),
    }
    if problem.errors:
        fields["errors"] = [attrs.asdict(error) for error in problem.errors]
    if quirks.error_ids:
        fields["requestId"] = str(UUID(int=rng.getrandbits(128), version=4))
        fields["responseId"] = str(UUID(int=rng.getrandbits(128), version=4))
    vendor = quirks.error_media is ErrorMedia.VENDOR
    return Reply(
        status=problem.status,
        media_type=MEDIA_TYPE if vendor else "application/problem+json",
        body=json.dumps(fields).encode(),
    )


def html_page(status: int, title: str) -> bytes:
    """What a gateway shows instead of the service's own error."""
    heading = html.escape(f"{status} {title}")
    return (
        f"<html><head><title>{heading}</title></head>"
        f"<body><center><h1>{heading}</h1></center></body></html>\r\n"
    ).encode()


_Told = tuple[int, str, str]


def _title(status: int) -> str:
    # The guide's sample heads a duplicate told with 400 "Validation failed".
    return "Validation failed" if status == HTTPStatus.BAD_REQUEST else HTTPStatus(status).phrase


def _tell_media_type(_refusal: Refusal, quirks: Quirks, _rng: Random) -> _Told:
    status = quirks.wrong_media_type_status
    return status, HTTPStatus(status).phrase, f"Content-Type must be {MEDIA_TYPE}"


def _tell_disabled(refusal: Refusal, quirks: Quirks, _rng: Random) -> _Told:
    adds = refusal.action is None
    status = quirks.records_state_status if adds else quirks.transition_status
    return status, _title(status), "Conflict" if quirks.vague_states else "Campaign is disabled"


def _tell_illegal_action(refusal: Refusal, quirks: Quirks, _rng: Random) -> _Told:
    status = quirks.transition_status
    detail = f"Action {refusal.action} is not valid for campaign in state {refusal.state}"
    return status, _title(status), "Conflict" if quirks.vague_states else detail


def _tell_takes_no_records(refusal: Refusal, quirks: Quirks, _rng: Random) -> _Told:
    status = quirks.records_state_status
    detail = f"Records cannot be added to campaign in state {refusal.state}"
    return status, _title(status), "Conflict" if quirks.vague_states else detail


def _tell_duplicate(refusal: Refusal, quirks: Quirks, rng: Random) -> _Told:
    status = quirks.duplicate_status
    named = choose_named(quirks.names_duplicate, refusal.ids, refusal.requested, rng)
    return status, _title(status), duplicate_text(quirks.duplicate_wording, named)


def _tell_unknown_to_crm(refusal: Refusal, quirks: Quirks, rng: Random) -> _Told:
    status = quirks.unknown_to_crm_status
    named = choose_named(quirks.names_unknown_to_crm, refusal.ids, refusal.requested, rng)
    where = f" for Id: {', '.join(named)}" if named else ""
    return status, _title(status), f"CRM record not found{where}"


_TELLERS: Final[Mapping[Reason, Callable[[Refusal, Quirks, Random], _Told]]] = MappingProxyType(
    {
        _R.MEDIA_TYPE: _tell_media_type,
        _R.DISABLED: _tell_disabled,
        _R.ILLEGAL_ACTION: _tell_illegal_action,
        _R.TAKES_NO_RECORDS: _tell_takes_no_records,
        _R.DUPLICATE: _tell_duplicate,
        _R.UNKNOWN_TO_CRM: _tell_unknown_to_crm,
    }
)
