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

    __slots__ = ("_outcome", "_seen", "_waiters", "position")

    def __init__(self, position: int) -> None:
        self.position = position
        self._outcome: RecordOutcome | None = None
        self._seen = False
        # One for each who waits: a cancelled one must not take the outcome away from the others.
        self._waiters: list[asyncio.Future[None]] = []

    def done(self) -> bool:
        """Whether its outcome is known."""
        return self._outcome is not None

    @property
    def outcome(self) -> RecordOutcome | None:
        """Its outcome; None as long as it is not known."""
        self._seen = self._seen or self.done()
        return self._outcome

    def __await__(self) -> Generator[Any, None, RecordOutcome]:
        if self._outcome is None:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                yield from waiter
            finally:
                self._waiters.remove(waiter)
        assert self._outcome is not None  # noqa: S101 - what else the waiter was told
        self._seen = True
        return self._outcome

    def __repr__(self) -> str:
        state = "pending" if self._outcome is None else self._outcome.status
        return f"<Delivery {self.position} {state}>"

    def settle(self, outcome: RecordOutcome) -> None:
        """Its outcome is known now."""
        self._outcome = outcome
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    @property
    def looked_at(self) -> bool:
        """Whether anybody got its outcome, or waits for it."""
        return self._seen or bool(self._waiters)


@attrs.define(eq=False)
class Pending:
    """A record that is not settled, and all who wait for it."""

    crm_record_id: str | None
    deliveries: list[Delivery] = attrs.Factory(list[Delivery])

    def join(self, position: int) -> Delivery:
        """One more who waits, at this position."""
        delivery = Delivery(position)
        self.deliveries.append(delivery)
        return delivery
