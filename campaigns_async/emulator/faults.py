"""What can go wrong between a client and the service, by script or by seed.

A fault says two things: whether and when the request is carried out, and what the client gets to
see of it. `CONDUCT` is the table of both.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from random import Random
from types import MappingProxyType
from typing import Any, Final, cast

import attrs


class Commit(StrEnum):
    """Whether the request is carried out."""

    NEVER = "never"
    NOW = "now"
    LATE = "late"
    """After `FaultDetails.late_seconds`, long after the client was told something else."""
    TWICE = "twice"
    """As by a gateway that resends: carried out, then once more; the second reply counts."""


class Wire(StrEnum):
    """What becomes of the reply on its way."""

    WHOLE = "whole"
    RESET = "reset"
    """No byte of it; the connection ends with a reset (RST)."""
    FIN = "fin"
    """No byte of it; the connection ends in an orderly way."""
    HANG = "hang"
    """No byte of it; the connection stays open."""
    CUT = "cut"
    """Status and headers with the honest Content-Length, then the body up to a byte, then FIN."""
    DRIP = "drip"
    """A few bytes at a time."""


class Fault(StrEnum):
    """One thing that goes wrong with one request. What it does exactly: `CONDUCT`."""

    THROTTLE_SECONDS = "throttle_seconds"
    THROTTLE_DATE = "throttle_date"
    THROTTLE_RESET = "throttle_reset"
    THROTTLE_BARE = "throttle_bare"
    ERROR_BEFORE_COMMIT = "error_before_commit"
    ERROR_AFTER_COMMIT = "error_after_commit"
    UNAVAILABLE = "unavailable"
    BAD_GATEWAY = "bad_gateway"
    BAD_GATEWAY_AFTER_COMMIT = "bad_gateway_after_commit"
    REQUEST_TIMEOUT = "request_timeout"
    REQUEST_TIMEOUT_AFTER_COMMIT = "request_timeout_after_commit"
    DROP_BEFORE_COMMIT = "drop_before_commit"
    DROP_AFTER_COMMIT = "drop_after_commit"
    CLOSE_BEFORE_COMMIT = "close_before_commit"
    CLOSE_AFTER_COMMIT = "close_after_commit"
    HANG = "hang"
    HANG_AFTER_COMMIT = "hang_after_commit"
    LATE_COMMIT = "late_commit"
    LATE_COMMIT_TIMEOUT = "late_commit_timeout"
    LATE_COMMIT_HANG = "late_commit_hang"
    GATEWAY_RESENDS = "gateway_resends"
    REDIRECT = "redirect"
    TRUNCATED_BODY = "truncated_body"
    SLOW_DRIP = "slow_drip"
    BODY_EMPTY = "body_empty"
    BODY_HTML = "body_html"
    BODY_LIST = "body_list"
    BODY_CUT_JSON = "body_cut_json"
    BODY_WRONG_CHARSET = "body_wrong_charset"
    BODY_DEEP = "body_deep"
    BODY_NAN = "body_nan"
    BODY_HUGE_INTEGER = "body_huge_integer"
    BODY_OVERSIZED = "body_oversized"


@attrs.frozen
class Conduct:
    """A row of the table: whether the request is carried out, and how its reply travels.

    Faults that replace the reply itself (429, 5xx, redirects, broken bodies) do so in
    `stand_ins`; here stands what happens to the campaign and on the wire.
    """

    commit: Commit
    wire: Wire = Wire.WHOLE


CONDUCT: Final[Mapping[Fault, Conduct]] = MappingProxyType(
    {
        Fault.THROTTLE_SECONDS: Conduct(Commit.NEVER),
        Fault.THROTTLE_DATE: Conduct(Commit.NEVER),
        Fault.THROTTLE_RESET: Conduct(Commit.NEVER),
        Fault.THROTTLE_BARE: Conduct(Commit.NEVER),
        Fault.ERROR_BEFORE_COMMIT: Conduct(Commit.NEVER),
        Fault.ERROR_AFTER_COMMIT: Conduct(Commit.NOW),
        Fault.UNAVAILABLE: Conduct(Commit.NEVER),
        Fault.BAD_GATEWAY: Conduct(Commit.NEVER),
        Fault.BAD_GATEWAY_AFTER_COMMIT: Conduct(Commit.NOW),
        Fault.REQUEST_TIMEOUT: Conduct(Commit.NEVER),
        Fault.REQUEST_TIMEOUT_AFTER_COMMIT: Conduct(Commit.NOW),
        Fault.DROP_BEFORE_COMMIT: Conduct(Commit.NEVER, Wire.RESET),
        Fault.DROP_AFTER_COMMIT: Conduct(Commit.NOW, Wire.RESET),
        Fault.CLOSE_BEFORE_COMMIT: Conduct(Commit.NEVER, Wire.FIN),
        Fault.CLOSE_AFTER_COMMIT: Conduct(Commit.NOW, Wire.FIN),
        Fault.HANG: Conduct(Commit.NEVER, Wire.HANG),
        Fault.HANG_AFTER_COMMIT: Conduct(Commit.NOW, Wire.HANG),
        Fault.LATE_COMMIT: Conduct(Commit.LATE, Wire.RESET),
        Fault.LATE_COMMIT_TIMEOUT: Conduct(Commit.LATE),
        Fault.LATE_COMMIT_HANG: Conduct(Commit.LATE, Wire.HANG),
        Fault.GATEWAY_RESENDS: Conduct(Commit.TWICE),
        Fault.REDIRECT: Conduct(Commit.NEVER),
        Fault.TRUNCATED_BODY: Conduct(Commit.NOW, Wire.CUT),
        Fault.SLOW_DRIP: Conduct(Commit.NOW, Wire.DRIP),
        Fault.BODY_EMPTY: Conduct(Commit.NOW),
        Fault.BODY_HTML: Conduct(Commit.NOW),
        Fault.BODY_LIST: Conduct(Commit.NOW),
        Fault.BODY_CUT_JSON: Conduct(Commit.NOW),
        Fault.BODY_WRONG_CHARSET: Conduct(Commit.NOW),
        Fault.BODY_DEEP: Conduct(Commit.NOW),
        Fault.BODY_NAN: Conduct(Commit.NOW),
        Fault.BODY_HUGE_INTEGER: Conduct(Commit.NOW),
        Fault.BODY_OVERSIZED: Conduct(Commit.NOW),
    }
)

NO_FAULT: Final = Conduct(Commit.NOW)


@attrs.frozen(kw_only=True)
class FaultDetails:
    """The measures of the faults. Times in seconds, sizes in bytes."""

    status: int = 500
    """Of ERROR_BEFORE_COMMIT and ERROR_AFTER_COMMIT."""
    retry_after: float = 1.0
    """What a 429 or 503 asks for. As a header value it is rounded up to whole seconds."""
    late_seconds: float = 0.05
    """From the answer to the commit, in the LATE_COMMIT faults."""
    cut_at: int | None = None
    """Bytes of the body that TRUNCATED_BODY lets through; None: half of it."""
    drip_bytes: int = 64
    drip_seconds: float = 0.01
    """SLOW_DRIP: so many bytes, so often."""
    location: str | None = None
    """Where REDIRECT points; None: to ``/moved`` on the service itself."""
    redirect_status: int = 307
    oversized_bytes: int = 5_000_000
    depth: int = 10_000
    digits: int = 5_000


def _as_rates(rates: Mapping[Any, float]) -> Mapping[Fault, float]:
    return MappingProxyType({Fault(fault): rate for fault, rate in rates.items()})


def _as_script(script: Iterable[Fault | str | None]) -> tuple[Fault | None, ...]:
    return tuple(fault if fault is None else Fault(fault) for fault in script)


def _as_methods(methods: Iterable[str]) -> frozenset[str]:
    return frozenset(methods)


@attrs.frozen(kw_only=True)
class Faults:
    """What goes wrong by itself. The default: nothing.

    - ``latency``: before every request is carried out; a number, or a range to draw from evenly.
    - ``rates``: the probability of each fault, per request; together at most 1.
    - ``script``: faults of the first requests, in order; None spares one. Before the rates.
    - ``methods``: which requests the rates and the script are for.
    - ``before_auth``: whether they also hit requests that would be refused at the door.
    - ``requests_per_minute``, ``burst``: a limit over all requests, answered as ``limit_hint``
      says. None: no limit. (A sister API of the vendor allows 100 a minute with a burst of 20.)
    """

    latency: float | tuple[float, float] = 0.0
    rates: Mapping[Fault, float] = attrs.field(default=MappingProxyType({}), converter=_as_rates)
    script: tuple[Fault | None, ...] = attrs.field(default=(), converter=_as_script)
    details: FaultDetails = FaultDetails()
    methods: frozenset[str] = attrs.field(
        default=frozenset({"PATCH", "POST"}), converter=_as_methods
    )
    before_auth: bool = False
    requests_per_minute: float | None = None
    burst: int = 20
    limit_hint: Fault = attrs.field(default=Fault.THROTTLE_SECONDS, converter=Fault)

    def __attrs_post_init__(self) -> None:
        """Refuse rates that are no probabilities."""
        rates = self.rates.values()
        if any(rate < 0 for rate in rates) or sum(rates) > 1 + 1e-9:
            msg = "the rates of all faults are probabilities and add up to 1 at most"
            raise ValueError(msg)


@attrs.frozen
class Blow:
    """A fault with its measures: what hits one request."""

    fault: Fault
    details: FaultDetails


class FaultSource:
    """Says for each request what goes wrong with it: injected ones first, then the seed's.

    Equal seeds and equal sequences of requests give equal faults.
    """

    def __init__(self, faults: Faults, *, seed: int = 0) -> None:
        self.faults = faults
        self._rng = Random(f"{seed}/faults")  # noqa: S311 - a repeatable trace, no secret
        self._script: deque[Blow | None] = deque(
            None if fault is None else Blow(fault, faults.details) for fault in faults.script
        )

    def inject(self, fault: Fault | str, times: int = 1, **details: float | str | None) -> None:
        """Let the fault hit the next ``times`` requests, behind those injected before.

        ``details`` are fields of `FaultDetails`, over those of `Faults`.
        """
        changes = cast("dict[str, Any]", details)  # A wrong name is a TypeError of evolve.
        blow = Blow(Fault(fault), attrs.evolve(self.faults.details, **changes))
        self._script.extend([blow] * times)

    def clear(self) -> None:
        """Forget what was scripted or injected and has not happened yet."""
        self._script.clear()

    def latency(self) -> float:
        """Seconds that the next request waits."""
        latency = self.faults.latency
        return self._rng.uniform(*latency) if isinstance(latency, tuple) else latency

    def next_blow(self, method: str) -> Blow | None:
        """What hits this request; None: nothing."""
        if method not in self.faults.methods:
            return None
        if self._script:
            return self._script.popleft()
        if not self.faults.rates:
            return None
        drawn = self._rng.random()
        for fault, rate in self.faults.rates.items():
            drawn -= rate
            if drawn < 0:
                return Blow(fault, self.faults.details)
        return None
