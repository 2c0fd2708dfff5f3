"""Tells the caller: every outcome once, and progress now and then, through callbacks of his own."""

import asyncio
import contextlib
import inspect
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from campaigns_async._core.settlement import Settlement
from campaigns_async.errors import UploadStoppedError
from campaigns_async.outcomes import RecordOutcome
from campaigns_async.report import MAX_CALLBACK_ERRORS, Progress
from campaigns_async.upload_options import OnOutcome, OnProgress

Tell = Callable[[Iterator[RecordOutcome]], Awaitable[None]]
"""Tells all of these, however long that takes; cancelled, it is called again with those left."""

_PROGRESS_EVERY: Final = 0.1
"""Seconds between two calls of ``on_progress``, at least."""

_MOST_WAITING: Final = 2_000
"""Settled rows that may wait for ``on_outcome`` before no more requests are made."""

_logger = logging.getLogger(__name__)


class Teller:
    """Calls the callbacks, one at a time and in the order of settling.

    - ``tell``: instead of ``on_outcome``, for one who takes many at once.
    - ``is_due``: whether what was settled up to a mark may be told (a journal keeps it first).
    - ``progress``: how far the upload is.
    - ``on_told``: called when there is room for more, and at the end.
    """

    def __init__(
        self,
        on_outcome: OnOutcome | None,
        on_progress: OnProgress | None,
        *,
        tell: Tell | None = None,
        is_due: Callable[[float], bool],
        progress: Callable[[], Progress],
        on_told: Callable[[], None],
    ) -> None:
        self._on_outcome = on_outcome
        self._tell = tell or self._tell_each
        self._tells = not (tell is None and on_outcome is None)
        self._on_progress = on_progress
        self._is_due = is_due
        self._progress = progress
        self._on_told = on_told
        self._waiting: deque[tuple[float, Settlement]] = deque()
        self._rows = 0
        self._news = asyncio.Event()
        self._told = asyncio.Event()
        self._over = False
        self._given_up = False
        self._task: asyncio.Task[None] | None = None
        self.errors: list[BaseException] = []

    @property
    def has_room(self) -> bool:
        """Whether few enough outcomes wait to be told."""
        return self._rows < _MOST_WAITING

    async def catch_up(self) -> None:
        """Return in a later turn, when there is room: or none to be had for now."""
        await asyncio.sleep(0)
        while not self.has_room and self._makes_room:
            self._told.clear()
            await self._told.wait()

    @property
    def _makes_room(self) -> bool:
        """Whether something is being told, or may be."""
        if self._task is None or self._task.done():
            return False
        return not self._waiting or self._is_due(self._waiting[0][0])

    def add(self, settlement: Settlement, mark: float) -> None:
        """To be told when ``mark`` is due; infinity never is. An earlier run has told its own."""
        if self._tells and not settlement.recalled and mark < math.inf:
            self._waiting.append((mark, settlement))
            self._rows += len(settlement.rows)
            self._news.set()

    def wake(self) -> None:
        """Something may be due now."""
        self._news.set()

    def start(self) -> None:
        """Begin to tell."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._on_end)

    @property
    def ended_by(self) -> BaseException | None:
        """What it ended by before it was finished or given up; None for nothing."""
        if self._task is None or not self._task.done() or self._given_up:
            return None
        if self._task.cancelled():
            # Before its first turn, so that nothing of it ran.
            return UploadStoppedError("what tells the outcomes was cancelled")
        return self._task.exception()

    async def finish(self, timeout: float | None = None) -> None:
        """Nothing more comes, and nothing more becomes due: return when what is was told.

        ``timeout``: seconds after which it is left at that, None for no limit.
        """
        self._over = True
        self._news.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout)

    def give_up(self) -> None:
        """Tell no more, even where a callback swallows the cancellation."""
        self._given_up = self._over = True
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def _on_end(self, _: "asyncio.Task[None]") -> None:
        self._told.set()
        self._on_told()

    async def _run(self) -> None:
        """Tell until it is finished. No cancellation but that of :meth:`give_up` ends it sooner.

        For it may be the work of a callback, which took this task for its own.
        """
        loop = asyncio.get_running_loop()
        due = loop.time() + _PROGRESS_EVERY
        while not self._over or self._waiting:
            await self._wait_for_news(due)
            while self._waiting and (self._over or self._is_due(self._waiting[0][0])):
                await self._pass_on(*self._waiting.popleft())
            if loop.time() >= due and not self._over:
                due = loop.time() + _PROGRESS_EVERY
                await self._call(self._on_progress, self._progress())
        await self._call(self._on_progress, self._progress())
        try:
            # What a callback did to this task comes out now, or it would at the very end.
            await asyncio.sleep(0)
        except asyncio.CancelledError as cancelled:
            self._note_cancelled(cancelled)

    async def _pass_on(self, mark: float, settlement: Settlement) -> None:
        outcomes, told = settlement.outcomes(), not self._is_due(mark)
        while not told:
            try:
                await self._tell(outcomes)
                told = True
            except asyncio.CancelledError as cancelled:
                self._note_cancelled(cancelled)
        self._rows -= len(settlement.rows)
        self._told.set()
        self._on_told()

    async def _tell_each(self, outcomes: Iterator[RecordOutcome]) -> None:
        for outcome in outcomes:
            await self._call(self._on_outcome, outcome)

    async def _wait_for_news(self, due: float) -> None:
        # Until progress is due: while no outcome is to be told, nothing else ends this wait.
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(None if self._on_progress is None else due):
                    await self._news.wait()
            self._news.clear()
        except asyncio.CancelledError as cancelled:
            self._note_cancelled(cancelled)

    async def _call(
        self, callback: Callable[[Any], Awaitable[None] | None] | None, news: object
    ) -> None:
        if callback is None or self._given_up:
            return
        try:
            result = callback(news)
            if result is not None and inspect.isawaitable(result):
                await result
        except asyncio.CancelledError as cancelled:
            self._note_cancelled(cancelled)
        except Exception as error:  # noqa: BLE001 - the caller's own; the upload goes on
            self._note(error)

    def _note_cancelled(self, cancelled: asyncio.CancelledError) -> None:
        if self._given_up:
            raise cancelled
        # Not ours: a callback cancelled this task, or something that it waited for was.
        self._note(cancelled)

    def _note(self, error: BaseException) -> None:
        if len(self.errors) < MAX_CALLBACK_ERRORS:
            self.errors.append(error)
        _logger.warning("a callback of the upload raised %s", type(error).__name__, exc_info=error)
