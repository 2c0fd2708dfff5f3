import asyncio
from collections.abc import AsyncIterator

import aiohttp
import attrs
import pytest
from aiohttp import web

from campaigns_async.emulator.delivery import Patience, deliver
from campaigns_async.emulator.faults import FaultDetails, Wire
from campaigns_async.emulator.replies import Reply

REPLY = Reply(status=418, body=b"0123456789", media_type="text/tea", headers={"X-Pot": "1"})


@attrs.define
class Stage:
    """A server that delivers the one reply, however it is told."""

    url: str = ""
    wire: Wire = Wire.WHOLE
    details: FaultDetails = attrs.field(factory=FaultDetails)
    patience: Patience = attrs.field(factory=Patience)
    called: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Deliver the reply."""
        self.called.set()
        return await deliver(
            request, REPLY, self.wire, self.details, date="Thu", patience=self.patience
        )


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A server on a free port."""
    stage = Stage()
    app = web.Application()
    app.router.add_get("/", stage.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stage.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield stage
    stage.patience.end()
    await runner.cleanup()


async def get(stage: Stage) -> tuple[int, bytes]:
    """Status and body, as an HTTP client sees them."""
    async with aiohttp.ClientSession() as session, session.get(stage.url) as response:
        assert response.headers["Content-Length"] == "10"
        assert response.headers["X-Pot"] == "1"
        assert response.headers["Date"] == "Thu"
        assert response.content_type == "text/tea"
        return response.status, await response.read()


async def get_raw(stage: Stage) -> bytes:
    """All that comes until the connection ends."""
    host, port = stage.url.removeprefix("http://").removesuffix("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_whole(stage: Stage) -> None:
    """A whole reply arrives as it is."""
    assert await get(stage) == (418, b"0123456789")


async def test_drip(stage: Stage) -> None:
    """A dripping reply arrives as it is, in its own time."""
    stage.wire, stage.details = Wire.DRIP, FaultDetails(drip_bytes=3, drip_seconds=0.001)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    assert await get(stage) == (418, b"0123456789")
    assert loop.time() - begin >= 0.003


@pytest.mark.parametrize(("cut_at", "arrives"), [(None, b"01234"), (0, b""), (9, b"012345678")])
async def test_cut(stage: Stage, cut_at: int | None, arrives: bytes) -> None:
    """A cut reply promises all its bytes, and ends in an orderly way before they are there."""
    stage.wire, stage.details = Wire.CUT, FaultDetails(cut_at=cut_at)
    head, _, body = (await get_raw(stage)).partition(b"\r\n\r\n")
    assert b"Content-Length: 10" in head
    assert arrives == body


async def test_reset(stage: Stage) -> None:
    """A reset reply is a connection reset by the peer."""
    stage.wire = Wire.RESET
    with pytest.raises(ConnectionResetError):
        await get_raw(stage)


async def test_fin(stage: Stage) -> None:
    """A reply ended by FIN is an orderly end without a byte."""
    stage.wire = Wire.FIN
    assert await get_raw(stage) == b""


async def test_a_hanging_reply_ends_with_the_patience(stage: Stage) -> None:
    """A hanging reply keeps the connection open until all waits are ended."""
    stage.wire = Wire.HANG
    answer = asyncio.create_task(get_raw(stage))
    await stage.called.wait()
    await asyncio.sleep(0.002)
    assert not answer.done()
    stage.patience.end()
    assert await answer == b""


async def test_a_drip_ends_with_the_patience(stage: Stage) -> None:
    """A dripping reply that is cut short ends the connection in the middle."""
    stage.wire, stage.details = Wire.DRIP, FaultDetails(drip_bytes=4, drip_seconds=60)
    answer = asyncio.create_task(get_raw(stage))
    await stage.called.wait()
    await asyncio.sleep(0.002)
    stage.patience.end()
    assert (await answer).endswith(b"\r\n\r\n0123")


async def test_a_wait_lasts() -> None:
    """A wait that nobody ends is whole; after the end there is none."""
    patience = Patience()
    assert await patience.wait(0.001)
    patience.end()
    assert not await patience.wait(60)
