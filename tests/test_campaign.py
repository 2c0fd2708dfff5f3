import math
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from campaigns_async.campaign import CampaignHandle
from campaigns_async.emulator import EmulatedCampaign, Emulator, Quirks
from campaigns_async.errors import (
    APIError,
    CampaignsError,
    CampaignStateError,
    ConfigurationError,
    DuplicateRecordError,
    InvalidRecordError,
    NotSentError,
    OutcomeUnknownError,
    ServerError,
    UnexpectedResponseError,
)
from campaigns_async.events import CallEnded, Event, RecordsSettled
from campaigns_async.models import CampaignAction, CampaignState, NewRecord, RecordPriority
from campaigns_async.outcomes import Status
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import Limits, RetryPolicy
from tests.servers import CAMPAIGN_ID, QUICK, SHORT, OneTurn, RawServer, connect, hang, http, say

_S = CampaignState


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[CampaignsSession]:
    """On the local service."""
    async with connect(emulator) as session:
        yield session


@pytest.fixture
def handle(session: CampaignsSession, emulated_campaign: EmulatedCampaign) -> CampaignHandle:
    """On a running, dynamic, empty campaign."""
    return session.campaign(emulated_campaign.id)


# --- the handle itself


@pytest.mark.parametrize(
    "given",
    [CAMPAIGN_ID, CAMPAIGN_ID.upper(), UUID(CAMPAIGN_ID), f"{{{CAMPAIGN_ID}}}"],
    ids=["text", "capitals", "UUID", "braces"],
)
def test_a_campaign_id_is_kept_in_its_canonical_form(given: str | UUID) -> None:
    """Whichever way it was written, so that nothing else can reach the path."""
    handle = connect("https://host").campaign(given)
    assert handle.id == CAMPAIGN_ID
    assert repr(handle) == f"<CampaignHandle {CAMPAIGN_ID}>"


@pytest.mark.parametrize("given", ["", "../x", "not-a-uuid", None, 5, b"x"])
def test_a_campaign_id_that_is_no_uuid_is_refused(given: Any) -> None:
    """ConfigurationError, before anything is sent."""
    with pytest.raises(ConfigurationError, match="is no UUID"):
        connect("https://host").campaign(given)


# --- actions

ACTIONS: dict[CampaignAction, tuple[Callable[[CampaignHandle], Awaitable[Any]], _S, _S]] = {
    CampaignAction.BUILD: (CampaignHandle.build, _S.CREATED, _S.BUILDING),
    CampaignAction.RESET: (CampaignHandle.reset, _S.READY, _S.CREATED),
    CampaignAction.START: (CampaignHandle.start, _S.READY, _S.STARTING),
    CampaignAction.PAUSE: (CampaignHandle.pause, _S.RUNNING, _S.PAUSED),
    CampaignAction.RESUME: (CampaignHandle.resume, _S.PAUSED, _S.RUNNING),
    CampaignAction.RETRY: (CampaignHandle.retry, _S.RUN_ERROR, _S.RUNNING),
    CampaignAction.CANCEL: (CampaignHandle.cancel, _S.RUNNING, _S.COMPLETE),
    CampaignAction.PURGE: (CampaignHandle.purge, _S.PAUSED, _S.PAUSED),
}


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_action_gives_the_campaign_as_it_is_then(
    emulator: Emulator, session: CampaignsSession, action: CampaignAction
) -> None:
    """One request with nothing in it but the action."""
    act, before, after = ACTIONS[action]
    campaign = emulator.create_campaign(
        state=before, build_seconds=math.inf, start_seconds=math.inf
    )
    told = await act(session.campaign(campaign.id))
    assert (told.id, told.state) == (campaign.id, after)
    assert [r.body for r in emulator.requests] == [{"action": action.value}]


async def test_an_action_may_enable_and_start_may_build(
    emulator: Emulator, session: CampaignsSession
) -> None:
    """What was not said is absent, and never null."""
    campaign = emulator.create_campaign(state=_S.CREATED, enabled=False, build_seconds=math.inf)
    await session.campaign(campaign.id).start(build_on_start=True, enabled=True)
    assert emulator.requests[0].body == {"action": "START", "enabled": True, "buildOnStart": True}
    assert (campaign.state, campaign.enabled) == (_S.BUILDING, True)


async def test_an_action_is_known_by_its_name(
    handle: CampaignHandle, emulated_campaign: EmulatedCampaign
) -> None:
    """In either case."""
    await handle.modify("pause")
    assert emulated_campaign.state is _S.PAUSED


