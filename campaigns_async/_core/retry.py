"""How long to wait before trying again, and whether to: numbers in, numbers out.

Full jitter over an exponential ceiling, from the wait generators of ``backoff``. Its decorator is
left aside: it reads the wall clock, sleeps by itself and knows no budget.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

import backoff

from campaigns_async.errors import (
    APIError,
    CampaignsError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
)
from campaigns_async.lifecycle import GUARDED_BY_STATE
from campaigns_async.models import CampaignAction

LONGEST_HOLD: Final = 3600.0
"""Seconds. A reply that asks for more is obeyed this long and then asked again, because a reset
given in another unit would otherwise stop an upload for decades."""


class Random(Protocol):
    """The one method of :class:`random.Random` that is needed here."""

    def uniform(self, a: float, b: float, /) -> float:
        """A float between a and b."""
        ...


class Backoff:
    """The waits of one call or one batch, in seconds: uniform(0, min(cap, base * 2**n))."""

    def __init__(self, *, base: float, cap: float, random: Random) -> None:
        self._base = base
        self._cap = cap
        self._random = random
        self.reset()

    def reset(self) -> None:
        """Begin again at the shortest wait: something got through."""
        self._ceilings = backoff.expo(base=2, factor=self._base, max_value=self._cap)
        # Its first value is for the decorator's priming.
        next(self._ceilings)

    def next_wait(self, floor: float | None = None) -> float:
        """The next wait; never less than ``floor``, which is what the service asked for."""
        wait = self._random.uniform(0, next(self._ceilings))
        if floor is None:
            return wait
        # A little above the floor, so that all who were told the same do not come at once; and a
        # floor of 0 is no leave to come back at once, time after time.
        return max(wait, floor + min(wait, self._base))

    @property
    def cap(self) -> float:
        """The longest wait, in seconds."""
        return self._cap


class Budget:
    """Retries to spare: each takes one, each success gives back a tenth, never above the start."""

    _GIVEN_BACK: Final = 0.1

    def __init__(self, tokens: float) -> None:
        self._full = tokens
        self._tokens = tokens

    def take(self) -> bool:
        """Whether there was one to take."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def give_back(self) -> None:
        """After a success."""
        self._tokens = min(self._full, self._tokens + self._GIVEN_BACK)


def is_ambiguous(error: CampaignsError) -> bool:
    """Whether the request may have been executed all the same: no reply, 408 or 5xx."""
    if isinstance(error, APIError):
        return isinstance(error, ServerError) or error.status == 408
    return isinstance(error, OutcomeUnknownError)


def may_repeat(error: CampaignsError) -> bool:
    """Whether any request may be repeated: it was surely not executed, and may be next time."""
    if isinstance(error, NotSentError):
        return not error.permanent
    return isinstance(error, RateLimitError)


def may_repeat_action(action: CampaignAction, error: CampaignsError, *, asked: bool) -> bool:
    """Whether an action may be repeated after this.

    After an explicit 5xx those that the campaign's state guards: a second START of a campaign that
    did start is refused. After other ambiguous failures, and for the rest, only if ``asked``.
    """
    if may_repeat(error):
        return True
    if isinstance(error, ServerError) and action in GUARDED_BY_STATE:
        return True
    return asked and is_ambiguous(error)


def parse_retry_after(
    headers: Mapping[str, str], now: datetime, *, limited: bool = True
) -> float | None:
    """Seconds to wait, as the reply's headers ask; None if they do not.

    ``Retry-After`` in seconds or as a date, else, if the reply says that a limit is reached
    (``limited``), ``x-ratelimit-reset`` in Unix seconds: some send that with every reply. A date
    counts from the reply's own ``Date``, so that a wrong clock here does no harm; ``now`` (with a
    time zone) serves where there is none. At most :data:`LONGEST_HOLD`.
    """
    told = headers.get("retry-after", "").strip()
    seconds = _number(told)
    if seconds is None and told:
        moment = _date(told)
        seconds = None if moment is None else (moment - _sent_at(headers, now)).total_seconds()
    if seconds is None and limited:
        reset = _number(headers.get("x-ratelimit-reset", "").strip())
        seconds = None if reset is None else reset - _sent_at(headers, now).timestamp()
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_HOLD)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sent_at(headers: Mapping[str, str], now: datetime) -> datetime:
    return _date(headers.get("date", "")) or now
