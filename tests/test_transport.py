import asyncio
import gzip
import math
import os
import socket
import ssl
import zlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
import trustme

from campaigns_async._core.exchange import MEDIA_TYPE, Request, Response
from campaigns_async.errors import (
    ConfigurationError,
    NotSentError,
    OutcomeUnknownError,
    TransportError,
)
from campaigns_async.settings import Timeout
from campaigns_async.transport import MAX_BODY, MAX_ERROR_BODY, Connections, Transport
from tests.servers import (
    KEY,
    PATIENT,
    Converse,
    RawServer,
    Received,
    hang,
    http,
    reset,
    say,
    settings_for,
)

REQUEST = Request("POST", "/c/records", b'{"records":[]}')
SHORT = Timeout(connect=2.0, read=0.5, total=10.0)


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    """Our own, closed behind the test."""
    connections = Connections()
    yield connections
    await connections.close()


@pytest.fixture
async def own() -> AsyncIterator[aiohttp.ClientSession]:
    """A session as a caller might bring it."""
    async with aiohttp.ClientSession() as session:
        yield session


async def send(url: str, connections: Connections, timeout: Timeout = PATIENT) -> Response:
    """Send one request; raises what it returns for a failure."""
    settings = settings_for(url, timeout=timeout)
    reply = await Transport(settings, connections).send(REQUEST, math.inf, yes)
    if isinstance(reply, TransportError):
        raise reply
    assert reply is not None
    return reply


def yes() -> bool:
    """It is still to be sent."""
    return True


