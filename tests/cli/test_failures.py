import pytest

from campaigns_async.cli.failures import (
    EXIT_CODES,
    Exit,
    Failure,
    exit_code_of,
    explain,
    reason_of,
    said,
)
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    CampaignsError,
    CampaignStateError,
    ConfigurationError,
    ConflictError,
    FieldError,
    InvalidRecordError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    Problem,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    UploadStoppedError,
    ValidationError,
)

_NOTHING = Problem()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 2),
        (InvalidRecordError("x"), 2),
        (UploadStoppedError("x"), 3),
        (AuthenticationError(_NOTHING, 401), 4),
        (NotFoundError(_NOTHING, 404), 4),
        (UnexpectedResponseError(_NOTHING, 302), 4),
        (CampaignStateError(_NOTHING, 400), 5),
        (ValidationError(_NOTHING, 400), 5),
        (OutcomeUnknownError("x"), 6),
        (NotSentError("x"), 7),
        (RateLimitError(_NOTHING, 429), 7),
        (ServerError(_NOTHING, 503), 7),
        (CampaignsError("x"), 7),
    ],
)
def test_the_exit_code_says_what_to_do(error: CampaignsError, code: int) -> None:
    """2 to correct the call, 3 the file, 4 the access, 5 the campaign, 6 to look, 7 to wait."""
    assert exit_code_of(error) == code
    assert explain(error).exit_code == code


def test_a_failure_is_a_sentence_a_step_and_a_reference(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each on its line, and nothing in them can steer the terminal."""
    Failure("the service said \x1b[2J", next_step="wait", reference="instance /x").show()

    assert capsys.readouterr().err == (
        "Error: The service said \\x1b[2J.\nNext:  Wait.\nFor support: instance /x\n"
    )


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (NotSentError("nothing was sent"), Exit.SERVICE),
        (RateLimitError(_NOTHING, 429), Exit.SERVICE),
        (CampaignStateError(_NOTHING, 409), Exit.REFUSED),
        (ConflictError(_NOTHING, 409), Exit.SERVICE),  # one that cannot be read
        (None, Exit.NOT_ALL_IN),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_deadline_is_told_by_what_took_the_time(cause: CampaignsError | None, code: Exit) -> None:
    """And not only as some rows that are not in."""
    late = UploadStoppedError("late")
    late.__cause__ = cause
    assert exit_code_of(late) is code


def test_what_the_system_refuses_is_no_bug() -> None:
    """A full disk, or a right that is missing, with the file where there is one."""
    failure = explain(PermissionError(13, "Permission denied", "f.csv"))

    assert (failure.message, failure.exit_code) == (
        "the system refused (f.csv): Permission denied",
        2,
    )
    assert explain(OSError(28, "No space left")).message == "the system refused: No space left"
    assert explain(OSError("odd")).exit_code == 1


def test_a_failure_is_for_programs_too() -> None:
    """With the same parts; and each exit code has its meaning."""
    failure = Failure("why", next_step="wait", exit_code=Exit.SERVICE)

    assert failure.document == {
        "error": {"what": "why", "next": "wait", "reference": None},
        "exit_code": 7,
    }
    assert list(EXIT_CODES) == list(Exit)


def test_a_failure_may_be_a_sentence_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """There is not always something to do."""
    Failure("why?").show()

    assert capsys.readouterr().err == "Error: Why?\n"


def test_a_refusal_is_told_in_the_services_words() -> None:
    """With the hint and what support asks for."""
    problem = Problem(title="Unauthorized", detail="No key", instance="/x", time="t")
    failure = explain(AuthenticationError(problem, 401, hint="Check the key"))

    assert failure.message == "the service answered 401: Unauthorized; No key"
    assert (failure.next_step, failure.reference) == ("Check the key", "instance /x, time t")


def test_hints_are_in_the_command_lines_words() -> None:
    """What a program is to pass is an option here, and its tables are not for people."""
    disabled = "A disabled campaign takes only build and reset; pass enabled=True with the action"
    start = "START is taken from READY, with build_on_start=True from CREATED too"
    told = "START is taken from READY, with --build-on-start from CREATED too"

    assert str(explain(APIError(_NOTHING, 409, hint=disabled)).next_step).endswith("add --enable")
    assert explain(CampaignStateError(_NOTHING, 409, hint=start)).next_step == told


def test_a_deadline_has_the_advice_for_what_took_the_time() -> None:
    """And the reference for support."""
    late = UploadStoppedError("late")
    late.__cause__ = CampaignStateError(Problem(instance="/x", time="t"), 409, hint="Wait")
    failure = explain(late)
    assert (failure.message, failure.next_step) == ("late", "Wait")
    assert (failure.reference, failure.exit_code) == ("instance /x, time t", Exit.REFUSED)


def test_an_attempt_without_a_clear_end_is_told() -> None:
    """The refusal of the second may be the success of the first."""
    error = CampaignStateError(_NOTHING, 409)
    error.after_ambiguous_attempt = True

    assert "it may have been carried out" in explain(error).message


def test_no_reply_has_advice_of_its_own() -> None:
    """Look at the way there, or at the campaign."""
    assert "network" in str(explain(NotSentError("x")).next_step)
    assert "look at the campaign" in str(explain(OutcomeUnknownError("x")).next_step)


def test_a_bug_looks_like_one() -> None:
    """It asks for a report and not for another key."""
    failure = explain(KeyError("x"))

    assert (failure.message, failure.exit_code) == ("this program failed: KeyError: 'x'", Exit.BUG)


def test_the_reason_of_a_row_is_short() -> None:
    """Without position, status and advice."""
    fields = Problem(title="Bad Request", errors=[FieldError("rank", "Type"), FieldError()])

    assert reason_of(InvalidRecordError("too long", index=3)) == "too long"
    assert reason_of(ValidationError(fields, 400)) == "rank Type; ? ?"
    assert reason_of(ValidationError(Problem(title="T", detail="D"), 400)) == "D"
    assert reason_of(ValidationError(_NOTHING, 418)) == "the service answered 418"
    assert reason_of(UploadStoppedError("late")) == "late"


def test_all_that_the_service_said_is_told() -> None:
    """Title, detail and the first fields, each once."""
    error = ValidationError(Problem(title="A", detail="A", errors=[FieldError("f", "c", "m")]), 400)

    assert said(error) == "A; f: m"
    assert said(ValidationError(_NOTHING, 400)) == "nothing that could be read"
