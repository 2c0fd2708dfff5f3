"""What happens on the way, as plain values: for logs, traces, metrics, and whoever else listens.

No event holds a key, a tenant, a record's id, or anything of a body or a message. A campaign's id
is in them only where the session was told ``event_ids=True``.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, cast

import attrs

from campaigns_async.outcomes import Status

Fact = str | int | float


@attrs.frozen(eq=False)
class Event:
    """Something happened. Each is itself: what ended points to what began, by identity.

    ``name`` is stable, for filters and dashboards.
    """

    name: ClassVar[str]

    def facts(self) -> dict[str, Fact]:
        """All that it tells, and what it belongs to, as flat pairs; what is None is left out."""
        facts: dict[str, Fact] = {}
        for field in attrs.fields(type(self)):
            value = getattr(self, field.name)
            if isinstance(value, Event):
                facts |= value.facts()
            elif isinstance(value, Mapping):
                counts = cast("Mapping[Status, int]", value)
                facts |= {f"records_{status.lower()}": n for status, n in counts.items()}
            elif value is not None:
                facts[field.name] = value
        return facts


@attrs.frozen(eq=False)
class CallBegun(Event):
    """A call begins.

    ``call``: modify, start_when_ready, add_records, upload (a stream too), or batcher, which lasts
    from the first record to the close. ``action``: what a campaign is asked for.
    """

    name = "call.begun"
    call: str
    action: str | None = None
    campaign_id: str | None = None


@attrs.frozen(eq=False)
class AttemptBegun(Event):
    """A request goes out; it is in flight until its :class:`AttemptEnded`."""

    name = "attempt.begun"
    of: CallBegun


@attrs.frozen(eq=False)
class AttemptEnded(Event):
    """A request came back, or did not.

    ``status``: of the reply, None without one. ``error``: None after a 2xx, else the status as
    text, or the kind of failure. A refusal is an error of the attempt, and may be all that an
    upload wants to know. ``seconds``: from its begin.
    """

    name = "attempt.ended"
    of: AttemptBegun
    seconds: float
    status: int | None = None
    error: str | None = None


@attrs.frozen(eq=False)
class RetryScheduled(Event):
    """The same request will go out again, because of ``status`` or ``error``.

    ``wait``: seconds until then; None for a batch that waits beside others. ``held``: whether the
    whole session sends nothing until then.
    """

    name = "retry.scheduled"
    of: CallBegun
    status: int | None
    error: str | None
    wait: float | None
    held: bool


@attrs.frozen(eq=False)
class GateClosed(Event):
    """The campaign takes no records at the moment; one batch asks again, the rest waits."""

    name = "gate.closed"
    of: CallBegun


@attrs.frozen(eq=False)
class GateOpened(Event):
    """The campaign takes records again."""

    name = "gate.opened"
    of: CallBegun


@attrs.frozen(eq=False)
class RecordsSettled(Event):
    """So many records got their outcome. Not again for what an earlier run of a journal settled."""

    name = "records.settled"
    of: CallBegun
    counts: Mapping[Status, int]


@attrs.frozen(eq=False)
class CallEnded(Event):
    """A call is over.

    ``error``: the kind of what it raised, or of what stopped the upload; None if all went well.
    ``counts``: an upload's report. ``seconds``: from its begin.
    """

    name = "call.ended"
    of: CallBegun
    seconds: float
    error: str | None = None
    counts: Mapping[Status, int] | None = None


OnEvent = Callable[[Event], object]
"""Called at once with each event; must not wait. What it raises is logged, and harms nothing."""
