import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest

from campaigns_async import (
    AuthenticationError,
    BatcherFullError,
    CampaignsError,
    ConfigurationError,
    Delivery,
    InvalidRecordError,
    Limits,
    NewRecord,
    RecordBatcher,
    RecordOutcome,
    Status,
    Timeout,
    UnresolvedError,
    UploadStoppedError,
)
from campaigns_async.drive import GRACE
from campaigns_async.emulator import (
    EmulatedCampaign,
    Emulator,
    Fault,
    FaultDetails,
    Faults,
    Quirks,
    Wording,
)
from campaigns_async.events import Event, RecordsSettled
from campaigns_async.models import CampaignState
from campaigns_async.outcomes import Attribution
from campaigns_async.remembered import REMEMBERED
from tests.servers import connect
from tests.stack.harness import VirtualStack, check_ledger, ids, open_stack
from tests.stack.loop import turns, virtual

PATIENT = Timeout(connect=1e6, read=1e6, total=1e6)
"""So that what hangs, hangs."""

LOST_AND_VAGUE = {
    "faults": Faults(script=(Fault.DROP_AFTER_COMMIT,)),
    "quirks": Quirks(duplicate_wording=Wording.VAGUE),
}
"""The first record is put in unseen, and that it is there is told in words that fit nothing."""


@attrs.frozen
class Bench:
    """A batcher, and behind it all that there is."""

    stack: VirtualStack
    campaign: EmulatedCampaign
    batcher: RecordBatcher

    @property
    def sizes(self) -> list[int]:
        """Of the batches that came in."""
        return [len(request.crm_record_ids) for request in self.stack.emulator.requests]


@asynccontextmanager
async def open_bench(
    *,
    client: Mapping[str, Any] | None = None,
    campaign: Mapping[str, Any] | None = None,
    emulator: Mapping[str, Any] | None = None,
    faults: Faults | None = None,
    **options: Any,
) -> AsyncIterator[Bench]:
    """A batcher with these options; who uses it opens and closes it."""
    settings = {"faults": faults, **(emulator or {})}
    async with open_stack(client=dict(client or {}), **settings) as stack:
        emulated, handle = stack.create_campaign(**(campaign or {}))
        yield Bench(stack, emulated, handle.batcher(**options))


def now() -> float:
    """Virtual seconds since the test began."""
    return asyncio.get_running_loop().time()


# --- records in


@virtual
@pytest.mark.parametrize("timeout", ["5", True])
async def test_a_timeout_that_is_none_is_refused(timeout: Any) -> None:
    """In our own words, and the batcher goes on."""
    async with open_stack() as stack:
        _, handle = stack.create_campaign()
        async with handle.batcher() as batcher:
            for wait in (batcher.flush, batcher.aclose):
                with pytest.raises(ConfigurationError, match="timeout must be a number"):
                    await wait(timeout)
            assert (await batcher.add("CRM-1")).in_campaign


@virtual
async def test_add_returns_the_outcome() -> None:
    """`add` returns when the record is settled, with the service's record."""
    async with open_bench() as bench, bench.batcher as batcher:
        outcome = await batcher.add(NewRecord("CRM-1", priority="LOW"))
        assert outcome.status is Status.ADDED
        assert outcome.record is not None
        assert outcome.record.priority == "LOW"
        assert "CRM-1" in bench.campaign.ledger


@virtual
async def test_a_full_batch_goes_at_once() -> None:
    """As soon as a batch is full it is sent, however long the linger."""
    async with open_bench(linger=1_000) as bench, bench.batcher as batcher:
        deliveries = [await batcher.submit(i) for i in ids(100)]
        outcomes = [await delivery for delivery in deliveries]
        assert {outcome.status for outcome in outcomes} == {Status.ADDED}
        assert now() == 0
        assert bench.sizes == [100]


@virtual
async def test_linger_counts_from_the_first_record() -> None:
    """A batch goes ``linger`` seconds after its first record; later ones do not prolong that."""
    async with open_bench(linger=10) as bench, bench.batcher as batcher:
        first = await batcher.submit("CRM-1")
        await asyncio.sleep(9)
        second = await batcher.submit("CRM-2")
        await first
        assert now() == 10
        assert second.done()
        third = await batcher.submit("CRM-3")
        await third
        assert now() == 20
        assert bench.sizes == [2, 1]


@virtual
async def test_no_linger_sends_what_there_is() -> None:
    """With ``linger=0`` what was submitted together goes together, without any wait."""
    async with open_bench(linger=0) as bench, bench.batcher as batcher:
        await asyncio.gather(*(batcher.add(i) for i in ids(30)))
        assert bench.sizes == [30]
        assert now() == 0


@virtual
async def test_thousands_of_concurrent_adds() -> None:
    """5,000 tasks that each add a record need 50 requests, and each gets its own outcome."""
    async with open_bench(linger=1) as bench, bench.batcher as batcher:
        outcomes = await asyncio.gather(*(batcher.add(i) for i in ids(5_000)))
        assert [outcome.crm_record_id for outcome in outcomes] == ids(5_000)
        assert bench.sizes == [100] * 50
        check_ledger(outcomes, bench.campaign)


