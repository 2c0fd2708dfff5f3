"""The key is planted, and looked for wherever a key has ever leaked."""

import asyncio
import copy
import gc
import json
import logging
import pickle
import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from campaigns_async.campaign import CampaignHandle
from campaigns_async.errors import CampaignsError, ConfigurationError
from campaigns_async.outcomes import RecordOutcome
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import RetryPolicy, Timeout
from tests.servers import (
    CAMPAIGN_ID,
    KEY,
    RawServer,
    Received,
    connect,
    hang,
    http,
    reset,
)

SECRET = KEY.removeprefix("eght_")


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception with all that hangs on it."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        error = todo.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        todo += [error.__cause__, error.__context__]
        if isinstance(error, BaseExceptionGroup):
            todo += error.exceptions


def show(value: object) -> str:
    """Its repr, if it has one: what is only half made may have none."""
    try:
        return repr(value)
    except AttributeError as error:
        return repr(error)


def everything_shown(error: BaseException) -> str:
    """What a debugger, an error tracker or a log would show of an exception."""
    shown: list[str] = []
    for each in chain(error):
        shown += [str(each), repr(each), repr(each.args), repr(vars(each))]
        shown += traceback.TracebackException.from_exception(each).format()
        for frame, _ in traceback.walk_tb(each.__traceback__):
            shown += [show(value) for value in frame.f_locals.values()]
        for name in ("headers", "problem", "report", "hint"):
            shown.append(repr(getattr(each, name, None)))
    return "\n".join(shown)


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """At DEBUG, with asyncio in debug mode; and no record of it holds the key."""
    caplog.set_level(logging.DEBUG)
    yield
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    for record in records:
        assert SECRET not in logging.Formatter().format(record)
        assert SECRET not in repr(vars(record))


async def echo(request: Received, writer: asyncio.StreamWriter, status: int) -> None:
    """Send back what came, in headers and body, as a careless gateway might."""
    said = {
        "title": f"bad key {request.headers['x-api-key']}",
        "detail": f"key {request.headers['x-api-key']} is not known",
        "instance": f"/{request.headers['x-api-key']}",
        "time": request.headers["x-api-key"],
        "errors": [{"field": request.headers["x-api-key"], "message": str(request.headers)}],
        "request": request.headers,
    }
    headers = {"X-Echo": request.headers["x-api-key"], "Location": f"/?{request.headers}"}
    writer.write(http(status, json.dumps(said).encode(), headers))
    await writer.drain()


def echo_with(status: int) -> Callable[[Received, asyncio.StreamWriter], Awaitable[None]]:
    """An echo with this status."""

    async def converse(request: Received, writer: asyncio.StreamWriter) -> None:
        await echo(request, writer, status)

    return converse


async def echo_in_headers_then_hang(request: Received, writer: asyncio.StreamWriter) -> None:
    """A reply that begins with the key and does not end."""
    writer.write(http(200, b"12345", {"X-Echo": request.headers["x-api-key"]})[:-3])
    await hang(request, writer)


async def echo_as_nonsense(request: Received, writer: asyncio.StreamWriter) -> None:
    """No HTTP at all, but with the key in it."""
    writer.write(f"{request.headers['x-api-key']}\r\n\r\n".encode())


SERVERS: dict[str, Any] = {
    **{f"echo {status}": echo_with(status) for status in (200, 302, 400, 401, 409, 429, 500, 600)},
    "echo, then silence": echo_in_headers_then_hang,
    "nonsense": echo_as_nonsense,
    "silence": hang,
    "reset": reset,
    "close": b"",
}

CALLS: dict[str, Callable[[CampaignHandle], Awaitable[Any]]] = {
    "action": CampaignHandle.pause,
    "add": lambda handle: handle.add_records(["CRM-1"]),
    "upload": lambda handle: handle.upload(["CRM-1", "CRM-2"], deadline=0.2),
    "start": lambda handle: handle.start_when_ready(deadline=0.2),
}