@pytest.mark.parametrize("action", ["EXPLODE", "", None])
async def test_an_action_that_is_none_is_refused(
    emulator: Emulator, handle: CampaignHandle, action: Any
) -> None:
    """ConfigurationError, and nothing is sent."""
    with pytest.raises(ConfigurationError, match="is no action"):
        await handle.modify(action)
    assert emulator.request_count == 0


async def test_build_on_start_goes_with_start_alone(
    emulator: Emulator, handle: CampaignHandle
) -> None:
    """ConfigurationError, and nothing is sent."""
    with pytest.raises(ConfigurationError, match="goes with START"):
        await handle.modify("PAUSE", build_on_start=False)
    assert emulator.request_count == 0


async def test_a_state_that_does_not_allow_it_is_told(
    emulator: Emulator, handle: CampaignHandle
) -> None:
    """CampaignStateError names the state that the service names, and no attempt was ambiguous."""
    with pytest.raises(CampaignStateError) as caught:
        await handle.resume()
    error = caught.value
    assert (error.status, error.state, error.after_ambiguous_attempt) == (409, _S.RUNNING, False)
    assert (error.attempts, emulator.request_count) == (1, 1)


GUARDED = ["START", "PAUSE", "RESUME", "CANCEL"]
UNGUARDED = ["BUILD", "RESET", "RETRY", "PURGE"]


@pytest.mark.parametrize("action", GUARDED)
async def test_what_the_state_guards_is_repeated_after_a_5xx(
    emulator: Emulator, session: CampaignsSession, action: str
) -> None:
    """The second attempt does it."""
    _, before, after = ACTIONS[CampaignAction(action)]
    campaign = emulator.create_campaign(state=before, start_seconds=math.inf)
    emulator.inject("error_before_commit")
    told = await session.campaign(campaign.id).modify(action)
    assert (told.state, emulator.request_count) == (after, 2)


@pytest.mark.parametrize("action", GUARDED)
async def test_a_refusal_after_an_ambiguous_attempt_says_so(
    emulator: Emulator, session: CampaignsSession, action: str
) -> None:
    """It may mean that the first attempt was carried out, as it was here."""
    _, before, after = ACTIONS[CampaignAction(action)]
    campaign = emulator.create_campaign(state=before, start_seconds=math.inf)
    emulator.inject("error_after_commit")
    with pytest.raises(CampaignStateError) as caught:
        await session.campaign(campaign.id).modify(action)
    assert (caught.value.after_ambiguous_attempt, caught.value.attempts) == (True, 2)
    assert campaign.state is after
    assert "may have been carried out" in str(caught.value)


@pytest.mark.parametrize("action", UNGUARDED)
async def test_what_no_state_guards_is_not_repeated_after_a_5xx(
    emulator: Emulator, session: CampaignsSession, action: str
) -> None:
    """The error comes out after one attempt."""
    campaign = emulator.create_campaign(state=ACTIONS[CampaignAction(action)][1])
    emulator.inject("error_before_commit")
    with pytest.raises(ServerError) as caught:
        await session.campaign(campaign.id).modify(action)
    assert (caught.value.attempts, emulator.request_count) == (1, 1)


@pytest.mark.parametrize("action", [*UNGUARDED, *GUARDED])
@pytest.mark.parametrize(
    "fault", ["error_before_commit", "drop_before_commit", "close_after_commit"]
)
async def test_any_action_is_repeated_when_asked(
    emulator: Emulator, action: str, fault: str
) -> None:
    """``repeat_ambiguous_actions`` is for all actions and all ambiguous failures."""
    campaign = emulator.create_campaign(state=ACTIONS[CampaignAction(action)][1])
    emulator.inject(fault)
    asked = RetryPolicy(base=0.001, cap=0.002, repeat_ambiguous_actions=True)
    async with connect(emulator, retry=asked) as session:
        try:
            await session.campaign(campaign.id).modify(action)
        except CampaignStateError as error:
            assert error.after_ambiguous_attempt  # noqa: PT017 - only where the first one did it
    assert emulator.request_count == 2


@pytest.mark.parametrize("action", [*UNGUARDED, *GUARDED])
@pytest.mark.parametrize("fault", ["drop_before_commit", "close_after_commit", "request_timeout"])
async def test_no_action_is_repeated_after_silence(
    emulator: Emulator, session: CampaignsSession, action: str, fault: str
) -> None:
    """Without a clear end and without a 5xx the error comes out at once."""
    campaign = emulator.create_campaign(state=ACTIONS[CampaignAction(action)][1])
    emulator.inject(fault)
    with pytest.raises((OutcomeUnknownError, UnexpectedResponseError)):
        await session.campaign(campaign.id).modify(action)
    assert emulator.request_count == 1


