from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from campaigns_async import (
    CampaignsSession,
    InvalidRecordError,
    Journal,
    JournalError,
    Limits,
    RecordOutcome,
    RetryPolicy,
    Status,
    UploadReport,
    ValidationError,
)
from campaigns_async._core.history import Kept
from campaigns_async.emulator import EmulatedCampaign, Emulator
from campaigns_async.journal_file import Changes, JournalFile
from campaigns_async.outcomes import Attribution, Evidence

ROWS: list[Any] = [
    *(f"CRM-{i}" for i in range(120)),
    " ",
    {"crm_record_id": "CRM-5", "priority": "LOW"},
    "UNKNOWN-1",
    "HELD-1",
]


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """A local service."""
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
def campaign(emulator: Emulator) -> EmulatedCampaign:
    """It holds one record, and the CRM does not know another."""
    return emulator.create_campaign(holds=["HELD-1"], unknown_to_crm=["UNKNOWN-1"])


async def upload(
    emulator: Emulator, campaign: EmulatedCampaign, path: Path, rows: list[Any], **options: Any
) -> tuple[UploadReport, list[RecordOutcome]]:
    """Once, one request at a time; the report and what was told."""
    told: list[RecordOutcome] = []
    async with CampaignsSession(
        api_key=emulator.api_key,
        tenant=emulator.tenant,
        base_url=emulator.base_url,
        retry=RetryPolicy(base=0.001, cap=0.01),
        limits=Limits(max_in_flight=1, initial_in_flight=1),
    ) as session:
        report = await session.campaign(campaign.id).upload(
            rows, journal=path, on_outcome=told.append, **options
        )
    return report, told


def write(path: Path, state: dict[str, Any], *exceptions: Kept) -> None:
    """A journal that a process left behind."""
    file = JournalFile.open(path, create=True)
    file.write_fact("identity", {"campaign": "/one/records"})
    file.write(Changes(state=state, exceptions=exceptions))
    file.close()


async def test_it_has_the_account_of_a_complete_upload(
    emulator: Emulator, campaign: EmulatedCampaign, tmp_path: Path
) -> None:
    """The same counts and verdicts as the upload gave, without the records."""
    report, told = await upload(emulator, campaign, tmp_path / "journal", ROWS)
    with Journal.open(tmp_path / "journal") as journal:
        kept = journal.report()
        outcomes = list(journal.outcomes())
        assert journal.complete
        assert journal.identity["campaign"] == f"/{campaign.id}/records"
    assert (kept.counts, kept.total, kept.requests) == (
        report.counts,
        report.total,
        report.requests,
    )
    assert (kept.exhausted, kept.stopped_by, kept.has_errors) == (True, None, True)
    assert [o.index for o in kept.failed] == [120, 122]
    for mine, theirs in zip(outcomes, sorted(told, key=lambda o: o.index), strict=True):
        assert (mine.index, mine.record_in, mine.record) == (theirs.index, None, None)
        assert (mine.status, mine.evidence, mine.attribution, mine.duplicate_of, mine.differs) == (
            theirs.status,
            theirs.evidence,
            theirs.attribution,
            theirs.duplicate_of,
            theirs.differs,
        )


async def test_the_errors_of_rejected_rows_survive(
    emulator: Emulator, campaign: EmulatedCampaign, tmp_path: Path
) -> None:
    """Their class, the service's problem, and what its support asks for."""
    _, told = await upload(emulator, campaign, tmp_path / "journal", ROWS)
    with Journal.open(tmp_path / "journal") as journal:
        blank, unknown = journal.report().failed
    assert isinstance(blank.error, InvalidRecordError)
    assert (blank.error.index, blank.error.field) == (120, "crm_record_id")
    (before,) = (o.error for o in told if o.index == 122)
    assert isinstance(unknown.error, ValidationError)
    assert isinstance(before, ValidationError)
    assert unknown.error.problem == before.problem
    assert unknown.error.problem.support_reference == before.problem.support_reference
    assert unknown.error.problem.support_reference
    assert str(unknown.error) == str(before)


