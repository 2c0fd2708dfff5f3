"""Each row of the vendor's error table, as the local service tells it, through a real socket."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from campaigns_async.campaign import CampaignHandle
from campaigns_async.emulator import Emulator, ErrorMedia, Quirks
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    CampaignStateError,
    ConflictError,
    DuplicateRecordError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    ValidationError,
)
from campaigns_async.models import CampaignState
from campaigns_async.settings import RetryPolicy
from tests.servers import CAMPAIGN_ID, RawServer, connect, http

ONCE = RetryPolicy(max_attempts=1)


def add(handle: CampaignHandle) -> Awaitable[Any]:
    """Add one record."""
    return handle.add_records(["CRM-1"])


ROWS: dict[str, tuple[type[APIError], int, str, Callable[[CampaignHandle], Awaitable[Any]]]] = {
    "not dynamic": (ValidationError, 400, "Dynamic Campaign", add),
    "unknown to the CRM": (ValidationError, 400, "Look at the fields", add),
    "key revoked": (AuthenticationError, 401, "Admin Console", add),
    "product missing": (
        PermissionDeniedError,
        403,
        "Contact Center Campaigns product",
        CampaignHandle.pause,
    ),
    "no such campaign": (NotFoundError, 404, "campaign id", CampaignHandle.pause),
    "wrong tenant": (NotFoundError, 404, "tenant name", CampaignHandle.pause),
    "wrong site": (NotFoundError, 404, "US1, US2 or UK3", CampaignHandle.pause),
    "wrong state": (CampaignStateError, 409, "RESUME is taken from PAUSED", CampaignHandle.resume),
    "disabled": (CampaignStateError, 409, "enabled=True", CampaignHandle.pause),
    "duplicate": (DuplicateRecordError, 409, "use upload", add),
    "takes no records": (CampaignStateError, 409, "COMPLETE or DELETED", add),
    "throttled": (RateLimitError, 429, "requests_per_second", add),
    "failed": (ServerError, 500, "vendor's support", CampaignHandle.build),
    "unavailable": (ServerError, 503, "vendor's support", CampaignHandle.build),
    "request timeout": (UnexpectedResponseError, 408, "not known", add),
}


@pytest.mark.parametrize("media", [ErrorMedia.VENDOR, ErrorMedia.PROBLEM_JSON])
@pytest.mark.parametrize("name", ROWS)
async def test_each_row_of_the_error_table_is_an_error_of_its_own(  # noqa: C901 - a case a row
    name: str, media: ErrorMedia
) -> None:
    """Class, status, hint, support reference, attempts, and that it was sent."""
    cls, status, hint, call = ROWS[name]
    options: dict[str, Any] = {"retry": ONCE}
    async with Emulator(quirks=Quirks(error_media=media)) as emulator:
        campaign = emulator.create_campaign(
            dynamic=name != "not dynamic",
            enabled=name != "disabled",
            holds=["CRM-1"] if name == "duplicate" else [],
            unknown_to_crm=["CRM-1"],
            state=CampaignState.COMPLETE if name == "takes no records" else CampaignState.RUNNING,
        )
        if name != "unknown to the CRM":
            campaign.unknown_to_crm = ()
        campaign_id = campaign.id
        match name:
            case "key revoked":
                emulator.revoke_key()
            case "product missing":
                emulator.detach_product()
            case "no such campaign":
                campaign_id = CAMPAIGN_ID
            case "wrong tenant":
                options["tenant"] = "somebody-else"
            case "wrong site":
                options["base_url"] = emulator.base_url.replace("US1", "UK3")
            case "throttled":
                emulator.inject("throttle_seconds", retry_after=7)
            case "failed":
                emulator.inject("error_before_commit")
            case "unavailable":
                emulator.inject("unavailable")
            case "request timeout":
                emulator.inject("request_timeout")
        async with connect(emulator, **options) as session:
            with pytest.raises(APIError) as caught:
                await call(session.campaign(campaign_id))
    error = caught.value
    assert (type(error), error.status, error.problem.status) == (cls, status, status)
    assert hint in (error.hint or "")
    assert (error.attempts, error.request_sent) == (1, True)
    reference = error.support_reference or ""
    assert f"instance /cc/{'UK3' if name == 'wrong site' else 'US1'}/campaigns/v1" in reference
    assert ", time 20" in reference
    assert str(error).startswith(f"the service answered {status}: ")
    assert (error.hint or "?") in str(error)
    assert error.retry_after == {"throttled": 7, "unavailable": 1}.get(name)


@pytest.mark.parametrize("media", [ErrorMedia.HTML, ErrorMedia.EMPTY])
async def test_a_gateways_page_still_tells_by_its_status(media: ErrorMedia) -> None:
    """The class goes by the number where there are no words."""
    told: list[tuple[type[APIError], int]] = []
    async with Emulator(quirks=Quirks(error_media=media)) as emulator:
        running = emulator.create_campaign(holds=["CRM-1"])
        async with connect(emulator, retry=ONCE) as session:
            handle = session.campaign(running.id)
            for call in (lambda: add(handle), handle.resume, handle.pause, handle.pause):
                if len(told) == 2:
                    emulator.detach_product()
                elif len(told) == 3:
                    emulator.revoke_key()
                with pytest.raises(APIError) as caught:
                    await call()
                told.append((type(caught.value), caught.value.status))
    assert told == [
        (ConflictError, 409),
        (ConflictError, 409),
        (PermissionDeniedError, 403),
        (AuthenticationError, 401),
    ]


@pytest.mark.parametrize("status", [400, 409])
async def test_duplicates_and_states_are_told_apart_by_their_words(status: Any) -> None:
    """Never by 400 against 409, about which the vendor's pages disagree."""
    quirks = Quirks(duplicate_status=status, transition_status=status, records_state_status=status)
    async with Emulator(quirks=quirks) as emulator, connect(emulator) as session:
        holder = session.campaign(emulator.create_campaign(holds=["CRM-1"]).id)
        done = session.campaign(emulator.create_campaign(state=CampaignState.COMPLETE).id)
        with pytest.raises(DuplicateRecordError) as duplicate:
            await add(holder)
        with pytest.raises(CampaignStateError) as transition:
            await holder.resume()
        with pytest.raises(CampaignStateError) as records:
            await add(done)
    statuses = [caught.value.status for caught in (duplicate, transition, records)]
    assert statuses == [status] * 3
    assert records.value.state is CampaignState.COMPLETE


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (400, ValidationError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (422, ValidationError),
        (429, RateLimitError),
        (500, ServerError),
        (502, ServerError),
        (599, ServerError),
        (301, UnexpectedResponseError),
        (304, UnexpectedResponseError),
        (405, UnexpectedResponseError),
        (413, UnexpectedResponseError),
        (418, UnexpectedResponseError),
        (699, UnexpectedResponseError),
        (999, UnexpectedResponseError),
    ],
)
async def test_each_status_has_its_class_and_a_hint(status: int, cls: type[APIError]) -> None:
    """Whatever the number."""
    async with RawServer(http(status)) as server, connect(server, retry=ONCE) as session:
        with pytest.raises(APIError) as caught:
            await session.campaign(CAMPAIGN_ID).build()
    assert (type(caught.value), caught.value.status) == (cls, status)
    assert caught.value.hint
    assert caught.value.support_reference is None