def unused_port() -> int:
    """Where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


# --- a request and its reply


async def test_a_request_carries_the_vendors_headers_and_no_others_of_note(
    connections: Connections,
) -> None:
    """Key, tenant, media type and user agent go with each request, no cookie does."""
    async with RawServer(say(http(200, headers={"Set-Cookie": "a=b"}))) as server:
        transport = Transport(settings_for(server.url, user_agent_suffix="acme/1"), connections)
        await transport.send(REQUEST, math.inf, yes)
        await transport.send(REQUEST, math.inf, yes)
        first, second = server.requests
    assert (first.method, first.path, first.body) == ("POST", "/c/records", b'{"records":[]}')
    assert first.headers["x-api-key"] == KEY
    assert first.headers["x-8x8-tenant"] == "acme"
    assert first.headers["content-type"] == MEDIA_TYPE
    agent = first.headers["user-agent"]
    assert (agent.startswith("campaigns-async/"), agent.endswith(" acme/1")) == (True, True)
    assert "cookie" not in second.headers


async def test_a_reply_comes_as_plain_values(connections: Connections) -> None:
    """Status, headers in lower case and the whole body."""
    async with RawServer(http(409, b"{}", {"X-Some": "thing"})) as server:
        reply = await send(server.url, connections)
    assert (reply.status, reply.body, reply.broken_off) == (409, b"{}", False)
    assert reply.headers["x-some"] == "thing"


@pytest.mark.parametrize("status", [201, 400, 502])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_body_is_unpacked(
    connections: Connections, status: int, encoding: str
) -> None:
    """A gateway may compress; the body is what was compressed."""
    packed = gzip.compress(b"[1, 2]") if encoding == "gzip" else zlib.compress(b"[1, 2]")
    async with RawServer(http(status, packed, {"Content-Encoding": encoding})) as server:
        reply = await send(server.url, connections)
    assert (reply.body, reply.broken_off) == (b"[1, 2]", False)


@pytest.mark.parametrize("status", [201, 503])
async def test_a_chunked_body_is_put_together(connections: Connections, status: int) -> None:
    """Chunks make one body."""
    head = http(status).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    async with RawServer(head + b"2\r\n[1\r\n3\r\n, 2\r\n1\r\n]\r\n0\r\n\r\n") as server:
        reply = await send(server.url, connections)
    assert (reply.body, reply.broken_off) == (b"[1, 2]", False)


BREAKS = {
    "too short": http(201, b"[1, 2]")[:-2],
    "headers alone": http(201, b"[1, 2]")[:-6],
    "broken gzip": http(201, b"no gzip at all", {"Content-Encoding": "gzip"}),
    "broken deflate": http(201, b"\xff\xffno", {"Content-Encoding": "deflate"}),
    "cut chunks": http(201).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    + b"5\r\n[1",
}


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("status", [b"201", b"400", b"500"])
async def test_a_status_line_counts_even_if_the_body_breaks(
    connections: Connections, name: str, status: bytes
) -> None:
    """The reply comes, marked as not complete."""
    async with RawServer(BREAKS[name].replace(b"201", status)) as server:
        reply = await send(server.url, connections)
    assert (reply.status, reply.broken_off) == (int(status), True)


@pytest.mark.parametrize("status", [b"201", b"500"])
async def test_chunks_that_break_behind_the_head_break_the_body_alone(status: bytes) -> None:
    """The reply comes, marked as not complete."""
    reached = asyncio.Event()

    async def converse(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 %b Said\r\nTransfer-Encoding: chunked\r\n\r\n" % status)
        await reached.wait()
        writer.write(b"zz\r\nno chunk")
        await hang(_, writer)

    async def note(_: object, __: object, ___: object) -> None:
        reached.set()

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(note)
    # Of the break itself nothing is heard from aiohttp: it is the total timeout that ends the wait.
    timeout = Timeout(connect=1.0, read=0.1, total=0.4)
    async with (
        RawServer(converse) as server,
        aiohttp.ClientSession(trace_configs=[trace]) as session,
    ):
        reply = await send(server.url, Connections(session), timeout)
    assert (reply.status, reply.broken_off) == (int(status), True)


async def test_chunks_that_break_together_with_the_head_count_as_no_reply(
    connections: Connections,
) -> None:
    """Nothing of it is given by aiohttp then: the outcome is unknown, the safe side."""
    broken = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nno chunk"
    async with RawServer(broken) as server:
        with pytest.raises(OutcomeUnknownError):
            await send(server.url, connections)


async def test_a_body_that_stalls_is_given_up_after_the_read_timeout(
    connections: Connections,
) -> None:
    """The status line arrived, so it is a reply, though not a complete one."""

    async def stall(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(http(201, b"[1, 2]")[:-2])
        await hang(request, writer)

    async with RawServer(stall) as server:
        reply = await send(server.url, connections, SHORT)
    assert (reply.status, reply.body, reply.broken_off) == (201, b"[1, ", True)


@pytest.mark.parametrize(("status", "cap"), [(201, MAX_BODY), (400, MAX_ERROR_BODY)])
async def test_a_body_is_read_up_to_a_cap(connections: Connections, status: int, cap: int) -> None:
    """What exceeds it is left unread; a body of just that size is whole."""
    replies = say(http(status, b"x" * cap), http(status, b"x" * (cap + 1)))
    async with RawServer(replies) as server:
        fits = await send(server.url, connections)
        exceeds = await send(server.url, connections)
    assert (len(fits.body), fits.broken_off) == (cap, False)
    assert (len(exceeds.body), exceeds.broken_off) == (cap, False)


async def test_a_small_reply_that_unpacks_to_a_huge_one_is_cut(connections: Connections) -> None:
    """The cap counts what the body unpacks to."""
    bomb = gzip.compress(b"\0" * (4 * 1024 * 1024))
    async with RawServer(http(500, bomb, {"Content-Encoding": "gzip"})) as server:
        reply = await send(server.url, connections)
    assert (len(reply.body), reply.broken_off) == (MAX_ERROR_BODY, False)


# --- failures, and whether anything was sent


@pytest.mark.parametrize("whose", ["ours", "the caller's"])
async def test_what_is_not_wanted_any_more_is_not_sent(
    own: aiohttp.ClientSession, whose: str
) -> None:
    """Asked when there is a connection, which others get; on a caller's session before that."""
    connections = Connections(own if whose == "the caller's" else None)
    async with RawServer(say(http(200), http(200))) as server:
        transport = Transport(settings_for(server.url), connections)
        await transport.send(REQUEST, math.inf, yes)
        assert await transport.send(REQUEST, math.inf, lambda: False) is None
        await transport.send(REQUEST, math.inf, yes)
        await connections.close()
        assert (len(server.requests), server.connections) == (2, 1)