async def test_a_success_that_cannot_be_read_is_an_error_that_says_it_was_executed() -> None:
    """UnexpectedResponseError keeps the status."""
    async with RawServer(say(http(200, b"[]"))) as server, connect(server) as session:
        with pytest.raises(UnexpectedResponseError, match="was executed") as caught:
            await session.campaign(CAMPAIGN_ID).build()
    assert (caught.value.status, caught.value.request_sent) == (200, True)


# --- start when ready


@pytest.mark.parametrize("vague", [False, True])
async def test_start_when_ready_waits_for_the_build(*, vague: bool) -> None:
    """START until it is taken, whether or not the refusals name the state; never BUILD."""
    async with (
        Emulator(quirks=Quirks(vague_states=vague)) as emulator,
        connect(emulator) as session,
    ):
        campaign = emulator.create_campaign(state=_S.BUILDING, build_seconds=0.05)
        told = await session.campaign(campaign.id).start_when_ready(deadline=5)
        actions = {str(r.body["action"]) for r in emulator.requests if isinstance(r.body, dict)}
    assert told.state in {_S.STARTING, _S.RUNNING}
    assert actions == {"START"}


async def test_start_when_ready_starts_at_once_what_is_ready(
    emulator: Emulator, session: CampaignsSession
) -> None:
    """One request."""
    campaign = emulator.create_campaign(state=_S.READY, start_seconds=math.inf)
    told = await session.campaign(campaign.id).start_when_ready(deadline=5)
    assert (told.state, emulator.request_count) == (_S.STARTING, 1)


@pytest.mark.parametrize("state", [_S.CREATED, _S.COMPLETE, _S.PAUSED, _S.BUILD_ERROR])
async def test_start_when_ready_raises_at_once_in_another_state(
    emulator: Emulator, session: CampaignsSession, state: CampaignState
) -> None:
    """No wait would help."""
    campaign = emulator.create_campaign(state=state)
    with pytest.raises(CampaignStateError) as caught:
        await session.campaign(campaign.id).start_when_ready(deadline=5)
    assert (caught.value.state, emulator.request_count) == (state, 1)


async def test_start_when_ready_ends_when_the_build_fails(
    emulator: Emulator, session: CampaignsSession
) -> None:
    """The refusal that names BUILD_ERROR comes out."""
    campaign = emulator.create_campaign(state=_S.READY, build_seconds=0.02)
    campaign.fail_builds()
    handle = session.campaign(campaign.id)
    await handle.build()
    with pytest.raises(CampaignStateError) as caught:
        await handle.start_when_ready(deadline=5)
    assert caught.value.state is _S.BUILD_ERROR


async def test_start_when_ready_gives_up_at_its_deadline(
    emulator: Emulator, session: CampaignsSession
) -> None:
    """The last refusal comes out, or a START that it cut short."""
    campaign = emulator.create_campaign(state=_S.BUILDING, build_seconds=math.inf)
    with pytest.raises((CampaignStateError, OutcomeUnknownError)):
        await session.campaign(campaign.id).start_when_ready(deadline=0.5)


async def test_start_when_ready_gives_up_with_the_last_refusal(emulator: Emulator) -> None:
    """Not with "nothing was sent", where a later START had no turn before the deadline."""
    campaign = emulator.create_campaign(state=_S.BUILDING, build_seconds=math.inf)
    async with connect(emulator, limits=Limits(limiter=OneTurn())) as session:
        with pytest.raises(CampaignStateError) as caught:
            await session.campaign(campaign.id).start_when_ready(deadline=2)
    assert (caught.value.state, emulator.request_count) == (_S.BUILDING, 1)


async def test_start_when_ready_that_has_no_turn_at_all_was_never_sent(emulator: Emulator) -> None:
    """Then, and only then, NotSentError comes out."""
    campaign = emulator.create_campaign(state=_S.BUILDING, build_seconds=math.inf)
    limiter = OneTurn()
    await limiter.acquire()
    async with connect(emulator, limits=Limits(limiter=limiter)) as session:
        with pytest.raises(NotSentError):
            await session.campaign(campaign.id).start_when_ready(deadline=0.05)
    assert emulator.request_count == 0


async def test_start_when_ready_remembers_a_start_without_a_clear_end(emulator: Emulator) -> None:
    """The last refusal says that an earlier START may have been carried out, as it was."""
    campaign = emulator.create_campaign(state=_S.READY, start_seconds=0.05)
    emulator.inject("error_after_commit")
    async with connect(emulator) as session:
        with pytest.raises(CampaignStateError) as caught:
            await session.campaign(campaign.id).start_when_ready(deadline=5)
    assert (caught.value.state, caught.value.after_ambiguous_attempt) == (_S.RUNNING, True)


