"""An asyncio client for the 8x8 Contact Center Campaigns API.

Steer outbound dialing campaigns, and put CRM record ids on their call lists: one call puts every
record in, and gives an account of each that is never a guess.
"""

from importlib.metadata import version as _version

from campaigns_async.batcher import RecordBatcher
from campaigns_async.campaign import CampaignHandle
from campaigns_async.delivery import Delivery
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    BatcherFullError,
    CampaignsError,
    CampaignStateError,
    ConfigurationError,
    ConflictError,
    DuplicateRecordError,
    FieldError,
    InvalidRecordError,
    JournalError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    ServerError,
    TransportError,
    UnexpectedResponseError,
    UnresolvedError,
    UploadError,
    UploadStoppedError,
    ValidationError,
)
from campaigns_async.journal import Journal
from campaigns_async.models import (
    Campaign,
    CampaignAction,
    CampaignDisplayStatus,
    CampaignState,
    NewRecord,
    Record,
    RecordCount,
    RecordPriority,
    RecordResult,
    RecordState,
    RecordType,
)
from campaigns_async.outcomes import Attribution, Evidence, RecordOutcome, Status
from campaigns_async.report import Progress, UploadReport
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import Limiter, Limits, RetryPolicy, Timeout
from campaigns_async.stream import OutcomeStream

__version__ = _version("campaigns-async")

__all__ = [
    "APIError",
    "Attribution",
    "AuthenticationError",
    "BatcherFullError",
    "Campaign",
    "CampaignAction",
    "CampaignDisplayStatus",
    "CampaignHandle",
    "CampaignState",
    "CampaignStateError",
    "CampaignsError",
    "CampaignsSession",
    "ConfigurationError",
    "ConflictError",
    "Delivery",
    "DuplicateRecordError",
    "Evidence",
    "FieldError",
    "InvalidRecordError",
    "Journal",
    "JournalError",
    "Limiter",
    "Limits",
    "NewRecord",
    "NotFoundError",
    "NotSentError",
    "OutcomeStream",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "Problem",
    "Progress",
    "RateLimitError",
    "Record",
    "RecordBatcher",
    "RecordCount",
    "RecordOutcome",
    "RecordPriority",
    "RecordResult",
    "RecordState",
    "RecordType",
    "RetryPolicy",
    "ServerError",
    "Status",
    "Timeout",
    "TransportError",
    "UnexpectedResponseError",
    "UnresolvedError",
    "UploadError",
    "UploadReport",
    "UploadStoppedError",
    "ValidationError",
    "__version__",
]
