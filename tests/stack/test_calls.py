"""Single calls, their retries and their waits, in virtual time."""

import asyncio
from itertools import pairwise

import pytest

from campaigns_async import (
    CampaignStateError,
    ConflictError,
    Limits,
    NotSentError,
    OutcomeUnknownError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    Timeout,
)
from campaigns_async.emulator import Fault, Faults
from tests.stack.harness import HOUR, VirtualStack, open_stack
from tests.stack.loop import virtual


def times(stack: VirtualStack) -> list[float]:
    """When the requests came in, in seconds from the first."""
    requests = stack.emulator.requests
    return [(request.at - requests[0].at).total_seconds() for request in requests]


def now() -> float:
    """Virtual seconds since the test began."""
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("seed", range(20))
@virtual
async def test_the_waits_grow_within_their_bounds(seed: int) -> None:
    """The wait before attempt n+1 is at most base * 2**n, and after five attempts it is over."""
    faults = Faults(rates={Fault.UNAVAILABLE: 1.0})
    async with open_stack(seed=seed, faults=faults, client={"retry": RetryPolicy(base=2)}) as stack:
        _, handle = stack.create_campaign()
        stack.emulator.inject(Fault.ERROR_BEFORE_COMMIT, times=5)
        with pytest.raises(ServerError) as caught:
            await handle.pause()
        assert caught.value.attempts == 5
        waits = [after - before for before, after in pairwise(times(stack))]
        assert len(waits) == 4
        assert all(0 <= wait <= 2 * 2**n for n, wait in enumerate(waits))


@virtual
async def test_a_call_ends_by_its_deadline() -> None:
    """No attempt begins after ``RetryPolicy.deadline``, however many are left."""
    retry = RetryPolicy(max_attempts=1_000, deadline=90)
    async with open_stack(client={"retry": retry}) as stack:
        _, handle = stack.create_campaign()
        stack.network.go_down()
        with pytest.raises(NotSentError) as caught:
            await handle.add_records(["CRM-1"])
        assert 60 <= now() <= 90
        assert caught.value.attempts > 5


@virtual
async def test_retry_after_is_a_floor_for_the_whole_session() -> None:
    """While the service asked to wait, no task of the session sends anything."""
    async with open_stack(client={"limits": Limits(initial_in_flight=1)}) as stack:
        handles = [stack.create_campaign()[1] for _ in range(8)]
        stack.emulator.inject(Fault.THROTTLE_SECONDS, retry_after=45)
        await asyncio.gather(*(handle.add_records(["CRM-1"]) for handle in handles))
        assert len(times(stack)) == 9
        assert all(45 <= time <= 46 for time in times(stack)[1:])


@virtual
async def test_a_hold_beyond_the_deadline_fails_at_once() -> None:
    """When the service asks for longer than the call may take, the call says so without waiting."""
    async with open_stack() as stack:
        _, handle = stack.create_campaign()
        stack.emulator.inject(Fault.THROTTLE_SECONDS, retry_after=HOUR)
        with pytest.raises(RateLimitError) as caught:
            await handle.add_records(["CRM-1"])
        assert caught.value.retry_after == HOUR
        assert now() == 0
        with pytest.raises(NotSentError, match="asked to wait"):
            await handle.add_records(["CRM-1"])
        assert now() == 120


@virtual
async def test_an_outage_exhausts_the_budget() -> None:
    """The session's budget bounds the retries of all calls together during an outage."""
    async with open_stack(client={"retry": RetryPolicy(budget=10)}) as stack:
        handles = [stack.create_campaign()[1] for _ in range(50)]
        stack.emulator.inject(Fault.THROTTLE_BARE, times=500)
        found = await asyncio.gather(
            *(handle.pause() for handle in handles), return_exceptions=True
        )
        assert all(isinstance(error, RateLimitError) for error in found)
        assert stack.emulator.request_count == 60


@virtual
async def test_a_hang_costs_the_timeout_and_is_not_repeated() -> None:
    """An add that hangs ends by ``Timeout.read``; it may have landed, so it is not repeated."""
    async with open_stack(client={"timeout": Timeout(read=45)}) as stack:
        campaign, handle = stack.create_campaign()
        stack.emulator.inject(Fault.HANG_AFTER_COMMIT)
        with pytest.raises(OutcomeUnknownError) as caught:
            await handle.add_records(["CRM-1"])
        assert caught.value.timed_out
        assert now() == pytest.approx(45, abs=1)
        assert stack.emulator.request_count == 1
        assert "CRM-1" in campaign.ledger


@virtual
async def test_a_conflict_after_a_lost_start_says_so() -> None:
    """A START that was carried out behind a 5xx is refused the second time, with a remark."""
    async with open_stack() as stack:
        campaign, handle = stack.create_campaign(state="READY", start_seconds=HOUR)
        stack.emulator.inject(Fault.ERROR_AFTER_COMMIT)
        with pytest.raises(ConflictError) as caught:
            await handle.start()
        assert caught.value.after_ambiguous_attempt
        assert campaign.state == "STARTING"


@virtual
async def test_a_build_is_not_repeated_unless_asked() -> None:
    """A BUILD that may have been carried out is left alone; with the option it is sent again."""
    async with open_stack() as stack:
        _, handle = stack.create_campaign(state="CREATED")
        stack.emulator.inject(Fault.ERROR_BEFORE_COMMIT)
        with pytest.raises(ServerError):
            await handle.build()
        assert stack.emulator.request_count == 1
        asked = stack.session.with_options(retry=RetryPolicy(repeat_ambiguous_actions=True))
        stack.emulator.inject(Fault.ERROR_BEFORE_COMMIT)
        assert (await asked.campaign(handle.id).build()).state == "BUILDING"


@virtual
async def test_start_waits_for_the_build() -> None:
    """`start_when_ready` starts the campaign soon after its build is over, and not before."""
    async with open_stack() as stack:
        campaign, handle = stack.create_campaign(state="CREATED", build_seconds=HOUR)
        await handle.build()
        started = await handle.start_when_ready(deadline=2 * HOUR)
        assert started.state == "STARTING"
        assert HOUR <= now() <= HOUR + 6
        assert campaign.state in {"STARTING", "RUNNING"}


@virtual
async def test_start_gives_up_at_its_deadline() -> None:
    """`start_when_ready` raises the last refusal when the build takes longer than it may."""
    async with open_stack() as stack:
        _, handle = stack.create_campaign(state="BUILDING", build_seconds=5 * HOUR)
        with pytest.raises(CampaignStateError):
            await handle.start_when_ready(deadline=HOUR / 4)
        assert HOUR / 4 - 6 <= now() <= HOUR / 4
