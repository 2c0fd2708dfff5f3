"""How many requests at once, and how fast: additive increase, multiplicative decrease.

One per session, because the service counts by key. Time is an argument: seconds of any clock that
does not go back.
"""

import math
from typing import Final

from campaigns_async._core.exchange import Response
from campaigns_async.errors import OutcomeUnknownError, TransportError

_DUST: Final = 1e-9
"""Seconds that sums of floats leave where there should be none; no clock gets past less."""


def read_congestion(seen: Response | TransportError) -> bool | None:
    """Whether the service has too much to do, as far as this shows it; None if it shows nothing."""
    if isinstance(seen, TransportError):
        return True if isinstance(seen, OutcomeUnknownError) and seen.timed_out else None
    if seen.status in {429, 503}:
        return True
    return None if seen.status >= 500 or seen.status == 408 else False


class Ticket:
    """What a request under way holds: the same for all that began between two decreases."""

    __slots__ = ()


class Pacing:
    """Decides when a request may begin, and learns from how each one ends.

    The window grows by one for each success until the first congestion (so it doubles in a round
    trip), and by one a round trip after that. Congestion halves it, once per epoch: requests that
    began before the last decrease tell nothing new.

    ``in_flight``: requests under way. ``held_until``: before this time nothing is sent, because the
    service asked for it.
    """

    _SMALLEST: Final = 1.0

    def __init__(
        self,
        *,
        ceiling: int,
        initial: int,
        requests_per_second: float | None = None,
        burst: int = 1,
    ) -> None:
        self._ceiling = ceiling
        self._window = float(min(initial, ceiling))
        self._slow_start = True
        self._epoch = Ticket()
        self._rate = requests_per_second
        self._burst = burst
        # Virtual scheduling: the time at which the bucket of `burst` would be full again.
        self._full_at = -math.inf
        self.held_until = -math.inf
        self.in_flight = 0

    @property
    def window(self) -> int:
        """Requests that may be in flight now."""
        return int(self._window)

    def admit(self, now: float) -> float:
        """Seconds until a request may begin: 0 for now, infinity until one in flight has ended."""
        if self.in_flight >= self.window:
            return math.inf
        wait = self.held_until - now
        if self._rate is not None:
            wait = max(wait, self._full_at - now - (self._burst - 1) / self._rate)
        return wait if wait > _DUST else 0.0

    def begin(self, now: float) -> Ticket:
        """One request begins. Call it when :meth:`admit` gives 0."""
        self.in_flight += 1
        if self._rate is not None:
            self._full_at = max(self._full_at, now) + 1 / self._rate
        return self._epoch

    def end(self, ticket: Ticket, *, congested: bool | None) -> None:
        """It ended: well (False), with a sign of overload (True), or with neither (None)."""
        self.in_flight -= 1
        if congested is None:
            return
        if not congested:
            step = 1.0 if self._slow_start else 1.0 / self._window
            self._window = min(self._ceiling, self._window + step)
        elif ticket is self._epoch:
            self._window = max(self._SMALLEST, self._window / 2)
            self._epoch = Ticket()
            self._slow_start = False

    def hold(self, until: float) -> None:
        """Send nothing before ``until``; the latest of several counts."""
        self.held_until = max(self.held_until, until)
