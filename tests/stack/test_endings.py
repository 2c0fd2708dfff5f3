"""Uploads that end early: whenever that is, the account adds up."""

import asyncio
from typing import Any

import pytest

from campaigns_async import RecordOutcome, UploadReport
from campaigns_async.drive import GRACE
from campaigns_async.emulator import EmulatedCampaign, Fault, FaultDetails, Faults
from tests.stack.harness import VirtualStack, check_ledger, check_report, ids, open_stack
from tests.stack.loop import run

INSTANTS = 12

TROUBLE = Faults(
    latency=(0.1, 2),
    rates={
        Fault.HANG_AFTER_COMMIT: 0.1,
        Fault.DROP_AFTER_COMMIT: 0.1,
        Fault.LATE_COMMIT: 0.1,
        Fault.ERROR_AFTER_COMMIT: 0.1,
        Fault.UNAVAILABLE: 0.1,
        Fault.THROTTLE_SECONDS: 0.05,
    },
    details=FaultDetails(late_seconds=7, retry_after=5),
)
ROWS = [*ids(60), *ids(10, "HELD"), *ids(10)]
SETUP: dict[str, Any] = {"holds": ids(10, "HELD"), "unknown_to_crm": ["CRM-7"]}


@pytest.mark.parametrize("seed", range(2))
def test_a_deadline_at_any_time(seed: int) -> None:
    """Whatever the deadline, it is kept, and what is not settled is NOT_ADDED or UNKNOWN."""

    async def main(deadline: float | None) -> UploadReport:
        async with open_stack(seed=seed, faults=TROUBLE) as stack:
            campaign, _ = stack.create_campaign(**SETUP)
            report, _ = await stack.upload(campaign, ROWS, deadline=deadline)
            assert deadline is None or report.elapsed <= deadline + 1e-3
            assert report.total == len(ROWS)
            return report

    whole = run(main(None))
    assert whole.stopped_by is None
    for number in range(1, INSTANTS):
        assert run(main(whole.elapsed * number / INSTANTS)).stopped_by is not None


@pytest.mark.parametrize("seed", range(2))
def test_a_cancellation_at_any_time(seed: int) -> None:
    """Whenever it is cancelled, the report on the exception accounts for every row."""

    async def main(when: float | None) -> float:
        async with open_stack(seed=seed, faults=TROUBLE) as stack:
            campaign, handle = stack.create_campaign(**SETUP)
            outcomes: list[RecordOutcome] = []
            upload = asyncio.create_task(handle.upload(ROWS, on_outcome=outcomes.append))
            await asyncio.wait([upload], timeout=when)
            if when is None:
                return (await upload).elapsed
            sent = stack.emulator.request_count
            upload.cancel()
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await upload
            assert asyncio.get_running_loop().time() <= when + GRACE + 1e-3
            report = cancelled.value.report  # type: ignore[attr-defined]
            assert report.total == len(ROWS)
            await settle(stack, campaign, report, outcomes)
            assert stack.emulator.request_count == sent
            return when

    whole = run(main(None))
    for number in range(1, INSTANTS):
        run(main(whole * number / INSTANTS))


async def settle(
    stack: VirtualStack,
    campaign: EmulatedCampaign,
    report: UploadReport,
    outcomes: list[RecordOutcome],
) -> None:
    """Hold the account against the ledger, now and when all that is late has happened."""
    check_report(report, outcomes)
    check_ledger(outcomes, campaign)
    await asyncio.sleep(1_000)
    await stack.emulator.committed()
    check_ledger(outcomes, campaign)
