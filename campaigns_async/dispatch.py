"""Requests on their way: a turn, an attempt, and for single calls another where that is safe."""

import asyncio
import math
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from campaigns_async._core.exchange import Request, Response, Seen
from campaigns_async._core.pacing import Pacing, read_congestion
from campaigns_async._core.problems import parse_error
from campaigns_async._core.retry import Backoff, Budget, is_ambiguous, parse_retry_after
from campaigns_async.call import Call
from campaigns_async.errors import (
    APIError,
    CampaignsError,
    NotSentError,
    RateLimitError,
    TransportError,
    escape,
)
from campaigns_async.events import CallBegun
from campaigns_async.settings import Settings
from campaigns_async.slots import Slots
from campaigns_async.transport import Connections, Transport

_NO_TIME: Final = (
    "nothing was sent: there was no turn before the deadline; the session's limits are used up by "
    "other calls, or the service or a limiter asked to wait"
)


NOT_WANTED: Final = "nothing was sent: it was ended before the request went out"


class Dispatcher:
    """What all calls, uploads and batchers of a session share: connections, turns, retry budget."""

    def __init__(
        self,
        settings: Settings,
        connections: Connections,
        *,
        slots: Slots | None = None,
        budget: Budget | None = None,
        seed: int | None = None,
    ) -> None:
        limits = settings.limits
        self.settings = settings
        self.connections = connections
        self._transport = Transport(settings, connections)
        self._random = random.Random(seed)  # noqa: S311 - jitter, no secret
        self.budget = budget or Budget(settings.retry.budget)
        self.slots = slots or Slots(
            Pacing(
                ceiling=limits.max_in_flight,
                initial=limits.initial_in_flight,
                requests_per_second=limits.requests_per_second,
                burst=limits.burst,
            ),
        )

    def with_settings(self, settings: Settings) -> "Dispatcher":
        """The same connections; turns and budget are shared too unless the settings change them."""
        same_limits = settings.limits == self.settings.limits
        same_budget = settings.retry.budget == self.settings.retry.budget
        return Dispatcher(
            settings,
            self.connections,
            slots=self.slots if same_limits else None,
            budget=self.budget if same_budget else None,
        )

    def new_backoff(self, cap: float | None = None) -> Backoff:
        """The waits of one call or one batch; ``cap`` in seconds, None for the retry policy's."""
        retry = self.settings.retry
        return Backoff(base=retry.base, cap=retry.cap if cap is None else cap, random=self._random)

    def new_call(self, name: str, path: str, action: str | None = None) -> Call:
        """What is to be told of a call on the campaign at this path."""
        campaign_id = path.split("/")[1] if self.settings.event_ids else None
        return Call(CallBegun(name, action, campaign_id), self.settings.on_event)

    @property
    def _is_clear(self) -> bool:
        """Whether there is nothing to wait for but a connection."""
        return self.settings.limits.limiter is None and self.slots.is_open()

    async def _clear(self, by: float) -> NotSentError | None:
        """Wait for the limiter, and as long as the service asked for; None: it may be sent now."""
        limiter = self.settings.limits.limiter
        limit = asyncio.timeout_at(None if by == math.inf else by)
        try:
            async with limit:
                await self.slots.outwait_hold()
                while limiter is not None:
                    await limiter.acquire()
                    if self.slots.is_open():
                        break
                    # The service asked for it meanwhile, in its answers to others. All that wait
                    # for its end would go at once then: so each asks the limiter again.
                    await self.slots.outwait_hold()
        except Exception as error:  # noqa: BLE001 - the caller's own object
            if not limit.expired():
                reason = f"{type(error).__name__}: {escape(str(error))}"
                return NotSentError(
                    f"nothing was sent: the limiter's acquire() raised {reason}", permanent=True
                )
        return None

    async def attempt(
        self,
        request: Request,
        *,
        by: float = math.inf,
        call: Call | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Seen:
        """One attempt, for a caller who has a turn; a failure is returned.

        - ``by``: the end of all time for it, on the loop's clock; infinity for no end.
        - ``call``: that it belongs to, and that tells of it.
        - ``wanted``: asked last before it is sent, for much may have happened by then.
        """
        while True:
            if not self._is_clear and (prevented := await self._clear(by)) is not None:
                return prevented
            left = by - asyncio.get_running_loop().time()
            if left <= 0:
                # An attempt with no time left would only make doubt out of certainty. Not
                # permanent: whoever set the deadline says that it has passed.
                return NotSentError(_NO_TIME)
            sending = self._transport.send(request, left, lambda: self.slots.is_open() and wanted())
            seen = await (call.watch(sending) if call is not None and call.watched else sending)
            if seen is not None:
                return seen
            if self.slots.is_open():
                return NotSentError(NOT_WANTED)
            # Held while it was being connected: no failure of its own, so it waits once more.

    async def call(
        self,
        request: Request,
        *,
        may_repeat: Callable[[CampaignsError], bool],
        ids: tuple[str, ...] = (),
        deadline: float | None = None,
        call: Call | None = None,
    ) -> Response:
        """A 2xx reply, after as many attempts as the retry policy allows.

        Else the error of the last attempt that was sent; only where none was, "nothing was sent".

        ``may_repeat``: whether this request may be repeated after that error. ``ids``: those of the
        request, to be found in the words of a refusal. ``deadline``: seconds; the policy's own
        counts if that is shorter. ``call``: what this is part of, and is told of it.
        """
        retry = self.settings.retry
        loop = asyncio.get_running_loop()
        limit = loop.time() + min(retry.deadline, retry.deadline if deadline is None else deadline)
        waits = self.new_backoff()
        ambiguous = False
        attempts = 0
        sent: CampaignsError | None = None
        while True:
            attempts += 1
            seen = await self._attempt_by(limit, request, call)
            if isinstance(seen, Response) and 200 <= seen.status < 300:
                self.budget.give_back()
                return seen
            error = (
                seen if isinstance(seen, TransportError) else parse_error(seen, wall_clock(), ids)
            )
            error.attempts = attempts
            if isinstance(error, APIError):
                error.after_ambiguous_attempt = ambiguous
            ambiguous = ambiguous or is_ambiguous(error)
            if not isinstance(error, NotSentError):
                sent = error
            floor = error.retry_after if isinstance(error, APIError) else None
            wait = waits.next_wait(floor)
            if (
                attempts >= retry.max_attempts
                or loop.time() + wait >= limit
                or not may_repeat(error)
                or not self.budget.take()
            ):
                raise sent or error
            held = isinstance(error, RateLimitError) or floor is not None
            if call is not None:
                call.retry(seen, wait=wait, held=held)
            if held:
                self.slots.hold(wait)
            else:
                await asyncio.sleep(wait)

    async def _attempt_by(self, limit: float, request: Request, call: Call | None) -> Seen:
        try:
            async with asyncio.timeout_at(limit):
                ticket = await self.slots.acquire()
        except TimeoutError:
            return NotSentError(_NO_TIME, permanent=True)
        congested = None
        try:
            seen = await self.attempt(request, by=limit, call=call)
            congested = read_congestion(seen)
            if congested is not False and isinstance(seen, Response):
                # Before the turn is given back: whoever gets it has to wait as well.
                limited = congested is True
                asked = parse_retry_after(seen.headers, wall_clock(), limited=limited)
                self.slots.hold(asked or 0.0)
        finally:
            self.slots.release(ticket, congested=congested)
        return seen


def wall_clock() -> datetime:
    """The time, for dates in replies; all waiting goes by the loop's clock."""
    return datetime.now(UTC)