@virtual
async def test_more_concurrent_adds_than_room() -> None:
    """Tasks that find the buffer full wait, and all of them get in in the end."""
    async with open_bench(linger=0.1, max_buffered=150) as bench, bench.batcher as batcher:
        outcomes = await asyncio.gather(*(batcher.add(i) for i in ids(2_000)))
        assert {outcome.status for outcome in outcomes} == {Status.ADDED}
        assert len(bench.campaign.ledger) == 2_000
        assert batcher.settled_through == 2_000


@virtual
async def test_batches_are_as_large_as_told() -> None:
    """``max_batch_size`` bounds the records of a request, ``max_in_flight`` the requests."""
    faults = Faults(latency=1)
    options: dict[str, Any] = {"linger": 0, "max_batch_size": 7, "max_in_flight": 2}
    async with open_bench(faults=faults, **options) as bench, bench.batcher as batcher:
        await asyncio.gather(*(batcher.add(i) for i in ids(28)))
        assert bench.sizes == [7, 7, 7, 7]
        assert now() == 2


@virtual
async def test_ranks_count_the_submits() -> None:
    """With ``order="input"`` a record's rank is its place among the submits, from 1."""
    async with open_bench(linger=0, order="input") as bench, bench.batcher as batcher:
        await asyncio.gather(*(batcher.add(i) for i in ["A", "A", "B", "C"]))
        ranks = {i: entry.record.rank for i, entry in bench.campaign.ledger.items()}
        assert ranks == {"A": 1, "B": 3, "C": 4}


@virtual
async def test_an_invalid_record_is_its_own_outcome() -> None:
    """What cannot be sent is REJECTED at once and sinks nobody else."""
    async with open_bench(linger=0) as bench, bench.batcher as batcher:
        bad, worse, good = await asyncio.gather(
            batcher.add(" "),
            batcher.add({"crmRecordId": None}),
            batcher.add("CRM-1"),
        )
        assert (bad.status, worse.status, good.status) == ("REJECTED", "REJECTED", "ADDED")
        assert isinstance(bad.error, InvalidRecordError)
        assert bench.sizes == [1]


# --- the same id again


@virtual
async def test_a_pending_id_shares_its_outcome() -> None:
    """The same id while the first is pending is sent once, and all get its outcome."""
    async with open_bench(linger=1) as bench, bench.batcher as batcher:
        outcomes = await asyncio.gather(*(batcher.add("CRM-1") for _ in range(1_000)))
        assert all(outcome is outcomes[0] for outcome in outcomes)
        assert bench.sizes == [1]
        assert batcher.settled_through == 1_000


class Shifty(Mapping[str, str]):
    """A record that says another id each time it is asked."""

    def __init__(self, *ids: str) -> None:
        self._ids = iter(ids)

    def __getitem__(self, key: str) -> str:
        return next(self._ids)

    def __iter__(self) -> Iterator[str]:
        return iter(["crm_record_id"])

    def __len__(self) -> int:
        return 1


@virtual
async def test_a_record_has_the_id_that_is_sent() -> None:
    """However often its mapping changes its mind; who adds what it said otherwise is not it."""
    async with open_bench(linger=0) as bench, bench.batcher as batcher:
        shifty, a, b = await asyncio.gather(
            batcher.add(Shifty("a", "b", "c", "d")), batcher.add("a"), batcher.add("b")
        )
        assert [o.crm_record_id for o in (shifty, a, b)] == ["a", "a", "b"]
        assert {o.status for o in (shifty, a, b)} == {Status.ADDED}
        assert list(bench.campaign.ledger) == ["a", "b"]


@virtual
async def test_a_settled_id_is_remembered() -> None:
    """The same id after the first is in the campaign gets that outcome without a request."""
    async with open_bench(linger=0) as bench, bench.batcher as batcher:
        first = await batcher.add("CRM-1")
        again = await batcher.submit("CRM-1")
        assert again.done()
        assert await again is first
        assert batcher.settled_through == 2
        assert bench.sizes == [1]


@virtual
async def test_a_failed_id_may_try_again() -> None:
    """An id that was refused is not remembered: the next one with it is sent."""
    campaign = {"unknown_to_crm": ["CRM-1"]}
    async with open_bench(linger=0, campaign=campaign) as bench, bench.batcher as batcher:
        assert (await batcher.add("CRM-1")).status is Status.REJECTED
        bench.campaign.unknown_to_crm = ()
        assert (await batcher.add("CRM-1")).status is Status.ADDED


@virtual
async def test_the_memory_of_ids_is_bounded() -> None:
    """Beyond some settled ids the oldest is forgotten, and then nobody says "theirs"."""
    forgotten = 2 * (REMEMBERED + 100)
    campaign = {"holds": ["THEIRS-1", "THEIRS-2"]}
    async with open_bench(linger=0, campaign=campaign) as bench, bench.batcher as batcher:
        early = await batcher.add("THEIRS-1")
        assert early.attribution is Attribution.THEIRS
        await asyncio.gather(*(batcher.add(i) for i in ids(forgotten)))
        asked = bench.stack.emulator.request_count
        await batcher.add(f"CRM-{forgotten - 1}")
        assert bench.stack.emulator.request_count == asked
        for known in ("CRM-0", "THEIRS-1", "THEIRS-2"):
            outcome = await batcher.add(known)
            assert (outcome.status, outcome.attribution) == ("PRESENT", "unclear")


