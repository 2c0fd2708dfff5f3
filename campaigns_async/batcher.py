"""RecordBatcher: records one at a time from many tasks, requests of up to 100 to the service."""

import asyncio
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from campaigns_async._core.parsing import read_id, snapshot
from campaigns_async._core.ranks import Ranks
from campaigns_async._core.rows import AT_ONCE
from campaigns_async._core.settlement import Settlement
from campaigns_async.batcher_options import BatcherOptions, Patience
from campaigns_async.delivery import Delivery
from campaigns_async.dispatch import Dispatcher
from campaigns_async.drive import GRACE, Drive, build_engine
from campaigns_async.errors import (
    BatcherFullError,
    CampaignsError,
    ConfigurationError,
    UnresolvedError,
    UploadStoppedError,
)
from campaigns_async.models import NewRecord
from campaigns_async.outcomes import FAILED, RecordOutcome, Status
from campaigns_async.remembered import Memory
from campaigns_async.room import Room
from campaigns_async.unseen import Unseen
from campaigns_async.watermark import Watermark

_logger = logging.getLogger(__name__)


class RecordBatcher:
    """Collects records into requests; an async context manager, long-lived, for one event loop.

    Made by :meth:`CampaignHandle.batcher`, which says what the options do. Leaving ``async with``
    normally drains: it returns when every record is settled. Leaving it by an exception or a
    cancellation stops: nothing is sent any more, requests in flight get a short time to answer.
    Records that failed without anybody looking at their delivery come out as an ExceptionGroup at
    the end.

    The same id again shares the outcome of the first, and what else it says is not sent: while that
    is pending, and after that as long as it is among the last 10,000 ids that are in the campaign,
    or a few more. Beyond that the service decides. Where nothing is sent any more, an id that ended
    UNKNOWN before is so again, if it is among the last 10,000 of those; any other is NOT_ADDED,
    which speaks of this submit.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        path: str,
        options: BatcherOptions,
    ) -> None:
        self._check_usable = dispatcher.connections.open
        # For deliveries that are not settled; those that share an id count each.
        self._room = Room(options.max_buffered)
        self._wait_for_room = options.when_full == "wait"
        self._engine = build_engine(
            dispatcher,
            ranks=Ranks(options.order),
            exclusive=options.exclusive,
            dedupe=None,
            max_batch_size=options.max_batch_size,
            linger=float(options.linger),
        )
        self._call = dispatcher.new_call("batcher", path)
        self._drive = Drive(
            dispatcher,
            path,
            self._engine,
            call=self._call,
            on_settled=self._settle,
            feed=self._feed,
            max_in_flight=options.max_in_flight,
        )
        # The one it takes records on; None until it is started, and once it is closed.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._submitted = 0
        # The first with its id, by position and by the id.
        self._pending: dict[int, Delivery] = {}
        self._pending_by_id: dict[str, Delivery] = {}
        # Submitted, and not handed to the engine yet.
        self._inbox: list[NewRecord | Mapping[str, Any] | str] = []
        self._inbox_positions: list[int] = []
        # An id of ours may come again unknown: it proves nothing any more that one is there.
        self._memory = Memory(on_forget=self._engine.distrust)
        self._settled = Watermark()
        self._unseen = Unseen()

    # --- records in

    async def add(self, record: NewRecord | Mapping[str, Any] | str) -> RecordOutcome:
        """What became of the record. Returns when it is settled, not when it is queued.

        A record that cannot be sent, or that the service refuses, is an outcome and no exception.
        Raises :exc:`BatcherFullError` if ``when_full`` says so, :exc:`ConfigurationError` after the
        end. Cancelling gives up the wait, not the record.
        """
        # Without a coroutine for the wait where there is none.
        delivery = await self.submit(record) if self._room.full else self._submit(record)
        if not delivery.done():
            # As when it is awaited, but without a generator: that takes a fifth of such a wait.
            waiter = delivery.begin_wait()
            try:
                await waiter
            finally:
                delivery.end_wait(waiter)
        return delivery.look()

    async def submit(self, record: NewRecord | Mapping[str, Any] | str) -> Delivery:
        """Hand a record over; await the delivery for its outcome. Returns when there is room.

        Raises as :meth:`add` does.
        """
        self._start()
        while self._room.full:
            await self._wait_for_place()
        return self._submit(record)

    def _submit(self, record: NewRecord | Mapping[str, Any] | str) -> Delivery:
        # As _start asks, without a call for each record.
        if asyncio.get_running_loop() is not self._loop:
            self._start()
        position = self._submitted
        self._submitted += 1
        self._room.taken += 1
        # Its id is what is sent, though the caller's own mapping may say another next time.
        record = snapshot(record)
        crm_record_id = read_id(record)
        delivery = Delivery(position, crm_record_id)
        if crm_record_id is not None:
            if (first := self._pending_by_id.get(crm_record_id)) is not None:
                first.share(delivery)
                return delivery
            if (outcome := self._memory.find(crm_record_id)) is not None:
                self._conclude([delivery], outcome)
                self._settled.advance()
                # It took the place of one that waits, and needs none.
                self._room.tell()
                return delivery
            self._pending_by_id[crm_record_id] = delivery
        self._pending[position] = delivery
        self._inbox.append(record)
        self._inbox_positions.append(position)
        if self._engine.stopped_by is not None:
            # It is over, or about to be.
            self._feed()
        elif len(self._inbox) == 1:
            self._drive.notify()
        return delivery

    def _feed(self) -> None:
        """Hand all that was submitted since the last time to the engine, together."""
        records, self._inbox = self._inbox, []
        positions, self._inbox_positions = self._inbox_positions, []
        for at in range(0, len(records), AT_ONCE):
            stretch: Sequence[int] = positions[at : at + AT_ONCE]
            if stretch[-1] - stretch[0] == len(stretch) - 1:
                # They rise, and none is missing: as a range they cost next to nothing.
                stretch = range(stretch[0], stretch[-1] + 1)
            rows = self._engine.parse(records[at : at + AT_ONCE], stretch)
            self._settle(self._engine.feed(rows, asyncio.get_running_loop().time()))
        if self._room.full and self._engine.lingering == self._engine.unsettled:
            # Room comes of what is settled: what lingers for more would wait in vain.
            self._engine.flush()

    async def _wait_for_place(self) -> None:
        self._drive.notify()
        if not self._wait_for_room:
            msg = (
                f"the batcher holds {self._room.most} records that are not settled; "
                "wait for some of them, or use when_full='wait'"
            )
            raise BatcherFullError(msg)
        await self._room.wait()
        if self._closed:
            self._raise_closed()

    # --- how far it is

    @property
    def settled_through(self) -> int:
        """Everything submitted at a position below this is settled.

        Settled, and not necessarily in: a worker may acknowledge what it read for those positions
        once it has seen their outcomes, for NOT_ADDED and UNKNOWN are outcomes too.
        """
        return self._settled.position

    @property
    def stopped_by(self) -> CampaignsError | None:
        """Why nothing is sent any more, a revoked key say; None as long as something may be.

        A batcher does not recover from that: what is submitted after it is NOT_ADDED at once, or
        UNKNOWN once more.
        """
        return self._engine.stopped_by

    async def flush(self, timeout: float | None = None) -> None:
        """Send what waits without lingering, and return when all submitted so far is settled.

        ``timeout``: seconds, None for no limit; after it :exc:`UnresolvedError` names what is not
        settled. That goes on all the same.
        """
        timeout = Patience(timeout).timeout
        self._start()
        target = self._submitted
        self._feed()
        self._engine.flush()
        self._drive.notify()
        late = False
        try:
            async with asyncio.timeout(timeout):
                await self._settled.wait(target)
        except TimeoutError:
            late = True
        if late:
            msg = f"flush: after {timeout} s these are not settled yet"
            raise UnresolvedError.of(msg, self._unsettled_ids(target))

    async def aclose(self, timeout: float | None = None) -> None:
        """Take nothing more, and return when everything is settled. Once is enough.

        ``timeout``: seconds, None for no limit. After it the rest is stopped: every delivery gets
        its outcome, NOT_ADDED or UNKNOWN, and :exc:`UnresolvedError` names those. Where several
        tasks close it, the first timeout counts.
        """
        timeout = Patience(timeout).timeout
        self._close()
        if self._task is None:
            return
        self._feed()
        self._settle(self._engine.finish(asyncio.get_running_loop().time()))
        self._drive.notify()
        try:
            await asyncio.wait([self._task], timeout=timeout)
        except asyncio.CancelledError:
            await self._stop("the closing of the batcher was cancelled")
            raise
        if self._task.done():
            return
        unresolved = list(self._unsettled_ids(self._submitted))
        # Its time is over, so what is in flight gets no more.
        await self._stop(f"the batcher was closed with a timeout of {timeout} s", grace=0)
        if unresolved:
            msg = f"aclose: after {timeout} s these were not settled; each delivery has its outcome"
            raise UnresolvedError.of(msg, unresolved)

    async def __aenter__(self) -> Self:
        self._start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None:
            self._close()
            await self._stop(f"the batcher was left by {type(exc).__name__}")
            return
        await self.aclose()
        self._unseen.raise_them()

    # --- inside

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        if self._closed:
            self._raise_closed()
        # The session closed, or of another loop: told at once, and no outcome of every record.
        self._check_usable()
        if self._task is None:
            self._loop = loop
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._on_end)

    async def _run(self) -> None:
        with self._call:
            await self._drive.run(on_deadline=lambda: UploadStoppedError("its time is over"))

    def _on_end(self, task: "asyncio.Task[None]") -> None:
        """Nobody must wait for ever, however it ended."""
        if task.cancelled():
            # Perhaps not by us, and before its first step.
            self._drive.stop(UploadStoppedError("the batcher's task was cancelled"))
            self._feed()
            if not self._closed:
                self._close()
                self._warn()
        elif (bug := task.exception()) is not None:
            self._close()
            self._inbox, self._inbox_positions = [], []
            _logger.error("a batcher failed", exc_info=bug)
            error = CampaignsError(f"the batcher failed: {bug!r}")
            while self._pending:
                position, first = self._pending.popitem()
                outcome = RecordOutcome(position, None, Status.UNKNOWN, error=error)
                self._conclude([first, *(first.sharers or ())], outcome)
            self._settled.advance()
        self._room.tell()

    def _warn(self) -> None:
        """Somebody else cancelled it, as a rule the loop at its end: nobody is left to raise to."""
        warnings.warn(
            f"a RecordBatcher was never closed, and {len(self._unseen):,} records that nobody "
            "looked at are not in the campaign; use it with async with",
            ResourceWarning,
            source=self,
            stacklevel=2,
        )

    def _close(self) -> None:
        self._closed = True
        self._loop = None
        self._room.close()

    def _raise_closed(self) -> None:
        msg = "the batcher is closed; make a new one with campaign.batcher()"
        raise ConfigurationError(msg)

    async def _stop(self, reason: str, *, grace: float = GRACE) -> None:
        """Send nothing more, settle everything; what is in flight gets ``grace`` seconds."""
        if self._task is None or self._task.done():
            return
        self._feed()
        self._drive.stop(UploadStoppedError(reason), grace=grace)
        self._task.cancel()
        await asyncio.wait([self._task])

    def _settle(self, settled: list[Settlement]) -> None:
        concluded: list[RecordOutcome] = []
        for settlement in settled:
            outcomes = self._memory.take_in(settlement)
            concluded += outcomes
            # Found before any is settled: should that fail, all of them are settled at the end.
            firsts = [self._pending[position] for position in settlement.rows.positions]
            sharing: list[tuple[list[Delivery], RecordOutcome]] = []
            for first, outcome in zip(firsts, outcomes, strict=True):
                first.settle(outcome)
                del self._pending[first.position]
                if first.crm_record_id is not None:
                    del self._pending_by_id[first.crm_record_id]
                if first.sharers is not None:
                    sharing.append((first.sharers, outcome))
            self._sign_off(firsts, settlement.status)
            for sharers, outcome in sharing:
                self._conclude(sharers, outcome)
        if settled:
            self._settled.advance()
            self._room.tell()
            self._call.settle((outcome.status, 1) for outcome in concluded)

    def _conclude(self, deliveries: list[Delivery], outcome: RecordOutcome) -> None:
        """They all have this outcome."""
        for delivery in deliveries:
            delivery.settle(outcome)
        self._sign_off(deliveries, outcome.status)

    def _sign_off(self, deliveries: list[Delivery], status: Status) -> None:
        """They are settled: they take no room, and count for those who wait for all."""
        self._room.taken -= len(deliveries)
        self._settled.add_all([delivery.position for delivery in deliveries])
        if status in FAILED:
            self._unseen.add(deliveries)

    def _unsettled_ids(self, below: int) -> Iterator[str]:
        for position, first in self._pending.items():
            if position < below:
                yield first.crm_record_id or "(no id)"
