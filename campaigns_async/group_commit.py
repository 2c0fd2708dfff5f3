"""Group commit: one thread writes; what comes up while it does goes together into the next commit.

So durability costs one write for many requests. Everything here but the write itself happens on
the event loop.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from campaigns_async.errors import JournalError


class GroupCommit:
    """Commits what changes, one commit at a time. Nothing is written before :meth:`begin`.

    - ``prepare``: called when a commit begins, for a function that writes all that is new. That is
      called in the thread; on disk when it returns.
    - ``on_commit``: called after each commit.
    - ``on_error``: called once, with what the writing failed with; nothing is written after it.
    - ``interval``: seconds from the beginning of a commit to that of the next, at least, if nobody
      is in a hurry.

    ``kept``: the mark up to which all that was requested is on disk. ``failed``: that error.
    """

    def __init__(
        self,
        *,
        prepare: Callable[[], Callable[[], None]],
        on_commit: Callable[[], None],
        on_error: Callable[[JournalError], None],
        interval: float,
    ) -> None:
        self._prepare = prepare
        self._on_commit = on_commit
        self._on_error = on_error
        self._interval = interval
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="campaigns-journal")
        self._begun = False
        self._closed = False
        self._mark = 0
        self._pump: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._news = asyncio.Event()
        self.kept = 0
        self.failed: JournalError | None = None

    @property
    def begun(self) -> bool:
        """Whether anything may be written."""
        return self._begun

    def begin(self) -> None:
        """From now on it is written what is requested, and what was before."""
        self._begun = True
        self._start()

    def request(self) -> int:
        """There is something to write. It is on disk when :attr:`kept` has come to the mark."""
        self._mark += 1
        self._start()
        return self._mark

    def hurry(self) -> None:
        """Somebody waits for the next commit: let it begin as soon as it can."""
        self._hurry.set()

    async def wait(self, mark: int) -> None:
        """Return when all up to ``mark`` is on disk; raise what the writing failed with."""
        while mark > self.kept:
            if self.failed is not None:
                raise self.failed
            if self._closed:
                msg = "the journal is closed"
                raise JournalError(msg)
            self.hurry()
            await self._news.wait()

    async def finish(self) -> None:
        """Begin no further commit; return when the one under way is over."""
        self._closed = True
        self.hurry()
        if self._pump is not None:
            await asyncio.wait([self._pump])

    def close(self) -> None:
        """Begin no further commit, where nothing can be awaited: blocks while one is written."""
        self._closed = True
        self._executor.shutdown()

    def _start(self) -> None:
        if self._pump is not None:
            return
        ready = self._begun and self.failed is None and not self._closed
        if ready and self.kept < self._mark:
            self._pump = asyncio.get_running_loop().create_task(self._write_all())
            # Not at its own end: a task that is cancelled before its first turn comes to none.
            self._pump.add_done_callback(self._on_end)

    def _on_end(self, _: "asyncio.Task[None]") -> None:
        self._pump = None
        self._announce()
        # Cancelled, it left what was requested; others wait for that.
        self._start()

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self.kept < self._mark and not self._closed:
                until = loop.time() + self._interval
                await self._commit()
                await self._pause(until)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody must wait for ever
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, JournalError):
            error = JournalError(f"the journal failed: {error!r}")
        self.failed = error
        self._on_error(error)

    async def _commit(self) -> None:
        mark, write = self._mark, self._prepare()
        # What asks from now on asks for the next one.
        self._hurry.clear()
        writing = asyncio.get_running_loop().run_in_executor(self._executor, write)
        cancelled: asyncio.CancelledError | None = None
        while not writing.done():
            try:
                await asyncio.wait([writing])
            except asyncio.CancelledError as error:
                # A loop that ends cancels every task. What was prepared is written all the same,
                # and must be known to be: later commits build on it.
                cancelled = error
        writing.result()
        self.kept = mark
        self._announce()
        self._on_commit()
        if cancelled is not None:
            raise cancelled

    def _announce(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _pause(self, until: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._hurry.wait()
