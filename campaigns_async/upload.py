"""Uploads: an engine over an iterable, and the account of every row."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Literal, Self, TypedDict, Unpack

from campaigns_async._core.dedupe import Dedupe
from campaigns_async._core.ranks import Order, Ranks
from campaigns_async._core.settlement import Settlement
from campaigns_async.dispatch import Dispatcher
from campaigns_async.drive import GRACE, Drive, build_engine
from campaigns_async.errors import ConfigurationError, UploadStoppedError
from campaigns_async.models import MAX_RECORDS_PER_REQUEST, NewRecord
from campaigns_async.outcomes import RecordOutcome, Status
from campaigns_async.report import Account, Progress, UploadReport
from campaigns_async.sources import open_source

Records = (
    Iterable[NewRecord | Mapping[str, Any] | str]
    | AsyncIterable[NewRecord | Mapping[str, Any] | str]
)
OnOutcome = Callable[[RecordOutcome], Awaitable[None] | None]
OnProgress = Callable[[Progress], Awaitable[None] | None]

_PROGRESS_EVERY: Final = 0.1
"""Seconds between two calls of ``on_progress``, at least."""

_OUTBOX_ROWS: Final = 2_000
"""Settled rows that may wait for ``on_outcome`` before no more requests are made."""

_logger = logging.getLogger(__name__)


class UploadOptions(TypedDict, total=False):
    """The options of :meth:`CampaignHandle.upload`, which says what they do."""

    order: Order
    rank_start: int
    exclusive: bool
    on_duplicate: Literal["first", "error"]
    on_outcome: OnOutcome | None
    on_progress: OnProgress | None
    deadline: float | None
    stop_after_rejects: int | None


class Upload:
    """One upload on its way; made by :meth:`CampaignHandle.upload` and ``stream``."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        path: str,
        records: Records,
        **options: Unpack[UploadOptions],
    ) -> None:
        on_duplicate = options.get("on_duplicate", "first")
        deadline = options.get("deadline")
        stop_after_rejects = options.get("stop_after_rejects")
        if on_duplicate not in {"first", "error"}:
            msg = f"on_duplicate must be 'first' or 'error', not {on_duplicate!r}"
            raise ConfigurationError(msg)
        _check_positive("deadline", deadline)
        _check_positive("stop_after_rejects", stop_after_rejects)
        self._dispatcher = dispatcher
        self._deadline = deadline
        self._stop_after_rejects = stop_after_rejects
        self._on_outcome = options.get("on_outcome")
        self._on_progress = options.get("on_progress")
        self._account = Account()
        self._engine = build_engine(
            dispatcher,
            ranks=Ranks(options.get("order", "input"), options.get("rank_start", 1)),
            exclusive=options.get("exclusive", False),
            dedupe=Dedupe(),
            repeats_are_errors=on_duplicate == "error",
        )
        self._drive = Drive(
            dispatcher,
            path,
            self._engine,
            on_settled=self._settle,
            feed=self._feed,
            may_send=self._may_send,
        )
        self._source = open_source(records, self._drive.notify)
        self._outbox: deque[Settlement] = deque()
        self._outbox_rows = 0
        self._news = asyncio.Event()
        self._over = False
        self._started = 0.0

    async def run(self) -> UploadReport:
        """Until every row has its outcome; see :meth:`CampaignHandle.upload`."""
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        teller = loop.create_task(self._tell())
        try:
            await self._drive.run(
                deadline=self._deadline,
                on_deadline=UploadStoppedError(
                    f"the upload's deadline of {self._deadline} s has passed"
                ),
            )
            self._account_for_rest()
            self._finish_telling()
            await teller
        except asyncio.CancelledError as cancelled:
            self._account_for_rest()
            self._finish_telling()
            await asyncio.wait([teller], timeout=GRACE)
            cancelled.report = self.report()  # type: ignore[attr-defined]
            raise
        finally:
            teller.cancel()
            await self._source.close()
        report = self.report()
        if self._source.error is not None:
            self._source.error.report = report  # type: ignore[attr-defined]
            raise self._source.error
        return report

    def report(self) -> UploadReport:
        """The account so far."""
        return self._account.report(
            requests=self._engine.requests,
            retries=self._engine.retries,
            elapsed=self._elapsed(),
            stopped_by=self._engine.stopped_by,
            exhausted=self._source.exhausted,
        )

    # --- rows in

    def _feed(self) -> None:
        """As many rows as there is room for, and as there are by now."""
        loop = asyncio.get_running_loop()
        while self._has_room():
            taken = self._source.take(MAX_RECORDS_PER_REQUEST)
            self._settle(self._engine.feed(taken, loop.time()))
            if self._source.exhausted:
                self._engine.finish()
            if not taken:
                return

    def _has_room(self) -> bool:
        engine = self._engine
        return engine.wants_rows and not engine.stopped_by and not self._source.exhausted

    def _account_for_rest(self) -> None:
        """After a stop: the rows that can still be had get their outcome too."""
        if self._engine.stopped_by is not None:
            rest = self._source.rest()
            self._settle(self._engine.feed(rest, asyncio.get_running_loop().time()))

    # --- settlements out

    def _settle(self, settled: list[Settlement]) -> None:
        for settlement in settled:
            self._account.add(settlement)
            if self._on_outcome is not None:
                self._outbox.append(settlement)
                self._outbox_rows += len(settlement.rows)
        if settled:
            self._news.set()
        limit, rejected = self._stop_after_rejects, self._account.counts[Status.REJECTED]
        if limit is not None and rejected >= limit and self._engine.stopped_by is None:
            self._drive.stop(
                UploadStoppedError(f"{rejected} records were rejected, and {limit} was the limit")
            )

    def _may_send(self) -> bool:
        return self._outbox_rows < _OUTBOX_ROWS

    async def _tell(self) -> None:
        """Call the caller's callbacks, one at a time and in the order of settling."""
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        while not self._over or self._outbox:
            if not self._outbox:
                await self._news.wait()
                self._news.clear()
            while self._outbox:
                settlement = self._outbox.popleft()
                for outcome in settlement.outcomes():
                    await self._call(self._on_outcome, outcome)
                self._outbox_rows -= len(settlement.rows)
                self._drive.notify()
            if loop.time() - told_at >= _PROGRESS_EVERY and not self._over:
                told_at = loop.time()
                await self._call(self._on_progress, self._progress())
        await self._call(self._on_progress, self._progress())

    def _finish_telling(self) -> None:
        self._over = True
        self._news.set()

    async def _call(
        self, callback: Callable[[Any], Awaitable[None] | None] | None, news: Any
    ) -> None:
        if callback is None:
            return
        try:
            result = callback(news)
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            self._account.callback_errors.append(error)
            _logger.warning(
                "a callback of the upload raised %s", type(error).__name__, exc_info=error
            )

    def _progress(self) -> Progress:
        return Progress(
            read=self._engine.fed,
            counts=dict(self._account.counts),
            requests=self._engine.requests,
            retries=self._engine.retries,
            in_flight=self._dispatcher.slots.in_flight,
            elapsed=self._elapsed(),
            waiting="campaign" if self._engine.gate_closed else None,
        )

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._started


