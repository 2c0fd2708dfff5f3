import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from campaigns_async.campaign import CampaignHandle
from campaigns_async.emulator import EmulatedCampaign, Emulator
from campaigns_async.errors import (
    APIError,
    CampaignsError,
    CampaignStateError,
    ConfigurationError,
    DuplicateRecordError,
    InvalidRecordError,
    OutcomeUnknownError,
    UnexpectedResponseError,
)
from campaigns_async.events import CallEnded, Event, RecordsSettled
from campaigns_async.models import CampaignAction, CampaignState, NewRecord, RecordPriority
from campaigns_async.outcomes import Status
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import RetryPolicy
from tests.servers import CAMPAIGN_ID, QUICK, SHORT, RawServer, connect, hang, http, say

_S = CampaignState


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
