"""A call under way, as those hear of it who watch: its attempts, its turns, its end."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping
from types import TracebackType
from typing import Final, Self

from campaigns_async._core.exchange import Response, Seen
from campaigns_async.errors import CampaignsError, NotSentError
from campaigns_async.events import (
    AttemptBegun,
    AttemptEnded,
    CallBegun,
    CallEnded,
    Event,
    GateClosed,
    GateOpened,
    OnEvent,
    RecordsSettled,
    RetryScheduled,
)
from campaigns_async.logs import log_event, logger
from campaigns_async.outcomes import Status

_logger: Final = logging.getLogger(__name__)


class Call:
    """Makes events of what happens; a context manager, from the call's begin to its end."""

    def __init__(self, begun: CallBegun, on_event: OnEvent | None) -> None:
        self._begun = begun
        self._on_event = on_event
        self._began = 0.0
        self._retries = 0
        self._gate_closed = False
        self._error: str | None = None
        self._counts: Mapping[Status, int] | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._tell(self._begun)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        seconds = self._loop.time() - self._began
        error = self._error if exc_type is None else exc_type.__name__
        self._tell(CallEnded(self._begun, seconds, error, self._counts))

    @property
    def watched(self) -> bool:
        """Whether anybody wants to know of each attempt; all that it costs where nobody does."""
        return self._on_event is not None or logger.isEnabledFor(logging.DEBUG)

    async def watch(self, attempt: Awaitable[Seen | None]) -> Seen | None:
        """What the attempt gives, None if it was not to be sent any more; told before and after."""
        loop = asyncio.get_running_loop()
        begun = AttemptBegun(self._begun)
        self._tell(begun)
        began = loop.time()
        status: int | None = None
        error: str | None = None
        try:
            seen = await attempt
            status, error = _read(seen)
        except BaseException as unseen:
            error = type(unseen).__name__
            raise
        finally:
            self._tell(AttemptEnded(begun, loop.time() - began, status, error))
        return seen

    def retry(self, seen: Seen, *, wait: float | None, held: bool) -> None:
        """It will be sent again because of that; see :class:`RetryScheduled`."""
        self._tell(RetryScheduled(self._begun, *_read(seen), wait, held))

    def follow(self, seen: Seen, *, retries: int, hold: float | None, gate_closed: bool) -> None:
        """How an engine's numbers stand after it judged that; what changed is told."""
        if retries != self._retries:
            self._retries = retries
            self.retry(seen, wait=hold, held=hold is not None)
        if gate_closed is not self._gate_closed:
            self._gate_closed = gate_closed
            self._tell((GateClosed if gate_closed else GateOpened)(self._begun))

    def settle(self, settled: Iterable[tuple[Status, int]]) -> None:
        """So many records got this outcome."""
        if self.watched:
            counts = Counter[Status]()
            for status, records in settled:
                counts[status] += records
            if counts:
                self._tell(RecordsSettled(self._begun, counts))

    def sum_up(self, counts: Mapping[Status, int], stopped_by: CampaignsError | None) -> None:
        """What the end shall tell."""
        self._counts = dict(counts)
        self._error = None if stopped_by is None else type(stopped_by).__name__

    def _tell(self, event: Event) -> None:
        log_event(event)
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except (Exception, asyncio.CancelledError) as error:
            # The caller's own; the call goes on. It waits for nothing, so that nobody cancelled it:
            # it may have looked at something that was.
            _logger.warning("on_event raised %s", type(error).__name__, exc_info=error)


def _read(seen: Seen | None) -> tuple[int | None, str | None]:
    """Status and kind of error. Never its text, in which there may be ids."""
    if isinstance(seen, Response):
        return seen.status, None if 200 <= seen.status < 300 else str(seen.status)
    return None, (NotSentError if seen is None else type(seen)).__name__
