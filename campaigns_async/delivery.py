"""A record on its way through a batcher, as its submitter sees it."""

import asyncio
from collections.abc import Generator
from typing import Any

from campaigns_async.outcomes import RecordOutcome


class Delivery:
    """A record on its way. Await it for its :class:`RecordOutcome`, as often as you like.

    ``position``: how many were submitted before it.
    """

    __slots__ = ("_outcome", "_seen", "_waiters", "crm_record_id", "position", "sharers")

    def __init__(self, position: int, crm_record_id: str | None) -> None:
        self.position = position
        self.crm_record_id = crm_record_id
        self._outcome: RecordOutcome | None = None
        self._seen = False
        # One for each who waits: a cancelled one must not take the outcome away from the others.
        self._waiters: list[asyncio.Future[None]] = []
        # Later ones with the same id. Thousands are on their way, and few of them have any.
        self.sharers: list[Delivery] | None = None

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
            waiter = self.begin_wait()
            try:
                yield from waiter
            finally:
                self.end_wait(waiter)
        return self.look()

    def __repr__(self) -> str:
        state = "pending" if self._outcome is None else self._outcome.status
        return f"<Delivery {self.position} {state}>"

    def begin_wait(self) -> "asyncio.Future[None]":
        """Done when the outcome is known. Whoever waits for it ends that with :meth:`end_wait`."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return waiter

    def end_wait(self, waiter: "asyncio.Future[None]") -> None:
        """The end of a wait, with or without the outcome; that alone is no look at it."""
        self._waiters.remove(waiter)

    def look(self) -> RecordOutcome:
        """The outcome, which must be known by now."""
        assert self._outcome is not None  # noqa: S101 - the caller's task
        self._seen = True
        return self._outcome

    def share(self, later: "Delivery") -> None:
        """A later one with the same id gets the outcome of this one."""
        if self.sharers is None:
            self.sharers = []
        self.sharers.append(later)

    def settle(self, outcome: RecordOutcome) -> None:
        """Its outcome is known now; those that share it are settled by whoever settles this one."""
        self._outcome = outcome
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    @property
    def looked_at(self) -> bool:
        """Whether anybody got its outcome, or waits for it."""
        return self._seen or bool(self._waiters)