async def test_after_a_stop_it_says_what_is_open(
    emulator: Emulator, campaign: EmulatedCampaign, tmp_path: Path
) -> None:
    """Rows are NOT_ADDED if surely not sent, and the reason of the stop is told."""
    path = tmp_path / "journal"
    report, _ = await upload(emulator, campaign, path, ROWS, stop_after_rejects=1)
    assert report.stopped_by is not None
    with Journal.open(path) as journal:
        kept = journal.report()
        assert not journal.complete
    assert (kept.total, sum(kept.counts.values())) == (len(ROWS), len(ROWS))
    assert str(kept.stopped_by) == str(report.stopped_by)
    assert kept.added == report.added
    assert {str(o.error) for o in kept.failed if o.status is Status.NOT_ADDED} == {
        str(report.stopped_by)
    }


def test_after_a_crash_it_claims_no_more_than_is_proved(tmp_path: Path) -> None:
    """What was reserved may have been sent: UNKNOWN. What was not is NOT_ADDED."""
    path = tmp_path / "journal"
    write(
        path,
        {"read": 10, "reserved": 7, "settled": [[0, 2], [5, 5]], "requests": 4, "elapsed": 1.5},
        Kept(position=1, status=Status.PRESENT, attribution=Attribution.UNCLEAR),
        Kept(position=4, status=Status.REJECTED),
        Kept(position=5, status=Status.ADDED, evidence=Evidence.INFERRED),
    )
    with Journal.open(path) as journal:
        outcomes = list(journal.outcomes())
        report = journal.report()
        assert not journal.complete
    assert [o.status for o in outcomes] == [
        Status.ADDED,
        Status.PRESENT,
        Status.ADDED,
        Status.UNKNOWN,
        Status.UNKNOWN,
        Status.ADDED,
        Status.UNKNOWN,
        *[Status.NOT_ADDED] * 3,
    ]
    assert [o.evidence for o in outcomes if o.status is Status.ADDED] == [
        Evidence.CONFIRMED,
        Evidence.CONFIRMED,
        Evidence.INFERRED,
    ]
    assert (report.total, report.unknown, report.not_added) == (10, 3, 3)
    assert (report.requests, report.elapsed, report.exhausted) == (4, 1.5, False)
    assert "resume it with its journal" in str(report.failed[0].error)


def test_a_long_account_is_told_at_once(tmp_path: Path) -> None:
    """The report of a billion rows takes no longer than what stands out in them."""
    path = tmp_path / "journal"
    last = 10**9 - 1
    write(
        path,
        {"read": 10**9, "settled": [[0, 9], [20, last - 2_000]], "open": [[15, 17]]},
        Kept(position=12, status=Status.REJECTED),
        Kept(position=25, status=Status.REJECTED),
        Kept(position=10**8, status=Status.PRESENT),
    )
    with Journal.open(path) as journal:
        report = journal.report()
    assert (report.total, report.rejected, report.present) == (10**9, 1, 1)
    assert (report.unknown, report.not_added) == (3, 2_007)
    assert report.added == 10**9 - 2_012
    assert [o.index for o in report.failed[:12]] == [*range(10, 20), 25, last - 1_999]
    assert len(report.failed) == 1_000


def test_before_anything_was_written_it_is_empty(tmp_path: Path) -> None:
    """A process that died at once leaves an account of nothing."""
    JournalFile.open(tmp_path / "journal", create=True).close()
    with Journal.open(tmp_path / "journal") as journal:
        assert (journal.report().total, journal.complete, journal.identity) == (0, False, {})


def test_it_can_be_read_again_and_again(tmp_path: Path) -> None:
    """Reading changes nothing, and closing it lets others in."""
    path = tmp_path / "journal"
    write(path, {"read": 3, "total": 3, "settled": [[0, 2]]})
    contents = set()
    for _ in range(3):
        with Journal.open(path) as journal:
            assert journal.complete
            contents.add((journal.report().added, path.read_bytes()))
            with pytest.raises(JournalError, match="is open in another process"):
                Journal.open(path)
    assert len(contents) == 1


def test_a_journal_that_says_nonsense_is_refused_and_closed(tmp_path: Path) -> None:
    """It is not left open when it cannot be read."""
    path = tmp_path / "journal"
    write(path, {})
    file = JournalFile.open(path, create=False)
    file.write_fact("state", "no state")
    file.close()
    for _ in range(2):
        with pytest.raises(JournalError, match="damaged"):
            Journal.open(path)
