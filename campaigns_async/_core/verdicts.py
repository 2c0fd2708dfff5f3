"""What one reply, or the lack of one, proves about the batch that was sent.

The service adds all of a request's records or none, and ids are unique in a campaign; so every
answer to a POST says something about every record of it. :data:`MEANING` is the whole of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Final

import attrs

from campaigns_async._core.exchange import Response
from campaigns_async._core.problems import ABOUT_CONTENT, parse_error, unexpected_error
from campaigns_async._core.retry import is_ambiguous
from campaigns_async._core.values import value
from campaigns_async._core.wire import UnreadableBodyError, decode_records, tells_of
from campaigns_async._core.wording import find_named, has_words, says_invalid, says_not_dynamic
from campaigns_async.errors import (
    APIError,
    CampaignsError,
    CampaignStateError,
    ConflictError,
    DuplicateRecordError,
    NotSentError,
    RateLimitError,
    TransportError,
    ValidationError,
)
from campaigns_async.lifecycle import FINAL, TRANSIENT
from campaigns_async.models import Record


class Proof(Enum):
    """What was seen."""

    # Each is there once, so that the quickest way to hash it will do; and so with Step.
    __hash__ = object.__hash__

    ADDED = "a 2xx status line, even with a broken body"
    NOT_SENT = "the request never left"
    THROTTLED = "429"
    OPEN = "no reply after sending, 408 or 5xx"
    DUPLICATE = "the text says that a record is on the campaign already"
    INVALID = "the content was refused"
    CUT_OFF = "refused with 400, 409 or 422, and the reply broke off before it said why"
    WORDLESS = "refused with 400, 409 or 422, and not a word of it can be read (see below)"
    UNCLEAR = "refused with 400, 409 or 422, for a reason that fits nothing"
    BUSY = "the campaign's state takes no records now"
    FATAL = "no request like this one can succeed any more"


class Step(Enum):
    """What follows for the batch."""

    __hash__ = object.__hash__

    SETTLE = "all of it is ADDED"
    RETRY = "send the same batch again"
    EXCISE = "settle the named, send the rest; none named: take it apart"
    TAKE_APART = "those named alone, else halves; a single is REJECTED"
    WAIT = "close the gate; one canary batch asks again"
    STOP = "nothing more is sent"


@attrs.frozen
class Meaning:
    """``landed``: whether the attempt put the batch in; None if it may have."""

    landed: bool | None
    step: Step


MEANING: Final[Mapping[Proof, Meaning]] = {
    Proof.ADDED: Meaning(landed=True, step=Step.SETTLE),
    Proof.NOT_SENT: Meaning(landed=False, step=Step.RETRY),
    Proof.THROTTLED: Meaning(landed=False, step=Step.RETRY),
    Proof.OPEN: Meaning(landed=None, step=Step.RETRY),
    Proof.DUPLICATE: Meaning(landed=False, step=Step.EXCISE),
    Proof.INVALID: Meaning(landed=False, step=Step.TAKE_APART),
    Proof.CUT_OFF: Meaning(landed=False, step=Step.RETRY),
    # After many in a row it is UNCLEAR: there never are any words then.
    Proof.WORDLESS: Meaning(landed=False, step=Step.RETRY),
    Proof.UNCLEAR: Meaning(landed=False, step=Step.TAKE_APART),
    Proof.BUSY: Meaning(landed=False, step=Step.WAIT),
    Proof.FATAL: Meaning(landed=False, step=Step.STOP),
}


@value
class Verdict:
    """One proof about one batch.

    ``error``: the reply or failure; None for ADDED. ``body``: the reply's, for ADDED. ``named``:
    ids that a duplicate surely names. ``suspects``: ids that a refusal perhaps names. ``sure``: for
    BUSY, whether the reply names a state that passes by itself.
    """

    proof: Proof
    error: CampaignsError | None = None
    body: bytes = b""
    named: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    sure: bool = True

    @property
    def meaning(self) -> Meaning:
        """What it says about the attempt, and what follows."""
        return MEANING[self.proof]

    @property
    def sent(self) -> bool:
        """Whether the request may have left this machine."""
        return not isinstance(self.error, NotSentError)

    @property
    def retry_after(self) -> float | None:
        """Seconds that the reply asks to wait; None if it does not."""
        return self.error.retry_after if isinstance(self.error, APIError) else None

    def records(self) -> dict[str, Record]:
        """The service's records by id, as far as the reply to an ADDED can be read."""
        try:
            records = decode_records(self.body)
        except UnreadableBodyError:
            return {}
        return {record.crm_record_id: record for record in records if record.crm_record_id}


