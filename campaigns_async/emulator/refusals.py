"""Why a request was not carried out, as facts. How it is told is for `problems` to decide."""

from enum import StrEnum

import attrs

from campaigns_async.models import CampaignAction, CampaignState


class Reason(StrEnum):
    """What stood in the way. Each answers with one status, some by a quirk."""

    KEY_MISSING = "KEY_MISSING"
    KEY_MALFORMED = "KEY_MALFORMED"
    KEY_REVOKED = "KEY_REVOKED"
    PRODUCT_MISSING = "PRODUCT_MISSING"
    NO_SUCH_PATH = "NO_SUCH_PATH"
    NO_SUCH_SITE = "NO_SUCH_SITE"
    NO_SUCH_TENANT = "NO_SUCH_TENANT"
    NO_SUCH_CAMPAIGN = "NO_SUCH_CAMPAIGN"
    METHOD = "METHOD"
    MEDIA_TYPE = "MEDIA_TYPE"
    MALFORMED = "MALFORMED"
    INVALID = "INVALID"
    NOT_DYNAMIC = "NOT_DYNAMIC"
    DISABLED = "DISABLED"
    ILLEGAL_ACTION = "ILLEGAL_ACTION"
    TAKES_NO_RECORDS = "TAKES_NO_RECORDS"
    DUPLICATE = "DUPLICATE"
    UNKNOWN_TO_CRM = "UNKNOWN_TO_CRM"


@attrs.frozen
class FieldProblem:
    """One entry of the error body's ``errors``; it carries no index into the batch."""

    field: str
    code: str
    message: str


@attrs.frozen(kw_only=True)
class Refusal:
    """A request that changed nothing, and why. What does not apply is None or empty."""

    reason: Reason
    errors: tuple[FieldProblem, ...] = ()
    ids: tuple[str, ...] = ()
    """All the offending ids in the order of the request, whatever the answer will name."""
    requested: tuple[str, ...] = ()
    action: CampaignAction | None = None
    state: CampaignState | None = None
