"""Events as spans and metrics of OpenTelemetry; needs the extra ``otel``.

Of OpenTelemetry this knows the API alone, which does nothing until the application sets up an SDK.
Names are those of the semantic conventions for HTTP where these have one, else our own.
"""

from contextvars import Token
from importlib.metadata import version
from typing import Final

from opentelemetry.context import Context, attach, detach
from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import (
    Span,
    StatusCode,
    TracerProvider,
    get_tracer,
    set_span_in_context,
)

from campaigns_async.events import (
    AttemptBegun,
    AttemptEnded,
    CallBegun,
    CallEnded,
    Event,
    Fact,
    GateClosed,
    GateOpened,
    RecordsSettled,
    RetryScheduled,
)

_SCOPE: Final = "campaigns_async"

_CONVENTIONAL: Final = {"status": "http.response.status_code", "error": "error.type"}

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds; those that the conventions advise for ``http.client.request.duration``."""


class OpenTelemetry:
    """An ``on_event`` that makes spans and metrics; one may serve many sessions.

    ``tracer_provider``, ``meter_provider``: None for the application's global ones, which may be
    set later than this is made.

    A call is a span, and current while it lasts. A batcher has no end to wait for: each of its
    requests is a span, and the root of its trace, since records of many callers travel in it.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        release = version("campaigns-async")
        self._tracer = get_tracer(_SCOPE, release, tracer_provider)
        meter = get_meter(_SCOPE, release, meter_provider)
        self._records = meter.create_counter(
            "campaigns.records", "{record}", "Records that got their outcome."
        )
        self._retries = meter.create_counter(
            "campaigns.retries", "{retry}", "Requests that go out again."
        )
        self._in_flight = meter.create_up_down_counter(
            "campaigns.requests.in_flight", "{request}", "Requests under way."
        )
        self._request_duration = meter.create_histogram(
            "campaigns.request.duration",
            "s",
            "Duration of one request.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._call_duration = meter.create_histogram(
            "campaigns.call.duration",
            "s",
            "Duration of a call with all its requests and waits.",
            explicit_bucket_boundaries_advisory=(*_BUCKETS, 30, 60, 300, 900, 3600),
        )
        self._spans: dict[Event, tuple[Span, Token[Context]]] = {}

    def __call__(self, event: Event) -> None:
        """Take an event."""
        self._measure(event)
        self._trace(event)

    def _measure(self, event: Event) -> None:
        call = _attributes(event, "call")
        match event:
            case AttemptBegun():
                self._in_flight.add(1, call)
            case AttemptEnded():
                self._in_flight.add(-1, call)
                ended = _attributes(event, "call", "status", "error")
                self._request_duration.record(event.seconds, ended)
            case RetryScheduled():
                self._retries.add(1, _attributes(event, "call", "status", "error"))
            case RecordsSettled():
                for status, records in event.counts.items():
                    self._records.add(records, {**call, "campaigns.outcome": status.value})
            case CallEnded():
                ended = _attributes(event, "call", "action", "error")
                self._call_duration.record(event.seconds, ended)
            case _:
                pass

    def _trace(self, event: Event) -> None:
        match event:
            case CallBegun() if event.call != "batcher":
                self._begin(event, f"campaigns.{event.call}")
            case AttemptBegun() if event.of.call == "batcher":
                self._begin(event, "campaigns.batcher.request", Context())
            case AttemptEnded():
                # An upload may make thousands, and a span keeps few: only what changed its course.
                if event.of.of.call != "upload":
                    self._note(event, event.of.of)
                self._end(event, event.of)
            case RetryScheduled() | GateClosed() | GateOpened():
                self._note(event, event.of)
            case CallEnded():
                self._end(event, event.of)
            case _:
                pass

    def _begin(self, event: Event, name: str, parent: Context | None = None) -> None:
        span = self._tracer.start_span(name, parent, attributes=_attributes(event))
        self._spans[event] = span, attach(set_span_in_context(span, parent))

    def _note(self, event: Event, of: Event) -> None:
        if of in self._spans:
            self._spans[of][0].add_event(event.name, _attributes(event))

    def _end(self, event: CallEnded | AttemptEnded, begun: Event) -> None:
        if begun not in self._spans:
            return
        span, token = self._spans.pop(begun)
        detach(token)
        span.set_attributes(_attributes(event))
        if event.error is not None:
            # Its kind is an attribute; its text would have ids in it.
            span.set_status(StatusCode.ERROR)
        span.end()


def _attributes(event: Event, *names: str) -> dict[str, Fact]:
    """The event's facts under OpenTelemetry's names: all of them, or those that are named."""
    return {
        _CONVENTIONAL.get(name, f"campaigns.{name}"): fact
        for name, fact in event.facts().items()
        if not names or name in names
    }
