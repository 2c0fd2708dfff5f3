"""The only module that sends.

A :class:`Request` becomes a :class:`Response`, or a failure that knows whether anything left this
machine. Safe by default: redirects are never followed (the key would travel along), no cookies, no
proxy from the environment, replies are read under a cap. No exception of aiohttp gets out, because
those hold the request's headers.
"""

import asyncio
import math
import os
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from importlib.metadata import version
from typing import Any, Final

import aiohttp

from campaigns_async._core.exchange import MEDIA_TYPE, Request, Response, Seen
from campaigns_async.errors import (
    ConfigurationError,
    NotSentError,
    OutcomeUnknownError,
    TransportError,
    escape,
)
from campaigns_async.settings import ApiKey, Settings, Timeout

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes of a reply that are read, at most (a reply to 100 records has some 40,000)."""

MAX_ERROR_BODY: Final = 64 * 1024
"""Bytes of a refusal that are read, at most."""

_NOT_SENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)
"""No connection, so nothing was sent, whoever made the session."""

_CERTIFICATE: Final = (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError)


class _Attempt:
    """``may_begin``: asked when there is a connection, to which aiohttp writes without any wait.

    ``begun``: whether it may have been written to.
    """

    __slots__ = ("begun", "may_begin")

    def __init__(self, may_begin: Callable[[], bool], *, begun: bool) -> None:
        self.may_begin = may_begin
        self.begun = begun


class _NotWantedError(Exception):
    """Much may happen while a connection is made."""


_attempt: Final[ContextVar[_Attempt]] = ContextVar("campaigns_async_attempt")


class _Connector(aiohttp.TCPConnector):
    """Notes that a request is about to be sent, and asks whether it still is to be.

    And never hands out an idle connection on which something came unasked: a surplus reply that
    waits there would be taken for the answer to the next request.
    """

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Any:
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is not None and connection.protocol.should_close:
                connection.close()
                continue
            attempt = _attempt.get()
            attempt.begun = attempt.may_begin()
            if not attempt.begun:
                connection.release()
                raise _NotWantedError
            return connection


class Connections:
    """One aiohttp session on one event loop, made on first use; or the caller's own."""

    def __init__(self, session: object = None) -> None:
        if not (session is None or isinstance(session, aiohttp.ClientSession)):
            kind = type(session).__name__
            msg = f"session is of type {kind}; give an aiohttp.ClientSession, or leave it out"
            raise ConfigurationError(msg)
        self.own = session is None
        self.closed = False
        self._session = session
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> aiohttp.ClientSession:
        """The session. Raises :exc:`ConfigurationError` after close and on another loop."""
        loop = asyncio.get_running_loop()
        if self.closed:
            msg = "the CampaignsSession is closed; make a new one"
            raise ConfigurationError(msg)
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            msg = (
                "the CampaignsSession belongs to another event loop; "
                "make one in each loop (each asyncio.run, each thread)"
            )
            raise ConfigurationError(msg)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # How many connections there are is decided by the slots, not here.
                connector=_Connector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        elif self._session.closed:
            msg = "the aiohttp session given to CampaignsSession is closed; it must stay open"
            raise ConfigurationError(msg)
        return self._session

    async def close(self) -> None:
        """Close the session if it is ours. Once is enough, twice does no harm."""
        self.closed = True
        session, self._session = self._session, None
        if self.own and session is not None:
            await session.close()