@pytest.mark.parametrize("whose", ["ours", "the caller's"])
async def test_a_refused_connection_sends_nothing(own: aiohttp.ClientSession, whose: str) -> None:
    """NotSentError, worth another try."""
    connections = Connections(own if whose == "the caller's" else None)
    with pytest.raises(NotSentError) as caught:
        await send(f"http://127.0.0.1:{unused_port()}", connections)
    await connections.close()
    assert (caught.value.request_sent, caught.value.permanent) == (False, False)


@pytest.mark.parametrize("whose", ["ours", "the caller's"])
async def test_a_name_that_does_not_resolve_sends_nothing(
    own: aiohttp.ClientSession, whose: str
) -> None:
    """NotSentError, worth another try: resolvers fail for a while, too."""
    connections = Connections(own if whose == "the caller's" else None)
    with pytest.raises(NotSentError) as caught:
        await send("https://no-such-host.invalid", connections)
    await connections.close()
    assert (caught.value.request_sent, caught.value.permanent) == (False, False)


@pytest.mark.parametrize("whose", ["ours", "the caller's"])
async def test_a_connection_that_does_not_come_about_in_time_sends_nothing(
    own: aiohttp.ClientSession, whose: str
) -> None:
    """NotSentError after the connect timeout."""
    connections = Connections(own if whose == "the caller's" else None)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        # Its queue is full with these, so a further connection gets no answer.
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(deaf.getsockname())
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(NotSentError) as caught:
            await send(url, connections, Timeout(connect=0.05, read=1.0, total=5.0))
        for filler in fillers:
            filler.close()
    await connections.close()
    assert (caught.value.request_sent, caught.value.permanent) == (False, False)


@pytest.mark.parametrize("whose", ["ours", "the caller's"])
async def test_a_certificate_that_does_not_verify_is_permanent(
    own: aiohttp.ClientSession, whose: str
) -> None:
    """NotSentError, and no use in another try."""
    connections = Connections(own if whose == "the caller's" else None)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with RawServer(http(200), ssl_context=tls) as server:
        with pytest.raises(NotSentError) as caught:
            await send(server.url, connections)
        assert server.requests == []
    await connections.close()
    assert (caught.value.request_sent, caught.value.permanent) == (False, True)
    assert "certificate" in str(caught.value)


async def test_what_is_no_tls_is_told_in_its_own_words(connections: Connections) -> None:
    """And not by the error of the system that happens to have the same number."""

    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(400))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotSentError, match=r"SSL.*check base_url") as caught:
            await send(f"https://127.0.0.1:{port}", connections)
    assert os.strerror(1) not in str(caught.value)


