"""Everything this library raises.

* :exc:`CampaignsError`
    * :exc:`ConfigurationError`: set up wrong; nothing was sent
    * :exc:`InvalidRecordError` (also :exc:`ValueError`): a record that no request may carry
    * :exc:`TransportError`: no reply
        * :exc:`NotSentError`: surely not executed
        * :exc:`OutcomeUnknownError`: may or may not have been executed
    * :exc:`APIError`: a reply that is not the one we want
        * :exc:`ValidationError` (400)
        * :exc:`AuthenticationError` (401)
        * :exc:`PermissionDeniedError` (403)
        * :exc:`NotFoundError` (404)
        * :exc:`ConflictError` (409)
            * :exc:`DuplicateRecordError`
            * :exc:`CampaignStateError`
        * :exc:`RateLimitError` (429)
        * :exc:`ServerError` (5xx)
        * :exc:`UnexpectedResponseError`
    * :exc:`UploadError`: an upload that did not put every record in
        * :exc:`UploadStoppedError`: why an upload ended before its input did
    * :exc:`JournalError`: a journal that cannot be used, or belongs to another upload
    * :exc:`BatcherFullError`: no room in a batcher that does not wait for room
    * :exc:`UnresolvedError`: a batcher's flush or close ran out of time

The class follows what a reply proves and not the number alone: a duplicate told with 400 is a
:exc:`DuplicateRecordError` too, and its ``status`` says 400.

Errors carry facts (``status``, ``request_sent``, ``retry_after``); what to do about them is for the
caller and for the retry policy. All of them pickle, and none holds the API key, a live request or
an exception of another library.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

from campaigns_async.headers import Headers
from campaigns_async.models import CampaignState

if TYPE_CHECKING:
    from campaigns_async.report import UploadReport

_SHOWN_CHARACTERS: Final = 500


def escape(text: str, limit: int = _SHOWN_CHARACTERS) -> str:
    """Text from outside, made safe to show: one line, no control characters, at most ``limit``.

    A reply may hold terminal escapes or line breaks that would forge a log line.
    """
    shown = text if len(text) <= limit else text[:limit] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def _empty() -> Mapping[str, Any]:
    return {}


@attrs.frozen
class FieldError:
    """One field that the service found wrong. It has no index: which record is not said."""

    field: str | None = None
    code: str | None = None
    message: str | None = None


@attrs.frozen
class Problem:
    """What the service said about a refusal, as far as it could be read; absent parts are None.

    ``time`` is the service's own text, because support asks for it as it stands. ``extra`` holds
    what else the body had (``requestId``, say), or under ``body`` the beginning of one that was
    no problem document at all.

    Source: the vendor's page "Troubleshooting", error response format (RFC 9457 style).
    """

    title: str | None = None
    status: int | None = None
    detail: str | None = None
    instance: str | None = None
    time: str | None = None
    errors: Sequence[FieldError] = attrs.field(default=(), converter=tuple[FieldError, ...])
    extra: Mapping[str, Any] = attrs.field(factory=_empty, hash=False)

    @property
    def support_reference(self) -> str | None:
        """What the vendor's support asks for: instance and time. None if the reply had neither."""
        parts = [
            f"{name} {escape(value)}"
            for name, value in (("instance", self.instance), ("time", self.time))
            if value
        ]
        return ", ".join(parts) or None


class CampaignsError(Exception):
    """The root: ``except CampaignsError`` catches whatever this library raises."""

    def __reduce__(self) -> tuple[Callable[..., BaseException], tuple[Any, ...]]:
        # The constructors take facts and not the message, so the default way back does not fit.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(
    cls: type[BaseException], args: tuple[Any, ...], facts: dict[str, Any]
) -> BaseException:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class ConfigurationError(CampaignsError):
    """Something is set up or used wrong; nothing was sent. The message says what to change."""


class InvalidRecordError(CampaignsError, ValueError):
    """A record that the service could only refuse, found before anything was sent.

    ``index``: its position in the input, from 0; None where there is no input to count in.
    ``field``: the field at fault by its Python name; None when it is the record as a whole.
    ``reason``: what is wrong and what to do, without the position.
    """

    def __init__(self, reason: str, *, index: int | None = None, field: str | None = None) -> None:
        where = "" if index is None else f"record {index}: "
        super().__init__(f"{where}{reason}")
        self.reason = reason
        self.index = index
        self.field = field


