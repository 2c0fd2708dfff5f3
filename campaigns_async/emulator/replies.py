"""What goes back: status, media type, bytes; and the objects of the API as the vendor spells them.

The client has its own spelling in its own module: the two are written apart on purpose, so that
one checks the other.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import attrs

from campaigns_async.models import Campaign, Record, RecordCount

MEDIA_TYPE: Final = "application/vnd.campaigns.v1+json"
"""Of every request with a body and of every reply (the vendor's page "Authentication")."""

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class Reply:
    """A whole answer, before anything happens to it on the wire.

    ``committed``: whether it answers a request that changed the campaign. ``media_type`` None: no
    Content-Type at all. ``headers`` are those beside Content-Type and Content-Length.
    """

    status: int
    body: bytes = b""
    media_type: str | None = None
    headers: Mapping[str, str] = _NO_HEADERS
    committed: bool = False


def timestamp(time: datetime) -> str:
    """ISO 8601 in UTC with a ``Z``, as in the vendor's samples."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def encode_campaign(campaign: Campaign) -> bytes:
    """The reply to an accepted PATCH. What is None is left out, never null."""
    times = {
        "startTime": campaign.start_time,
        "endTime": campaign.end_time,
        "lastBuildTime": campaign.last_build_time,
        "lastPurgedTime": campaign.last_purged_time,
        "startedTime": campaign.started_time,
        "completedTime": campaign.completed_time,
    }
    fields: dict[str, object] = {
        "id": campaign.id,
        "tenantId": campaign.tenant_id,
        "integrationType": campaign.integration_type,
        "state": campaign.state,
        "displayStatus": campaign.display_status,
        "recordCount": campaign.record_count,
        "recordCounts": [_count(count) for count in campaign.record_counts],
        **{name: timestamp(time) for name, time in times.items() if time is not None},
    }
    return json.dumps(_present(fields)).encode()


def encode_records(records: Sequence[Record]) -> bytes:
    """The reply to an accepted POST, of records as the ledger makes them.

    A record just added has no ``stateReason`` and no ``result`` yet: they do not apply.
    """
    times = {record.next_attempt_after for record in records}
    spelled: dict[datetime | None, str] = {t: timestamp(t) for t in times if t is not None}
    rows = [
        {
            "id": record.id,
            "type": record.type,
            "crmRecordId": record.crm_record_id,
            "priority": record.priority,
            "rank": record.rank,
            "nextAttemptAfter": spelled.get(record.next_attempt_after),
            "retryCount": record.retry_count,
            "state": record.state,
        }
        for record in records
    ]
    return json.dumps({"records": rows}).encode()


def _count(count: RecordCount) -> dict[str, object]:
    return _present(
        {"type": count.type, "state": count.state, "result": count.result, "count": count.count}
    )


def _present(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
