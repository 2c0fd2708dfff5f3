"""How a reply gets onto the wire, whole or otherwise, and how everything that waits is woken."""

import asyncio
import socket
import struct
from typing import Final

from aiohttp import web

from campaigns_async.emulator.faults import FaultDetails, Wire
from campaigns_async.emulator.replies import Reply

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_LOOKS_FOR_THE_CLIENT_EVERY: Final = 1.0


class Patience:
    """Waits that `end` cuts short, all at once; afterwards none begins any more."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[bool]] = set()
        self.over = False

    async def wait(self, seconds: float) -> bool:
        """Wait so long; False when it was cut short."""
        if self.over:
            return False
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        self._waiting.add(done)
        timer = loop.call_later(seconds, _finish, done)
        try:
            return await done
        finally:
            timer.cancel()
            self._waiting.discard(done)

    def end(self) -> None:
        """Cut all waits short."""
        self.over = True
        for done in self._waiting:
            _finish(done, whole=False)


async def deliver(
    request: web.Request,
    reply: Reply,
    wire: Wire,
    details: FaultDetails,
    *,
    date: str,
    patience: Patience,
) -> web.StreamResponse:
    """Send the reply the way ``wire`` says. What is returned is for aiohttp to finish."""
    headers = _headers(reply, date)
    match wire:
        case Wire.WHOLE:
            return web.Response(status=reply.status, body=reply.body, headers=headers)
        case Wire.RESET | Wire.FIN:
            return hang_up(request, reset=wire is Wire.RESET)
        case Wire.HANG:
            while request.transport is not None:
                if not await patience.wait(_LOOKS_FOR_THE_CLIENT_EVERY):
                    break
            return hang_up(request)
        case Wire.CUT:
            cut_at = len(reply.body) // 2 if details.cut_at is None else details.cut_at
            response = await _begin(request, reply, headers)
            await response.write(reply.body[:cut_at])
            return hang_up(request, response)
        case Wire.DRIP:
            response = await _begin(request, reply, headers)
            for start in range(0, len(reply.body), details.drip_bytes):
                if start and not await patience.wait(details.drip_seconds):
                    return hang_up(request, response)
                await response.write(reply.body[start : start + details.drip_bytes])
            return response


def hang_up(
    request: web.Request, response: web.StreamResponse | None = None, *, reset: bool = False
) -> web.StreamResponse:
    """End the connection: what was written goes out, then FIN; with ``reset`` RST at once.

    Gives aiohttp a response to finish; it finds the connection closed, which it takes calmly.
    """
    transport = request.transport
    if transport is not None and reset:
        linger: socket.socket | None = transport.get_extra_info("socket")
        if linger is not None:
            linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    elif transport is not None:
        transport.close()
    return response or web.Response()


async def _begin(request: web.Request, reply: Reply, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    return response


def _headers(reply: Reply, date: str) -> dict[str, str]:
    headers = {"Date": date, **reply.headers}
    if reply.media_type is not None:
        headers["Content-Type"] = reply.media_type
    return headers


def _finish(done: asyncio.Future[bool], *, whole: bool = True) -> None:
    if not done.done():
        done.set_result(whole)