@virtual
async def test_after_an_unknown_nobody_says_theirs() -> None:
    """An id that ended UNKNOWN may be there by us, so a later PRESENT is unclear."""
    async with open_bench(linger=0, emulator=LOST_AND_VAGUE) as bench, bench.batcher as batcher:
        assert (await batcher.add("CRM-1")).status is Status.UNKNOWN
        bench.stack.emulator.service.quirks = Quirks()
        again = await batcher.add("CRM-1")
        assert (again.status, again.attribution) == ("PRESENT", "unclear")


@virtual
async def test_what_may_be_in_is_not_called_not_added() -> None:
    """An id that ended UNKNOWN is so again when it comes once more and nothing is sent any more."""
    faults = Faults(script=(Fault.DROP_AFTER_COMMIT,))
    async with open_bench(linger=0, faults=faults) as bench, bench.batcher as batcher:
        first = await batcher.submit("CRM-1")
        await asyncio.sleep(0.01)
        bench.campaign.force(CampaignState.COMPLETE)
        assert (await first).status is Status.UNKNOWN
        other, again = [await batcher.add(i) for i in ids(2)]
        assert (other.status, again.status) == (Status.NOT_ADDED, Status.UNKNOWN)
        assert list(bench.campaign.ledger) == ["CRM-1"]


@virtual
async def test_what_may_be_in_is_not_rejected_without_a_reason() -> None:
    """A refusal that does not say why may mean an earlier submit of ours; a clear one does not."""
    async with open_bench(linger=0, emulator=LOST_AND_VAGUE) as bench, bench.batcher as batcher:
        statuses = [(await batcher.add("CRM-1")).status for _ in range(2)]
        statuses += [(await batcher.add({"crm_record_id": "CRM-1", "priority": "?"})).status]
        assert statuses == ["UNKNOWN", "UNKNOWN", "REJECTED"]


# --- back-pressure


@virtual
async def test_a_full_buffer_makes_submit_wait() -> None:
    """With ``when_full="wait"`` a submit returns when there is room, in turn."""
    options: dict[str, Any] = {"linger": 0, "max_buffered": 2, "faults": Faults(latency=10)}
    async with open_bench(**options) as bench, bench.batcher as batcher:
        await batcher.submit("A")
        await batcher.submit("B")
        waiting = [asyncio.create_task(batcher.submit(i)) for i in "CD"]
        await turns()
        assert not any(task.done() for task in waiting)
        deliveries = [await task for task in waiting]
        assert now() == 10
        assert [delivery.position for delivery in deliveries] == [2, 3]
        assert bench.sizes == [2]


@pytest.mark.parametrize("linger", [3_600, math.inf])
@virtual
async def test_a_full_buffer_does_not_linger(linger: float) -> None:
    """Nothing more can come into the batch, and room comes of what is settled."""
    async with open_bench(linger=linger, max_buffered=4) as bench, bench.batcher as batcher:
        deliveries = [await batcher.submit(i) for i in [*ids(10), "CRM-9", "CRM-9"]]
        assert bench.sizes == [4, 4]
        await batcher.flush()
        assert (bench.sizes, now()) == ([4, 4, 2], 0)
        assert all(delivery.done() for delivery in deliveries)


@virtual
async def test_a_full_buffer_raises_if_told_so() -> None:
    """With ``when_full="error"`` a submit to a full buffer raises, and takes nothing."""
    options: dict[str, Any] = {"linger": 10, "max_buffered": 2, "when_full": "error"}
    async with open_bench(**options) as bench, bench.batcher as batcher:
        deliveries = [await batcher.submit(i) for i in "AB"]
        with pytest.raises(BatcherFullError, match="holds 2 records"):
            await batcher.add("C")
        assert [(await delivery).status for delivery in deliveries] == ["ADDED", "ADDED"]
        assert (await batcher.add("C")).status is Status.ADDED


@virtual
async def test_the_buffer_counts_shared_ids() -> None:
    """Deliveries that share an id take up room too: an outage must not fill the memory."""
    options: dict[str, Any] = {"linger": 10, "max_buffered": 3, "when_full": "error"}
    async with open_bench(**options) as bench, bench.batcher as batcher:
        for _ in range(3):
            await batcher.submit("A")
        with pytest.raises(BatcherFullError):
            await batcher.submit("A")