@pytest.mark.parametrize("whose", ["ours", "the caller's"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("server_does", SERVERS)
async def test_no_failure_shows_the_key(server_does: str, call: str, whose: str) -> None:
    """Neither in its text, nor its traceback with locals, nor its pickle, whatever came back."""
    asyncio.get_running_loop().set_debug(True)
    own = aiohttp.ClientSession() if whose == "the caller's" else None
    once = RetryPolicy(max_attempts=2, base=0.001, cap=0.001, deadline=9.0)
    quick = Timeout(connect=9.0, read=0.2, total=9.0)
    shown = ""
    async with (
        RawServer(SERVERS[server_does]) as server,
        connect(server, retry=once, timeout=quick, session=own) as session,
    ):
        try:
            result = await CALLS[call](session.campaign(CAMPAIGN_ID))
            shown += repr(result) + repr(pickle.loads(pickle.dumps(result)))  # noqa: S301 - ours
        except CampaignsError as error:
            shown += everything_shown(error)
            shown += repr(pickle.dumps(error)) + repr(copy.deepcopy(error))
        shown += repr(session) + repr(session.settings) + repr(vars(session))
        # Those with a deadline of their own may not get that far on a busy machine.
        assert server.requests or call in {"upload", "start"}, "the server was not even reached"
    if own is not None:
        await own.close()
    assert SECRET not in shown


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("server_does", ["silence", "echo, then silence"])
@pytest.mark.parametrize("how", ["cancel", "timeout"])
async def test_no_cancellation_shows_the_key(server_does: str, call: str, how: str) -> None:
    """Its traceback ends in our own frames, and these hold nothing."""
    async with RawServer(SERVERS[server_does]) as server, connect(server, timeout=Timeout()) as s:
        task = asyncio.ensure_future(CALLS[call](s.campaign(CAMPAIGN_ID)))
        await server.received(1)
        if server_does != "silence":
            # So that the headers have come.
            await asyncio.sleep(0.01)
        if how == "cancel":
            task.cancel()
        with pytest.raises((asyncio.CancelledError, TimeoutError, CampaignsError)) as caught:
            await asyncio.wait_for(task, 0.001)
    assert SECRET not in everything_shown(caught.value)


async def test_no_failed_connection_shows_the_key() -> None:
    """Nor does what never left."""
    async with connect("http://127.0.0.1:1") as session:
        with pytest.raises(CampaignsError) as caught:
            await session.campaign(CAMPAIGN_ID).pause()
    assert SECRET not in everything_shown(caught.value)


async def test_no_outcome_shows_the_key() -> None:
    """Their errors are those of the reply."""
    outcomes: list[RecordOutcome] = []
    async with RawServer(echo_with(400)) as server, connect(server) as session:
        report = await session.campaign(CAMPAIGN_ID).upload(
            ["CRM-1", "CRM-2"], on_outcome=outcomes.append
        )
    assert [outcome.error is not None for outcome in outcomes] == [True, True]
    assert SECRET not in repr(outcomes) + repr(report)
    assert SECRET.encode() not in pickle.dumps(outcomes) + pickle.dumps(report)


@pytest.mark.parametrize(
    "key",
    [
        f" {KEY}",
        f"{KEY}\n",
        SECRET,
        f"eght_{SECRET}\x00",
        f"eght_ü{SECRET}",
        f"eght_a {SECRET}",
    ],
    ids=["space", "newline", "no prefix", "null", "umlaut", "two words"],
)
def test_a_key_that_is_refused_is_not_echoed(key: str) -> None:
    """ConfigurationError says what is wrong with it, and nothing of our frames shows it."""
    with pytest.raises(ConfigurationError) as caught:
        CampaignsSession(api_key=key, tenant="acme", site="US1")
    error = caught.value
    # Our own frames; the caller's, this one, holds the key of course.
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next
    assert SECRET not in everything_shown(error)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant": "a\nb"},
        {"site": "XX"},
        {"base_url": "http://example.com"},
        {"user_agent_suffix": "\n"},
        {"surprise": 1},
    ],
    ids=["tenant", "site", "base_url", "user_agent_suffix", "surprise"],
)
def test_other_wrong_settings_do_not_show_the_key(
    wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way the session is made."""
    monkeypatch.setenv("EGHT_API_KEY", KEY)
    good = CampaignsSession(api_key=KEY, tenant="acme", site="US1")
    for make, arguments in (
        (CampaignsSession.from_env, {"tenant": "acme", "site": "US1", **wrong}),
        (good.with_options, wrong),
    ):
        with pytest.raises((ConfigurationError, TypeError)) as caught:
            make(**arguments)
        error = caught.value
        while error.__traceback__ is not None and __file__ in str(error.__traceback__.tb_frame):
            error.__traceback__ = error.__traceback__.tb_next
        assert SECRET not in everything_shown(error)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_settings_with_a_key_do_not_pickle(protocol: int) -> None:
    """ConfigurationError says what to do instead; a copy in the process is fine."""
    settings = connect("https://host").settings
    with pytest.raises(ConfigurationError, match="not pickled"):
        pickle.dumps(settings, protocol)
    assert copy.deepcopy(settings) == settings == copy.copy(settings)


async def test_nothing_that_is_left_in_memory_of_a_failure_is_an_aiohttp_object() -> None:
    """No exception of the tree keeps a request or reply alive, whose headers have the key."""
    async with RawServer(echo_with(401)) as server, connect(server) as session:
        with pytest.raises(CampaignsError) as caught:
            await session.campaign(CAMPAIGN_ID).pause()
    held = gc.get_referents(*chain(caught.value), *(vars(e) for e in chain(caught.value)))
    assert [type(o) for o in held if type(o).__module__.startswith("aiohttp")] == []
