"""OutcomeStream: an upload whose outcomes are taken one by one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Self

from campaigns_async.models import MAX_RECORDS_PER_REQUEST
from campaigns_async.outcomes import RecordOutcome
from campaigns_async.report import UploadReport
from campaigns_async.teller import OnOutcome
from campaigns_async.upload import Upload


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
