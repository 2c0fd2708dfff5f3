"""Exit codes, and errors as a person needs them: a sentence, what to do next, the reference."""

from enum import IntEnum
from typing import IO, Any, Final

import click

from campaigns_async.cli import terminal
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    CampaignsError,
    CampaignStateError,
    ConfigurationError,
    ConflictError,
    InvalidRecordError,
    JournalError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnexpectedResponseError,
    UploadStoppedError,
    ValidationError,
)


class Exit(IntEnum):
    """What the command's exit code says."""

    ALL_IN = 0
    BUG = 1
    USAGE = 2
    NOT_ALL_IN = 3
    ACCESS = 4
    REFUSED = 5
    UNKNOWN = 6
    SERVICE = 7
    INTERRUPTED = 130


EXIT_CODES: Final = {
    Exit.ALL_IN: "all is well: every row is in",
    Exit.BUG: "a fault of this program",
    Exit.USAGE: "usage: an option, a setting or a file is wrong, or nobody said yes",
    Exit.NOT_ALL_IN: "some rows are not in",
    Exit.ACCESS: "key, tenant, site or campaign id not accepted",
    Exit.REFUSED: "the campaign refuses",
    Exit.UNKNOWN: "unknown: it may or may not have been carried out",
    Exit.SERVICE: "the service failed, or cannot be reached",
    Exit.INTERRUPTED: "interrupted before there was anything to report",
}
"""What each says; all commands share them."""

EPILOG: Final = (
    "Exit codes: 0 all is well, 2 usage, 3 some rows not in, 4 key, tenant, site or campaign id "
    "not accepted, 5 the campaign refuses, 6 outcome unknown, 7 the service failed."
)

_Kinds = tuple[type[CampaignsError], ...]
_CODES: Final[tuple[tuple[_Kinds, Exit], ...]] = (
    ((ConfigurationError, InvalidRecordError, JournalError), Exit.USAGE),
    (
        (AuthenticationError, PermissionDeniedError, NotFoundError, UnexpectedResponseError),
        Exit.ACCESS,
    ),
    ((ConflictError, ValidationError), Exit.REFUSED),
    ((OutcomeUnknownError,), Exit.UNKNOWN),
    ((UploadStoppedError,), Exit.NOT_ALL_IN),
)


def exit_code_of(error: CampaignsError) -> Exit:
    """The code for a command that this error ended."""
    if isinstance(error, UploadStoppedError) and error.__cause__ is not None:
        # Its time ended while it waited for something.
        waited_for_campaign = isinstance(error.__cause__, CampaignStateError)
        return Exit.REFUSED if waited_for_campaign else Exit.SERVICE
    return next((code for kinds, code in _CODES if isinstance(error, kinds)), Exit.SERVICE)


class Failure(click.ClickException):
    """Ends a command.

    ``what``: a sentence. ``next_step``: what to do. ``reference``: what the vendor's support
    asks for.
    """

    def __init__(
        self,
        what: str,
        *,
        next_step: str | None = None,
        reference: str | None = None,
        exit_code: Exit = Exit.USAGE,
    ) -> None:
        super().__init__(what)
        self.next_step = next_step
        self.reference = reference
        # Each of click's classes has one for all; here it depends on what happened.
        self.exit_code = exit_code  # type: ignore[misc]

    @property
    def document(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "error": {
                "what": self.message,
                "next": self.next_step,
                "reference": self.reference,
            },
            "exit_code": int(self.exit_code),
        }

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to stderr."""
        del file
        console = terminal.stderr()
        console.print(terminal.line(("Error: ", "bold red"), _as_sentence(self.message)))
        if self.next_step:
            console.print(terminal.line(("Next:  ", "bold"), _as_sentence(self.next_step)))
        if self.reference:
            console.print(terminal.line(("For support: ", "bold"), self.reference))


def explain(error: Exception) -> Failure:
    """The failure that tells a person about this error."""
    if isinstance(error, APIError):
        return Failure(
            f"the service answered {error.status}: {said(error)}{_doubt(error)}",
            next_step=_hint(error),
            reference=error.support_reference,
            exit_code=exit_code_of(error),
        )
    if isinstance(error, UploadStoppedError) and isinstance(error.__cause__, CampaignsError):
        waited_for = explain(error.__cause__)
        return Failure(
            str(error),
            next_step=waited_for.next_step,
            reference=waited_for.reference,
            exit_code=exit_code_of(error),
        )
    if isinstance(error, CampaignsError):
        return Failure(str(error), next_step=_NEXT.get(type(error)), exit_code=exit_code_of(error))
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return Failure(
            f"the system refused{where}: {error.strerror}",
            next_step="look at the disk, at the rights, and at where the output goes",
        )
    return Failure(
        f"this program failed: {type(error).__name__}: {error}",
        next_step="run it again with --debug, and report what that prints",
        exit_code=Exit.BUG,
    )


_NEXT: Final[dict[type[CampaignsError], str]] = {
    NotSentError: "check the address (--site or --base-url) and the way to it: network, proxy, TLS",
    OutcomeUnknownError: "it may have been carried out: look at the campaign before you repeat it",
}


def said(error: APIError) -> str:
    """The service's own words."""
    problem = error.problem
    fields = [f"{e.field or '?'}: {e.message or e.code or '?'}" for e in problem.errors[:3]]
    words = dict.fromkeys(text for text in (problem.title, problem.detail, *fields) if text)
    return "; ".join(words) or "nothing that could be read"


def reason_of(error: Exception) -> str:
    """Why a row is not in, without where it stands and without advice."""
    if isinstance(error, InvalidRecordError):
        return error.reason
    if isinstance(error, APIError):
        problem = error.problem
        fields = "; ".join(f"{e.field or '?'} {e.message or e.code or '?'}" for e in problem.errors)
        return fields or problem.detail or problem.title or f"the service answered {error.status}"
    return str(error)


def _doubt(error: APIError) -> str:
    if not error.after_ambiguous_attempt:
        return ""
    return ". An earlier attempt had no clear end: it may have been carried out"


def _hint(error: APIError) -> str | None:
    if error.hint is None:
        return None
    # The hints speak to programs.
    return error.hint.replace("pass enabled=True with the action", "add --enable").replace(
        "build_on_start=True", "--build-on-start"
    )


def _as_sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."