class Transport:
    """Sends requests with one set of credentials.

    The caller's own aiohttp session has no connector of ours. So whether a request is still to be
    sent is asked before it is given to the session, and not when there is a connection for it; and
    all that is known of a failure is whether one stood: more count as perhaps sent.
    """

    def __init__(self, settings: Settings, connections: Connections) -> None:
        self.connections = connections
        self._timeout = settings.timeout
        self._in_full = _translate(settings.timeout, settings.timeout.total)
        self._base_url = settings.root
        self._key = settings.api_key
        self._headers = _build_headers(settings)

    async def send(
        self, request: Request, left: float, may_begin: Callable[[], bool]
    ) -> Seen | None:
        """One attempt: a reply, or a :exc:`NotSentError` or :exc:`OutcomeUnknownError`, returned.

        ``left``: seconds that it may take, at most what the settings allow. ``may_begin``: asked
        when there is a connection, the last that there is to wait for; if it says no, nothing is
        sent, and None comes back.

        A reply whose status line arrived is a reply, even if its body then breaks off: it comes
        with ``broken_off`` set.
        """
        session = self.connections.open()
        own = self.connections.own
        if not (own or may_begin()):
            return None
        attempt = _Attempt(may_begin, begun=not own)
        before = _attempt.set(attempt)
        try:
            return await self._exchange(session, request, left)
        except _NotWantedError:
            return None
        except asyncio.CancelledError as cancelled:
            # Without the frames below, whose locals hold the request and the reply.
            cancelled.__context__ = None
            raise cancelled.with_traceback(None)  # noqa: B904 - without its context
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not get out
            # Returned and not raised: the exception of aiohttp is not kept as its context.
            return self._describe(error, begun=attempt.begun)
        finally:
            _attempt.reset(before)

    async def _exchange(
        self, session: aiohttp.ClientSession, request: Request, left: float
    ) -> Response:
        short = left < self._timeout.total
        chunks: list[bytes] = []
        size = 0
        broken_off = False
        async with session.request(
            request.method,
            self._base_url + request.path,
            data=request.body,
            headers=self._headers,
            allow_redirects=False,
            raise_for_status=False,
            timeout=_translate(self._timeout, left) if short else self._in_full,
        ) as reply:
            cap = MAX_BODY if 200 <= reply.status < 300 else MAX_ERROR_BODY
            try:
                while size <= cap and (chunk := await reply.content.readany()):
                    chunks.append(chunk)
                    size += len(chunk)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                # The status line is here: what it proves, it proves without its body.
                broken_off = True
            if size > cap:
                reply.close()
        headers = {name.lower(): self._scrub(value) for name, value in reply.headers.items()}
        body = self._scrub_body(b"".join(chunks)[:cap], cut=broken_off or size > cap)
        return Response(reply.status, headers, body, broken_off)

    def _scrub_body(self, data: bytes, *, cut: bool) -> bytes:
        """Without the key; nor, where the body was ``cut``, with a beginning of it at its end.

        Of a success too: that may be unreadable, and then goes into an error.
        """
        # Every key has one. In a reply to 100 records it is looked for in a tenth of the time.
        if b"_" not in data:
            return data
        key = self._key.encode()
        data = data.replace(key, _MASK.encode())
        if not cut:
            return data
        for length in range(len(key) - 1, len(_MASK), -1):
            if data.endswith(key[:length]):
                return data[:-length]
        return data

    def _scrub(self, text: str) -> str:
        """Without the key: a gateway may send back what it was sent."""
        return text.replace(self._key, _MASK)

    def _describe(self, error: Exception, *, begun: bool) -> TransportError:
        what = self._scrub(_name(error))
        # Beginnings of the key too: aiohttp quotes what it could not read, and cuts it anywhere.
        for length in range(len(self._key) - 1, len(_MASK), -1):
            what = what.replace(self._key[:length], _MASK)
        what = escape(what, 300)
        if isinstance(error, _NOT_SENT) or not begun:
            advice = "check base_url, DNS, network and proxy"
            if isinstance(error, _CERTIFICATE):
                advice = (
                    "the server's certificate does not verify; check base_url and the CA bundle"
                )
            permanent = isinstance(error, (*_CERTIFICATE, aiohttp.InvalidURL))
            return NotSentError(f"nothing was sent: {what}; {advice}", permanent=permanent)
        timed_out = isinstance(error, TimeoutError)
        reason = f"no reply after sending: {what}; the request may or may not have been executed"
        return OutcomeUnknownError(reason, timed_out=timed_out)


def _name(error: Exception) -> str:
    """What went wrong, without the library's own way to say it where there is a plainer one."""
    full = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, _CERTIFICATE):
        failure = error.os_error
        # An SSLError counts in numbers of its own.
        number = 0 if isinstance(failure, ssl.SSLError) else failure.errno or 0
        why = os.strerror(number) if number > 0 else str(failure)
        return f"no connection to {error.host}:{error.port}: {why}"
    return full


def _translate(timeout: Timeout, total: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=total,
        connect=timeout.connect,
        sock_read=timeout.read,
        # Or what is longer than 5 s is rounded up, beyond the caller's deadline.
        ceil_threshold=math.inf,
    )


_MASK: Final = "eght_***"


def _build_headers(settings: Settings) -> dict[str, str | ApiKey]:
    agent = f"campaigns-async/{version('campaigns-async')}"
    if settings.user_agent_suffix:
        agent += f" {settings.user_agent_suffix}"
    return {
        "X-API-Key": settings.api_key,
        "X-8x8-Tenant": settings.tenant,
        "Content-Type": MEDIA_TYPE,
        "Accept": f"{MEDIA_TYPE}, application/json;q=0.9, application/problem+json;q=0.9",
        "User-Agent": agent,
    }