@virtual
async def test_a_cancelled_wait_for_room_passes_it_on() -> None:
    """Room granted to a submit that is cancelled at that moment goes to the next in turn."""
    options: dict[str, Any] = {"linger": 0, "max_buffered": 1, "faults": Faults(latency=10)}
    async with open_bench(**options) as bench, bench.batcher as batcher:
        delivery = await batcher.submit("A")
        waiting = [asyncio.create_task(batcher.submit(i)) for i in "BCD"]
        await turns()
        waiting[0].cancel()
        await asyncio.sleep(10)
        while not delivery.done():
            await turns(1)
        waiting[1].cancel()
        last = await asyncio.wait_for(waiting[2], timeout=100)
        assert (await last).crm_record_id == "D"
        assert list(bench.campaign.ledger) == ["A", "D"]


@virtual
async def test_a_remembered_id_passes_its_place_on() -> None:
    """It needs none, so whoever waits behind it goes on."""
    async with open_bench(linger=0, max_buffered=1) as bench, bench.batcher as batcher:
        await batcher.add("A")
        async with asyncio.timeout(60):
            outcomes = await asyncio.gather(*(batcher.add(i) for i in "BAC"))
        assert [outcome.status for outcome in outcomes] == ["ADDED"] * 3


@virtual
async def test_who_gives_up_waiting_for_room_leaves_nothing() -> None:
    """There may be no end to an outage, and to callers with a timeout."""
    faults = Faults(rates={Fault.UNAVAILABLE: 1.0})
    async with open_bench(linger=0, max_buffered=1, faults=faults) as bench:
        await bench.batcher.submit("A")
        for _ in range(100):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await bench.batcher.add("B")
        assert not bench.batcher._room._waiting  # noqa: SLF001 - memory
        with pytest.raises(UnresolvedError):
            await bench.batcher.aclose(timeout=1)


@pytest.mark.filterwarnings("ignore:a RecordBatcher was never closed:ResourceWarning")
@pytest.mark.parametrize("begun", [False, True])
@virtual
async def test_nobody_waits_for_ever_if_somebody_cancels_its_task(*, begun: bool) -> None:
    """The loop does at its end, perhaps before the task's first step."""
    async with open_bench(linger=10) as bench:
        batcher = bench.batcher
        adds = [asyncio.create_task(batcher.add(i)) for i in "AB"]
        await asyncio.sleep(1 if begun else 0)
        drive = batcher._task  # noqa: SLF001 - as the loop at its end
        assert drive is not None
        late = await batcher.submit("C")
        drive.cancel()
        async with asyncio.timeout(60):
            outcomes = [*await asyncio.gather(*adds), await late]
            await batcher.aclose(timeout=1)
        assert [outcome.status for outcome in outcomes] == ["NOT_ADDED"] * 3
        assert bench.sizes == []


@virtual
async def test_closing_ends_the_wait_for_room() -> None:
    """A submit that waits for room when the batcher is closed raises; its record is not taken."""
    options: dict[str, Any] = {"linger": 0, "max_buffered": 1, "faults": Faults(latency=10)}
    async with open_bench(**options) as bench:
        batcher = bench.batcher
        await batcher.submit("A")
        waiting = asyncio.create_task(batcher.submit("B"))
        await turns()
        await batcher.aclose()
        with pytest.raises(ConfigurationError, match="closed"):
            await waiting
        assert list(bench.campaign.ledger) == ["A"]


@virtual
async def test_a_full_one_that_is_closed_says_that_it_is_closed() -> None:
    """And not that there is no room: that would be worth another try."""
    options: dict[str, Any] = {"linger": 0, "max_buffered": 1, "faults": Faults(latency=10)}
    async with open_bench(when_full="error", **options) as bench, bench.batcher as batcher:
        delivery = await batcher.submit("A")
        closing = asyncio.create_task(batcher.aclose())
        await turns()
        for hand_over in (batcher.submit, batcher.add):
            with pytest.raises(ConfigurationError, match="closed"):
                await hand_over("B")
        await closing
        assert (await delivery).status is Status.ADDED


# --- flush


@virtual
async def test_flush_does_not_linger() -> None:
    """`flush` sends what waits at once, and returns when it is settled."""
    async with open_bench(linger=1_000) as bench, bench.batcher as batcher:
        deliveries = [await batcher.submit(i) for i in ids(3)]
        await batcher.flush()
        assert all(delivery.done() for delivery in deliveries)
        assert now() == 0
        await batcher.flush()
        assert bench.sizes == [3]


@virtual
async def test_flush_is_for_what_was_submitted_before() -> None:
    """What is submitted after a flush began does not keep it."""
    faults = Faults(script=(None, Fault.HANG))
    async with open_bench(linger=0, faults=faults) as bench, bench.batcher as batcher:
        await batcher.submit("A")
        flush = asyncio.create_task(batcher.flush())
        await turns(3)
        late = await batcher.submit("B")
        await flush
        assert now() == 0
        assert not late.done()
        assert bench.sizes[0] == 1


@virtual
async def test_a_flush_without_time_names_what_is_not_settled() -> None:
    """`flush` ends in time, names the unsettled ids, and what it waited for goes on."""
    faults = Faults(script=(Fault.HANG,))
    async with open_bench(linger=0, faults=faults) as bench, bench.batcher as batcher:
        deliveries = [await batcher.submit(i) for i in ids(8)]
        flush = asyncio.create_task(batcher.flush(timeout=7))
        await turns()
        later = await batcher.submit("LATER")
        with pytest.raises(UnresolvedError, match="CRM-4 and 3 more") as caught:
            await flush
        assert now() == 7
        assert caught.value.crm_record_ids == tuple(ids(8))
        assert {(await delivery).status for delivery in deliveries} == {Status.ADDED}
        assert (await later).status is Status.ADDED


