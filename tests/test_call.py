import asyncio
import logging
from typing import Any

import pytest

from campaigns_async._core.exchange import Response, Seen
from campaigns_async.call import Call
from campaigns_async.errors import NotSentError, OutcomeUnknownError, UploadStoppedError
from campaigns_async.events import AttemptEnded, CallBegun, Event, OnEvent, RecordsSettled
from campaigns_async.outcomes import Status

ADDED = Response(201, {}, b"")
BUSY = Response(503, {}, b"CRM-1 is busy")


@pytest.fixture
def told() -> list[Event]:
    """What ``on_event`` was called with."""
    return []


@pytest.fixture
def call(told: list[Event]) -> Call:
    """One that is listened to."""
    return make(told.append)


def make(on_event: OnEvent | None) -> Call:
    """An upload."""
    return Call(CallBegun("upload"), on_event)


def names(told: list[Event]) -> list[str]:
    """Of the events, in order."""
    return [event.name for event in told]


def vars_of(event: Event) -> dict[str, Any]:
    """Its fields, but for the time."""
    return {
        name: getattr(event, name)
        for name in type(event).__annotations__
        if name not in {"seconds", "name"}
    }


async def give(seen: Seen | BaseException) -> Seen:
    """An attempt that ends so."""
    if isinstance(seen, BaseException) and not isinstance(seen, NotSentError | OutcomeUnknownError):
        raise seen
    return seen


async def test_a_call_is_told_from_begin_to_end(call: Call, told: list[Event]) -> None:
    """Its end points to its begin, and tells how long it took."""
    with call:
        await asyncio.sleep(0)
    begun, ended = told
    assert names(told) == ["call.begun", "call.ended"]
    assert vars_of(ended) == {"of": begun, "error": None, "counts": None}
    assert ended.facts()["seconds"] > 0  # type: ignore[operator]


async def test_what_a_call_raises_is_told_by_its_kind(call: Call, told: list[Event]) -> None:
    """Never by its text, and it comes out."""
    with pytest.raises(UploadStoppedError), call:
        raise UploadStoppedError("CRM-1 is no good")
    assert vars_of(told[-1])["error"] == "UploadStoppedError"


async def test_the_end_sums_up(call: Call, told: list[Event]) -> None:
    """The counts, and what stopped an upload that raised nothing."""
    with call:
        call.sum_up({Status.ADDED: 5}, UploadStoppedError("enough"))
    assert told[-1].facts()["records_added"] == 5
    assert told[-1].facts()["error"] == "UploadStoppedError"


@pytest.mark.parametrize(
    ("seen", "status", "error"),
    [
        (ADDED, 201, None),
        (BUSY, 503, "503"),
        (Response(302, {}, b""), 302, "302"),
        (NotSentError("no way"), None, "NotSentError"),
        (OutcomeUnknownError("lost"), None, "OutcomeUnknownError"),
    ],
)
async def test_an_attempt_is_told_before_and_after(
    call: Call, told: list[Event], seen: Seen, status: int | None, error: str | None
) -> None:
    """With its status, and the kind of its failure; what was seen is given on."""
    assert await call.watch(give(seen)) is seen
    begun, ended = told
    assert isinstance(ended, AttemptEnded)
    assert (ended.of, ended.status, ended.error) == (begun, status, error)


async def test_an_attempt_that_is_cancelled_has_ended(call: Call, told: list[Event]) -> None:
    """Or it would seem to be in flight for ever."""
    with pytest.raises(asyncio.CancelledError):
        await call.watch(give(asyncio.CancelledError()))
    assert [vars_of(event).get("error") for event in told] == [None, "CancelledError"]


async def test_an_engine_is_followed_by_what_changes(call: Call, told: list[Event]) -> None:
    """A retry when it counts one more, the gate when it is another; nothing else."""
    call.follow(ADDED, retries=0, hold=None, gate_closed=False)
    assert told == []
    call.follow(BUSY, retries=1, hold=2.5, gate_closed=False)
    call.follow(BUSY, retries=2, hold=None, gate_closed=True)
    call.follow(BUSY, retries=2, hold=None, gate_closed=True)
    call.follow(ADDED, retries=2, hold=None, gate_closed=False)
    assert names(told) == ["retry.scheduled", "retry.scheduled", "gate.closed", "gate.opened"]
    facts = {"call": "upload", "status": 503, "error": "503"}
    assert told[0].facts() == {**facts, "wait": 2.5, "held": True}
    assert told[1].facts() == {**facts, "held": False}


async def test_records_are_told_together(call: Call, told: list[Event]) -> None:
    """By status, and not at all where there are none."""
    call.settle([(Status.ADDED, 90), (Status.REJECTED, 1), (Status.REJECTED, 1)])
    call.settle([])
    (event,) = told
    assert isinstance(event, RecordsSettled)
    assert event.counts == {Status.ADDED: 90, Status.REJECTED: 2}


@pytest.mark.parametrize("error", [RuntimeError("a bug"), asyncio.CancelledError()], ids=repr)
async def test_a_listener_that_raises_harms_nothing(
    caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    """It is logged, and the call goes on. It may have looked at something that was cancelled."""

    def listen(_: Event) -> None:
        raise error

    call = make(listen)
    with call:
        assert await call.watch(give(ADDED)) is ADDED
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == [f"on_event raised {type(error).__name__}"] * 4


async def test_nobody_listens_by_default(caplog: pytest.LogCaptureFixture) -> None:
    """Then attempts need not be watched, and records are not even looked at; logs can ask."""
    caplog.set_level(logging.INFO)
    call = make(None)
    watched = [call.watched]
    looked_at = iter([(Status.ADDED, 1)])
    call.settle(looked_at)
    assert list(looked_at) == [(Status.ADDED, 1)]
    caplog.set_level(logging.DEBUG)
    watched.append(call.watched)
    call.settle([(Status.ADDED, 1)])
    assert watched == [False, True]
    assert [vars(record)["event"] for record in caplog.records] == ["records.settled"]
