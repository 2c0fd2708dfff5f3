"""A record on its way through a batcher, as its submitter sees it."""

import asyncio
from collections.abc import Generator
from typing import Any

import attrs

from campaigns_async.outcomes import RecordOutcome


class Delivery:
    """A record on its way. Await it for its :class:`RecordOutcome`, as often as you like.

    ``position``: how many were submitted before it.
    """

    __slots__ = ("_future", "_seen", "_waiting", "position")

    def __init__(self, position: int, future: "asyncio.Future[RecordOutcome]") -> None:
        self.position = position
        self._future = future
        self._seen = False
        self._waiting = 0

    def done(self) -> bool:
        """Whether its outcome is known."""
        return self._future.done()

    @property
    def outcome(self) -> RecordOutcome | None:
        """Its outcome; None as long as it is not known."""
        if not self._future.done():
            return None
        self._seen = True
        return self._future.result()

    def __await__(self) -> Generator[Any, None, RecordOutcome]:
        self._waiting += 1
        try:
            # Shielded: a cancelled waiter must not take the outcome away from the others.
            outcome = yield from asyncio.shield(self._future).__await__()
        finally:
            self._waiting -= 1
        self._seen = True
        return outcome

    def __repr__(self) -> str:
        state = self._future.result().status if self._future.done() else "pending"
        return f"<Delivery {self.position} {state}>"

    @property
    def looked_at(self) -> bool:
        """Whether anybody got its outcome, or waits for it."""
        return self._seen or self._waiting > 0


@attrs.define(eq=False)
class Pending:
    """A record that is not settled, and all who wait for it."""

    future: "asyncio.Future[RecordOutcome]"
    crm_record_id: str | None
    deliveries: list[Delivery] = attrs.Factory(list[Delivery])

    def join(self, position: int) -> Delivery:
        """One more who waits, at this position."""
        delivery = Delivery(position, self.future)
        self.deliveries.append(delivery)
        return delivery
