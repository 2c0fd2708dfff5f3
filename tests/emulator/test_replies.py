import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from campaigns_async.emulator.ledger import Ledger
from campaigns_async.emulator.replies import Reply, encode_campaign, encode_records, timestamp
from campaigns_async.models import (
    Campaign,
    CampaignDisplayStatus,
    CampaignState,
    NewRecord,
    RecordCount,
    RecordState,
    RecordType,
)
from tests.emulator.conftest import T0

ID = "123e4567-e89b-12d3-a456-426614174000"


def test_timestamps_are_utc() -> None:
    """A time is told in UTC with a Z, whatever its zone."""
    zone = timezone(timedelta(hours=2))
    assert timestamp(datetime(2026, 1, 1, 2, tzinfo=zone)) == "2026-01-01T00:00:00Z"
    assert timestamp(datetime(2026, 1, 1, 0, 0, 0, 5000, UTC)) == "2026-01-01T00:00:00.005000Z"


def test_a_campaign_omits_what_does_not_apply() -> None:
    """Of a campaign that knows little, little is said, and nothing is null."""
    body = json.loads(encode_campaign(Campaign(id=ID, state=CampaignState.CREATED)))
    assert body == {"id": ID, "state": "CREATED", "recordCounts": []}


CAMPAIGN = Campaign(
    id=ID,
    tenant_id="demo-tenant",
    integration_type="contactual",
    start_time=T0,
    end_time=T0,
    state=CampaignState.COMPLETE,
    display_status=CampaignDisplayStatus.STOPPED,
    record_count=3,
    record_counts=(RecordCount(type=RecordType.DYNAMIC, state=RecordState.PENDING, count=3),),
    last_build_time=T0,
    last_purged_time=T0,
    started_time=T0,
    completed_time=T0,
)


def test_replies_fit_the_openapi_file(conforms: Callable[[str, object], bool]) -> None:
    """A whole campaign is a Campaign there, and added records are an AddRecordsResponse."""
    added = Ledger(id_prefix=ID[:24]).add([NewRecord("A", schedule_at=T0), NewRecord("B")], now=T0)
    assert conforms("Campaign", json.loads(encode_campaign(CAMPAIGN)))
    assert conforms("AddRecordsResponse", json.loads(encode_records(added)))


def test_a_whole_campaign() -> None:
    """All that the service knows of a campaign is told."""
    body = json.loads(encode_campaign(CAMPAIGN))
    assert len(body) == 13
    assert body["completedTime"] == "2026-01-01T00:00:00Z"
    assert body["recordCounts"] == [{"type": "DYNAMIC", "state": "PENDING", "count": 3}]


def test_records() -> None:
    """Added records are told with a time each: when they are scheduled, else when they came."""
    ledger = Ledger(id_prefix=ID[:24])
    later = T0 + timedelta(days=1)
    added = ledger.add([NewRecord("A", schedule_at=later), NewRecord("B"), NewRecord("C")], now=T0)
    body = json.loads(encode_records(added))
    assert [row["nextAttemptAfter"] for row in body["records"]] == [
        "2026-01-02T00:00:00Z",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z",
    ]
    assert body["records"][0] | {"id": ID, "nextAttemptAfter": ""} == {
        "id": ID,
        "type": "DYNAMIC",
        "crmRecordId": "A",
        "priority": "HIGH",
        "rank": 1.0,
        "nextAttemptAfter": "",
        "retryCount": 0,
        "state": "PENDING",
    }


def test_a_reply_is_empty_until_told_otherwise() -> None:
    """A reply of a status alone has no body, no type, no headers, and committed nothing."""
    reply = Reply(status=204)
    assert (
        reply.body,
        reply.media_type,
        dict(reply.headers),
        reply.committed,
    ) == (b"", None, {}, False)
