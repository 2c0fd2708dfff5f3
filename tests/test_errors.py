import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import campaigns_async
from campaigns_async import errors
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    BatcherFullError,
    CampaignsError,
    CampaignStateError,
    ConfigurationError,
    ConflictError,
    DuplicateRecordError,
    FieldError,
    InvalidRecordError,
    JournalError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    ServerError,
    TransportError,
    UnexpectedResponseError,
    UnresolvedError,
    UploadError,
    UploadStoppedError,
    ValidationError,
    escape,
)
from campaigns_async.models import CampaignState
from campaigns_async.outcomes import Status
from campaigns_async.report import UploadReport

# A class, and what it is a kind of.
TREE: dict[type[CampaignsError], tuple[type[Exception], ...]] = {
    ConfigurationError: (CampaignsError,),
    InvalidRecordError: (CampaignsError, ValueError),
    TransportError: (CampaignsError,),
    NotSentError: (TransportError,),
    OutcomeUnknownError: (TransportError,),
    APIError: (CampaignsError,),
    ValidationError: (APIError,),
    AuthenticationError: (APIError,),
    PermissionDeniedError: (APIError,),
    NotFoundError: (APIError,),
    ConflictError: (APIError,),
    DuplicateRecordError: (ConflictError,),
    CampaignStateError: (ConflictError,),
    RateLimitError: (APIError,),
    ServerError: (APIError,),
    UnexpectedResponseError: (APIError,),
    UploadError: (CampaignsError,),
    UploadStoppedError: (UploadError,),
    JournalError: (CampaignsError,),
    BatcherFullError: (CampaignsError,),
    UnresolvedError: (CampaignsError,),
}
API_ERRORS = [cls for cls in TREE if issubclass(cls, APIError)]

HOSTILE = "\x1b[2J\x1b]0;title\x07\r\nlevel=info forged\u202e\u2028\x00\ud800\x9b31m"
PROBLEM = Problem(
    title="Validation failed",
    status=400,
    detail="Campaign already contains record for Id: CRM-1",
    instance="/cc/US1/campaigns/v1/1/records",
    time="2026-04-22T10:30:00Z",
    errors=[FieldError("crmRecordId", "NotBlank", "must not be blank")],
    extra={"requestId": "r-1"},
)


def api_error(cls: type[APIError] = ValidationError, problem: Problem = PROBLEM) -> APIError:
    """An error with all its facts."""
    error = cls(
        problem, 400, {"retry-after": "7"}, attempts=3, retry_after=7.0, hint="Look at the fields"
    )
    error.after_ambiguous_attempt = True
    return error


def duplicate() -> DuplicateRecordError:
    """A duplicate that names an id."""
    error = DuplicateRecordError(PROBLEM, 409)
    error.crm_record_ids = ("CRM-1",)
    return error


def state_conflict() -> CampaignStateError:
    """A state conflict, in a state of tomorrow."""
    error = CampaignStateError(PROBLEM, 409)
    error.state = CampaignState("ARCHIVED")
    return error


REPORT = UploadReport(total=1, counts={**dict.fromkeys(Status, 0), Status.UNKNOWN: 1})
EXAMPLES: list[CampaignsError] = [
    CampaignsError("no"),
    ConfigurationError("no key"),
    InvalidRecordError("blank", index=3, field="crm_record_id"),
    InvalidRecordError("blank"),
    TransportError("x", attempts=2),
    NotSentError("no route", attempts=2, permanent=True),
    OutcomeUnknownError("lost", attempts=2, timed_out=True),
    *[api_error(cls) for cls in API_ERRORS],
    duplicate(),
    state_conflict(),
    UploadError("no", report=REPORT),
    UploadStoppedError("no time"),
]


def test_the_tree_is_whole() -> None:
    """The errors are those of the table here, and all of them are public names."""
    defined = {
        cls
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, CampaignsError)
    }
    assert defined == {CampaignsError, *TREE}
    assert {cls.__name__ for cls in defined} <= set(campaigns_async.__all__)


@pytest.mark.parametrize(("cls", "kinds"), TREE.items())
def test_the_tree_is_as_documented(
    cls: type[CampaignsError], kinds: tuple[type[Exception], ...]
) -> None:
    """Each class stands where the top of its module draws it."""
    assert cls.__bases__ == kinds
    assert f":exc:`{cls.__name__}`" in (errors.__doc__ or "")


@pytest.mark.parametrize("error", [pytest.param(e, id=f"{n}") for n, e in enumerate(EXAMPLES)])
@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(lambda error: pickle.loads(pickle.dumps(error)), id="pickle"),  # noqa: S301
        pytest.param(lambda error: pickle.loads(pickle.dumps(error, 0)), id="pickle 0"),  # noqa: S301
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
    ],
)
def test_errors_pickle_with_all_their_facts(error: CampaignsError, copied: Any) -> None:
    """An error comes back from pickle and from a copy with its class, its text and its facts."""
    back = copied(error)
    assert type(back) is type(error)
    assert (str(back), back.args) == (str(error), error.args)
    assert vars(back) == vars(error)


