import asyncio
import itertools
import logging
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

from campaigns_async import upload
from campaigns_async.campaign import CampaignHandle
from campaigns_async.emulator import (
    CLIENT_HEADER,
    EmulatedCampaign,
    Emulator,
    Fault,
    Faults,
    Quirks,
)
from campaigns_async.errors import (
    AuthenticationError,
    CampaignStateError,
    ConfigurationError,
    DuplicateRecordError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnexpectedResponseError,
    UploadError,
    UploadStoppedError,
    ValidationError,
)
from campaigns_async.events import CallEnded, Event, RecordsSettled
from campaigns_async.models import CampaignState, NewRecord
from campaigns_async.outcomes import Evidence, RecordOutcome, Status
from campaigns_async.report import Progress, UploadReport
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import Limits, RetryPolicy, Timeout
from tests.accounts import check_account
from tests.servers import connect
from tests.stack.harness import open_stack
from tests.stack.loop import virtual

_S = CampaignState
WIDE = Limits(max_in_flight=8, initial_in_flight=8)


def ids(count: int, start: int = 0) -> list[str]:
    """As many as that, none like another."""
    return [f"CRM-{number:06}" for number in range(start, start + count)]


async def aiter_of(records: list[Any]) -> AsyncIterator[Any]:
    """One by one, with a round of the loop between them."""
    for record in records:
        await asyncio.sleep(0)
        yield record


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[CampaignsSession]:
    """On the local service."""
    async with connect(emulator, limits=WIDE) as session:
        yield session


# --- outcomes


async def test_nothing_makes_a_report_of_nothing(
    emulator: Emulator, handle: CampaignHandle
) -> None:
    """No request is made."""
    report = await handle.upload([])
    assert (report.total, report.requests, report.exhausted) == (0, 0, True)
    assert emulator.request_count == 0
    report.raise_for_errors()


@pytest.mark.parametrize("as_async", [False, True])
async def test_every_row_of_a_dirty_list_has_its_outcome(
    emulator: Emulator, session: CampaignsSession, *, as_async: bool
) -> None:
    """Added, present, repeated, rejected here, rejected there: by row number."""
    campaign = emulator.create_campaign(holds=["CRM-000007"], unknown_to_crm=["CRM-000009"])
    rows: list[Any] = ids(250)
    rows[20] = ""
    rows[30] = "x" * 33
    rows[40] = NewRecord("CRM-000001")
    rows[50] = {"crmRecordId": "CRM-000002", "priority": "LOW"}
    rows[60] = None
    rows[70] = {"crmRecordId": "CRM-000070", "scheduleAt": "soon"}
    outcomes: list[RecordOutcome] = []
    report = await session.campaign(campaign.id).upload(
        aiter_of(rows) if as_async else rows, on_outcome=outcomes.append
    )
    check_account(outcomes, campaign, preloaded=["CRM-000007"], report=report)
    by_index = {o.index: o for o in outcomes}
    special = {i: o.status.value for i, o in by_index.items() if o.status is not Status.ADDED}
    assert special == {
        7: "PRESENT",
        9: "REJECTED",
        20: "REJECTED",
        30: "REJECTED",
        40: "DUPLICATE",
        50: "DUPLICATE",
        60: "REJECTED",
        70: "REJECTED",
    }
    assert (by_index[40].duplicate_of, by_index[40].differs) == (1, False)
    assert (by_index[50].duplicate_of, by_index[50].differs) == (2, True)
    assert by_index[7].attribution == "theirs"
    assert by_index[0].evidence is Evidence.CONFIRMED
    assert by_index[0].record is not None
    assert isinstance(by_index[9].error, ValidationError)
    assert [outcome.index for outcome in report.failed] == [
        o.index for o in outcomes if o.status is Status.REJECTED
    ]
    with pytest.raises(UploadError, match="5 REJECTED") as caught:
        report.raise_for_errors()
    assert caught.value.report is report


async def test_a_repeated_id_can_be_an_error(handle: CampaignHandle) -> None:
    """REJECTED, with the row it repeats in its error."""
    report = await handle.upload(["CRM-1", "CRM-1"], on_duplicate="error")
    assert (report.added, report.rejected) == (1, 1)
    assert "repeats record 0" in str(report.failed[0].error)


@pytest.mark.parametrize(
    "options",
    [
        {"on_duplicate": "ignore"},
        {"order": "random"},
        {"rank_start": 1.5},
        {"deadline": 0},
        {"journal": 7},
    ],
    ids=str,
)
async def test_an_option_that_makes_no_sense_is_refused(
    emulator: Emulator, handle: CampaignHandle, options: dict[str, Any]
) -> None:
    """ConfigurationError, and nothing is read or sent."""
    source = iter(ids(3))
    with pytest.raises(ConfigurationError):
        await handle.upload(source, **options)
    assert (next(source), emulator.request_count) == ("CRM-000000", 0)


