"""Long stories, each told twice: the second time must be the first one, byte for byte."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from campaigns_async import Limits, RetryPolicy, UploadReport
from campaigns_async.emulator import EmulatedCampaign, Fault, FaultDetails, Faults, Quirks
from campaigns_async.models import CampaignState
from tests.stack.harness import HOUR, VirtualStack, ids, open_stack
from tests.stack.loop import run, virtual

Story = Callable[[VirtualStack], Awaitable[UploadReport]]


def tell(story: Story, **options: Any) -> tuple[UploadReport, str, float]:
    """The story's report, its trace, and how many seconds it took in virtual time."""

    async def main() -> tuple[UploadReport, str, float]:
        async with open_stack(**options) as stack:
            report = await story(stack)
            return report, stack.trace(), asyncio.get_running_loop().time()

    first, second = run(main()), run(main())
    assert first[1:] == second[1:]
    assert first[0].counts == second[0].counts
    assert first[0].elapsed == second[0].elapsed
    return first


def at(when: float, callback: Callable[[], None]) -> None:
    """Let something happen at this time."""
    asyncio.get_running_loop().call_at(when, callback)


def calm(cap: float, *, max_in_flight: int = 4) -> dict[str, Any]:
    """A client that asks rarely, so that long outages cost few attempts; ``cap`` in seconds."""
    return {"retry": RetryPolicy(cap=cap), "limits": Limits(max_in_flight=max_in_flight)}


# --- outages


@pytest.mark.parametrize(("hours", "cap"), [(1, 20), (48, 600), (1_000, 3_600)])
def test_an_upload_outlives_an_outage(hours: int, cap: float) -> None:
    """Connections refused for hours, weeks or months: then everything goes in, each once."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaign, _ = stack.create_campaign()
        stack.network.go_down()
        at(hours * HOUR, stack.network.come_up)
        report, _ = await stack.upload(campaign, ids(2_000))
        return report

    report, _, elapsed = tell(story, client=calm(cap, max_in_flight=1))
    assert report.added == 2_000
    assert report.requests == 20
    assert hours * HOUR <= elapsed <= hours * HOUR + cap + 5


def test_an_upload_outlives_a_firewall() -> None:
    """Connections that hang in the making time out one after another, until they stand."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaign, _ = stack.create_campaign()
        stack.network.answers = False
        at(100 * HOUR, lambda: setattr(stack.network, "answers", True))
        report, _ = await stack.upload(campaign, ids(500))
        return report

    report, _, elapsed = tell(story, client=calm(HOUR))
    assert report.added == 500
    assert report.requests == 5
    assert 100 * HOUR <= elapsed <= 101.1 * HOUR


