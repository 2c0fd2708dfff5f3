"""The whole stack on a virtual loop, and the comparison that every story here ends with."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from campaigns_async import CampaignHandle, CampaignsSession, RecordOutcome, Status, UploadReport
from campaigns_async.dispatch import Dispatcher
from campaigns_async.emulator import EmulatedCampaign, Emulator, LedgerEntry
from campaigns_async.outcomes import FAILED, IN_CAMPAIGN, Attribution
from tests.stack.memory import Network

OPENED = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""The date at time 0, the same in every run."""

HOUR = 3600.0


def virtual_date() -> datetime:
    """The date that the loop's time stands for."""
    return OPENED + timedelta(seconds=asyncio.get_running_loop().time())


@attrs.frozen
class Stack:
    """A session and an emulator."""

    emulator: Emulator
    session: CampaignsSession

    def create_campaign(self, **options: Any) -> tuple[EmulatedCampaign, CampaignHandle]:
        """A campaign as the service has it, and the handle on it."""
        campaign = self.emulator.create_campaign(**options)
        return campaign, self.session.campaign(campaign.id)

    async def upload(
        self, campaign: EmulatedCampaign, records: Iterable[Any], **options: Any
    ) -> tuple[UploadReport, list[RecordOutcome]]:
        """Upload; the report and the outcomes by row, both found to agree with the ledger."""
        outcomes: list[RecordOutcome] = []
        handle = self.session.campaign(campaign.id)
        report = await handle.upload(records, on_outcome=outcomes.append, **options)
        await self.emulator.committed()
        check_report(report, outcomes)
        check_ledger(outcomes, campaign)
        return report, sorted(outcomes, key=lambda outcome: outcome.index)

    def trace(self) -> str:
        """A digest of everything that the emulator saw and answered, and when."""
        lines = [
            f"{r.at.isoformat()} {r.method} {r.path} {r.status} {r.committed} {r.raw_body!r}"
            for r in self.emulator.requests
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@attrs.frozen
class VirtualStack(Stack):
    """A stack in virtual time, with the network between the two."""

    network: Network


@asynccontextmanager
async def open_stack(
    *,
    seed: int = 0,
    client: dict[str, Any] | None = None,
    middlewares: Iterable[Any] = (),
    **emulator: Any,
) -> AsyncIterator[VirtualStack]:
    """The stack on the running virtual loop.

    ``client``: options of the session; ``middlewares``: of the service; the rest: the emulator's.
    """
    emulator = {"seed": seed, "now": virtual_date, "keep_requests": 1_000_000, **emulator}
    service = Emulator(port=None, **emulator)
    service.app.middlewares.extend(middlewares)
    async with service:
        network = Network(service)
        session = CampaignsSession(
            api_key=service.api_key,
            tenant=service.tenant,
            base_url=service.base_url,
            **(client or {}),
        )
        seed_jitter(session, seed)
        async with session:
            yield VirtualStack(service, session, network)


def seed_jitter(session: CampaignsSession, seed: int) -> None:
    """Let the session's waits be the same in every run. Before its first use."""
    old = session._dispatcher  # noqa: SLF001 - there is no public way, and need not be
    session._dispatcher = Dispatcher(old.settings, old.connections, seed=seed)  # noqa: SLF001


def check_report(report: UploadReport, outcomes: list[RecordOutcome]) -> None:
    """The report counts the outcomes, and each row has exactly one."""
    assert sorted(outcome.index for outcome in outcomes) == list(range(report.total))
    counts = Counter(outcome.status for outcome in outcomes)
    assert {status: counts[status] for status in Status} == report.counts
    assert report.callback_errors == ()
    if sum(counts[status] for status in FAILED) <= 1_000:
        failed = [outcome for outcome in outcomes if outcome.status in FAILED]
        assert [outcome.index for outcome in failed] == [o.index for o in report.failed]


def check_ledger(outcomes: Iterable[RecordOutcome], campaign: EmulatedCampaign) -> None:
    """No outcome says anything that the service's ledger does not bear out."""
    claimed: set[str] = set()
    explained: set[str] = set()
    for outcome in outcomes:
        crm_record_id = outcome.crm_record_id or ""
        entry = campaign.ledger.get(crm_record_id)
        if outcome.status in IN_CAMPAIGN:
            assert entry is not None, outcome
        if outcome.status is Status.ADDED:
            assert is_ours(entry), outcome
            assert crm_record_id not in claimed, f"{crm_record_id} is ADDED twice"
            claimed.add(crm_record_id)
        elif outcome.attribution is Attribution.THEIRS or outcome.status in {
            Status.REJECTED,
            Status.NOT_ADDED,
        }:
            assert outcome.duplicate_of is not None or not is_ours(entry), outcome
        explained.add(crm_record_id)
    ours = {crm_record_id for crm_record_id, entry in campaign.ledger.items() if is_ours(entry)}
    assert ours <= explained


def is_ours(entry: LedgerEntry | None) -> bool:
    """Whether the client under test put it in: not the set-up, and no competitor."""
    return entry is not None and not entry.seeded and entry.client is None


def ids(count: int, prefix: str = "CRM") -> list[str]:
    """So many ids."""
    return [f"{prefix}-{number}" for number in range(count)]