@pytest.mark.parametrize("records", ["CRM-1", b"x", 7, None, {"a": 1}, NewRecord("x")], ids=repr)
async def test_what_is_no_iterable_of_records_is_refused(
    handle: CampaignHandle, records: Any
) -> None:
    """ConfigurationError: the letters of an id are no records."""
    with pytest.raises(ConfigurationError, match="iterable"):
        await handle.upload(records)


# --- reading


@pytest.mark.parametrize("as_async", [False, True])
async def test_an_endless_input_ends_with_a_fatal_answer(
    emulator: Emulator, handle: CampaignHandle, *, as_async: bool
) -> None:
    """It was read no further than the requests in flight needed."""
    emulator.revoke_key()
    read = itertools.count()

    def rows() -> Iterator[str]:
        for number in read:
            yield f"CRM-{number}"

    async def arows() -> AsyncIterator[str]:
        for row in rows():
            yield row

    report = await handle.upload(arows() if as_async else rows())
    assert isinstance(report.stopped_by, AuthenticationError)
    assert (report.exhausted, report.added, report.unknown) == (False, 0, 0)
    assert next(read) <= 2 * WIDE.max_in_flight * 100 + 300
    assert emulator.request_count <= WIDE.max_in_flight
    with pytest.raises(UploadError, match="not read to its end"):
        report.raise_for_errors()


async def test_the_input_is_read_as_requests_need_it(
    emulator: Emulator, handle: CampaignHandle
) -> None:
    """While nothing is answered, no more than two batches for each that may be in flight."""
    emulator.inject("hang", 99)
    read = 0

    def rows() -> Iterator[str]:
        nonlocal read
        for row in ids(100_000):
            read += 1
            yield row

    await handle.upload(rows(), deadline=0.05)
    assert 100 <= read <= 2 * WIDE.max_in_flight * 100 + 100


@pytest.mark.parametrize("with_callback", [False, True])
@pytest.mark.parametrize("row", ["", "CRM-1"], ids=["blank", "repeated"])
async def test_an_endless_input_of_what_is_never_sent_blocks_nobody(
    handle: CampaignHandle, row: str, *, with_callback: bool
) -> None:
    """Rows that are settled at once leave the loop its turns, so that the deadline comes."""
    read = 0

    def rows() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            # Without an end the test would never fail.
            assert read < 2_000_000, "the deadline was not heard"
            yield row

    told = itertools.count()
    report = await handle.upload(
        rows(),
        deadline=0.05,
        on_outcome=(lambda _: next(told)) if with_callback else None,  # type: ignore[arg-type, return-value]
    )
    assert isinstance(report.stopped_by, UploadStoppedError)
    assert report.total <= read


async def test_settled_rows_do_not_pile_up_before_a_slow_callback(handle: CampaignHandle) -> None:
    """The input is read no faster than the callback takes outcomes."""
    read = 0
    release = asyncio.Event()

    def rows() -> Iterator[str]:
        nonlocal read
        for _ in range(10_000):
            read += 1
            yield ""

    async def slow(_: RecordOutcome) -> None:
        await release.wait()

    upload = asyncio.create_task(handle.upload(rows(), on_outcome=slow))
    for _ in range(200):
        await asyncio.sleep(0)
    ahead = read
    release.set()
    report = await upload
    assert ahead <= 5_000
    assert report.rejected == 10_000


async def trickle(count: int, seconds: float) -> AsyncIterator[str]:
    """Rows that come one by one, with so much time between them."""
    for crm_record_id in ids(count):
        yield crm_record_id
        await asyncio.sleep(seconds)


@virtual
async def test_what_comes_now_and_then_goes_within_a_second() -> None:
    """It does not wait for the next hundred, which may take hours."""
    loop = asyncio.get_running_loop()
    settled: list[float] = []
    async with open_stack() as stack:
        _, handle = stack.create_campaign()
        began = loop.time()
        report = await handle.upload(
            trickle(10, 30.0), on_outcome=lambda _: settled.append(loop.time())
        )
    assert [round(at - began) for at in settled] == [30 * row + 1 for row in range(10)]
    assert (report.added, report.requests) == (10, 10)


@virtual
async def test_a_source_may_wait_for_the_outcome_of_its_last_row() -> None:
    """As a queue does that gives the next message when this one is acknowledged."""
    acknowledged = asyncio.Semaphore(0)

    async def consume() -> AsyncIterator[str]:
        for crm_record_id in ids(5):
            yield crm_record_id
            await acknowledged.acquire()

    async with open_stack() as stack:
        _, handle = stack.create_campaign()
        report = await handle.upload(
            consume(), on_outcome=lambda _: acknowledged.release(), deadline=60
        )
    assert (report.added, report.not_added) == (5, 0)


