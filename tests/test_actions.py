import asyncio
import math
from typing import Any

import pytest

from campaigns_async.campaign import CampaignHandle
from campaigns_async.emulator import EmulatedCampaign, Emulator, Quirks
from campaigns_async.errors import (
    CampaignStateError,
    ConfigurationError,
    NotSentError,
    OutcomeUnknownError,
    ServerError,
    UnexpectedResponseError,
)
from campaigns_async.models import CampaignState
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import Limits, RetryPolicy
from tests.servers import CAMPAIGN_ID, OneTurn, RawServer, connect, http, say
from tests.stack.harness import open_stack
from tests.stack.loop import virtual

_S = CampaignState

STATES = {
    # before and after
    "BUILD": (_S.CREATED, _S.BUILDING),
    "RESET": (_S.READY, _S.CREATED),
    "START": (_S.READY, _S.STARTING),
    "PAUSE": (_S.RUNNING, _S.PAUSED),
    "RESUME": (_S.PAUSED, _S.RUNNING),
    "RETRY": (_S.RUN_ERROR, _S.RUNNING),
    "CANCEL": (_S.RUNNING, _S.COMPLETE),
    "PURGE": (_S.PAUSED, _S.PAUSED),
}

# --- what is asked


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


@pytest.mark.parametrize("flag", ["no", 0, "true"])
async def test_what_is_neither_true_nor_false_is_refused(
    emulator: Emulator, handle: CampaignHandle, flag: Any
) -> None:
    """ConfigurationError that names the argument, and nothing is sent: "no" would count as True."""
    with pytest.raises(ConfigurationError, match="enabled must be True or False, not"):
        await handle.pause(enabled=flag)
    with pytest.raises(ConfigurationError, match="build_on_start must be True or False, not"):
        await handle.start(flag)
    with pytest.raises(ConfigurationError, match="enabled must be True or False, not"):
        await handle.start_when_ready(deadline=5, enabled=flag)
    assert emulator.request_count == 0


@pytest.mark.parametrize("deadline", ["5", None, math.nan, -1])
async def test_a_deadline_that_is_none_is_refused(
    emulator: Emulator, handle: CampaignHandle, deadline: Any
) -> None:
    """ConfigurationError, and nothing is sent."""
    with pytest.raises(ConfigurationError, match="deadline must be a"):
        await handle.start_when_ready(deadline=deadline)
    assert emulator.request_count == 0


# --- what is repeated


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
    before, after = STATES[action]
    campaign = emulator.create_campaign(state=before, start_seconds=math.inf)
    emulator.inject("error_before_commit")
    told = await session.campaign(campaign.id).modify(action)
    assert (told.state, emulator.request_count) == (after, 2)


@pytest.mark.parametrize("action", GUARDED)
async def test_a_refusal_after_an_ambiguous_attempt_says_so(
    emulator: Emulator, session: CampaignsSession, action: str
) -> None:
    """It may mean that the first attempt was carried out, as it was here."""
    before, after = STATES[action]
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
    campaign = emulator.create_campaign(state=STATES[action][0])
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
    campaign = emulator.create_campaign(state=STATES[action][0])
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
    campaign = emulator.create_campaign(state=STATES[action][0])
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


async def test_start_when_ready_raises_at_once_what_only_a_person_changes(
    emulator: Emulator, session: CampaignsSession
) -> None:
    """A disabled campaign names no state, and is no build either."""
    campaign = emulator.create_campaign(state=_S.READY, enabled=False)
    with pytest.raises(CampaignStateError, match="disabled"):
        await session.campaign(campaign.id).start_when_ready(deadline=math.inf)
    assert emulator.request_count == 1


async def test_start_when_ready_does_not_wait_for_a_time_beyond_its_deadline() -> None:
    """A refusal that asks for longer than there is left comes out at once."""
    busy = b'{"title": "Conflict", "status": 409, "detail": "Campaign is BUILDING"}'
    answer = say(http(409, busy, headers={"Retry-After": "3"}))
    loop = asyncio.get_running_loop()
    async with RawServer(answer) as server, connect(server) as session:
        began = loop.time()
        with pytest.raises(CampaignStateError):
            await session.campaign(CAMPAIGN_ID).start_when_ready(deadline=2)
    assert loop.time() - began < 2


@virtual
async def test_start_when_ready_asks_every_few_seconds() -> None:
    """However long the build takes; the waits of an outage would grow on."""
    async with open_stack(client={"retry": RetryPolicy(cap=600)}) as stack:
        campaign = stack.emulator.create_campaign(state=_S.BUILDING, build_seconds=3_600)
        await stack.session.campaign(campaign.id).start_when_ready(deadline=math.inf)
        assert 3_600 / 5 < stack.emulator.request_count < 3_600


async def test_a_refusal_says_from_which_states_the_action_is_taken(
    emulator: Emulator, handle: CampaignHandle, session: CampaignsSession
) -> None:
    """But of a disabled campaign, whose state is not what is in the way."""
    with pytest.raises(CampaignStateError, match="RESUME is taken from PAUSED"):
        await handle.resume()
    disabled = emulator.create_campaign(enabled=False)
    with pytest.raises(CampaignStateError, match="takes only build and reset"):
        await session.campaign(disabled.id).resume()