@virtual
async def test_flush_from_a_task_that_waits_for_its_record() -> None:
    """Whoever awaits deliveries, or reacts to one, may flush: nobody waits for himself."""
    async with open_bench(linger=1_000) as bench, bench.batcher as batcher:

        async def work(number: int) -> RecordOutcome:
            delivery = await batcher.submit(f"CRM-{number}")
            await batcher.flush()
            outcome = await delivery
            await batcher.flush()
            return outcome

        outcomes = await asyncio.gather(*(work(number) for number in range(50)))
        assert {outcome.status for outcome in outcomes} == {Status.ADDED}
        assert now() == 0
        assert sum(bench.sizes) == 50


# --- settled_through


@virtual
async def test_settled_through_waits_for_the_slowest() -> None:
    """It stays below the first position that is not settled, however many after it are."""
    faults = Faults(script=(Fault.HANG,))
    options: dict[str, Any] = {"linger": 0, "max_batch_size": 1}
    async with open_bench(faults=faults, **options) as bench, bench.batcher as batcher:
        slow = await batcher.submit("SLOW")
        await turns()
        quick = [await batcher.submit(i) for i in ids(5)]
        for delivery in quick:
            await delivery
        assert batcher.settled_through == 0
        await slow
        assert batcher.settled_through == 6


# --- cancelling


@virtual
async def test_cancelling_an_add_gives_up_the_wait_alone() -> None:
    """A cancelled add loses neither its record nor the outcome of others who share its id."""
    async with open_bench(linger=5) as bench, bench.batcher as batcher:
        given_up = asyncio.create_task(batcher.add("CRM-1"))
        shares = asyncio.create_task(batcher.add("CRM-1"))
        await turns()
        given_up.cancel()
        assert (await shares).status is Status.ADDED
        assert given_up.cancelled()
        assert bench.sizes == [1]


@virtual
async def test_cancelling_all_adds_loses_nothing() -> None:
    """The records of cancelled adds go in all the same."""
    async with open_bench(linger=5) as bench, bench.batcher as batcher:
        tasks = [asyncio.create_task(batcher.add(i)) for i in ids(50)]
        await turns()
        for task in tasks:
            task.cancel()
        await batcher.flush()
        assert list(bench.campaign.ledger) == ids(50)


# --- the end


@virtual
async def test_leaving_normally_drains() -> None:
    """Leaving ``async with`` returns when every record is settled, without lingering."""
    async with open_bench(linger=1_000) as bench:
        async with bench.batcher as batcher:
            deliveries = [await batcher.submit(i) for i in ids(250)]
        assert all(delivery.done() for delivery in deliveries)
        assert len(bench.campaign.ledger) == 250
        assert now() == 0


@virtual
async def test_leaving_normally_waits_through_an_outage() -> None:
    """Draining goes on until the service is back, for nothing was said about a time."""
    async with open_bench(linger=0) as bench:
        bench.stack.network.go_down()
        asyncio.get_running_loop().call_at(7_200, bench.stack.network.come_up)
        async with bench.batcher as batcher:
            for i in ids(1_000):
                await batcher.submit(i)
        assert 7_200 <= now() < 7_260
        assert len(bench.campaign.ledger) == 1_000


@pytest.mark.parametrize("reason", [ValueError("mine"), asyncio.CancelledError()])
def test_leaving_by_an_exception_stops(reason: BaseException) -> None:
    """Leaving by an exception or a cancellation settles all at once, and nothing more is sent."""

    @virtual
    async def story() -> None:
        async with open_bench(linger=10, max_batch_size=2, max_in_flight=1) as bench:
            deliveries: list[Delivery] = []

            async def use(batcher: RecordBatcher) -> None:
                async with batcher:
                    deliveries.extend([await batcher.submit(i) for i in ids(5)])
                    await deliveries[0]
                    raise reason

            with pytest.raises(type(reason)):
                await use(bench.batcher)
            left = bench.stack.emulator.request_count
            await asyncio.sleep(3_600)
            assert bench.stack.emulator.request_count == left
            outcomes = [await delivery for delivery in deliveries]
            assert outcomes[0].status is Status.ADDED
            assert outcomes[4].status is Status.NOT_ADDED
            assert isinstance(outcomes[4].error, UploadStoppedError)
            check_ledger(outcomes, bench.campaign)
            with pytest.raises(ConfigurationError, match="closed"):
                await bench.batcher.add("LATE")

    story()


