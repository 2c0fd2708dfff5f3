"""What the simulation found, each as the shortest story that shows it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import pytest

from campaigns_async._core.exchange import Response
from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.resolver import Piece, Resolver
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.verdicts import decide_verdict
from campaigns_async.errors import OutcomeUnknownError, TransportError, UploadStoppedError
from campaigns_async.outcomes import Status
from tests.simulation.faults import mixed_up_reply
from tests.simulation.texts import problem

Seen = Response | TransportError
_LOST = OutcomeUnknownError("no reply")
_THROTTLED = Response(429, {}, b"")
_BUILDING = problem(409, "Conflict", "Campaign is in state BUILDING")
_COMPLETE = problem(409, "Conflict", "Campaign is in state COMPLETE")
_THERE = problem(400, "Validation failed", "Campaign already contains record for Id: CRM-1")
_UNIQUE = {"field": "crmRecordId", "code": "Unique", "message": "must be unique"}


def _settle(ids: Sequence[str], seen: Sequence[Seen], resolver: Resolver) -> dict[str, Status]:
    """What is settled when a batch and what comes of it see these ends, and then time is up."""
    pieces = [Piece.of(parse_rows(ids, range(len(ids))))]
    settled: list[Settlement] = []
    for end in seen:
        piece = pieces.pop(0)
        verdict = decide_verdict(piece.ids, end, datetime(2026, 11, 1, tzinfo=UTC))
        resolution = resolver.resolve(piece, verdict)
        settled += resolution.settled
        pieces[:0] = resolution.pieces
    for piece in pieces:
        settled += resolver.abandon(piece, UploadStoppedError("time is up"))
    return {row.id: settlement.status for settlement in settled for row in settlement.rows}


@pytest.mark.parametrize("second", [_THROTTLED, _BUILDING, _COMPLETE])
def test_behind_a_gateway_the_second_copy_proves_nothing_of_the_first(second: Response) -> None:
    """The first copy landed, the second is throttled or refused by state, and time is up."""
    resolver = Resolver(gateway_resends=True)
    assert _settle(["CRM-1"], [second], resolver) == {"CRM-1": Status.UNKNOWN}


@pytest.mark.parametrize(
    "vague",
    [
        problem(400, "Validation failed"),
        problem(400, "Invalid Operation"),
        problem(400, "Bad Request", "Could not process Id: CRM-1"),
        problem(400, "Validation failed", "Duplicate record in request"),
        problem(400, "Validation failed", errors=[_UNIQUE]),
        problem(409, "Conflict"),
    ],
)
def test_a_vague_refusal_after_an_open_attempt_rejects_nobody(vague: Response) -> None:
    """The first attempt landed unseen, and the refusal of the second does not say why."""
    assert _settle(["CRM-1"], [_LOST, vague], Resolver()) == {"CRM-1": Status.UNKNOWN}
    assert _settle(["CRM-1"], [vague], Resolver()) == {"CRM-1": Status.REJECTED}


@pytest.mark.parametrize("crm_record_id", ["Duplicate-7", "duplicate 3", "already-added-1"])
def test_an_id_does_not_say_that_it_is_there(crm_record_id: str) -> None:
    """A record whose id reads like a duplicate is invalid, and is not taken for present."""
    invalid = problem(400, "Validation failed", f"crmRecordId '{crm_record_id}' is not valid")
    assert _settle([crm_record_id], [invalid], Resolver()) == {crm_record_id: Status.REJECTED}


@pytest.mark.parametrize("crm_record_id", ["state", "isDynamic", "COMPLETE"])
def test_an_id_does_not_say_that_the_campaign_is_over(crm_record_id: str) -> None:
    """A record whose id reads like a state is invalid, and the others go on."""
    invalid = problem(
        400, "Validation failed", f"Validation of record with id {crm_record_id} failed"
    )
    added = Response(201, {}, b"")
    expected = {crm_record_id: Status.REJECTED, "CRM-1": Status.ADDED}
    actual = _settle([crm_record_id, "CRM-1"], [invalid, invalid, added], Resolver())
    assert actual == expected


def test_an_id_in_brackets_is_not_the_id_inside() -> None:
    """``(7)`` is there, and nothing is said of ``7``."""
    there = problem(400, "Conflict", "Campaign already contains record for Id: (7)")
    settled = _settle(["7", "(7)"], [there], Resolver())
    assert settled["7"] is Status.NOT_ADDED


def test_an_id_in_brackets_goes_on_after_them() -> None:
    """``(7)2`` is of another request, and nothing is said of ``7``."""
    there = problem(400, "Conflict", "Campaign already contains record for Id: (7)2")
    assert _settle(["7", "8"], [there], Resolver()) == dict.fromkeys("78", Status.NOT_ADDED)


def test_a_quoted_id_ends_at_its_quote() -> None:
    """``duplicate 32`` is of another request, and nothing is said of ``duplicate``."""
    there = problem(400, "Conflict", "Record with crmRecordId 'duplicate 32' already exists")
    settled = _settle(["duplicate", "CRM-1"], [there], Resolver())
    assert set(settled.values()) == {Status.NOT_ADDED}


def test_an_id_that_is_called_ids_announces_none() -> None:
    """``ids`` is there, and nothing is said of ``already``, which stands behind its quote."""
    there = problem(409, "Conflict", "Record with crmRecordId 'ids' already exists in campaign")
    settled = _settle(["ids", "already"], [there], Resolver())
    assert settled == {"ids": Status.PRESENT, "already": Status.NOT_ADDED}


@pytest.mark.parametrize("crm_record_id", ["state", "records", "PENDING"])
def test_an_id_that_is_a_word_of_a_reply_is_not_confirmed_by_it(crm_record_id: str) -> None:
    """A success about other records has the words ``state`` and ``PENDING`` too."""
    theirs = mixed_up_reply(Random(1))  # noqa: S311 - repeatable on purpose
    assert _settle([crm_record_id], [theirs], Resolver()) == {crm_record_id: Status.UNKNOWN}


def test_a_member_that_is_added_later_clears_the_rest() -> None:
    """One is there, the other is added after it: so the open attempt did not land."""
    added = Response(201, {}, b"")
    settled = _settle(["CRM-1", "CRM-2"], [_LOST, _THERE, added], Resolver())
    assert settled == {"CRM-1": Status.PRESENT, "CRM-2": Status.ADDED}