class OutcomeStream(AsyncIterator[RecordOutcome]):
    """The outcomes of an upload, each as it settles: in order of settling, not of input.

    The upload goes on only as fast as the outcomes are taken. Leaving the loop early leaves the
    upload standing; ``aclose``, or ``async with`` around the loop, stops it. ``report`` is the
    account so far.
    """

    def __init__(self, make: Callable[[OnOutcome], Upload]) -> None:
        self._queue: asyncio.Queue[RecordOutcome] = asyncio.Queue(maxsize=MAX_RECORDS_PER_REQUEST)
        self._upload = make(self._queue.put)
        self._task: asyncio.Task[UploadReport] | None = None

    @property
    def report(self) -> UploadReport:
        """The account so far; complete when the stream has ended."""
        return self._upload.report()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RecordOutcome:
        if self._task is None:
            self._task = asyncio.create_task(self._upload.run())
        if self._queue.empty() and not self._task.done():
            getter = asyncio.ensure_future(self._queue.get())
            try:
                await asyncio.wait({getter, self._task}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not getter.done():
                    getter.cancel()
            if getter.done() and not getter.cancelled():
                return getter.result()
        if not self._queue.empty():
            return self._queue.get_nowait()
        # Over: what the upload raised comes out here.
        await self._task
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop the upload: nothing more is sent, requests in flight get a short time to answer."""
        if self._task is None or self._task.done():
            return
        self._task.cancel()
        while not self._task.done():
            # Nobody takes outcomes any more; the upload must not wait for that.
            while not self._queue.empty():
                self._queue.get_nowait()
            await asyncio.wait([self._task], timeout=0.01)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()


def _check_positive(name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        msg = f"{name} must be a number above 0 or None, not {value!r}"
        raise ConfigurationError(msg)
