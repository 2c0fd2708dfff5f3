import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, get_current_span

from campaigns_async.contrib.otel import OpenTelemetry
from campaigns_async.emulator import EmulatedCampaign, Emulator
from campaigns_async.errors import CampaignStateError
from campaigns_async.events import AttemptBegun, AttemptEnded, CallBegun
from campaigns_async.models import CampaignState
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import Limits
from tests.servers import connect


@attrs.frozen
class Telemetry:
    """A real SDK that keeps what it gets."""

    spans: InMemorySpanExporter
    metrics: InMemoryMetricReader
    tracer_provider: TracerProvider
    meter_provider: MeterProvider

    @classmethod
    def new(cls) -> "Telemetry":
        """Nothing in it, and nothing global."""
        spans, metrics = InMemorySpanExporter(), InMemoryMetricReader()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(spans))
        return cls(spans, metrics, provider, MeterProvider([metrics]))

    def listener(self) -> OpenTelemetry:
        """What a session takes as ``on_event``."""
        return OpenTelemetry(
            tracer_provider=self.tracer_provider, meter_provider=self.meter_provider
        )

    def span(self) -> ReadableSpan:
        """The only one."""
        (span,) = self.spans.get_finished_spans()
        return span

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Attributes and value (of a histogram: the count) of what was measured under a name."""
        data = self.metrics.get_metrics_data()
        assert data is not None
        return [
            (dict(point.attributes or {}), getattr(point, "value", getattr(point, "count", None)))
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def telemetry() -> Telemetry:
    """Of this test alone."""
    return Telemetry.new()


@pytest.fixture
async def session(emulator: Emulator, telemetry: Telemetry) -> AsyncIterator[CampaignsSession]:
    """On the local service, and listened to."""
    async with connect(emulator, on_event=telemetry.listener()) as session:
        yield session


def attributes(of: Any) -> Mapping[str, Any]:
    """Those of a span or of one of its events, but for how long it took."""
    return {name: v for name, v in of.attributes.items() if name != "campaigns.seconds"}


async def test_a_call_is_a_span_and_its_attempts_are_events(
    emulator: Emulator,
    session: CampaignsSession,
    emulated_campaign: EmulatedCampaign,
    telemetry: Telemetry,
) -> None:
    """Each with its status, and the retry between them; in the end all is well."""
    emulator.inject("unavailable")
    await session.campaign(emulated_campaign.id).pause()
    span = telemetry.span()
    call = {"campaigns.call": "modify", "campaigns.action": "PAUSE"}
    failure = {"http.response.status_code": 503, "error.type": "503"}
    assert (span.name, attributes(span)) == ("campaigns.modify", call)
    assert span.status.status_code is StatusCode.UNSET
    first, retry, second = span.events
    assert (first.name, attributes(first)) == ("attempt.ended", call | failure)
    assert retry.name == "retry.scheduled"
    assert attributes(retry).items() >= (call | failure | {"campaigns.held": True}).items()
    assert attributes(second) == call | {"http.response.status_code": 200}


async def test_what_a_call_raises_is_the_error_of_its_span(
    session: CampaignsSession, emulator: Emulator, telemetry: Telemetry
) -> None:
    """By its kind: no message, no exception and no stack, for there would be ids in them."""
    campaign = emulator.create_campaign(state=CampaignState.COMPLETE)
    with pytest.raises(CampaignStateError):
        await session.campaign(campaign.id).pause()
    span = telemetry.span()
    assert attributes(span)["error.type"] == "CampaignStateError"
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert [event.name for event in span.events] == ["attempt.ended"]


async def test_a_call_is_part_of_the_callers_trace(
    emulator: Emulator, emulated_campaign: EmulatedCampaign, telemetry: Telemetry
) -> None:
    """Its span is current while it sends, also in an upload's tasks, and the caller's after it."""
    current = []

    class Limiter:
        async def acquire(self) -> None:
            current.append(get_current_span().get_span_context().span_id)

    limits = Limits(limiter=Limiter())
    async with connect(emulator, on_event=telemetry.listener(), limits=limits) as session:
        handle = session.campaign(emulated_campaign.id)
        with telemetry.tracer_provider.get_tracer("app").start_as_current_span("job") as job:
            await handle.add_records(["CRM-1"])
            await handle.upload(["CRM-2"])
            assert get_current_span() is job
    added, uploaded, _ = telemetry.spans.get_finished_spans()
    for span, seen in zip((added, uploaded), current, strict=True):
        assert span.parent is not None
        assert span.context is not None
        assert span.parent.span_id == job.get_span_context().span_id
        assert seen == span.context.span_id


async def test_an_upload_is_one_span_with_what_changed_its_course(
    emulator: Emulator, session: CampaignsSession, telemetry: Telemetry
) -> None:
    """Retries and the gate, and its counts at the end; not each of its attempts."""
    campaign = emulator.create_campaign(state=CampaignState.BUILDING, build_seconds=0.05)
    emulator.inject("error_before_commit")
    report = await session.campaign(campaign.id).upload([f"CRM-{i}" for i in range(250)] + [""])
    span = telemetry.span()
    assert span.name == "campaigns.upload"
    assert report.added == attributes(span)["campaigns.records_added"] == 250
    assert attributes(span)["campaigns.records_rejected"] == 1
    assert [event.name for event in span.events] == [
        "retry.scheduled",
        "gate.closed",
        "gate.opened",
    ]


async def test_an_upload_that_was_stopped_is_an_error(
    session: CampaignsSession, emulator: Emulator, telemetry: Telemetry
) -> None:
    """Though it raises nothing."""
    campaign = emulator.create_campaign(state=CampaignState.COMPLETE)
    await session.campaign(campaign.id).upload(["CRM-1"])
    assert attributes(telemetry.span())["error.type"] == "CampaignStateError"
    assert telemetry.span().status.status_code is StatusCode.ERROR


async def test_each_request_of_a_batcher_is_the_root_of_a_trace(
    emulator: Emulator,
    session: CampaignsSession,
    emulated_campaign: EmulatedCampaign,
    telemetry: Telemetry,
) -> None:
    """For the batcher has no end to wait for, and records of many callers travel together."""
    handle = session.campaign(emulated_campaign.id)
    with telemetry.tracer_provider.get_tracer("app").start_as_current_span("request"):
        async with handle.batcher(max_batch_size=2, linger=0) as batcher:
            await asyncio.gather(*(batcher.add(f"CRM-{i}") for i in range(4)))
    *requests, _ = telemetry.spans.get_finished_spans()
    assert {span.name for span in requests} == {"campaigns.batcher.request"}
    assert [span.parent for span in requests] == [None] * len(requests)
    assert len(requests) == emulator.request_count


async def test_metrics_count_records_retries_and_requests(
    emulator: Emulator,
    session: CampaignsSession,
    emulated_campaign: EmulatedCampaign,
    telemetry: Telemetry,
) -> None:
    """Records by outcome as they settle, requests by status; in the end none is in flight."""
    handle = session.campaign(emulated_campaign.id)
    await handle.add_records(["CRM-1", "CRM-2"])
    emulator.inject("unavailable")
    await handle.upload(["CRM-3", "CRM-3", ""])
    async with handle.batcher() as batcher:
        await batcher.add("CRM-4")
    points = telemetry.points("campaigns.records")
    assert {(a["campaigns.call"], a["campaigns.outcome"], n) for a, n in points} == {
        ("add_records", "ADDED", 2),
        ("upload", "ADDED", 1),
        ("upload", "DUPLICATE", 1),
        ("upload", "REJECTED", 1),
        ("batcher", "ADDED", 1),
    }
    failure = {"http.response.status_code": 503, "error.type": "503"}
    assert telemetry.points("campaigns.retries") == [({"campaigns.call": "upload"} | failure, 1)]
    in_flight = telemetry.points("campaigns.requests.in_flight")
    assert [n for _, n in in_flight] == [0, 0, 0]
    requests = telemetry.points("campaigns.request.duration")
    assert sum(n for _, n in requests) == emulator.request_count == 4
    assert ({"campaigns.call": "upload"} | failure, 1) in requests
    assert {a["campaigns.call"]: n for a, n in telemetry.points("campaigns.call.duration")} == {
        "add_records": 1,
        "upload": 1,
        "batcher": 1,
    }


def test_requests_are_counted_while_they_are_in_flight(telemetry: Telemetry) -> None:
    """One that was cancelled is over too."""
    listen = telemetry.listener()
    begun = AttemptBegun(CallBegun("upload"))
    listen(begun)
    assert telemetry.points("campaigns.requests.in_flight") == [({"campaigns.call": "upload"}, 1)]
    listen(AttemptEnded(begun, 0.1, error="CancelledError"))
    assert telemetry.points("campaigns.requests.in_flight") == [({"campaigns.call": "upload"}, 0)]


async def test_without_an_sdk_nothing_comes_of_it(
    emulator: Emulator, emulated_campaign: EmulatedCampaign
) -> None:
    """The API alone records nothing, and the client works as ever."""
    async with connect(emulator, on_event=OpenTelemetry()) as session:
        report = await session.campaign(emulated_campaign.id).upload(["CRM-1"])
    assert report.added == 1
    assert not get_current_span().is_recording()