@virtual
async def test_what_is_in_flight_when_left_gets_a_moment() -> None:
    """A request in flight may answer within the grace; what does not is UNKNOWN."""
    faults = Faults(latency=1, script=(None, Fault.HANG_AFTER_COMMIT))
    async with open_bench(linger=0, max_batch_size=1, faults=faults) as bench:
        deliveries: list[Delivery] = []

        async def use(batcher: RecordBatcher) -> None:
            async with batcher:
                deliveries.extend([await batcher.submit(i) for i in "AB"])
                await turns()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await use(bench.batcher)
        assert now() == GRACE
        outcomes = [await delivery for delivery in deliveries]
        assert [outcome.status for outcome in outcomes] == ["ADDED", "UNKNOWN"]
        check_ledger(outcomes, bench.campaign)


@virtual
async def test_left_by_an_exception_without_use() -> None:
    """A batcher that was opened for nothing is left by an exception as quickly."""
    async with open_bench() as bench:
        with pytest.raises(ZeroDivisionError):
            async with bench.batcher:
                raise ZeroDivisionError
        assert now() == 0


@virtual
async def test_failures_nobody_saw_come_out() -> None:
    """Leaving raises an ExceptionGroup of the failures whose deliveries nobody looked at."""
    campaign = {"unknown_to_crm": ["BAD-1", "BAD-2", "BAD-3"]}
    async with open_bench(linger=0, campaign=campaign) as bench:

        async def use(batcher: RecordBatcher) -> None:
            async with batcher:
                await batcher.submit("GOOD-1")
                awaited, asked, _ = [await batcher.submit(f"BAD-{n}") for n in (1, 2, 3)]
                assert (await awaited).status is Status.REJECTED
                await batcher.flush()
                assert asked.outcome is not None

        with pytest.raises(ExceptionGroup, match="1 record") as caught:
            await use(bench.batcher)
        (error,) = caught.value.exceptions
        assert isinstance(error, CampaignsError)
        assert "BAD-3" in str(error)


@virtual
async def test_failures_somebody_saw_do_not_hide_others() -> None:
    """However many failures were looked at, one that was not comes out."""
    async with open_bench(linger=0) as bench:

        async def use(batcher: RecordBatcher) -> None:
            async with batcher:
                await batcher.submit("")
                for _ in range(2_000):
                    assert (await batcher.add("")).status is Status.REJECTED

        with pytest.raises(ExceptionGroup, match="1 record"):
            await use(bench.batcher)


@virtual
async def test_thousands_of_unseen_failures() -> None:
    """The group holds the first 1,000 failures, and its message says that there may be more."""
    async with open_bench(linger=0) as bench:

        async def use(batcher: RecordBatcher) -> None:
            async with batcher:
                for _ in range(2_500):
                    await batcher.submit("")

        with pytest.raises(ExceptionGroup, match="1,000 or more records") as caught:
            await use(bench.batcher)
        assert len(caught.value.exceptions) == 1_000


@virtual
async def test_aclose_drains_and_raises_nothing() -> None:
    """`aclose` returns when all is settled; after that nothing is taken, and closing is idle."""
    async with open_bench(linger=1_000) as bench:
        batcher = bench.batcher
        delivery = await batcher.submit("CRM-1")
        await batcher.aclose()
        assert delivery.done()
        assert now() == 0
        await batcher.aclose()
        for attempt in (batcher.add("CRM-2"), batcher.submit("CRM-2"), batcher.flush()):
            with pytest.raises(ConfigurationError, match="closed"):
                await attempt


@virtual
async def test_aclose_of_a_batcher_never_used() -> None:
    """A batcher that was never used is closed at once, and stays closed."""
    async with open_bench() as bench:
        await bench.batcher.aclose(timeout=1)
        await bench.batcher.aclose()
        with pytest.raises(ConfigurationError, match="closed"):
            await bench.batcher.submit("CRM-1")


@virtual
async def test_aclose_ends_in_time_and_names_the_rest() -> None:
    """After the timeout each delivery has its outcome, and the error names the unresolved."""
    faults = Faults(script=(Fault.HANG_AFTER_COMMIT,))
    options: dict[str, Any] = {"linger": 0, "max_batch_size": 2, "max_in_flight": 1}
    async with open_bench(faults=faults, client={"timeout": PATIENT}, **options) as bench:
        batcher = bench.batcher
        deliveries = [await batcher.submit(i) for i in ids(4)]
        await turns()
        with pytest.raises(UnresolvedError, match="CRM-0, CRM-1, CRM-2, CRM-3") as caught:
            await batcher.aclose(timeout=5)
        assert now() == 5
        assert caught.value.crm_record_ids == tuple(ids(4))
        outcomes = [await delivery for delivery in deliveries]
        assert [o.status for o in outcomes] == ["UNKNOWN", "UNKNOWN", "NOT_ADDED", "NOT_ADDED"]
        check_ledger(outcomes, bench.campaign)


@virtual
async def test_a_second_aclose_waits_with_the_first() -> None:
    """Two tasks may close, and both return when everything is settled."""
    async with open_bench(linger=0, faults=Faults(latency=10)) as bench:
        await bench.batcher.submit("CRM-1")
        first = asyncio.create_task(bench.batcher.aclose())
        await turns()
        await bench.batcher.aclose(timeout=11)
        assert now() == 10
        await first