# --- records


async def test_records_are_added_in_one_request(
    emulator: Emulator, handle: CampaignHandle, emulated_campaign: EmulatedCampaign
) -> None:
    """A NewRecord, either spelling of a mapping and a plain id; the service's records come back."""
    when = "2026-12-01T09:00:00+01:00"
    records = await handle.add_records(
        [
            NewRecord("CRM-1", priority=RecordPriority.LOW, rank=7),
            {"crmRecordId": "CRM-2", "scheduleAt": when},
            {"crm_record_id": "CRM-3", "schedule_at": datetime.fromisoformat(when)},
            "CRM-4",
        ]
    )
    ids = ["CRM-1", "CRM-2", "CRM-3", "CRM-4"]
    assert [record.crm_record_id for record in records] == ids
    assert list(emulated_campaign.ledger) == ids
    assert emulator.requests[0].body == {
        "records": [
            {"crmRecordId": "CRM-1", "priority": "LOW", "rank": 7},
            {"crmRecordId": "CRM-2", "scheduleAt": "2026-12-01T08:00:00Z"},
            {"crmRecordId": "CRM-3", "scheduleAt": "2026-12-01T08:00:00Z"},
            {"crmRecordId": "CRM-4"},
        ]
    }


BAD_ROWS: dict[str, tuple[Any, str | None]] = {
    "blank": (" ", "crm_record_id"),
    "empty": ("", "crm_record_id"),
    "too long": ("x" * 33, "crm_record_id"),
    "repeated": ("CRM-1", "crm_record_id"),
    "no id": ({}, "crm_record_id"),
    "naive time": (NewRecord("B", schedule_at=datetime(2026, 1, 1)), "schedule_at"),  # noqa: DTZ001
    "unreadable time": (NewRecord("B", schedule_at="soon"), "schedule_at"),
    "NaN": (NewRecord("B", rank=math.nan), "rank"),
    "infinite": (NewRecord("B", rank=math.inf), "rank"),
    "priority": (NewRecord("B", priority="URGENT"), "priority"),
    "unknown key": ({"id": "B"}, None),
    "no record": (7, None),
}


@pytest.mark.parametrize("name", BAD_ROWS)
async def test_a_bad_row_is_found_before_anything_is_sent(
    emulator: Emulator, handle: CampaignHandle, name: str
) -> None:
    """InvalidRecordError names the row and the field."""
    row, field = BAD_ROWS[name]
    with pytest.raises(InvalidRecordError) as caught:
        await handle.add_records(["CRM-1", row])
    assert (caught.value.index, caught.value.field) == (1, field)
    assert emulator.request_count == 0


@pytest.mark.parametrize("count", [0, 101])
async def test_a_request_takes_1_to_100_records(
    emulator: Emulator, handle: CampaignHandle, count: int
) -> None:
    """None, or more than that, is an InvalidRecordError."""
    with pytest.raises(InvalidRecordError, match="1 to 100"):
        await handle.add_records(f"CRM-{i}" for i in range(count))
    assert emulator.request_count == 0


@pytest.mark.parametrize("one", ["CRM-1", b"CRM-2", NewRecord("CRM-1"), {"crmRecordId": "CRM-1"}])
async def test_a_single_record_is_no_list(handle: CampaignHandle, one: Any) -> None:
    """InvalidRecordError: the letters of an id are no records."""
    with pytest.raises(InvalidRecordError, match="in a list"):
        await handle.add_records(one)


@pytest.mark.parametrize(
    "fault",
    [
        "error_before_commit",
        "error_after_commit",
        "drop_before_commit",
        "drop_after_commit",
        "close_after_commit",
        "hang_after_commit",
        "request_timeout",
        "bad_gateway_after_commit",
    ],
)
async def test_records_are_never_sent_again_after_an_attempt_without_a_clear_end(
    emulator: Emulator, emulated_campaign: EmulatedCampaign, fault: str
) -> None:
    """The error comes out after one attempt, and says that the request was sent."""
    emulator.inject(fault)
    async with connect(emulator, timeout=SHORT) as session:
        with pytest.raises(CampaignsError) as caught:
            await session.campaign(emulated_campaign.id).add_records(["CRM-1"])
    assert isinstance(caught.value, APIError | OutcomeUnknownError)
    assert (caught.value.attempts, caught.value.request_sent) == (1, True)
    assert emulator.request_count == 1


