"""What the tests talk to where the local service is too well-behaved, and how they talk to it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

import attrs

from campaigns_async.emulator import Emulator
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import Limits, RetryPolicy, Settings, Timeout

CAMPAIGN_ID = "123e4567-e89b-12d3-a456-426614174000"
KEY = "eght_canary_4f1c9"

QUICK = RetryPolicy(base=0.001, cap=0.002, deadline=5.0)
SHORT = Timeout(connect=2.0, read=0.1, total=5.0)
PATIENT = Timeout(connect=10.0, read=10.0, total=20.0)
"""For the local service, which answers, however busy the machine is."""


@attrs.frozen
class Received:
    """One request as a raw server read it; ``headers`` in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Converse = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Listens on loopback and answers each request with the bytes it was given, whatever they are.

    ``answer``: the bytes, after which the connection ends; or a function that holds the
    conversation itself.
    """

    def __init__(
        self, answer: bytes | Converse = b"", *, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer
        self.requests: list[Received] = []
        self.connections = 0
        self._ssl_context = ssl_context
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """What a client takes as ``base_url``."""
        scheme = "https" if self._ssl_context else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    async def received(self, count: int) -> None:
        """Return when so many requests have come in."""
        while len(self.requests) < count:
            self._news.clear()
            await self._news.wait()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, ssl=self._ssl_context
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    request = await _read_request(reader)
                    self.requests.append(request)
                    self._news.set()
                    if not isinstance(self.answer, bytes):
                        await self.answer(request, writer)
                        if not writer.is_closing():
                            continue
                    else:
                        writer.write(self.answer)
                        await writer.drain()
                    break
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request_line, *lines = head.split("\r\n")
    method, path, _ = request_line.split(" ")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)


def http(
    status: int,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    media_type: str | None = "application/vnd.campaigns.v1+json",
) -> bytes:
    """A whole reply with an honest length."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {media_type}"] if media_type else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def say(*replies: bytes) -> Converse:
    """Give these replies one after the other, the last one for ever; connections stay open."""
    left = list(replies)

    async def converse(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()

    return converse


async def hang(_: Received, __: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.get_running_loop().create_future()


async def reset(_: Received, writer: asyncio.StreamWriter) -> None:
    """End the connection without an orderly goodbye."""
    writer.transport.abort()


def settings_for(url: str, **changes: Any) -> Settings:
    """Settings with the canary for a key, and little patience."""
    return Settings(
        **{
            "api_key": KEY,
            "tenant": "acme",
            "base_url": url,
            "timeout": PATIENT,
            "retry": QUICK,
            **changes,
        }
    )


def connect(to: Emulator | RawServer | str, **options: Any) -> CampaignsSession:
    """A session with little patience, on the local service, a raw server or a URL."""
    if isinstance(to, Emulator):
        known = {"api_key": to.api_key, "tenant": to.tenant, "base_url": to.base_url}
    else:
        url = to if isinstance(to, str) else to.url
        known = {"api_key": KEY, "tenant": "acme", "base_url": url}
    return CampaignsSession(**{**known, "timeout": PATIENT, "retry": QUICK, **options})


class OneTurn:
    """A shared limiter that lets one request begin, and no other."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def acquire(self) -> None:
        """For ever, after the first."""
        await self._turn.acquire()


ONE_AT_A_TIME = Limits(max_in_flight=1, initial_in_flight=1)
