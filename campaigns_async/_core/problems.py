"""From a refusal to the error of the tree that says what it proves.

The class goes by the text first and by the number second, because the vendor's pages give both 400
and 409 to a duplicate and to a state conflict.
"""

from collections.abc import Collection
from datetime import datetime

from campaigns_async._core import hints
from campaigns_async._core.exchange import Response
from campaigns_async._core.retry import parse_retry_after
from campaigns_async._core.wire import decode_problem
from campaigns_async._core.wording import (
    find_named,
    named_state,
    says_disabled,
    says_duplicate,
    says_not_dynamic,
    says_state,
)
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    CampaignStateError,
    ConflictError,
    DuplicateRecordError,
    NotFoundError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    ValidationError,
)

_BY_STATUS: dict[int, type[APIError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: ValidationError,
    429: RateLimitError,
}

ABOUT_CONTENT = frozenset({400, 409, 422})
"""Statuses whose meaning hangs on the text."""


def parse_error(response: Response, now: datetime, ids: Collection[str] = ()) -> APIError:
    """The error for a reply that is not the one we want.

    ``ids``: those of the request, to find among the words. ``now``: for Retry-After, see
    :func:`parse_retry_after`.
    """
    problem = decode_problem(response)
    cls, hint = _classify(response.status, problem, ids)
    error = cls(
        problem,
        response.status,
        response.headers,
        retry_after=parse_retry_after(response.headers, now, limited=response.status in {429, 503}),
        hint=hint,
    )
    if isinstance(error, DuplicateRecordError):
        error.crm_record_ids = find_named(problem, ids).surely
    if isinstance(error, CampaignStateError):
        error.state = named_state(problem, ids)
    return error


def _classify(status: int, problem: Problem, ids: Collection[str]) -> tuple[type[APIError], str]:
    if status in ABOUT_CONTENT:
        if says_duplicate(problem, ids):
            return DuplicateRecordError, hints.DUPLICATE
        if says_not_dynamic(problem, ids):
            return ValidationError, hints.NOT_DYNAMIC
        if says_state(problem, ids):
            return CampaignStateError, hints.hint_for_state(disabled=says_disabled(problem))
    cls = _BY_STATUS.get(status)
    if cls is None:
        cls = ServerError if 500 <= status < 600 else UnexpectedResponseError
    return cls, hints.hint_for_status(status, problem)


def unexpected_error(response: Response, hint: str) -> UnexpectedResponseError:
    """The error for a success that is not what was asked for; ``hint`` says in what way."""
    problem = decode_problem(response)
    return UnexpectedResponseError(problem, response.status, response.headers, hint=hint)


def unreadable_error(response: Response, reason: object) -> UnexpectedResponseError:
    """The error for a success that cannot be read, for this ``reason``."""
    return unexpected_error(
        response,
        f"The request was executed, but its reply cannot be read: {reason}. "
        "Do not repeat it blindly",
    )