@pytest.mark.parametrize("fault", ["throttle_bare", "throttle_seconds"])
async def test_records_are_sent_again_after_429(
    emulator: Emulator, handle: CampaignHandle, fault: str
) -> None:
    """The service did not look at them."""
    emulator.inject(fault, retry_after=0)
    records = await handle.add_records(["CRM-1"])
    assert (len(records), emulator.request_count) == (1, 2)


async def test_a_duplicate_is_named(
    handle: CampaignHandle, emulated_campaign: EmulatedCampaign
) -> None:
    """DuplicateRecordError has the ids of the request that the service names."""
    emulated_campaign.hold(["CRM-2"])
    with pytest.raises(DuplicateRecordError) as caught:
        await handle.add_records(["CRM-1", "CRM-2"])
    assert caught.value.crm_record_ids == ("CRM-2",)
    assert list(emulated_campaign.ledger) == ["CRM-2"]


async def test_a_success_without_records_is_an_error_that_says_it_was_executed() -> None:
    """UnexpectedResponseError, so that nobody repeats it blindly."""
    async with RawServer(say(http(201, b'{"records": 7}'))) as server, connect(server) as session:
        with pytest.raises(UnexpectedResponseError, match="Do not repeat it blindly"):
            await session.campaign(CAMPAIGN_ID).add_records(["CRM-1"])
        assert len(server.requests) == 1


# --- uploads, as far as the handle goes


async def test_upload_and_stream_give_the_same_outcomes(
    handle: CampaignHandle, emulated_campaign: EmulatedCampaign
) -> None:
    """One as a report, the other one by one."""
    report = await handle.upload(["CRM-1", "CRM-1", ""])
    async with handle.stream(["CRM-1", "CRM-1", ""]) as outcomes:
        said = {outcome.index: outcome.status.value async for outcome in outcomes}
    assert (report.added, report.duplicate, report.rejected) == (1, 1, 1)
    assert said == {0: "PRESENT", 1: "DUPLICATE", 2: "REJECTED"}
    assert list(emulated_campaign.ledger) == ["CRM-1"]


async def test_stream_takes_no_on_outcome(handle: CampaignHandle) -> None:
    """It gives the outcomes itself: ConfigurationError."""
    with pytest.raises(ConfigurationError, match="goes with upload"):
        handle.stream([], on_outcome=print)  # type: ignore[call-arg]


async def test_stream_takes_no_option_that_it_does_not_know(handle: CampaignHandle) -> None:
    """As with any call: a misspelt journal would be none."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'jornal'"):
        handle.stream([], jornal="upload.journal")  # type: ignore[call-arg]


async def test_a_call_is_bounded_by_the_retry_policys_deadline(emulator: Emulator) -> None:
    """However often the service says 429."""
    campaign = emulator.create_campaign()
    emulator.inject("throttle_seconds", 99, retry_after=30)
    policy = RetryPolicy(base=QUICK.base, cap=QUICK.cap, deadline=2)
    async with connect(emulator, retry=policy) as session:
        with pytest.raises(APIError) as caught:
            await session.campaign(campaign.id).pause()
    assert (caught.value.status, emulator.request_count) == (429, 1)


async def test_a_hanging_service_is_a_timeout() -> None:
    """OutcomeUnknownError, and it timed out."""
    async with RawServer(hang) as server, connect(server, timeout=SHORT) as session:
        with pytest.raises(OutcomeUnknownError) as caught:
            await session.campaign(CAMPAIGN_ID).pause()
    assert caught.value.timed_out


async def test_each_call_is_told_by_its_name(
    emulator: Emulator, emulated_campaign: EmulatedCampaign
) -> None:
    """Once, whatever it sends; and what it raises by its kind."""
    told: list[Event] = []
    building = emulator.create_campaign(state=_S.BUILDING, build_seconds=0.02)
    async with connect(emulator, on_event=told.append) as session:
        handle = session.campaign(emulated_campaign.id)
        await handle.pause()
        with pytest.raises(CampaignStateError):
            await handle.pause()
        await session.campaign(building.id).start_when_ready(deadline=5)
        await handle.add_records(["CRM-1", "CRM-2"])
    ends = [
        (event.of.call, event.of.action, event.error)
        for event in told
        if isinstance(event, CallEnded)
    ]
    assert ends == [
        ("modify", "PAUSE", None),
        ("modify", "PAUSE", "CampaignStateError"),
        ("start_when_ready", "START", None),
        ("add_records", None, None),
    ]
    assert [event.counts for event in told if isinstance(event, RecordsSettled)] == [
        {Status.ADDED: 2}
    ]
