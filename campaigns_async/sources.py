"""The input of an upload: any iterable or async iterable, read a chunk at a time."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sized
from itertools import islice
from typing import Any, Final, Protocol

from campaigns_async.errors import ConfigurationError
from campaigns_async.models import NewRecord

_PATIENCE: Final = 2.0
"""Seconds that an async iterable gets to clean up when it is not read any more."""


class Source(Protocol):
    """Records, as many as there are by now.

    ``exhausted``: no more will come. ``error``: what the caller's iterable raised, which ends it.
    """

    exhausted: bool
    error: BaseException | None

    def take(self, most: int) -> list[Any]:
        """The next records without waiting, possibly none."""
        ...

    async def close(self) -> None:
        """Read no more, but for the rest."""

    def rest(self, most: int) -> list[Any]:
        """When it is closed: the next of what can be had without waiting and for certain ends."""
        ...


def open_source(records: Iterable[Any] | AsyncIterable[Any], on_more: Callable[[], None]) -> Source:
    """Read ``records``; ``on_more`` is called when an async iterable gave some, or ended."""
    kind = type(records).__name__
    if isinstance(records, str | bytes | Mapping | NewRecord):
        msg = f"records is a single {kind}; give an iterable of records, such as a list with it"
        raise ConfigurationError(msg)
    if isinstance(records, AsyncIterable):
        return _AsyncSource(records, on_more)
    try:
        iterator = iter(records)
    except TypeError:
        msg = f"records is of type {kind}; give an iterable or async iterable of records"
        raise ConfigurationError(msg) from None
    return _SyncSource(iterator, sized=isinstance(records, Sized))


class _SyncSource:
    def __init__(self, records: Iterator[Any], *, sized: bool) -> None:
        self.exhausted = False
        self.error: BaseException | None = None
        self._sized = sized
        self._records = records

    def take(self, most: int) -> list[Any]:
        taken: list[Any] = []
        try:
            # extend keeps what came before an exception; list(islice()) would lose it.
            taken.extend(islice(self._records, most))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the caller's own
            # It comes out with the report.
            self.error = error
            self.exhausted = True
        else:
            self.exhausted = len(taken) < most
        return taken

    def rest(self, most: int) -> list[Any]:
        # What has a length has an end. An iterator may go on for ever.
        return self.take(most) if self._sized and not self.exhausted else []

    async def close(self) -> None:
        pass


class _AsyncSource:
    _AHEAD: Final = 200

    def __init__(self, records: AsyncIterable[Any], on_more: Callable[[], None]) -> None:
        self.exhausted = False
        self.error: BaseException | None = None
        self._records = records
        self._on_more = on_more
        self._buffer: list[Any] = []
        self._room = asyncio.Event()
        self._ended = False
        self._closed = False
        self._pump: asyncio.Task[None] | None = None

    async def _read(self) -> None:
        async for record in self._records:
            self._buffer.append(record)
            self._on_more()
            if self._closed:
                # It does not heed the cancellation; there may be no end to it.
                return
            if len(self._buffer) >= self._AHEAD:
                self._room.clear()
                await self._room.wait()

    def _on_end(self, pump: "asyncio.Task[None]") -> None:
        error = asyncio.CancelledError() if pump.cancelled() else pump.exception()
        if not self._closed:
            # A cancellation is not ours then: what the iterable waited for was.
            self.error = error
            self._ended = True
            self._on_more()

    def take(self, most: int) -> list[Any]:
        if self._pump is None and not self._closed:
            self._pump = asyncio.create_task(self._read())
            self._pump.add_done_callback(self._on_end)
        taken, self._buffer = self._buffer[:most], self._buffer[most:]
        self._room.set()
        self.exhausted = self._ended and not self._buffer
        return taken

    def rest(self, most: int) -> list[Any]:
        return self.take(most)

    async def close(self) -> None:
        first, self._closed = not self._closed, True
        if self._pump is None:
            return
        if first:
            # Once: another one would come out of the iterable's own cleaning up.
            self._pump.cancel()
        await asyncio.wait([self._pump], timeout=_PATIENCE)
        if not self._pump.done():
            self._pump.cancel()
            await asyncio.wait([self._pump])
