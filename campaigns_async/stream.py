"""OutcomeStream: an upload whose outcomes are taken one by one."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Final, Self

from campaigns_async.outcomes import RecordOutcome
from campaigns_async.report import UploadReport
from campaigns_async.teller import Tell
from campaigns_async.upload import Upload

_MANY: Final = 100
"""Outcomes that are made at a time."""

_FEW: Final = 50
"""Outcomes that still wait to be taken when more are made."""


class OutcomeStream(AsyncIterator[RecordOutcome]):
    """The outcomes of an upload, each as it settles: in order of settling, not of input.

    The upload goes on only as fast as the outcomes are taken. Leaving the loop early leaves the
    upload standing; ``aclose``, or ``async with`` around the loop, stops it. ``report`` is the
    account so far.
    """

    def __init__(self, make: Callable[[Tell], Upload]) -> None:
        self._buffer: deque[RecordOutcome] = deque()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False
        self._upload = make(self._put)
        self._task: asyncio.Task[UploadReport] | None = None

    @property
    def report(self) -> UploadReport:
        """The account so far; complete when the stream has ended."""
        return self._upload.report()

    async def _put(self, outcomes: Iterator[RecordOutcome]) -> None:
        """Return when few of them are left to be taken."""
        while True:
            while len(self._buffer) >= _FEW and not self._closed:
                self._room.clear()
                await self._room.wait()
            some = () if self._closed else list(islice(outcomes, _MANY))
            if not some:
                return
            self._buffer.extend(some)
            self._changed.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RecordOutcome:
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._upload.run())
            self._task.add_done_callback(lambda _: self._changed.set())
        # An outcome leaves the buffer only on its way out, so that a cancelled wait loses none.
        while not self._buffer:
            if self._closed or self._task is None:
                raise StopAsyncIteration
            if self._task.done():
                # Over: what the upload raised comes out here.
                await self._task
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        if len(self._buffer) <= _FEW:
            self._room.set()
        return self._buffer.popleft()

    async def aclose(self) -> None:
        """Stop the upload: nothing more is sent, requests in flight get a short time to answer."""
        # Nobody takes outcomes any more, and the upload must not wait for that.
        first, self._closed = not self._closed, True
        self._buffer.clear()
        self._room.set()
        self._changed.set()
        if self._task is None:
            return
        if first:
            # Once more would take the grace from what is in flight.
            self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            # What it raised was told, or is of no interest to one who leaves.
            self._task.exception()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()
