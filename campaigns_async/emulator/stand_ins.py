"""The replies that come instead of the true one: throttling, 5xx, redirects, broken bodies."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from types import MappingProxyType
from typing import Final

import attrs

from campaigns_async.emulator.faults import Blow, Fault, FaultDetails
from campaigns_async.emulator.problems import Problem, encode_problem, html_page
from campaigns_async.emulator.quirks import Quirks
from campaigns_async.emulator.replies import MEDIA_TYPE, Reply


@attrs.frozen(kw_only=True)
class Scene:
    """What a stand-in may need to know: where, when, and how the service tells errors."""

    path: str
    now: datetime
    quirks: Quirks
    rng: Random
    limit: float = 100.0
    """Requests a minute, as told in ``x-ratelimit-limit``."""


def stand_in(blow: Blow, true_reply: Reply | None, scene: Scene) -> Reply | None:
    """What the client sees instead of the true reply; the true one where the fault lets it be.

    ``true_reply`` None: the request is not carried out, or not yet.
    """
    committed = true_reply is not None and true_reply.committed
    told = _TELLERS.get(blow.fault)
    if told is not None:
        return attrs.evolve(told(blow.details, scene), committed=committed)
    broken = _BREAKERS.get(blow.fault)
    if broken is not None and true_reply is not None:
        return broken(true_reply, blow.details)
    return true_reply


def _tell(status: int, title: str, scene: Scene, headers: Mapping[str, str] | None = None) -> Reply:
    problem = Problem(status=status, title=title, detail=title, instance=scene.path, time=scene.now)
    reply = encode_problem(problem, quirks=scene.quirks, rng=scene.rng)
    return attrs.evolve(reply, headers=headers or {})


def _throttle(scene: Scene, headers: Mapping[str, str]) -> Reply:
    return _tell(429, "Too Many Requests", scene, headers)


def _seconds(details: FaultDetails) -> str:
    return str(math.ceil(details.retry_after))


def _whole_second(details: FaultDetails, scene: Scene) -> datetime:
    """When the wait is over, rounded up: neither a date nor a reset time has fractions."""
    return datetime.fromtimestamp(
        math.ceil((scene.now + timedelta(seconds=details.retry_after)).timestamp()), UTC
    )


def _throttle_seconds(details: FaultDetails, scene: Scene) -> Reply:
    return _throttle(scene, {"Retry-After": _seconds(details)})


def _throttle_date(details: FaultDetails, scene: Scene) -> Reply:
    over = format_datetime(_whole_second(details, scene), usegmt=True)
    return _throttle(scene, {"Retry-After": over})


def _throttle_reset(details: FaultDetails, scene: Scene) -> Reply:
    headers = {
        "x-ratelimit-limit": str(math.floor(scene.limit)),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(_whole_second(details, scene).timestamp())),
    }
    return _throttle(scene, headers)


def _throttle_bare(_details: FaultDetails, scene: Scene) -> Reply:
    return _throttle(scene, {})


def _error(details: FaultDetails, scene: Scene) -> Reply:
    return _tell(details.status, "Internal Server Error", scene)


def _unavailable(details: FaultDetails, scene: Scene) -> Reply:
    return _tell(503, "Service Unavailable", scene, {"Retry-After": _seconds(details)})


def _request_timeout(_details: FaultDetails, scene: Scene) -> Reply:
    return _tell(408, "Request Timeout", scene)


def _page(status: int, title: str) -> Reply:
    return Reply(status=status, media_type="text/html", body=html_page(status, title))


def _bad_gateway(_details: FaultDetails, _scene: Scene) -> Reply:
    return _page(502, "Bad Gateway")


def _gateway_timeout(_details: FaultDetails, _scene: Scene) -> Reply:
    return _page(504, "Gateway Time-out")


def _redirect(details: FaultDetails, _scene: Scene) -> Reply:
    location = details.location or "/moved"
    return Reply(status=details.redirect_status, headers={"Location": location})


_TELLERS: Final[Mapping[Fault, Callable[[FaultDetails, Scene], Reply]]] = MappingProxyType(
    {
        Fault.THROTTLE_SECONDS: _throttle_seconds,
        Fault.THROTTLE_DATE: _throttle_date,
        Fault.THROTTLE_RESET: _throttle_reset,
        Fault.THROTTLE_BARE: _throttle_bare,
        Fault.ERROR_BEFORE_COMMIT: _error,
        Fault.ERROR_AFTER_COMMIT: _error,
        Fault.UNAVAILABLE: _unavailable,
        Fault.BAD_GATEWAY: _bad_gateway,
        Fault.BAD_GATEWAY_AFTER_COMMIT: _bad_gateway,
        Fault.REQUEST_TIMEOUT: _request_timeout,
        Fault.REQUEST_TIMEOUT_AFTER_COMMIT: _request_timeout,
        Fault.LATE_COMMIT_TIMEOUT: _gateway_timeout,
        Fault.REDIRECT: _redirect,
    }
)


def _with_body(reply: Reply, body: bytes, media_type: str | None = MEDIA_TYPE) -> Reply:
    return attrs.evolve(reply, body=body, media_type=media_type)


def _empty(reply: Reply, _details: FaultDetails) -> Reply:
    return _with_body(reply, b"", None)


def _html(reply: Reply, _details: FaultDetails) -> Reply:
    return _with_body(reply, html_page(reply.status, "Gateway"), "text/html")


def _list(reply: Reply, _details: FaultDetails) -> Reply:
    return _with_body(reply, b"[" + reply.body + b"]")


def _cut_json(reply: Reply, _details: FaultDetails) -> Reply:
    return _with_body(reply, reply.body[: len(reply.body) // 2])


def _wrong_charset(reply: Reply, _details: FaultDetails) -> Reply:
    # 0xE9 is é in Latin-1 and, before a quote, no UTF-8 at all.
    body = b'{"title": "caf\xe9", ' + reply.body.removeprefix(b"{")
    return _with_body(reply, body, f"{MEDIA_TYPE}; charset=iso-8859-1")


def _deep(reply: Reply, details: FaultDetails) -> Reply:
    nested = b"[" * details.depth + b"]" * details.depth
    return _with_body(reply, b'{"records": ' + nested + b', "errors": ' + nested + b"}")


def _nan(reply: Reply, _details: FaultDetails) -> Reply:
    return _with_body(
        reply, b'{"status": NaN, "recordCount": Infinity, "records": [{"rank": NaN}]}'
    )


def _huge_integer(reply: Reply, details: FaultDetails) -> Reply:
    digits = b"9" * details.digits
    return _with_body(
        reply,
        b'{"status": %b, "recordCount": %b, "records": [{"rank": %b}]}' % (digits, digits, digits),
    )


def _oversized(reply: Reply, details: FaultDetails) -> Reply:
    padding = b'{"padding": "' + b"x" * details.oversized_bytes + b'", '
    return _with_body(reply, padding + reply.body.removeprefix(b"{"))


_BREAKERS: Final[Mapping[Fault, Callable[[Reply, FaultDetails], Reply]]] = MappingProxyType(
    {
        Fault.BODY_EMPTY: _empty,
        Fault.BODY_HTML: _html,
        Fault.BODY_LIST: _list,
        Fault.BODY_CUT_JSON: _cut_json,
        Fault.BODY_WRONG_CHARSET: _wrong_charset,
        Fault.BODY_DEEP: _deep,
        Fault.BODY_NAN: _nan,
        Fault.BODY_HUGE_INTEGER: _huge_integer,
        Fault.BODY_OVERSIZED: _oversized,
    }
)