def decide_verdict(  # noqa: PLR0911 - one for each row of the table
    ids: Sequence[str], seen: Response | TransportError, now: datetime
) -> Verdict:
    """What ``seen`` proves about a POST of records with these ids."""
    if isinstance(seen, TransportError):
        return _decide_failure(seen)
    if 200 <= seen.status < 300:
        return _decide_success(ids, seen)
    error = parse_error(seen, now, ids)
    if seen.status in ABOUT_CONTENT and (seen.broken_off or not has_words(error.problem)):
        return Verdict(Proof.CUT_OFF if seen.broken_off else Proof.WORDLESS, error)
    match error:
        case RateLimitError():
            return Verdict(Proof.THROTTLED, error)
        case DuplicateRecordError():
            return _decide_duplicate(ids, error)
        case CampaignStateError():
            return _decide_state(error)
        case ConflictError():
            return Verdict(Proof.UNCLEAR, error)
        case ValidationError():
            return _decide_validation(ids, error)
        case _:
            return Verdict(_decide_status(error), error)


def _decide_status(error: APIError) -> Proof:
    """What a reply proves whose words do not matter."""
    if is_ambiguous(error) or not 100 <= error.status < 600:
        return Proof.OPEN
    # 413: too large in bytes for something in between; a smaller batch may pass.
    return Proof.INVALID if error.status == 413 else Proof.FATAL


def _decide_state(error: CampaignStateError) -> Verdict:
    if error.state in FINAL:
        return Verdict(Proof.FATAL, error)
    return Verdict(Proof.BUSY, error, sure=error.state in TRANSIENT)


def _decide_validation(ids: Sequence[str], error: ValidationError) -> Verdict:
    if says_not_dynamic(error.problem, ids):
        return Verdict(Proof.FATAL, error)
    named = find_named(error.problem, ids)
    suspects = named.surely + named.perhaps
    proof = Proof.INVALID if says_invalid(error.problem, ids) else Proof.UNCLEAR
    return Verdict(proof, error, suspects=suspects)


def _decide_failure(failure: TransportError) -> Verdict:
    if not isinstance(failure, NotSentError):
        return Verdict(Proof.OPEN, failure)
    return Verdict(Proof.FATAL if failure.permanent else Proof.NOT_SENT, failure)


def _decide_success(ids: Sequence[str], seen: Response) -> Verdict:
    """ADDED, unless the body is a sound reply about quite other records.

    The status line is proof; a reply that was meant for somebody else (two requests mixed up on one
    connection) is not.
    """
    if not tells_of(seen.body, ids[0]):
        verdict = Verdict(Proof.ADDED, body=seen.body)
        theirs = {crm_record_id.casefold().strip() for crm_record_id in verdict.records()}
        ours = {crm_record_id.casefold().strip() for crm_record_id in ids}
        if theirs and theirs.isdisjoint(ours):
            hint = "The reply is about other records than those sent, so it proves nothing of them"
            return Verdict(Proof.OPEN, unexpected_error(seen, hint))
    return Verdict(Proof.ADDED, body=seen.body)


def _decide_duplicate(ids: Sequence[str], error: DuplicateRecordError) -> Verdict:
    """DUPLICATE, with the ids that are proved and those that must be asked alone.

    An id is no proof when another one of the batch differs only in case: a service that takes the
    two for one may mean that the batch repeats it.
    """
    named = find_named(error.problem, ids)
    if len(ids) == 1:
        return Verdict(Proof.DUPLICATE, error, named=tuple(ids))
    surely = set(named.surely)
    if surely:
        folded: dict[str, int] = {}
        for crm_record_id in ids:
            folded[crm_record_id.casefold()] = folded.get(crm_record_id.casefold(), 0) + 1
        surely = {i for i in surely if folded[i.casefold()] == 1}
    return Verdict(
        Proof.DUPLICATE,
        error,
        named=tuple(i for i in named.surely if i in surely),
        suspects=tuple(i for i in named.surely if i not in surely) + named.perhaps,
    )
