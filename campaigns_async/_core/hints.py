"""What to look at for a refusal, after the vendor's page "Troubleshooting", in our words."""

from typing import Final

from campaigns_async.errors import Problem, escape
from campaigns_async.lifecycle import BUILD_ON_START_FROM, name_states, valid_from
from campaigns_async.models import CampaignAction

_SITE: Final = "that the site is the tenant's own (US1, US2 or UK3)"
_TENANT: Final = "that the tenant name is the one of the tenant that owns the campaign"

_BY_STATUS: Final = {
    401: (
        "Check the API key: it must be the Key value of an app in Admin Console, "
        "begin with eght_, not be revoked, and its app must still exist"
    ),
    403: (
        "The key is valid but not for this API: edit its app in Admin Console "
        "and add the Contact Center Campaigns product"
    ),
    404: f"Check that the campaign id is right, {_TENANT}, and {_SITE}",
    405: f"The address does not take this request. Check the base_url, and {_SITE}",
    408: "The request took too long to arrive. Whether it was executed is not known",
    413: "The request is too large for something in between; send fewer records at once",
    415: (
        "The media type was not taken, which this client always sends; "
        "look for a proxy that changes headers"
    ),
    429: "Too many requests: lower requests_per_second or max_in_flight, or share one limiter",
}

NOT_DYNAMIC: Final = (
    "The campaign takes no added records because it is not dynamic: "
    "configure it as a Dynamic Campaign in Configuration Manager"
)
DUPLICATE: Final = (
    "The id is on the campaign already. To add a list that may hold such ids, use upload: "
    "it settles them one by one and adds the rest"
)
_DISABLED: Final = (
    "A disabled campaign takes only build and reset; pass enabled=True with the action to enable it"
)
_STATE: Final = (
    "The campaign's state does not allow this. Records are refused while it is BUILDING or "
    "STARTING, and for good once it is COMPLETE or DELETED"
)
_CONFLICT: Final = (
    "Either an id is on the campaign already, or its state does not allow this; "
    "the reply does not say which"
)
_REQUEST: Final = (
    "Look at the fields named: ids need 1 to 32 characters and must not be blank or repeated in "
    "one request, a request takes 1 to 100 records, and scheduleAt must be ISO 8601 with an offset"
)
_SERVER: Final = (
    "The service failed, which should be rare: try again later, and if it stays, "
    "send the vendor's support the instance and time of this reply"
)
_REDIRECT: Final = (
    "The address answers with a redirect, which this client never follows because the API key "
    f"would travel along. Check the base_url, and {_SITE}"
)
_UNEXPECTED: Final = (
    "This is not an answer of the Campaigns API. Check the base_url, "
    "and whether a proxy or gateway answers in its place"
)


def hint_for_status(status: int, problem: Problem) -> str:
    """What to look at when nothing but the status is clear."""
    if hint := _BY_STATUS.get(status):
        return hint
    if 300 <= status < 400:
        return _REDIRECT
    if status >= 500:
        return _SERVER
    if status == 409:
        return _CONFLICT
    if status in {400, 422}:
        return hint_for_fields(problem)
    return _UNEXPECTED


def hint_for_state(*, disabled: bool) -> str:
    """What to look at when the campaign's state is in the way."""
    return _DISABLED if disabled else _STATE


def hint_for_action(action: CampaignAction) -> str:
    """What to look at when the campaign's state is in the way of this action."""
    hint = f"{action.value} is taken from {name_states(valid_from(action))}"
    if action is CampaignAction.START:
        hint += f", with build_on_start=True from {name_states(BUILD_ON_START_FROM)} too"
    return hint


def hint_for_fields(problem: Problem) -> str:
    """What to look at when the content of the request was refused."""
    fields = list(dict.fromkeys(escape(e.field, 60) for e in problem.errors if e.field))[:5]
    if fields:
        return f"Look at {', '.join(fields)}. {_REQUEST}"
    return _REQUEST
