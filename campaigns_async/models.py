"""What travels between us and the service, as frozen values.

The vendor's field names (``crmRecordId``, ``scheduleAt``) live in ``_core/wire.py`` alone; here
everything has its Python name. Values and their meaning: the vendor's field reference.
"""

from datetime import datetime
from enum import StrEnum
from typing import Self

import attrs

MAX_RECORDS_PER_REQUEST = 100
"""Records in one request, at most (vendor: Add records; an empty list is refused as well)."""

MAX_ID_LENGTH = 32
"""Characters in a ``crm_record_id``, at most (vendor: Add records)."""


class OpenEnum(StrEnum):
    """A string enum that takes tomorrow's values: an unknown one decodes to itself.

    It compares and hashes like the plain string, so ``state == "ARCHIVED"`` works on the day
    the service invents ARCHIVED. Iterating over the class gives the known values alone.
    """

    # Enum's own is written in Python, which tells where each of many records has a priority.
    __hash__ = str.__hash__

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # Not registered in the class: a server that keeps inventing values must not fill memory.
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether this library's tables know the value."""
        return self.value in type(self).__members__


class CampaignAction(StrEnum):
    """What can be asked of a campaign. Closed: we are the ones who say it."""

    BUILD = "BUILD"
    RESET = "RESET"
    START = "START"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    RETRY = "RETRY"
    CANCEL = "CANCEL"
    PURGE = "PURGE"


class CampaignState(OpenEnum):
    """Where a campaign is. Automation goes by this, never by the display status."""

    CREATED = "CREATED"
    BUILDING = "BUILDING"
    READY = "READY"
    PENDING = "PENDING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETE = "COMPLETE"
    BUILD_ERROR = "BUILD_ERROR"
    RUN_ERROR = "RUN_ERROR"
    DELETED = "DELETED"


class CampaignDisplayStatus(OpenEnum):
    """What the vendor's screens show for a campaign; for people, not for programs."""

    NEW = "NEW"
    BUILDING = "BUILDING"
    BUILD_FAILED = "BUILD_FAILED"
    READY_TO_RUN = "READY_TO_RUN"
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    PURGED = "PURGED"
    ERROR = "ERROR"
    ERROR_PURGED = "ERROR_PURGED"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    DISABLED = "DISABLED"


class RecordType(OpenEnum):
    """Where a record came from: the campaign's own CRM query, or an added one (DYNAMIC)."""

    CRM_QUERY = "CRM_QUERY"
    DYNAMIC = "DYNAMIC"


class RecordPriority(OpenEnum):
    """HIGH is dialed before MEDIUM before LOW; within a priority, by rank."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class RecordState(OpenEnum):
    """Where a record is on its way to a call."""

    PENDING = "PENDING"
    REQUESTED = "REQUESTED"
    QUEUED = "QUEUED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    AGENT_ACCEPTED = "AGENT_ACCEPTED"
    COMPLETE = "COMPLETE"
    REJECTED = "REJECTED"
    DELETED = "DELETED"
    ERROR = "ERROR"


class RecordResult(OpenEnum):
    """How the dialing of a record ended."""

    SUCCESS = "SUCCESS"
    NO_VALID_NUMBER = "NO_VALID_NUMBER"
    SCHEDULE_COMPLETE = "SCHEDULE_COMPLETE"
    INTERACTION_FAILED = "INTERACTION_FAILED"
    MAX_ATTEMPTS_REACHED = "MAX_ATTEMPTS_REACHED"
    INTERACTION_SKIPPED = "INTERACTION_SKIPPED"
    CALLBACK_SCHEDULED = "CALLBACK_SCHEDULED"


@attrs.frozen
class NewRecord:
    """A record to put on a campaign's call list.

    A plain value: nothing is checked here, so that a bad row in a list of millions becomes the
    outcome of that row and not an exception in your loop. The checks happen when it is sent.

    - ``crm_record_id``: 1-32 characters, not blank, unique in the campaign.
    - ``schedule_at``: earliest time of the attempt; a datetime with a time zone, or ISO 8601 text
      with an offset. None: as soon as the campaign dials.
    - ``priority``: HIGH, MEDIUM or LOW. None: the service takes HIGH.
    - ``rank``: order within the priority, lowest first. None: ``upload`` gives one in input order
      (``order="input"``); otherwise the service gives one on arrival.

    Source: the vendor's page "Add records".
    """

    crm_record_id: str
    schedule_at: datetime | str | None = attrs.field(default=None, kw_only=True)
    priority: RecordPriority | str | None = attrs.field(default=None, kw_only=True)
    rank: float | None = attrs.field(default=None, kw_only=True)


@attrs.frozen(kw_only=True)
class Record:
    """A record as the service holds it. What it left out, or sent unreadable, is None."""

    id: str | None = None
    type: RecordType | None = None
    crm_record_id: str | None = None
    priority: RecordPriority | None = None
    rank: float | None = None
    next_attempt_after: datetime | None = None
    retry_count: int | None = None
    state: RecordState | None = None
    state_reason: str | None = None
    result: RecordResult | None = None


@attrs.frozen(kw_only=True)
class RecordCount:
    """How many of a campaign's records are of one type, state and result."""

    type: RecordType | None = None
    state: RecordState | None = None
    result: RecordResult | None = None
    count: int | None = None


@attrs.frozen(kw_only=True)
class Campaign:
    """A campaign right after an action was accepted: BUILDING, say, and not yet READY.

    The service shows it only in the reply to an action; there is no way to ask. What the service
    left out, or sent unreadable, is None (``record_counts``: empty).
    """

    id: str | None = None
    tenant_id: str | None = None
    integration_type: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    state: CampaignState | None = None
    display_status: CampaignDisplayStatus | None = None
    record_count: int | None = None
    record_counts: tuple[RecordCount, ...] = ()
    last_build_time: datetime | None = None
    last_purged_time: datetime | None = None
    started_time: datetime | None = None
    completed_time: datetime | None = None
