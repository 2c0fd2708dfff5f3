import json
from datetime import timedelta
from email.utils import parsedate_to_datetime

import attrs
import pytest

from campaigns_async.emulator.faults import CONDUCT, Blow, Commit, Fault, FaultDetails, Wire
from campaigns_async.emulator.quirks import Quirks
from campaigns_async.emulator.replies import MEDIA_TYPE, Reply
from campaigns_async.emulator.stand_ins import Scene, stand_in
from tests.emulator.conftest import T0, chance

SCENE = Scene(path="/x", now=T0 + timedelta(seconds=0.5), quirks=Quirks(), rng=chance(0))
TRUE = Reply(status=201, body=b'{"records": []}', media_type=MEDIA_TYPE, committed=True)


def seen(fault: Fault, true_reply: Reply | None = TRUE, **details: object) -> Reply:
    """What the client sees of the fault."""
    measures = FaultDetails(**details)  # type: ignore[arg-type]
    reply = stand_in(Blow(fault, measures), true_reply, SCENE)
    assert reply is not None
    return reply


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.THROTTLE_SECONDS, 429),
        (Fault.THROTTLE_DATE, 429),
        (Fault.THROTTLE_RESET, 429),
        (Fault.THROTTLE_BARE, 429),
        (Fault.ERROR_BEFORE_COMMIT, 500),
        (Fault.ERROR_AFTER_COMMIT, 500),
        (Fault.UNAVAILABLE, 503),
        (Fault.BAD_GATEWAY, 502),
        (Fault.BAD_GATEWAY_AFTER_COMMIT, 502),
        (Fault.REQUEST_TIMEOUT, 408),
        (Fault.REQUEST_TIMEOUT_AFTER_COMMIT, 408),
        (Fault.LATE_COMMIT_TIMEOUT, 504),
        (Fault.REDIRECT, 307),
    ],
)
def test_what_is_told_instead(fault: Fault, status: int) -> None:
    """These faults answer with their own status, whether or not the request was carried out."""
    for true_reply in (TRUE, None):
        reply = seen(fault, true_reply)
        assert (status, true_reply is not None) == (reply.status, reply.committed)


ON_THE_WIRE = [f for f, c in CONDUCT.items() if c.commit is Commit.NOW and c.wire is not Wire.WHOLE]


@pytest.mark.parametrize("fault", ON_THE_WIRE)
def test_what_is_told_truly(fault: Fault) -> None:
    """Faults of the wire leave the reply itself alone."""
    blow = Blow(fault, FaultDetails())
    assert stand_in(blow, TRUE, SCENE) == TRUE
    assert stand_in(blow, None, SCENE) is None


def test_hints_of_a_429() -> None:
    """Each kind of 429 tells the wait its own way, rounded up to whole seconds, or not at all."""
    told = [
        dict(seen(fault, retry_after=1.2).headers)
        for fault in (
            Fault.THROTTLE_SECONDS,
            Fault.THROTTLE_DATE,
            Fault.THROTTLE_RESET,
            Fault.THROTTLE_BARE,
        )
    ]
    epoch = int(T0.timestamp())
    assert told == [
        {"Retry-After": "2"},
        {"Retry-After": "Thu, 01 Jan 2026 00:00:02 GMT"},
        {
            "x-ratelimit-limit": "100",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(epoch + 2),
        },
        {},
    ]
    assert parsedate_to_datetime(told[1]["Retry-After"]) == T0 + timedelta(seconds=2)


def test_measures_are_used() -> None:
    """Status, wait and location are those of the details."""
    assert seen(Fault.ERROR_AFTER_COMMIT, status=599).status == 599
    assert seen(Fault.UNAVAILABLE, retry_after=0).headers["Retry-After"] == "0"
    redirect = seen(Fault.REDIRECT, location="https://example.org/", redirect_status=302)
    assert (redirect.status, redirect.headers["Location"]) == (302, "https://example.org/")
    assert seen(Fault.REDIRECT).headers["Location"] == "/moved"


def test_gateways_talk_html() -> None:
    """502 and 504 are pages, not problems."""
    for fault in (Fault.BAD_GATEWAY, Fault.LATE_COMMIT_TIMEOUT):
        reply = seen(fault)
        assert reply.media_type == "text/html"
        assert reply.body.startswith(b"<html>")


@pytest.mark.parametrize("fault", [f for f in Fault if f.startswith("body_")])
def test_a_broken_body_keeps_its_status(fault: Fault) -> None:
    """A broken body comes under the status of the true reply, and is not the true body."""
    reply = seen(fault)
    assert (reply.status, reply.committed) == (201, True)
    assert reply.body != TRUE.body


def test_broken_bodies_that_are_json() -> None:
    """A list and a padded object are JSON, of the wrong shape or size."""
    assert json.loads(seen(Fault.BODY_LIST).body) == [{"records": []}]
    padded = seen(Fault.BODY_OVERSIZED, oversized_bytes=10).body
    assert json.loads(padded) == {"padding": "x" * 10, "records": []}
    assert len(seen(Fault.BODY_OVERSIZED).body) > 5_000_000


@pytest.mark.parametrize(
    "fault", [Fault.BODY_EMPTY, Fault.BODY_HTML, Fault.BODY_CUT_JSON, Fault.BODY_WRONG_CHARSET]
)
def test_broken_bodies_that_are_not(fault: Fault) -> None:
    """Nothing, a page, half an object and Latin-1 are no JSON of UTF-8."""
    with pytest.raises(ValueError):  # noqa: PT011 - UnicodeDecodeError or JSONDecodeError
        json.loads(seen(fault).body.decode())


def test_monstrous_bodies() -> None:
    """Depth, digits and NaN are as monstrous as set."""
    assert b"[" * 7 + b"]" * 7 in seen(Fault.BODY_DEEP, depth=7).body
    assert b": " + b"9" * 5_000 + b"," in seen(Fault.BODY_HUGE_INTEGER).body
    assert json.loads(seen(Fault.BODY_NAN).body)["recordCount"] == float("inf")
    with pytest.raises(RecursionError):
        json.loads(seen(Fault.BODY_DEEP, depth=100_000).body)


def test_an_injected_error_is_told_as_the_quirks_say() -> None:
    """The 5xx of the service itself take the form of its other errors."""
    scene = attrs.evolve(SCENE, quirks=Quirks(error_media="empty"))
    reply = stand_in(Blow(Fault.ERROR_BEFORE_COMMIT, FaultDetails()), None, scene)
    assert reply is not None
    assert (reply.status, reply.body, reply.media_type) == (500, b"", None)