@pytest.mark.parametrize("seed", range(2))
def test_restarts_in_the_middle(seed: int) -> None:
    """The listener dies again and again, with requests in flight: all is proved in the end."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaign, _ = stack.create_campaign(holds=ids(50, "HELD"))
        chance = Random(seed)  # noqa: S311 - a repeatable story
        when = 0.0
        for _ in range(40):
            when += chance.uniform(0.5, 20)
            at(when, stack.network.go_down)
            when += chance.choice([1.0, 60.0, HOUR, 10 * HOUR])
            at(when, stack.network.come_up)
        rows = [*ids(50, "HELD"), *ids(700)]
        chance.shuffle(rows)
        report, _ = await stack.upload(campaign, rows)
        return report

    faults = Faults(latency=(0.5, 8))
    report, _, elapsed = tell(story, seed=seed, faults=faults, client=calm(1_800))
    assert report.unknown == report.not_added == report.rejected == 0
    assert report.added + report.present == 750
    assert elapsed > HOUR


@virtual
async def test_those_that_waited_for_the_canary_go_together() -> None:
    """As many as may be in flight, and not one after the other."""
    limits = Limits(max_in_flight=8, initial_in_flight=8)
    async with open_stack(client={"limits": limits}, faults=Faults(latency=1.0)) as stack:
        campaign, _ = stack.create_campaign(state=CampaignState.BUILDING, build_seconds=60)
        report, _ = await stack.upload(campaign, ids(800))
        canary, *others = [entry.at for entry in stack.emulator.requests if entry.status == 201]
        assert (report.added, len(others)) == (800, 7)
        assert all(1.0 <= (at - canary).total_seconds() < 1.01 for at in others)


@virtual
async def test_the_parts_of_a_refused_batch_go_together() -> None:
    """The one that is named and the rest, each time anew."""
    async with open_stack(faults=Faults(latency=1.0)) as stack:
        _, handle = stack.create_campaign(unknown_to_crm=["A0", "B0", "C0"])
        loop = asyncio.get_running_loop()
        async with handle.batcher(linger=0) as batcher:
            for name in "ABC":
                began = loop.time()
                await asyncio.gather(*[batcher.add(f"{name}{number}") for number in range(4)])
                assert 2.0 <= loop.time() - began < 2.1


# --- throttling


def test_a_limit_on_requests() -> None:
    """Under a limit with Retry-After the upload goes as fast as that lets."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaign, _ = stack.create_campaign()
        report, _ = await stack.upload(campaign, ids(6_000))
        return report

    report, _, elapsed = tell(story, faults=Faults(requests_per_minute=1, burst=5, latency=0.2))
    assert report.added == 6_000
    assert elapsed == pytest.approx(55 * 60, rel=0.05)
    assert report.requests < 3 * 60


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("hint", ["throttle_seconds", "throttle_date", "throttle_reset"])
def test_a_long_hold_is_obeyed_by_all(hint: str, at_once: int) -> None:
    """When the service asks for an hour, nobody on the session sends anything before it is over."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaigns = [stack.create_campaign()[0] for _ in range(3)]
        stack.emulator.inject(hint, retry_after=HOUR)
        reports = await asyncio.gather(
            *(stack.upload(campaign, ids(100)) for campaign in campaigns)
        )
        times = [(r.at - stack.emulator.requests[0].at).seconds for r in stack.emulator.requests]
        assert times[:at_once] == [0] * at_once
        assert all(HOUR <= time <= HOUR + 2 for time in times[at_once:])
        assert {report.added for report, _ in reports} == {100}
        return reports[0][0]

    tell(story, client={"limits": Limits(max_in_flight=at_once)})


def test_our_own_pace() -> None:
    """``requests_per_second`` is kept for hours, whatever else happens."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaign, _ = stack.create_campaign()
        report, _ = await stack.upload(campaign, ids(10_000))
        times = [request.at for request in stack.emulator.requests]
        assert min((b - a).total_seconds() for a, b in pairwise(times)) > 39.99
        return report

    limits = Limits(requests_per_second=1 / 40)
    report, _, elapsed = tell(
        story, client={"limits": limits}, faults=Faults(rates={Fault.UNAVAILABLE: 0.2})
    )
    assert report.added == 10_000
    assert elapsed > 99 * 40


# --- the campaign's state


def test_build_windows() -> None:
    """A campaign that is built again and again in the middle is waited for, every time."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaign, _ = stack.create_campaign(state="READY", build_seconds=3 * HOUR)

        def rebuild() -> None:
            campaign.force(CampaignState.BUILDING)

        for number in range(300):
            at(5 * HOUR * number + 7, rebuild)
        report, _ = await stack.upload(campaign, ids(6_000))
        return report

    limits = Limits(requests_per_second=1 / HOUR * 3)
    report, _, elapsed = tell(story, client={"limits": limits})
    assert report.added == 6_000
    assert elapsed > 20 * HOUR


def test_a_campaign_that_ends_in_the_middle() -> None:
    """When the campaign is cancelled, what is in stays ADDED and the rest is NOT_ADDED."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaign, handle = stack.create_campaign()

        async def cancel() -> None:
            await asyncio.sleep(100)
            await handle.cancel()

        task = asyncio.create_task(cancel())
        report, _ = await stack.upload(campaign, ids(5_000))
        await task
        return report

    report, _, elapsed = tell(story, client={"limits": Limits(requests_per_second=0.1)})
    assert report.added + report.not_added == 5_000
    assert 900 <= report.added <= 1_100
    assert elapsed <= 130
    assert "COMPLETE" in str(report.stopped_by)