@pytest.mark.parametrize("error", [pytest.param(e, id=f"{n}") for n, e in enumerate(EXAMPLES)])
def test_every_error_is_one_printable_line(error: CampaignsError) -> None:
    """The text of an error is one line that a log or a terminal can show."""
    assert str(error)
    assert str(error).isprintable()


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (TransportError("x"), True),
        (NotSentError("x"), False),
        (OutcomeUnknownError("x"), True),
        (APIError(PROBLEM, 500), True),
    ],
)
def test_each_error_of_a_request_says_whether_it_was_sent(
    error: TransportError | APIError,
    sent: bool,  # noqa: FBT001
) -> None:
    """``request_sent`` is a fact on every error that has to do with a request."""
    assert error.request_sent is sent
    assert error.attempts == 1


def test_an_invalid_record_is_a_value_error() -> None:
    """A caller who catches ValueError catches it; the position is in its text if there is one."""
    error = InvalidRecordError("it is blank; leave it out", index=3, field="crm_record_id")
    assert isinstance(error, ValueError)
    assert str(error) == "record 3: it is blank; leave it out"
    assert str(InvalidRecordError("it is blank")) == "it is blank"


def test_the_text_of_a_refusal_says_what_and_what_to_do() -> None:
    """Status, what the service said, the doubt, hint and reference make one sentence each."""
    assert str(api_error()) == (
        "the service answered 400: Validation failed; Campaign already contains record for Id: "
        "CRM-1; crmRecordId: must not be blank. An earlier attempt of this call had no clear end: "
        "it may have been carried out. Look at the fields (for support: instance "
        "/cc/US1/campaigns/v1/1/records, time 2026-04-22T10:30:00Z)"
    )


def test_a_bare_refusal_has_a_text_too() -> None:
    """A refusal without a body says its status."""
    assert str(APIError(Problem(), 503)) == "the service answered 503"


def test_the_text_repeats_nothing_and_shows_few_fields() -> None:
    """What title and detail both say is said once, and three fields are shown."""
    fields = [FieldError(f"f{n}", "C", None) for n in range(9)] + [FieldError()]
    problem = Problem(title="No", detail="No", errors=fields)
    assert str(APIError(problem, 400)) == "the service answered 400: No; f0: C; f1: C; f2: C"
    assert str(APIError(Problem(errors=[FieldError()]), 400)).endswith("400: ?: ?")


@given(st.text() | st.just(HOSTILE))
def test_no_text_from_outside_gets_through_as_it_is(text: str) -> None:
    """Whatever the service says, the error's text is printable and of bounded length."""
    long = text * 501
    problem = Problem(
        title=long,
        detail=long[::-1],
        instance=long,
        time=long,
        errors=[FieldError(long, long, long)] * 50,
    )
    error = APIError(problem, 400)
    assert str(error).isprintable()
    assert (error.support_reference or "").isprintable()
    # Five texts of 500 characters, each of which may take ten to escape.
    assert len(str(error)) < 8 * 500 * 10


@given(st.text(), st.integers(0, 50))
def test_escaped_text_is_printable_and_short(text: str, limit: int) -> None:
    """Printable text stays as it is up to the limit; the rest is written as escapes."""
    shown = escape(text, limit)
    assert shown.isprintable()
    if text.isprintable():
        assert shown == (text if len(text) <= limit else text[:limit] + "…")


def test_the_support_reference_is_what_the_vendor_asks_for() -> None:
    """Instance and time, as far as the reply had them."""
    assert PROBLEM.support_reference == (
        "instance /cc/US1/campaigns/v1/1/records, time 2026-04-22T10:30:00Z"
    )
    assert Problem(time="now").support_reference == "time now"
    assert Problem().support_reference is None
    assert APIError(PROBLEM, 400).support_reference == PROBLEM.support_reference


def test_a_problem_is_a_value() -> None:
    """Problems are equal by content and can be in a set, whatever their extra holds."""
    a, b = Problem(detail="x", extra={"y": [1]}), Problem(detail="x", extra={"y": [1]})
    assert {a, b} == {a}
    assert Problem().extra == {}


def test_the_headers_of_an_error_are_its_own() -> None:
    """An error keeps a copy of the reply's headers."""
    headers = {"a": "b"}
    error = APIError(PROBLEM, 400, headers)
    headers.clear()
    assert error.headers == {"a": "b"}


def test_an_uploads_error_has_the_account() -> None:
    """The report is on the error, and None where there is none."""
    assert UploadError("no", report=REPORT).report is REPORT
    assert UploadStoppedError("no").report is None
