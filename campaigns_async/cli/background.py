"""Rows from a pipe, read on a thread: the event loop must not wait for whoever writes it."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Final, Self

from campaigns_async.cli.files import RecordFile
from campaigns_async.cli.rows import AnyRow

_AHEAD: Final = 1_000


class BackgroundRows(AsyncIterator[AnyRow]):
    """The rows of a file as they arrive, at most 1,000 read ahead."""

    def __init__(self, file: RecordFile) -> None:
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._rows: deque[AnyRow] = deque()
        self._room = threading.Semaphore(_AHEAD)
        self._ended = False
        self._telling = False
        self._error: Exception | None = None
        self._stopped = False
        # A daemon: nothing ends a read from a pipe but the pipe.
        self.thread = threading.Thread(target=self._read, name="stdin", daemon=True)
        self.thread.start()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyRow:
        while not self._stopped:
            if self._rows:
                return self._take()
            if self._ended:
                if self._error is not None:
                    raise self._error
                break
            self._news.clear()
            if not self._rows and not self._ended:
                await self._news.wait()
        raise StopAsyncIteration

    def stop(self) -> None:
        """Give out no more; `rest` still does."""
        self._stopped = True
        self._news.set()

    async def rest(self) -> AsyncIterator[AnyRow]:
        """What has not been given out yet, to the end of the pipe."""
        self._stopped = False
        async for row in self:
            yield row

    def buffered(self) -> Iterator[AnyRow]:
        """What has been read and not given out, without waiting for more."""
        while self._rows:
            yield self._take()

    @property
    def ended(self) -> bool:
        """Whether everything to the end of the pipe has been given out."""
        return self._ended and not self._rows

    def _take(self) -> AnyRow:
        self._room.release()
        return self._rows.popleft()

    def _read(self) -> None:
        try:
            for row in self._all():
                self._room.acquire()
                self._rows.append(row)
                self._tell()
        except Exception as error:  # noqa: BLE001 - it comes out at the reading end
            self._error = error
        self._ended = True
        self._tell()

    def _all(self) -> Iterator[AnyRow]:
        yield from self._file.rest()

    def _tell(self) -> None:
        if self._telling:
            return
        # Once for many rows: each call leaves a byte in the loop's own pipe, and where that is
        # full, Ctrl-C gets lost.
        self._telling = True
        try:
            self._loop.call_soon_threadsafe(self._hear)
        except RuntimeError:
            # The loop is closed: nobody reads any more.
            return

    def _hear(self) -> None:
        self._telling = False
        self._news.set()