@virtual
async def test_what_keeps_coming_goes_in_full_batches() -> None:
    """However slow the service: a row that waits for its turn is joined by the next ones."""
    async with open_stack(
        faults=Faults(latency=5), client={"limits": Limits(max_in_flight=2, initial_in_flight=1)}
    ) as stack:
        _, handle = stack.create_campaign()
        report = await handle.upload(trickle(3_000, 0.005))
    assert (report.added, report.requests) == (3_000, 30)


async def test_with_a_journal_batches_do_not_depend_on_time(
    handle: CampaignHandle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They must be the same in every run; so what comes now and then waits for the end."""
    monkeypatch.setattr(upload, "_LINGER", 0.001)
    report = await handle.upload(trickle(5, 0.02), journal=tmp_path / "j")
    assert (report.added, report.requests) == (5, 1)
    report = await handle.upload(trickle(5, 0.02))
    assert (report.present, report.requests) == (5, 5)


@pytest.mark.parametrize("as_async", [False, True])
async def test_a_source_that_raises_has_its_exception_come_out(
    emulated_campaign: EmulatedCampaign, handle: CampaignHandle, *, as_async: bool
) -> None:
    """With the report, after all that was read is settled."""
    outcomes: list[RecordOutcome] = []

    def rows() -> Iterator[str]:
        yield from ids(150)
        msg = "the disk is gone"
        raise OSError(msg)

    async def arows() -> AsyncIterator[str]:
        for row in rows():
            yield row

    with pytest.raises(OSError, match="the disk is gone") as caught:
        await handle.upload(arows() if as_async else rows(), on_outcome=outcomes.append)
    report: UploadReport = caught.value.report  # type: ignore[attr-defined]
    check_account(outcomes, emulated_campaign, report=report)
    assert report.added == 150


async def test_a_source_that_is_cancelled_from_inside_does_not_hang(
    handle: CampaignHandle,
) -> None:
    """It comes out as an error, with the report: nobody cancelled the upload."""

    async def rows() -> AsyncIterator[str]:
        yield "CRM-1"
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    with pytest.raises(UploadStoppedError, match="from inside") as caught:
        async with asyncio.timeout(60):
            await handle.upload(rows())
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    report = caught.value.report
    assert report is not None
    assert report.added == 1


# --- callbacks


async def test_callbacks_may_be_plain_or_async(handle: CampaignHandle) -> None:
    """Each outcome comes once, progress at least at the end."""
    seen: list[int] = []
    told: list[Progress] = []

    async def on_outcome(outcome: RecordOutcome) -> None:
        await asyncio.sleep(0)
        seen.append(outcome.index)

    async def on_progress(progress: Progress) -> None:
        await asyncio.sleep(0)
        told.append(progress)

    report = await handle.upload(ids(250), on_outcome=on_outcome, on_progress=on_progress)
    assert sorted(seen) == list(range(250))
    last = told[-1]
    assert (last.read, last.settled, last.counts) == (250, 250, report.counts)
    assert (last.requests, last.in_flight, last.waiting) == (3, 0, None)


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
@pytest.mark.parametrize("which", ["on_outcome", "on_progress"])
async def test_a_callback_that_raises_harms_nothing(
    handle: CampaignHandle,
    caplog: pytest.LogCaptureFixture,
    which: str,
    error: type[BaseException],
) -> None:
    """It is logged and listed, the first ten times, and the upload goes on."""

    async def callback(_: object) -> None:
        raise error

    async with asyncio.timeout(60):
        report = await handle.upload(ids(2_500), **{which: callback})  # type: ignore[arg-type]
    assert report.added == 2_500
    assert set(map(type, report.callback_errors)) == {error}
    assert len(report.callback_errors) <= 10
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


async def test_a_callback_that_cancels_its_own_task_hangs_nothing(handle: CampaignHandle) -> None:
    """It is noted like what it raises; every outcome is told all the same."""
    told: list[int] = []

    def cancel(outcome: RecordOutcome) -> None:
        told.append(outcome.index)
        task = asyncio.current_task()
        if outcome.index % 1_000 == 0 and task is not None:
            task.cancel()

    async with asyncio.timeout(60):
        report = await handle.upload(ids(5_000), on_outcome=cancel)
    assert (report.added, sorted(told)) == (5_000, list(range(5_000)))
    assert {type(error) for error in report.callback_errors} == {asyncio.CancelledError}


async def test_outcomes_that_nobody_tells_any_more_end_the_upload(handle: CampaignHandle) -> None:
    """A stranger cancelled the task before its first turn: that is no reason to wait for ever."""
    before = asyncio.all_tasks()
    upload = asyncio.create_task(handle.upload(ids(20_000), on_outcome=lambda _: None))
    await asyncio.sleep(0)
    (teller,) = asyncio.all_tasks() - before - {upload}
    teller.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(UploadStoppedError, match="cancelled") as caught:
            await upload
    report = caught.value.report
    assert report is not None
    assert (report.total, report.unknown) == (20_000, 0)


async def test_progress_tells_of_a_campaign_that_takes_no_records_now(
    emulator: Emulator, session: CampaignsSession
) -> None:
    """Also while nothing is settled."""
    campaign = emulator.create_campaign(state=_S.BUILDING, build_seconds=0.3)
    told: list[str | None] = []
    await session.campaign(campaign.id).upload(
        ids(150), on_progress=lambda progress: told.append(progress.waiting)
    )
    assert (told[0], told[-1]) == ("campaign", None)


# --- stopping


async def test_a_deadline_ends_it_with_an_account(
    emulator: Emulator, emulated_campaign: EmulatedCampaign, handle: CampaignHandle
) -> None:
    """What hangs is UNKNOWN, what waits NOT_ADDED."""
    emulator.inject("hang", 999)
    outcomes: list[RecordOutcome] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    report = await handle.upload(ids(2_000), deadline=0.6, on_outcome=outcomes.append)
    check_account(outcomes, emulated_campaign, report=report)
    assert loop.time() - began < 20
    assert (report.added, report.total, report.exhausted) == (0, 2_000, True)
    assert (report.unknown > 0, report.not_added > 0) == (True, True)
    assert "deadline of 0.6 s" in str(report.stopped_by)


async def test_a_deadline_says_what_there_was_instead_of_an_answer(
    emulator: Emulator, handle: CampaignHandle
) -> None:
    """Where nothing gets through, the reason is not that there was no time."""
    await emulator.close()
    report = await handle.upload(["CRM-1"], deadline=1.5)
    assert report.not_added == 1
    assert report.stopped_by is not None
    assert "the last of its attempts failed: nothing was sent" in str(report.stopped_by)
    assert isinstance(report.stopped_by.__cause__, NotSentError)


async def test_a_deadline_says_that_the_campaign_took_no_records(
    emulator: Emulator, session: CampaignsSession
) -> None:
    """With the refusal that names its state."""
    campaign = emulator.create_campaign(state=CampaignState.BUILDING, build_seconds=math.inf)
    report = await session.campaign(campaign.id).upload(["CRM-1"], deadline=1)
    assert (report.added, report.has_errors) == (0, True)
    assert "BUILDING" in str(report.stopped_by)
    assert report.stopped_by is not None
    cause = report.stopped_by.__cause__
    assert isinstance(cause, CampaignStateError)
    assert cause.state is CampaignState.BUILDING


async def test_it_stops_after_so_many_rejects(
    emulator: Emulator, session: CampaignsSession
) -> None:
    """The rest is NOT_ADDED."""
    campaign = emulator.create_campaign(unknown_to_crm=lambda i: i.endswith("5"))
    outcomes: list[RecordOutcome] = []
    report = await session.campaign(campaign.id).upload(
        ids(5_000), stop_after_rejects=3, on_outcome=outcomes.append
    )
    check_account(outcomes, campaign, report=report)
    assert report.rejected >= 3
    assert report.not_added > 0
    assert isinstance(report.stopped_by, UploadStoppedError)


@pytest.mark.parametrize("when", ["at once", "in flight", "later"])
async def test_a_cancellation_carries_the_account(
    emulator: Emulator, emulated_campaign: EmulatedCampaign, handle: CampaignHandle, when: str
) -> None:
    """What was not sent is NOT_ADDED, and what is in flight gets a moment to answer."""
    outcomes: list[RecordOutcome] = []
    task = asyncio.create_task(handle.upload(ids(30_000), on_outcome=outcomes.append))
    while emulator.request_count < {"at once": 0, "in flight": 1, "later": 20}[when]:  # noqa: ASYNC110 - it has no event for it
        await asyncio.sleep(0)
    if when == "at once":
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    report: UploadReport = caught.value.report  # type: ignore[attr-defined]
    check_account(outcomes, emulated_campaign, report=report)
    assert report.total == 30_000
    assert report.unknown == 0
    assert report.not_added > 0
    assert report.added == len(emulated_campaign.ledger)
    assert handle._dispatcher.slots.in_flight == 0  # noqa: SLF001 - what it is all about


@pytest.mark.parametrize("cancel", [False, True])
async def test_a_long_rest_blocks_nobody(
    emulator: Emulator, session: CampaignsSession, *, cancel: bool
) -> None:
    """What is left of a long list gets its outcomes a part at a time, and all of them even so."""
    campaign = emulator.create_campaign(state=_S.COMPLETE)
    outcomes: list[RecordOutcome] = []
    upload = asyncio.create_task(
        session.campaign(campaign.id).upload(ids(50_000), on_outcome=outcomes.append)
    )
    told, most = 0, 0
    while not upload.done():
        await asyncio.sleep(0)
        told, most = len(outcomes), max(most, len(outcomes) - told)
        if cancel and told > 10_000 and not upload.cancelling():
            upload.cancel()
    check_account(outcomes, campaign)
    assert (len(outcomes), upload.cancelled()) == (50_000, cancel)
    assert most < 5_000


async def test_a_long_rest_is_read_as_its_outcomes_are_taken(
    emulator: Emulator, session: CampaignsSession
) -> None:
    """Settled rows do not pile up before it there either."""
    campaign = emulator.create_campaign(state=_S.COMPLETE)
    stream = session.campaign(campaign.id).stream(ids(50_000))
    first = await anext(stream)
    for _ in range(1_000):
        await asyncio.sleep(0)
    ahead = stream.report.total
    rest = [outcome.status async for outcome in stream]
    assert ahead < 5_000
    assert (first.status, Counter(rest)) == (Status.NOT_ADDED, {Status.NOT_ADDED: 49_999})


async def test_a_cancellation_that_was_asked_for_before_is_in_time(
    emulator: Emulator, handle: CampaignHandle
) -> None:
    """Nothing is sent any more, and every row is accounted for."""

    async def cancelled() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await handle.upload(ids(500))

    with pytest.raises(asyncio.CancelledError) as caught:
        await asyncio.create_task(cancelled())
    report: UploadReport = caught.value.report  # type: ignore[attr-defined]
    assert (report.total, report.not_added, emulator.request_count) == (500, 500, 0)


FATAL: dict[str, tuple[type[Exception], Callable[[Emulator, EmulatedCampaign], object]]] = {
    "401": (AuthenticationError, lambda emulator, _: emulator.revoke_key()),
    "403": (PermissionDeniedError, lambda emulator, _: emulator.detach_product()),
    "not dynamic": (ValidationError, lambda _, campaign: setattr(campaign, "dynamic", False)),
    "COMPLETE": (CampaignStateError, lambda _, campaign: campaign.force(_S.COMPLETE)),
    "DELETED": (CampaignStateError, lambda _, campaign: campaign.force(_S.DELETED)),
    "redirect": (UnexpectedResponseError, lambda emulator, _: emulator.inject("redirect", 99)),
}


@pytest.mark.parametrize("name", FATAL)
@pytest.mark.parametrize("after", [0, 12])
async def test_a_fatal_answer_stops_it_after_the_requests_in_flight(name: str, after: int) -> None:
    """No request begins after the first such answer."""
    error, bring_about = FATAL[name]
    calls = itertools.count(1)

    def before_each(_: object) -> None:
        if next(calls) == after:
            bring_about(emulator, campaign)

    async with Emulator(before_each=before_each if after else None) as emulator:
        campaign = emulator.create_campaign()
        if not after:
            bring_about(emulator, campaign)
        async with connect(emulator, limits=WIDE) as session:
            outcomes: list[RecordOutcome] = []
            report = await session.campaign(campaign.id).upload(
                ids(10_000), on_outcome=outcomes.append
            )
        check_account(outcomes, campaign, report=report)
        assert emulator.request_count <= after + 2 * WIDE.max_in_flight
    assert isinstance(report.stopped_by, error)
    assert (report.total, report.unknown, report.rejected) == (10_000, 0, 0)
    assert report.added == len(campaign.ledger)


async def test_a_campaign_that_is_not_there_stops_it(session: CampaignsSession) -> None:
    """NotFoundError; everything is NOT_ADDED."""
    report = await session.campaign("123e4567-e89b-12d3-a456-426614174000").upload(ids(3))
    assert isinstance(report.stopped_by, NotFoundError)
    assert report.not_added == 3


@pytest.mark.parametrize("state", [_S.BUILDING, _S.STARTING])
async def test_a_campaign_that_takes_no_records_now_is_asked_by_one_canary(
    state: CampaignState,
) -> None:
    """After the requests in flight one batch asks again and again, until it is let in."""
    faults = Faults(latency=0.002)
    async with Emulator(faults=faults) as emulator:
        campaign = emulator.create_campaign(state=state, build_seconds=0.15, start_seconds=0.15)
        async with connect(emulator, limits=WIDE) as session:
            outcomes: list[RecordOutcome] = []
            report = await session.campaign(campaign.id).upload(
                ids(3_000), on_outcome=outcomes.append
            )
        check_account(outcomes, campaign, report=report)
        refused = [r.crm_record_ids[0] for r in emulator.requests if r.status == 409]
    assert (report.added, report.stopped_by) == (3_000, None)
    # The first few were in flight together; behind them it is always the same batch.
    assert len(set(refused[WIDE.max_in_flight :])) <= 1


async def test_a_disabled_or_vaguely_refused_campaign_is_not_waited_for_for_ever() -> None:
    """Without a state that passes by itself the wait ends with the retry policy's deadline."""
    policy = RetryPolicy(base=0.001, cap=0.002, deadline=0.1)
    quirks = Quirks(disabled_takes_records=False)
    async with Emulator(quirks=quirks) as emulator, connect(emulator, retry=policy) as session:
        campaign = emulator.create_campaign(enabled=False)
        async with asyncio.timeout(60):
            report = await session.campaign(campaign.id).upload(ids(10))
    assert isinstance(report.stopped_by, CampaignStateError)
    assert report.not_added == 10


# --- order


@pytest.mark.parametrize("rank_start", [1, -5, 1_000_000])
async def test_ranks_follow_the_input_under_faults_and_parallelism(rank_start: int) -> None:
    """Each row's rank in the ledger is the start plus its position, gaps and splits or not."""
    faults = Faults(
        latency=(0.0, 0.003),
        rates={
            Fault.ERROR_AFTER_COMMIT: 0.1,
            Fault.DROP_BEFORE_COMMIT: 0.1,
            Fault.UNAVAILABLE: 0.1,
        },
        details=Faults().details,
    )
    rows: list[Any] = ids(700)
    rows[10], rows[20] = "", rows[0]
    rows[30] = NewRecord(rows[30], rank=0.5)
    async with Emulator(seed=7, faults=_impatient(faults)) as emulator:
        campaign = emulator.create_campaign(unknown_to_crm=[rows[500]], holds=[rows[600]])
        async with connect(emulator, limits=WIDE) as session:
            outcomes: list[RecordOutcome] = []
            report = await session.campaign(campaign.id).upload(
                rows, rank_start=rank_start, on_outcome=outcomes.append
            )
        check_account(outcomes, campaign, preloaded=[rows[600]], report=report)
        held = {i: e.record.rank for i, e in campaign.ledger.items() if not e.seeded}
    expected = {
        row: rank_start + position
        for position, row in enumerate(rows)
        if position not in {10, 20, 30, 500, 600}
    }
    assert held == {**expected, rows[30].crm_record_id: 0.5}


def _impatient(faults: Faults) -> Faults:
    """The same, but what asks to wait asks for no time at all."""
    return attrs.evolve(faults, details=attrs.evolve(faults.details, retry_after=0))


async def test_the_service_may_rank(emulator: Emulator, handle: CampaignHandle) -> None:
    """order="server" sends no rank but a row's own."""
    await handle.upload(["CRM-1", NewRecord("CRM-2", rank=9)], order="server")
    assert emulator.requests[0].body == {
        "records": [{"crmRecordId": "CRM-1"}, {"crmRecordId": "CRM-2", "rank": 9}]
    }


# --- faults

_SLOW_OR_UNREADABLE = ("hang", "late_commit_h", "throttle_date", "throttle_reset", "body", "trunc")
"""What takes a second; and refusals that cannot be read, which tell too little of a single one."""

HARMLESS = [f for f in Fault if f not in {Fault.REDIRECT, Fault.GATEWAY_RESENDS}]


@pytest.mark.parametrize("fault", HARMLESS)
@pytest.mark.parametrize("exclusive", [False, True])
async def test_the_account_is_true_after_each_fault(
    emulator: Emulator, fault: Fault, *, exclusive: bool
) -> None:
    """Once it is over, every row is in, and none is unknown."""
    campaign = emulator.create_campaign()
    emulator.inject(fault, 3, retry_after=0, late_seconds=0.0, drip_seconds=0.0, drip_bytes=4096)
    outcomes: list[RecordOutcome] = []
    quick = Timeout(connect=10.0, read=0.5, total=20.0)
    async with connect(emulator, limits=WIDE, timeout=quick) as session:
        report = await session.campaign(campaign.id).upload(
            ids(120), exclusive=exclusive, on_outcome=outcomes.append
        )
        await emulator.committed()
        check_account(outcomes, campaign, report=report)
        assert session._dispatcher.slots.in_flight == 0  # noqa: SLF001 - no turn is lost
    assert (report.added + report.present, report.total) == (120, 120)
    assert set(campaign.ledger) == set(ids(120))
    if exclusive and not fault.value.startswith("late"):
        assert report.added == 120


async def test_a_fault_after_the_deadline_leaves_rows_unknown_and_never_added(
    emulator: Emulator, handle: CampaignHandle
) -> None:
    """In doubt never a success."""
    emulator.inject("drop_after_commit", 99_999)
    report = await handle.upload(ids(5), deadline=0.5)
    assert (report.unknown, report.added) == (5, 0)
    assert isinstance(report.failed[0].error, OutcomeUnknownError)


async def test_many_faults_at_once_leave_the_account_true() -> None:
    """Whatever comes together, by seed."""
    rates = dict.fromkeys(
        [f for f in HARMLESS if not f.value.startswith(_SLOW_OR_UNREADABLE)],
        0.02,
    )
    for seed in range(2):
        faults = _impatient(Faults(rates=rates, latency=(0.0, 0.002)))
        async with Emulator(seed=seed, faults=faults, quirks=Quirks(add_status=200)) as emulator:
            campaign = emulator.create_campaign(holds=ids(600)[::47])
            outcomes: list[RecordOutcome] = []
            async with connect(emulator, limits=WIDE) as session:
                report = await session.campaign(campaign.id).upload(
                    ids(600), on_outcome=outcomes.append
                )
            await emulator.committed()
            check_account(outcomes, campaign, preloaded=ids(600)[::47], report=report)
        assert (report.unknown, report.not_added, len(campaign.ledger)) == (0, 0, 600)


@pytest.mark.parametrize("naming", ["first", "last", "all", "none", "wrong", "prefix", "extended"])
async def test_present_records_are_found_however_they_are_named(naming: Any) -> None:
    """In k+1 requests where the service names one of k, and always."""
    quirks = Quirks(names_duplicate=naming)
    async with Emulator(quirks=quirks) as emulator, connect(emulator) as session:
        campaign = emulator.create_campaign(holds=ids(100)[10:90:20])
        outcomes: list[RecordOutcome] = []
        report = await session.campaign(campaign.id).upload(ids(100), on_outcome=outcomes.append)
        check_account(outcomes, campaign, preloaded=ids(100)[10:90:20], report=report)
        requests = emulator.request_count
    assert (report.present, report.added) == (4, 96)
    assert requests <= (5 if naming in {"first", "last", "all"} else 2 * 100 - 1)
    assert report.requests == requests


@pytest.mark.parametrize(
    "emulator_settings", [{"faults": Faults(script=[None, "drop_after_commit"])}]
)
async def test_exclusive_is_not_believed_once_it_proved_wrong(emulator: Emulator) -> None:
    """An id that was there before makes later lost replies PRESENT, and not ADDED."""
    campaign = emulator.create_campaign(holds=["CRM-000000"])
    outcomes: list[RecordOutcome] = []

    async with connect(emulator, limits=Limits(max_in_flight=1)) as session:
        report = await session.campaign(campaign.id).upload(
            ids(200), exclusive=True, on_outcome=outcomes.append
        )
    check_account(outcomes, campaign, preloaded=["CRM-000000"], report=report)
    assert (report.added + report.present, {o.evidence for o in outcomes}) == (
        200,
        {None, Evidence.CONFIRMED},
    )


async def test_a_competitor_is_not_counted_as_us(emulator: Emulator) -> None:
    """What another client added first is PRESENT here and ADDED there."""
    campaign = emulator.create_campaign()
    both: list[UploadReport] = []

    async def run(name: str, own: aiohttp.ClientSession) -> None:
        async with connect(emulator, session=own) as session:
            report = await session.campaign(campaign.id).upload(ids(300))
        assert report.added == len(campaign.added_by(name))
        both.append(report)

    async with (
        aiohttp.ClientSession(headers={CLIENT_HEADER: "a"}) as a,
        aiohttp.ClientSession(headers={CLIENT_HEADER: "b"}) as b,
    ):
        await asyncio.gather(run("a", a), run("b", b))
    assert sum(report.added for report in both) == 300
    assert sum(report.present for report in both) == 300


# --- stream


async def test_a_stream_gives_what_an_upload_reports(
    emulator: Emulator, session: CampaignsSession
) -> None:
    """Every outcome once, in order of settling, and the report at the end."""
    campaign = emulator.create_campaign(holds=["CRM-000003"], unknown_to_crm=["CRM-000004"])
    rows = [*ids(1_000), "", "CRM-000001"]
    async with session.campaign(campaign.id).stream(rows) as stream:
        outcomes = [outcome async for outcome in stream]
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    check_account(outcomes, campaign, preloaded=["CRM-000003"], report=stream.report)
    counts = stream.report.counts
    assert [counts[s] for s in Status] == [998, 1, 1, 2, 0, 0]


async def test_a_stream_goes_only_as_fast_as_it_is_taken(
    emulator: Emulator, handle: CampaignHandle
) -> None:
    """While nobody takes outcomes, requests stop."""
    stream = handle.stream(ids(20_000))
    await anext(stream)
    for _ in range(50):
        await asyncio.sleep(0.002)
    assert emulator.request_count < 100
    before = stream.report.total
    await stream.aclose()
    assert stream.report.total == 20_000
    assert stream.report.added == len(emulator.campaigns[handle.id].ledger) >= before > 0


async def test_a_stream_left_early_is_stopped_by_its_block(
    emulator: Emulator, emulated_campaign: EmulatedCampaign, handle: CampaignHandle
) -> None:
    """Nothing is sent after it, and its report has every row."""
    async with handle.stream(ids(20_000)) as stream:
        async for _ in stream:
            break
    requests = emulator.request_count
    await asyncio.sleep(0.02)
    report = stream.report
    assert emulator.request_count == requests
    assert (report.total, report.unknown) == (20_000, 0)
    assert report.added == len(emulated_campaign.ledger)


async def test_a_closed_stream_is_at_its_end(emulator: Emulator, handle: CampaignHandle) -> None:
    """Taken from or not, and however often it is closed."""
    for taken in (0, 1):
        stream = handle.stream(ids(10_000))
        for _ in range(taken):
            await anext(stream)
        await stream.aclose()
        await stream.aclose()
        requests = emulator.request_count
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        assert emulator.request_count == requests


async def test_a_stream_that_nobody_reads_reads_nothing(handle: CampaignHandle) -> None:
    """No task of it is left behind."""
    before = len(asyncio.all_tasks())
    async with handle.stream(aiter_of(ids(5))):
        pass
    assert len(asyncio.all_tasks()) == before


async def test_a_stream_loses_no_outcome_to_a_cancelled_wait(
    emulated_campaign: EmulatedCampaign, handle: CampaignHandle
) -> None:
    """What was about to be given when the wait ended is given by the next one."""
    stream = handle.stream(aiter_of(ids(300)))
    outcomes: list[RecordOutcome] = []
    for rounds in itertools.count():
        step = asyncio.ensure_future(anext(stream))
        for _ in range(rounds % 7):
            await asyncio.sleep(0)
        step.cancel()
        try:
            outcomes.append(await step)
        except asyncio.CancelledError:
            continue
        except StopAsyncIteration:
            break
    check_account(outcomes, emulated_campaign, report=stream.report)
    assert len(outcomes) == 300


async def test_what_an_upload_raises_a_stream_raises(handle: CampaignHandle) -> None:
    """After the outcomes of what was read."""

    def rows() -> Iterator[str]:
        yield "CRM-1"
        msg = "mine"
        raise LookupError(msg)

    stream = handle.stream(rows())
    assert (await anext(stream)).status is Status.ADDED
    with pytest.raises(LookupError, match="mine"):
        await anext(stream)
    await stream.aclose()


async def test_a_single_duplicate_error_is_never_a_success(handle: CampaignHandle) -> None:
    """A duplicate is PRESENT, without an error of its own."""
    await handle.add_records(["CRM-1"])
    with pytest.raises(DuplicateRecordError):
        await handle.add_records(["CRM-1"])
    async with handle.stream(["CRM-1"]) as stream:
        outcome = await anext(stream)
    assert (outcome.status, outcome.error, outcome.in_campaign) == (Status.PRESENT, None, True)


async def test_an_upload_is_told_from_begin_to_end(
    emulator: Emulator, emulated_campaign: EmulatedCampaign, tmp_path: Path
) -> None:
    """Its records as they settle, those of an earlier run not again; its report at the end."""
    told: list[Event] = []
    journal = tmp_path / "upload.journal"
    async with connect(emulator, on_event=told.append) as session:
        handle = session.campaign(emulated_campaign.id)
        first = await handle.upload([*ids(120), "", ids(1)[0]], journal=journal)
        settled: Counter[Status] = Counter()
        for event in told:
            if isinstance(event, RecordsSettled):
                settled.update(event.counts)
        assert (told[0].name, told[-1].name) == ("call.begun", "call.ended")
        assert isinstance(told[-1], CallEnded)
        assert told[-1].counts == first.counts == {**dict.fromkeys(Status, 0), **settled}
        told.clear()
        again = await handle.upload([*ids(120), "", ids(1)[0]], journal=journal)
    assert [event.name for event in told] == ["call.begun", "call.ended"]
    assert told[-1].facts()["records_added"] == again.added == 120


async def test_what_stops_an_upload_is_told(
    emulator: Emulator, emulated_campaign: EmulatedCampaign
) -> None:
    """By its kind, whether it is in the report or raised."""
    told: list[Event] = []

    def rows() -> Iterator[str]:
        yield "CRM-1"
        msg = "mine"
        raise LookupError(msg)

    async with connect(emulator, on_event=told.append) as session:
        handle = session.campaign(emulated_campaign.id)
        await handle.upload([""] * 3, stop_after_rejects=2)
        with pytest.raises(LookupError):
            await handle.upload(rows())
    ends = [event.error for event in told if isinstance(event, CallEnded)]
    assert ends == ["UploadStoppedError", "LookupError"]