class TransportError(CampaignsError):
    """There was no reply.

    ``request_sent``: False if surely nothing left this machine, True if it may have.
    ``attempts``: requests made for this call, the last included.
    """

    request_sent: bool = True

    def __init__(self, reason: str, *, attempts: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.attempts = attempts


class NotSentError(TransportError):
    """The request did not leave this machine, so it was surely not executed.

    ``permanent``: trying again cannot help (a certificate that does not verify, say).
    """

    request_sent = False

    def __init__(self, reason: str, *, attempts: int = 1, permanent: bool = False) -> None:
        super().__init__(reason, attempts=attempts)
        self.permanent = permanent


class OutcomeUnknownError(TransportError):
    """The request may have left, and no reply came: it may or may not have been executed.

    ``timed_out``: nothing came in time, as against a connection that broke.
    """

    def __init__(self, reason: str, *, attempts: int = 1, timed_out: bool = False) -> None:
        super().__init__(reason, attempts=attempts)
        self.timed_out = timed_out


class APIError(CampaignsError):
    """The service, or something before it, answered with other than what was asked for.

    - ``problem``: what it said, see :class:`Problem`.
    - ``status``: the HTTP status. It need not match the class, see the top of this module.
    - ``headers``: the reply's headers, found by their names in any case.
    - ``attempts``: requests made for this call, the last included.
    - ``request_sent``: always True here; on every error that has to do with a request.
    - ``retry_after``: seconds to wait as told by the reply, from its arrival; None if not told.
    - ``hint``: what to look at, after the vendor's page "Troubleshooting".
    - ``after_ambiguous_attempt``: an earlier attempt of the same call had no clear end, so this
      refusal may mean that it was carried out.
    """

    def __init__(  # noqa: PLR0917 - the public order
        self,
        problem: Problem,
        status: int,
        headers: Mapping[str, str] = MappingProxyType({}),
        attempts: int = 1,
        request_sent: bool = True,  # noqa: FBT001, FBT002 - a fact among facts
        retry_after: float | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(status)
        self.problem = problem
        self.status = status
        self.headers: Mapping[str, str] = Headers(headers)
        self.attempts = attempts
        self.request_sent = request_sent
        self.retry_after = retry_after
        self.hint = hint
        self.after_ambiguous_attempt = False

    @property
    def support_reference(self) -> str | None:
        """Instance and time of the reply, which the vendor's support asks for; None if absent."""
        return self.problem.support_reference

    @property
    def summary(self) -> str:
        """Status and words of the reply on one line, without advice and reference."""
        said = [self.problem.title, self.problem.detail]
        said += [f"{e.field or '?'}: {e.message or e.code or '?'}" for e in self.problem.errors[:3]]
        text = "; ".join(dict.fromkeys(escape(s) for s in said if s))
        return f"the service answered {self.status}{': ' if text else ''}{text}"

    def __str__(self) -> str:
        parts = [self.summary]
        if self.after_ambiguous_attempt:
            parts.append(
                ". An earlier attempt of this call had no clear end: it may have been carried out"
            )
        if self.hint:
            parts.append(f". {self.hint}")
        if self.support_reference:
            parts.append(f" (for support: {self.support_reference})")
        return "".join(parts)


class ValidationError(APIError):
    """The request was refused for its content (400)."""


class AuthenticationError(APIError):
    """The API key is missing, malformed or revoked (401)."""


class PermissionDeniedError(APIError):
    """The key's app does not have the Contact Center Campaigns product (403)."""


class NotFoundError(APIError):
    """No such campaign for this tenant and site (404)."""


class ConflictError(APIError):
    """Refused for what the service holds now (409), without saying clearly for what."""


class DuplicateRecordError(ConflictError):
    """At least one record's id is on the campaign already.

    ``crm_record_ids``: those of the request's ids that the reply names; empty if it names none.
    """

    crm_record_ids: tuple[str, ...] = ()


class CampaignStateError(ConflictError):
    """The campaign's state does not allow this now, or not any more.

    ``state``: the state that the reply names as the campaign's; None if it names none clearly.
    """

    state: CampaignState | None = None


class RateLimitError(APIError):
    """Too many requests (429). ``retry_after`` says how long to wait, where the reply told."""


class ServerError(APIError):
    """The service failed (5xx). Whether the request was executed is not known."""


class UnexpectedResponseError(APIError):
    """An answer that fits nothing in the vendor's pages: a redirect, or an unreadable body."""


class UploadError(CampaignsError):
    """Not every record is in the campaign. ``report`` has the account of each."""

    def __init__(self, message: str, *, report: "UploadReport | None" = None) -> None:
        super().__init__(message)
        self.report = report


class UploadStoppedError(UploadError):
    """Why an upload ended before its input did, where no reply was the reason (a deadline, say).

    Its ``__cause__`` is why nothing got on when a deadline passed: no answer, too many requests, or
    a campaign that took no records.
    """


class JournalError(CampaignsError):
    """The journal cannot be opened or written, or is not the one of this upload."""


class BatcherFullError(CampaignsError):
    """The batcher's buffer is full, and it was told not to wait for room."""


class UnresolvedError(CampaignsError):
    """A batcher's ``flush`` or ``aclose`` ran out of time.

    ``crm_record_ids``: of the records that had no outcome by then.
    """

    _SHOWN: Final = 5

    def __init__(self, message: str, *, crm_record_ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.crm_record_ids = tuple(crm_record_ids)

    @classmethod
    def of(cls, what: str, crm_record_ids: Iterable[str]) -> "UnresolvedError":
        """The error with the ids in its message, the first few of them."""
        ids = tuple(crm_record_ids)
        shown = ", ".join(escape(i, 40) for i in ids[: cls._SHOWN])
        more = f" and {len(ids) - cls._SHOWN:,} more" if len(ids) > cls._SHOWN else ""
        return cls(f"{what}: {shown}{more}", crm_record_ids=ids)
