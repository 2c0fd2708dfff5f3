"""Canaries are planted where secrets and ids are, and looked for in all that is told of a call."""

import contextlib
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from campaigns_async.campaign import CampaignHandle
from campaigns_async.contrib.otel import OpenTelemetry
from campaigns_async.errors import CampaignsError
from campaigns_async.events import Event
from campaigns_async.settings import RetryPolicy
from tests.servers import CAMPAIGN_ID, KEY, Converse, RawServer, connect, http, reset, say

TENANT: Final = "canary-tenant"
RECORD: Final = "CANARY-RECORD"
WORDS: Final = "canary words"
SECRETS: Final = (KEY.removeprefix("eght_"), TENANT, RECORD, WORDS)


async def batch(handle: CampaignHandle) -> None:
    """By way of a batcher."""
    batcher = handle.batcher(linger=0)
    await batcher.submit(RECORD)
    await batcher.aclose(timeout=0.2)


CALLS: dict[str, Callable[[CampaignHandle], Coroutine[Any, Any, Any]]] = {
    "modify": CampaignHandle.pause,
    "start_when_ready": lambda handle: handle.start_when_ready(deadline=0.2),
    "add_records": lambda handle: handle.add_records([RECORD]),
    "upload": lambda handle: handle.upload([RECORD, f"{RECORD}-2"], deadline=0.2),
    "batcher": batch,
}


def body(status: int) -> bytes:
    """What a service says that names everything."""
    said = f"{WORDS}: Campaign already contains record for Id: {RECORD}; {TENANT}, {CAMPAIGN_ID}"
    problem = {"title": said, "status": status, "detail": said, "instance": f"/{CAMPAIGN_ID}"}
    return json.dumps({**problem, "records": [{"id": RECORD, "crmRecordId": RECORD}]}).encode()


ANSWERS: dict[str, Converse | bytes] = {
    **{f"{s}": say(http(s, body(s))) for s in (201, 302, 400, 401, 404, 409, 500)},
    "429": say(http(429, body(429), {"Retry-After": "0"}), http(201, body(201))),
    "503": say(http(503, body(503)), http(201, body(201))),
    "reset": reset,
    "nonsense": f"{WORDS} {RECORD}".encode(),
}


async def tell(call: str, answer: Converse | bytes, **options: Any) -> str:
    """All events, spans and metrics of a call, as text; the logs are the fixture's."""
    spans, metrics = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    otel = OpenTelemetry(tracer_provider=provider, meter_provider=MeterProvider([metrics]))
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        otel(event)

    quick = RetryPolicy(max_attempts=3, base=0.001, cap=0.002, deadline=5.0)
    async with (
        RawServer(answer) as server,
        connect(server, tenant=TENANT, retry=quick, on_event=listen, **options) as session,
    ):
        with contextlib.suppress(CampaignsError):
            await CALLS[call](session.campaign(CAMPAIGN_ID))
        assert server.requests
    data = metrics.get_metrics_data()
    assert events[-1].name == "call.ended"
    assert data is not None
    told = [repr((event, event.facts())) for event in events]
    told += [span.to_json() for span in spans.get_finished_spans()]
    return "\n".join([*told, data.to_json()])


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_no_secret_and_no_id_is_told(
    call: str, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in an event nor in a log record, span or metric, whatever came back.

    That is: key, tenant, the ids of campaign and records, and the words of a body.
    """
    caplog.set_level(logging.DEBUG, "campaigns_async")
    told = await tell(call, ANSWERS[answer])
    logged = [r for r in caplog.records if r.name.startswith("campaigns_async")]
    assert {"call.begun", "call.ended"} <= {vars(r).get("event") for r in logged}
    told += "\n".join(repr(vars(r)) + logging.Formatter().format(r) for r in logged)
    assert [secret for secret in (*SECRETS, CAMPAIGN_ID) if secret in told] == []


@pytest.mark.parametrize("call", CALLS)
async def test_the_campaigns_id_is_told_if_asked_for(
    call: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In every event and log record, and in the spans; and nothing else that is secret."""
    caplog.set_level(logging.DEBUG, "campaigns_async")
    told = await tell(call, ANSWERS["503"], event_ids=True)
    assert f'"campaigns.campaign_id": "{CAMPAIGN_ID}"' in told
    assert {
        vars(record)["campaign_id"] for record in caplog.records if "event" in vars(record)
    } == {CAMPAIGN_ID}
    assert [secret for secret in SECRETS if secret in told + caplog.text] == []
