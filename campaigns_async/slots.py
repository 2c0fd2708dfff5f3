"""The wait for a turn: a semaphore whose size adapts, for all of a session's tasks together."""

import asyncio
import math
from collections import OrderedDict

from campaigns_async._core.pacing import Pacing, Ticket


class Slots:
    """First come, first served under :class:`Pacing`, which does the thinking."""

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing
        # An ordered set: who gives up its wait leaves at once, for there may be no end to the wait.
        self._queue: OrderedDict[asyncio.Future[Ticket], None] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._pacing.in_flight

    def request(self) -> "asyncio.Future[Ticket]":
        """A turn: done as soon as a request may begin.

        Give the ticket back with :meth:`release`, or a turn that is not wanted any more with
        :meth:`withdraw`.
        """
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Ticket] = loop.create_future()
        if not self._queue and self._pacing.admit(loop.time()) <= 0:
            turn.set_result(self._pacing.begin(loop.time()))
        else:
            self._queue[turn] = None
            self._wake()
        return turn

    async def acquire(self) -> Ticket:
        """Wait for a turn."""
        turn = self.request()
        try:
            return await turn
        except asyncio.CancelledError:
            self.withdraw(turn)
            raise

    def withdraw(self, turn: "asyncio.Future[Ticket]") -> None:
        """The turn is not wanted: leave the queue, or give back what was granted meanwhile."""
        if turn.done() and not turn.cancelled():
            self.release(turn.result(), congested=None)
        else:
            self._queue.pop(turn, None)
            turn.cancel()

    def release(self, ticket: Ticket, *, congested: bool | None) -> None:
        """The request is over; see :meth:`Pacing.end`."""
        self._pacing.end(ticket, congested=congested)
        self._wake()

    def hold(self, seconds: float) -> None:
        """Let nobody begin for this long."""
        self._pacing.hold(asyncio.get_running_loop().time() + seconds)

    def is_open(self) -> bool:
        """Whether who has a turn may send: not during a hold."""
        return asyncio.get_running_loop().time() >= self._pacing.held_until

    async def outwait_hold(self) -> None:
        """Return when the hold is over, and those that came meanwhile."""
        loop = asyncio.get_running_loop()
        while not self.is_open():
            over = asyncio.Event()
            # At that time and not after so many seconds: sums of floats may fall short of it.
            timer = loop.call_at(self._pacing.held_until, over.set)
            try:
                await over.wait()
            finally:
                timer.cancel()

    def _wake(self) -> None:
        """Grant turns as far as the pacing lets, and come back when it will again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            turn = next(iter(self._queue))
            if turn.done():
                # Cancelled, and about to leave.
                del self._queue[turn]
                continue
            loop = asyncio.get_running_loop()
            wait = self._pacing.admit(loop.time())
            if wait == math.inf:
                return
            if wait > 0:
                self._timer = loop.call_later(wait, self._wake)
                return
            del self._queue[turn]
            turn.set_result(self._pacing.begin(loop.time()))