async def test_the_callers_session_brings_its_own_trust() -> None:
    """With the caller's own CA in the caller's session the same kind of server is fine."""
    ca = trustme.CA()
    tls, trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    ca.configure_trust(trust)
    connector = aiohttp.TCPConnector(ssl=trust)
    async with (
        RawServer(http(200), ssl_context=tls) as server,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        reply = await send(server.url, Connections(session))
    assert reply.status == 200


async def test_no_address_that_aiohttp_refuses_gets_out_as_its_exception(
    connections: Connections,
) -> None:
    """A host that is none is a NotSentError, and permanent."""
    with pytest.raises(NotSentError) as caught:
        await send("https://1.2.3.4.5", connections)
    assert caught.value.permanent


@pytest.mark.parametrize("whose", ["ours", "the caller's"])
@pytest.mark.parametrize(
    ("server_does", "timed_out"),
    [(reset, False), (b"", False), (hang, True)],
    ids=["reset", "close", "silence"],
)
async def test_a_request_without_a_reply_may_have_been_executed(
    own: aiohttp.ClientSession,
    *,
    whose: str,
    server_does: bytes | Converse,
    timed_out: bool,
) -> None:
    """OutcomeUnknownError after a reset, an orderly close, or silence, which counts as timeout."""
    connections = Connections(own if whose == "the caller's" else None)
    async with RawServer(server_does) as server:
        with pytest.raises(OutcomeUnknownError) as caught:
            await send(server.url, connections, SHORT)
        assert len(server.requests) == 1
    await connections.close()
    assert (caught.value.request_sent, caught.value.timed_out) == (True, timed_out)


async def test_a_failure_is_returned_with_nothing_that_hangs_on_it(
    connections: Connections,
) -> None:
    """No exception of aiohttp, which holds the request's headers, and no frames of ours."""
    async with RawServer(hang) as server:
        transport = Transport(settings_for(server.url, timeout=SHORT), connections)
        failure = await transport.send(REQUEST, 0.05, yes)
    assert isinstance(failure, OutcomeUnknownError)
    assert failure.timed_out
    assert (failure.__cause__, failure.__context__, failure.__traceback__) == (None, None, None)


@pytest.mark.parametrize(
    "answer", [b"\x00\xff nonsense\r\n\r\n", b"HTTP/1.1 banana\r\n\r\n"], ids=["bytes", "status"]
)
async def test_what_is_no_http_is_no_reply(connections: Connections, answer: bytes) -> None:
    """OutcomeUnknownError: somebody got the request."""
    async with RawServer(answer) as server:
        with pytest.raises(OutcomeUnknownError) as caught:
            await send(server.url, connections)
    assert not caught.value.timed_out


async def test_the_total_timeout_ends_a_reply_that_drips(connections: Connections) -> None:
    """However often a byte of the headers comes."""

    async def drip(_: Received, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with RawServer(drip) as server:
        with pytest.raises(OutcomeUnknownError):
            await send(server.url, connections, Timeout(connect=1.0, read=1.0, total=0.1))


async def test_before_anything_is_written_even_a_cut_short_attempt_is_not_sent(
    connections: Connections,
) -> None:
    """On our own session the total timeout while connecting is a NotSentError."""
    with pytest.raises(NotSentError):
        await send(
            "https://no-such-host.invalid", connections, Timeout(connect=9.0, read=9.0, total=1e-4)
        )


# --- safe by default


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("whose", ["ours", "the caller's"])
async def test_a_redirect_is_a_reply_and_not_followed(
    own: aiohttp.ClientSession, status: int, whose: str
) -> None:
    """The address that it names sees no request, and so no key."""
    connections = Connections(own if whose == "the caller's" else None)
    async with RawServer(http(200)) as elsewhere:
        async with RawServer(http(status, headers={"Location": elsewhere.url})) as server:
            reply = await send(server.url, connections)
        assert elsewhere.connections == 0
    await connections.close()
    assert reply.status == status


async def test_a_proxy_in_the_environment_is_ignored(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing passes through it."""
    async with RawServer(http(200)) as proxy, RawServer(http(200)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await send(server.url, connections)
        assert (proxy.connections, server.connections) == (0, 1)


@pytest.mark.parametrize("status", [200, 302, 400, 500])
async def test_the_key_is_struck_out_of_what_comes_back(
    connections: Connections, status: int
) -> None:
    """A gateway may send back what it was sent, in headers or body."""
    reply = http(status, b'{"you sent": "%s"}' % KEY.encode(), {"X-Echo": f"key={KEY}"})
    async with RawServer(reply) as server:
        seen = await send(server.url, connections)
    assert seen.headers["x-echo"] == "key=eght_***"
    assert seen.body == b'{"you sent": "eght_***"}'


@pytest.mark.parametrize("length", range(len("eght_***") + 1, len(KEY)))
@pytest.mark.parametrize("how", ["the cap", "the server"])
async def test_a_body_that_breaks_off_within_the_key_shows_none_of_it(
    connections: Connections, length: int, how: str
) -> None:
    """Whether the cap or the server cut it."""
    padding = b"x" * (MAX_ERROR_BODY - length)
    body = padding + KEY.encode() + b"y" * 9
    cut = len(http(500, body)) - (0 if how == "the cap" else len(KEY) - length + 9)
    async with RawServer(http(500, body)[:cut]) as server:
        seen = await send(server.url, connections)
    assert (seen.body.strip(b"x"), seen.broken_off) == (b"", how == "the server")


@pytest.mark.parametrize("length", range(len("eght_***") + 1, len(KEY) + 1))
async def test_the_key_is_struck_out_of_what_aiohttp_quotes(
    connections: Connections, length: int
) -> None:
    """Which it cuts after 100 bytes, wherever that is."""
    line = b"X-Echo: " + b"p" * (92 - length) + KEY.encode() + b"q" * 9_000
    async with RawServer(b"HTTP/1.1 400 Bad\r\n" + line + b"\r\n\r\n") as server:
        with pytest.raises(OutcomeUnknownError) as caught:
            await send(server.url, connections)
    assert "pppeght_***" in str(caught.value)
    assert KEY[: len("eght_***") + 1] not in str(caught.value)


async def test_a_short_key_is_struck_out_too(connections: Connections) -> None:
    """Shorter than what stands in its place."""
    async with RawServer(b"HTTP/1.1 400 Bad\r\nX-Echo: eght_1\x00\r\n\r\n") as server:
        transport = Transport(settings_for(server.url, api_key="eght_1"), connections)
        failure = await transport.send(REQUEST, math.inf, yes)
    assert "eght_***" in str(failure)
    assert "eght_1" not in str(failure)


@pytest.mark.parametrize("length", range(1, len(KEY)))
async def test_a_whole_body_may_end_as_the_key_begins(
    connections: Connections, length: int
) -> None:
    """Nothing of it was cut off, so that is no part of the key."""
    async with RawServer(http(500, b"x" * 9 + KEY[:length].encode())) as server:
        seen = await send(server.url, connections)
    assert seen.body == b"x" * 9 + KEY[:length].encode()


# --- connections


def test_connections_are_made_outside_of_a_loop() -> None:
    """Nothing is opened before the first use."""
    connections = Connections()
    asyncio.run(connections.close())
    assert connections.closed


async def test_one_session_serves_all(connections: Connections) -> None:
    """It is made once."""
    assert connections.open() is connections.open()


async def test_closing_closes_our_own_session_once() -> None:
    """Twice does no harm."""
    connections = Connections()
    session = connections.open()
    await connections.close()
    await connections.close()
    assert session.closed
    with pytest.raises(ConfigurationError, match="is closed"):
        connections.open()


async def test_the_callers_session_stays_open(own: aiohttp.ClientSession) -> None:
    """It was not ours to close; but through us there is no way to it any more."""
    connections = Connections(own)
    assert connections.open() is own
    await connections.close()
    assert not own.closed
    with pytest.raises(ConfigurationError, match="is closed"):
        connections.open()


async def test_a_callers_session_that_was_closed_is_told() -> None:
    """ConfigurationError, which says whose session it is."""
    session = aiohttp.ClientSession()
    await session.close()
    with pytest.raises(ConfigurationError, match="the aiohttp session given"):
        Connections(session).open()


def test_connections_belong_to_one_loop() -> None:
    """ConfigurationError on another."""
    connections = Connections()

    async def use_and_close() -> None:
        connections.open()
        await connections.open().close()

    async def use() -> None:
        connections.open()

    asyncio.run(use_and_close())
    with pytest.raises(ConfigurationError, match="another event loop"):
        asyncio.run(use())


async def test_a_callers_session_with_other_tracing_is_left_alone() -> None:
    """Its own trace contexts get what they expect, and ours is never in their way."""
    seen: list[object] = []

    async def note(_: object, context: object, __: object) -> None:
        seen.append(context)

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(note)
    async with (
        RawServer(http(200)) as server,
        aiohttp.ClientSession(trace_configs=[trace]) as session,
    ):
        reply = await send(server.url, Connections(session))
    assert (reply.status, len(seen)) == (200, 1)


async def test_cancelling_leaves_the_connections_usable(connections: Connections) -> None:
    """The next request is answered."""
    async with RawServer(hang) as server:
        task = asyncio.create_task(send(server.url, connections, Timeout()))
        await server.received(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.answer = say(http(200))
        reply = await send(server.url, connections)
    assert reply.status == 200
