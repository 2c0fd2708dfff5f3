"""An asyncio client for the 8x8 Contact Center Campaigns API.

Steer outbound dialing campaigns, and put CRM record ids on their call lists: one call puts every
record in, and gives an account of each that is never a guess.

A name is loaded when it is first asked for, with what it needs and no more.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

    __version__: str

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

# Where the names are looked for, from light to heavy.
_HOMES = (
    "models",
    "errors",
    "outcomes",
    "settings",
    "report",
    "delivery",
    "session",
    "campaign",
    "batcher",
    "stream",
    # Last, for it needs sqlite3, which not every Python has.
    "journal",
)
_OTHERS = ("emulator", "events", "lifecycle")

if not TYPE_CHECKING:  # or a checker would take every misspelt name for one of Any

    def __getattr__(name: str) -> object:
        from importlib import import_module  # noqa: PLC0415 - see the module's docstring

        if name == "__version__":
            return import_module("importlib.metadata").version("campaigns-async")
        if name in _HOMES or name in _OTHERS:
            return import_module(f"{__name__}.{name}")
        for home in _HOMES if name in __all__ else ():
            module = import_module(f"{__name__}.{home}")
            if hasattr(module, name):
                found = globals()[name] = getattr(module, name)
                return found
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
