"""Events as log records, for the standard library's logging: structured, and quiet by default."""

import logging
from typing import Final

from campaigns_async.events import CallEnded, Event, GateClosed, GateOpened, RetryScheduled

logger: Final = logging.getLogger("campaigns_async.events")

_ON_INFO: Final = (RetryScheduled, GateClosed, GateOpened, CallEnded)
"""What changes the course of a call, and its end. Nothing is a warning: whatever goes wrong comes
out as an exception or in a report, and the caller knows how bad that is."""


def log_event(event: Event) -> None:
    """One record: its ``event`` is the event's name, and each fact an attribute of its own."""
    level = logging.INFO if isinstance(event, _ON_INFO) else logging.DEBUG
    if not logger.isEnabledFor(level):
        return
    facts = event.facts()
    pairs = " ".join(f"{name}={value}" for name, value in facts.items())
    logger.log(level, "%s %s", event.name, pairs, extra={"event": event.name, **facts})
