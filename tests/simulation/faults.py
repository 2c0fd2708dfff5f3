"""What can go wrong with one request on its way, drawn from a seeded random."""

from collections.abc import Callable, Mapping
from enum import Enum
from random import Random
from typing import Final

import attrs

from campaigns_async._core.exchange import Response
from campaigns_async.errors import NotSentError, OutcomeUnknownError, TransportError
from tests.simulation import texts


class Fault(Enum):
    """One thing that goes wrong; "carried out" is the server's part, "reply" what we see of it."""

    NOT_SENT = "no connection"
    LOST_BEFORE = "lost on its way there"
    LOST_AFTER = "carried out; the reply is lost"
    LATE = "carried out later, after we gave up"
    ERROR_BEFORE = "a 5xx, not carried out"
    ERROR_AFTER = "carried out; a 5xx"
    ERROR_LATE = "a 5xx or 408; carried out later"
    TIMEOUT_STATUS = "408, not carried out"
    THROTTLED = "429"
    TRUNCATED = "the reply breaks off"
    UNREADABLE = "the reply comes, and has a body that nobody can read"
    MIXED_UP = "the reply to somebody else's records"
    MIXED_UP_BEFORE = "the same, and not carried out"
    RESENT = "a gateway sends it twice, and gives us the second reply"
    RESENT_THROTTLED = "the same, and the second copy is throttled"
    DENIED = "401, 403, 404 or a redirect"


EVEN: Final[Mapping[Fault, float]] = {
    Fault.NOT_SENT: 1,
    Fault.LOST_BEFORE: 2,
    Fault.LOST_AFTER: 2,
    Fault.LATE: 2,
    Fault.ERROR_BEFORE: 1,
    Fault.ERROR_AFTER: 1,
    Fault.ERROR_LATE: 1,
    Fault.TIMEOUT_STATUS: 1,
    Fault.THROTTLED: 1,
    Fault.TRUNCATED: 1,
    Fault.UNREADABLE: 1,
    Fault.MIXED_UP: 0.5,
    Fault.MIXED_UP_BEFORE: 0.5,
}
LATE: Final[Mapping[Fault, float]] = {**EVEN, Fault.LATE: 8, Fault.ERROR_LATE: 4}
RESENDING: Final[Mapping[Fault, float]] = {**EVEN, Fault.RESENT: 12, Fault.RESENT_THROTTLED: 2}
DENYING: Final[Mapping[Fault, float]] = {**EVEN, Fault.DENIED: 0.7}


@attrs.frozen
class Weather:
    """``rate``: share of requests with a fault, until ``until`` (seconds; infinity for ever)."""

    rate: float = 0.0
    until: float = 0.0
    kinds: Mapping[Fault, float] = EVEN

    def draw(self, random: Random, now: float) -> Fault | None:
        """The fault of a request that leaves now; None for none."""
        if now >= self.until or random.random() >= self.rate:
            return None
        return random.choices(list(self.kinds), list(self.kinds.values()))[0]


def lost(random: Random) -> OutcomeUnknownError:
    """No reply."""
    return OutcomeUnknownError("no reply", timed_out=random.random() < 0.5)


def error_reply(random: Random) -> Response:
    """A 5xx, from the service or from something before it."""
    status = random.choice((500, 502, 503, 504, 520))
    headers = {"retry-after": "3"} if random.random() < 0.2 else {}
    if random.random() < 0.5:
        return Response(status, {**texts.HTML, **headers}, b"<h1>Bad Gateway</h1>")
    plain = texts.problem(status, "Internal Server Error", "Record already exists, or so")
    return attrs.evolve(plain, headers={**texts.HEADERS, **headers})


def timeout_reply(_random: Random) -> Response:
    """408: the request took too long to arrive, or so somebody thinks."""
    return Response(408, texts.HTML, b"<h1>Request Timeout</h1>")


def throttled_reply(random: Random) -> tuple[Response, float]:
    """429, and the seconds that it asks to wait (0 if it asks for none)."""
    wait = random.choice((0, 0, 1, 7, 40))
    headers = {"retry-after": str(wait)} if wait else {}
    return Response(429, headers, b""), float(wait)


def mixed_up_reply(random: Random) -> Response:
    """A sound success about records that are not ours."""
    body = b'{"records":[{"crmRecordId":"THEIRS-%d","state":"PENDING"}]}' % random.randrange(99)
    return Response(201, texts.HEADERS, body)


def denied_reply(random: Random) -> Response:
    """What no request can survive."""
    status = random.choice((401, 403, 404, 302))
    headers = {"location": "https://elsewhere.example"} if status == 302 else texts.HEADERS
    return Response(status, headers, b'{"title":"No"}')


def truncate(random: Random, reply: Response) -> Response:
    """The same with its body broken off somewhere."""
    end = random.randrange(len(reply.body)) if reply.body else 0
    return attrs.evolve(reply, body=reply.body[:end], broken_off=True)


def damage(random: Random, reply: Response) -> Response:
    """The same with another body, which is whole as far as HTTP can tell."""
    body = random.choice(
        (
            b"",
            b"<h1>Oops</h1>",
            b"[]",
            reply.body[: len(reply.body) // 2],
            b"\xff\xfe",
            b'{"a":NaN}',
        )
    )
    return attrs.evolve(reply, body=body)


SEEN: Final[Mapping[Fault, Callable[[Random], Response | TransportError]]] = {
    Fault.NOT_SENT: lambda _: NotSentError("no connection"),
    Fault.LOST_BEFORE: lost,
    Fault.LOST_AFTER: lost,
    Fault.LATE: lost,
    Fault.ERROR_BEFORE: error_reply,
    Fault.ERROR_AFTER: error_reply,
    Fault.ERROR_LATE: lambda random: random.choice((error_reply, timeout_reply))(random),
    Fault.TIMEOUT_STATUS: timeout_reply,
    Fault.MIXED_UP: mixed_up_reply,
    Fault.MIXED_UP_BEFORE: mixed_up_reply,
    Fault.DENIED: denied_reply,
}
"""What we see of a fault that lets no reply of the server through."""

CARRIED_OUT: Final = frozenset(
    {Fault.LOST_AFTER, Fault.ERROR_AFTER, Fault.MIXED_UP, Fault.RESENT, Fault.RESENT_THROTTLED}
)
"""Faults under which the server carries the request out, unseen by us."""

LATER: Final = frozenset({Fault.LATE, Fault.ERROR_LATE})
"""Faults under which it does so after a while."""

DAMAGED: Final[Mapping[Fault | None, Callable[[Random, Response], Response]]] = {
    Fault.TRUNCATED: truncate,
    Fault.UNREADABLE: damage,
}
"""Faults under which a reply comes, and says less than it did."""