@virtual
async def test_the_shorter_timeout_of_two_counts() -> None:
    """Whoever says it ends it: nothing waits on, and nothing is left without a word."""
    async with open_bench(linger=0, faults=Faults(latency=10)) as bench:
        delivery = await bench.batcher.submit("CRM-1")
        first = asyncio.create_task(bench.batcher.aclose())
        await turns()
        with pytest.raises(UnresolvedError, match="CRM-1"):
            await bench.batcher.aclose(timeout=3)
        assert now() == 3
        await first
        assert (await delivery).status is Status.UNKNOWN


@virtual
async def test_cancelling_aclose_stops() -> None:
    """A cancelled `aclose` gives up what is not in flight, and still settles everything."""
    async with open_bench(linger=0, faults=Faults(rates={Fault.UNAVAILABLE: 1.0})) as bench:
        batcher = bench.batcher
        deliveries = [await batcher.submit(i) for i in ids(3)]
        closing = asyncio.create_task(batcher.aclose())
        await asyncio.sleep(100)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        asked = bench.stack.emulator.request_count
        outcomes = [await delivery for delivery in deliveries]
        assert {outcome.status for outcome in outcomes} == {Status.UNKNOWN}
        await asyncio.sleep(3_600)
        assert bench.stack.emulator.request_count == asked


# --- what the service says


@virtual
async def test_a_revoked_key_ends_it_for_all() -> None:
    """After a 401 everything that waits is NOT_ADDED at once, and so is what comes later."""
    options: dict[str, Any] = {"linger": 10, "max_batch_size": 10, "max_in_flight": 1}
    async with open_bench(**options) as bench, bench.batcher as batcher:
        assert (await batcher.add("GOOD-1")).status is Status.ADDED
        bench.stack.emulator.revoke_key()
        outcomes = await asyncio.gather(*(batcher.add(i) for i in ids(35)))
        assert {outcome.status for outcome in outcomes} == {Status.NOT_ADDED}
        assert isinstance(outcomes[34].error, AuthenticationError)
        assert now() == 10
        assert bench.stack.emulator.request_count == 2
        later = await batcher.add("LATER-1")
        assert (later.status, later.error) == (Status.NOT_ADDED, outcomes[0].error)
        await batcher.flush()
        assert batcher.settled_through == 37
        assert bench.stack.emulator.request_count == 2


@virtual
async def test_a_campaign_that_builds_is_waited_for() -> None:
    """While the campaign is BUILDING one batch asks again; then all that waited goes in."""
    campaign = {"state": "BUILDING", "build_seconds": 1_000}
    async with open_bench(linger=1, campaign=campaign) as bench, bench.batcher as batcher:
        outcomes = await asyncio.gather(*(batcher.add(i) for i in ids(500)))
        assert {outcome.status for outcome in outcomes} == {Status.ADDED}
        assert 1_000 <= now() < 1_030
        canaries = bench.stack.emulator.requests[:-5]
        # The first few were in flight together; after that only one at a time asks.
        assert len({tuple(request.crm_record_ids) for request in canaries[5:]}) == 1


@virtual
async def test_a_lost_reply_is_settled_by_proof() -> None:
    """A batch whose reply was lost is sent again, and what that proves is the outcome."""
    faults = Faults(script=(Fault.DROP_AFTER_COMMIT,))
    async with open_bench(linger=0, faults=faults) as bench, bench.batcher as batcher:
        outcomes = await asyncio.gather(*(batcher.add(i) for i in ids(3)))
        assert {outcome.status for outcome in outcomes} == {Status.PRESENT}
        assert {outcome.attribution for outcome in outcomes} == {Attribution.UNCLEAR}
        check_ledger(outcomes, bench.campaign)


@virtual
async def test_exclusive_infers() -> None:
    """With ``exclusive=True`` a batch whose reply was lost is ADDED by one more request."""
    faults = Faults(script=(Fault.DROP_AFTER_COMMIT,))
    options: dict[str, Any] = {"linger": 0, "exclusive": True}
    async with open_bench(faults=faults, **options) as bench, bench.batcher as batcher:
        outcomes = await asyncio.gather(*(batcher.add(i) for i in ids(3)))
        assert {outcome.evidence for outcome in outcomes} == {"inferred"}
        assert bench.sizes == [3, 3]


@virtual
async def test_nobody_waits_for_ever_if_the_batcher_itself_fails() -> None:
    """Should the machinery fail, every delivery is UNKNOWN with the reason, and it is closed."""
    async with open_bench(linger=0) as bench:
        batcher = bench.batcher
        drive = batcher._drive  # noqa: SLF001 - there is no way to make it fail from outside

        def fail() -> None:
            msg = "out of order"
            raise RuntimeError(msg)

        drive._feed = fail  # noqa: SLF001 - as above
        outcome = await batcher.add("CRM-1")
        assert outcome.status is Status.UNKNOWN
        assert "out of order" in str(outcome.error)
        with pytest.raises(ConfigurationError, match="closed"):
            await batcher.submit("CRM-2")
        await batcher.aclose()


# --- options