# --- hangs


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.HANG_AFTER_COMMIT, Fault.LATE_COMMIT_HANG])
def test_hangs_time_out(fault: Fault) -> None:
    """A service that hangs costs 30 s a time, and whether it did the work is found out."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaign, _ = stack.create_campaign()
        report, _ = await stack.upload(campaign, ids(1_000))
        return report

    details = FaultDetails(late_seconds=45)
    report, _, elapsed = tell(story, faults=Faults(rates={fault: 0.3}, details=details))
    assert report.added + report.present == 1_000
    assert elapsed > 30


def test_a_slow_drip_ends() -> None:
    """A reply that trickles for longer than the whole timeout still counts: its status is here."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaign, _ = stack.create_campaign()
        stack.emulator.inject(Fault.SLOW_DRIP, times=3, drip_seconds=10, drip_bytes=16)
        report, _ = await stack.upload(campaign, ids(300))
        return report

    report, _, elapsed = tell(story)
    assert report.added == 300
    assert report.requests == 3
    assert elapsed == pytest.approx(60, abs=2)


# --- everything at once


EVERYTHING = {
    Fault.THROTTLE_SECONDS: 0.03,
    Fault.THROTTLE_BARE: 0.02,
    Fault.ERROR_BEFORE_COMMIT: 0.03,
    Fault.ERROR_AFTER_COMMIT: 0.03,
    Fault.UNAVAILABLE: 0.03,
    Fault.BAD_GATEWAY: 0.02,
    Fault.BAD_GATEWAY_AFTER_COMMIT: 0.02,
    Fault.REQUEST_TIMEOUT: 0.02,
    Fault.REQUEST_TIMEOUT_AFTER_COMMIT: 0.02,
    Fault.DROP_BEFORE_COMMIT: 0.03,
    Fault.DROP_AFTER_COMMIT: 0.03,
    Fault.CLOSE_BEFORE_COMMIT: 0.03,
    Fault.CLOSE_AFTER_COMMIT: 0.03,
    Fault.HANG: 0.02,
    Fault.HANG_AFTER_COMMIT: 0.02,
    Fault.LATE_COMMIT: 0.02,
    Fault.LATE_COMMIT_TIMEOUT: 0.02,
    Fault.LATE_COMMIT_HANG: 0.02,
    Fault.SLOW_DRIP: 0.05,
}
"""All that takes away a reply, but nothing that falsifies one: the text of a refusal is needed."""


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("naming", ["first", "random", "none"])
def test_everything_at_once(seed: int, naming: str) -> None:
    """Half of all requests go wrong, the listener restarts, others add our ids: it adds up."""

    async def story(stack: VirtualStack) -> UploadReport:
        campaign, _ = stack.create_campaign(
            holds=ids(20, "HELD"), unknown_to_crm=ids(10, "BAD"), build_seconds=2 * HOUR
        )
        chance = Random(f"{seed}/{naming}")  # noqa: S311 - a repeatable story
        rows = [*ids(240), *ids(20, "HELD"), *ids(10, "BAD"), *ids(30, "RIVAL"), *ids(40)]
        chance.shuffle(rows)
        schedule_trouble(stack, campaign, chance)
        report, _ = await stack.upload(campaign, rows)
        return report

    report, _, _ = tell(
        story,
        seed=seed,
        client=calm(1_800),
        quirks=Quirks(names_duplicate=naming, names_unknown_to_crm=naming),
        faults=Faults(
            rates=EVERYTHING,
            latency=(0.1, 3),
            details=FaultDetails(retry_after=600, late_seconds=200, drip_seconds=4),
        ),
    )
    assert report.total == 340
    assert report.duplicate == 40
    assert report.rejected == 10
    assert report.unknown == report.not_added == 0


def schedule_trouble(stack: VirtualStack, campaign: EmulatedCampaign, chance: Random) -> None:
    """Restarts, a rebuild, and a competitor with ids of ours, at times of chance."""
    when = 0.0
    for _ in range(6):
        when += chance.uniform(1, 300)
        at(when, stack.network.go_down)
        when += chance.uniform(1, 20 * HOUR)
        at(when, stack.network.come_up)
    at(chance.uniform(0, 100), lambda: campaign.force(CampaignState.BUILDING))
    for rival in ids(30, "RIVAL"):
        at(chance.uniform(0, 500), lambda rival=rival: campaign.hold([rival]))  # type: ignore[misc]