@pytest.mark.parametrize(
    ("options", "said"), [({"max_batch_size": 101}, "max_batch_size"), ({"order": "x"}, "order")]
)
def test_wrong_options_are_told_at_once(options: dict[str, Any], said: str) -> None:
    """An option that cannot be meant is a ConfigurationError that names it."""

    @virtual
    async def story() -> None:
        with pytest.raises(ConfigurationError, match=said):
            async with open_bench(**options):
                pass

    story()


@virtual
async def test_an_endless_linger_waits_for_a_full_batch() -> None:
    """``linger=math.inf`` sends full batches alone, and the rest when flushed."""
    async with open_bench(linger=math.inf) as bench, bench.batcher as batcher:
        for i in ids(150):
            await batcher.submit(i)
        await asyncio.sleep(1_000)
        assert bench.sizes == [100]
        await batcher.flush()
        assert bench.sizes == [100, 50]


@virtual
async def test_batchers_share_the_sessions_limits() -> None:
    """Two batchers of one session together keep to its pace."""
    client = {"limits": Limits(requests_per_second=1)}
    async with open_bench(client=client, linger=0) as bench:
        other = bench.stack.session.campaign(bench.campaign.id).batcher(linger=0)
        async with bench.batcher as batcher, other:
            for n in range(5):
                await asyncio.gather(batcher.add(f"A-{n}"), other.add(f"B-{n}"))
        assert now() == 9


@virtual
async def test_throttling_holds_the_whole_batcher() -> None:
    """After a 429 nothing is sent before the time it gives, by no batch."""
    faults = Faults(script=(Fault.THROTTLE_SECONDS,), details=FaultDetails(retry_after=30))
    async with open_bench(linger=0, max_batch_size=1, max_in_flight=1, faults=faults) as bench:
        async with bench.batcher as batcher:
            await asyncio.gather(*(batcher.add(i) for i in ids(4)))
        first, *rest = [request.at for request in bench.stack.emulator.requests]
        assert all(30 <= (at - first).total_seconds() <= 31 for at in rest)


@virtual
async def test_a_batcher_is_told_from_the_first_record_to_the_close() -> None:
    """Its records as they settle, those that need no request as well."""
    told: list[Event] = []
    async with open_bench(client={"on_event": told.append}) as bench:
        assert told == []
        async with bench.batcher as batcher:
            await asyncio.gather(*(batcher.add(crm_record_id) for crm_record_id in [*ids(3), ""]))
    assert [event.name for event in told] == [
        "call.begun",
        "records.settled",
        "attempt.begun",
        "attempt.ended",
        "records.settled",
        "call.ended",
    ]
    counts = [event.counts for event in told if isinstance(event, RecordsSettled)]
    assert counts == [{Status.REJECTED: 1}, {Status.ADDED: 3}]


async def test_another_loop_is_told_at_once() -> None:
    """In each thread there is one of its own; a batcher belongs to the one it began on."""
    async with (
        Emulator() as emulator,
        connect(emulator) as session,
        session.campaign(emulator.create_campaign().id).batcher() as batcher,
    ):
        await batcher.add("CRM-1")
        with pytest.raises(ConfigurationError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(batcher.add("CRM-2")))
        assert (await batcher.add("CRM-3")).status is Status.ADDED


def test_one_that_is_never_closed_is_warned_of() -> None:
    """Where the loop ends before it, what waits is lost; that must not go unseen."""

    async def forget() -> None:
        async with Emulator() as emulator, connect(emulator) as session:
            campaign = session.campaign(emulator.create_campaign().id)
            batcher = campaign.batcher(linger=60)
            for number in range(3):
                await batcher.submit(f"CRM-{number}")

    with pytest.warns(ResourceWarning, match="never closed, and 3 records"):
        asyncio.run(forget())


async def test_why_it_stopped_can_be_asked() -> None:
    """It does not recover from a revoked key, and says so."""
    async with Emulator() as emulator, connect(emulator) as session:
        batcher = session.campaign(emulator.create_campaign().id).batcher()
        async with batcher:
            before = batcher.stopped_by
            emulator.revoke_key()
            outcomes = [await batcher.add(i) for i in ("CRM-1", "CRM-2")]
            assert before is None
            assert isinstance(batcher.stopped_by, AuthenticationError)
    assert {outcome.status for outcome in outcomes} == {Status.NOT_ADDED}


async def test_a_mapping_may_be_used_again_at_once() -> None:
    """What was submitted is what it said then, whenever it is sent."""
    async with Emulator() as emulator, connect(emulator) as session:
        campaign = emulator.create_campaign()
        async with session.campaign(campaign.id).batcher() as batcher:
            row: dict[str, str] = {}
            deliveries = []
            for number in range(3):
                row["crm_record_id"] = f"CRM-{number}"
                deliveries.append(await batcher.submit(row))
            outcomes = [await delivery for delivery in deliveries]
    assert list(campaign.ledger) == ["CRM-0", "CRM-1", "CRM-2"]
    assert [o.record_in for o in outcomes] == [{"crm_record_id": i} for i in campaign.ledger]
