"""The vendor's debugging checklist, gone through with one refusal as the evidence.

Source: the vendor's page "Troubleshooting", debugging checklist. In which order the service looks
at a request is written nowhere, so what a reply proves of the doors before it is LIKELY at best.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import attrs

from campaigns_async._core.hints import NOT_DYNAMIC
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    CampaignsError,
    CampaignStateError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    TransportError,
    UnexpectedResponseError,
    ValidationError,
)
from campaigns_async.lifecycle import REFUSES_RECORDS, TRANSIENT
from campaigns_async.models import MAX_ID_LENGTH, MAX_RECORDS_PER_REQUEST
from campaigns_async.settings import SITES


class Verdict(StrEnum):
    """What is known of an item."""

    OK = "ok"
    LIKELY = "likely ok"
    SUSPECT = "suspect"
    WRONG = "wrong"
    UNKNOWN = "not known"


class Item(StrEnum):
    """What is looked at: the vendor's seven, and what stands before and between them."""

    ADDRESS = "address"
    KEY = "API key"
    SITE = "customer site"
    TENANT = "tenant name"
    PRODUCT = "API product"
    MEDIA_TYPE = "media type"
    CAMPAIGN = "campaign id"
    DYNAMIC = "dynamic campaign"
    STATE = "campaign state"
    ENABLED = "enabled flag"
    RECORDS = "record limits"


@attrs.frozen
class Finding:
    """One item: what is known, how, and what to do (None: nothing)."""

    item: Item
    verdict: Verdict
    how: str
    next_step: str | None = None


_DOORS: Final = (Item.KEY, Item.PRODUCT, Item.SITE, Item.TENANT, Item.CAMPAIGN)

_NEXT: Final[Mapping[Item, str]] = {
    Item.ADDRESS: "check --site or --base-url, and the way there: network, proxy, TLS",
    Item.KEY: "take the Key value of an app in Admin Console; it begins with eght_",
    Item.SITE: f"compare it with the tenant's own: {', '.join(SITES)}",
    Item.TENANT: "compare it with Home > Profile in Configuration Manager; it is not the site",
    Item.PRODUCT: "edit the key's app in Admin Console: add Contact Center Campaigns",
    Item.MEDIA_TYPE: "look for a proxy that changes headers: what is sent from here is right",
    Item.CAMPAIGN: "compare it with the campaign in Configuration Manager",
    Item.DYNAMIC: "configure it as a Dynamic Campaign in Configuration Manager",
}
_HIDDEN: Final = "the service shows it only in the reply to an action"


def examine(
    seen: CampaignsError | None, *, site: str | None = None, found_at: str | None = None
) -> list[Finding]:
    """The checklist.

    ``seen``: what came of the request that must be refused, None if it was taken. ``site``: the one
    asked. ``found_at``: another site, where the same request was not answered with 404.
    """
    known: _Known = dict.fromkeys(Item, (Verdict.UNKNOWN, "the check did not get this far"))
    known[Item.ADDRESS] = (Verdict.OK, "the service answered")
    known.update(_judge(seen, site, found_at))
    known[Item.ENABLED] = (
        Verdict.UNKNOWN,
        f"{_HIDDEN}; a disabled campaign takes only build and reset",
    )
    known[Item.RECORDS] = (
        Verdict.OK,
        (
            f"ids of 1 to {MAX_ID_LENGTH} characters and {MAX_RECORDS_PER_REQUEST} records a "
            "request are seen to before anything is sent"
        ),
    )
    if isinstance(seen, CampaignStateError) and _is_disabled(seen):
        known[Item.ENABLED] = (Verdict.WRONG, "the service says that the campaign is disabled")
    return [
        Finding(item, verdict, how, _advise(item, verdict, seen, found_at))
        for item, (verdict, how) in known.items()
    ]


_Known = dict[Item, tuple[Verdict, str]]


def _judge(  # noqa: C901, PLR0911 - one for each kind of answer
    seen: CampaignsError | None, site: str | None, found_at: str | None
) -> _Known:
    ok, likely = Verdict.OK, Verdict.LIKELY
    match seen:
        case TransportError():
            return {Item.ADDRESS: (Verdict.WRONG, str(seen))}
        case AuthenticationError():
            return {Item.KEY: (Verdict.WRONG, "the service answered 401")}
        case PermissionDeniedError():
            return {
                Item.KEY: (ok, "the service knows it (403, not 401)"),
                Item.PRODUCT: (Verdict.WRONG, "the service answered 403"),
            }
        case NotFoundError():
            return _not_found(site, found_at)
        case UnexpectedResponseError(status=415):
            return {Item.MEDIA_TYPE: (Verdict.WRONG, "the service answered 415")}
        case UnexpectedResponseError():
            how = f"what answered ({seen.status}) is not the Campaigns API"
            return {Item.ADDRESS: (Verdict.WRONG, how)}
        case ConflictError():
            how = f"a request got as far as the campaign's state ({seen.status})"
            return dict.fromkeys((*_DOORS, Item.MEDIA_TYPE), (ok, how)) | _state(seen)
        case ValidationError(hint=hint) if hint == NOT_DYNAMIC:
            how = "a request got as far as the campaign's kind (400)"
            return {
                **dict.fromkeys((*_DOORS, Item.MEDIA_TYPE), (ok, how)),
                Item.DYNAMIC: (Verdict.WRONG, "the service says that it is not"),
            }
        case ValidationError():
            how = "an empty list was refused for being empty (400), and for nothing before that"
            return {
                **dict.fromkeys((*_DOORS, Item.MEDIA_TYPE), (likely, how)),
                Item.KEY: (ok, how),
                Item.STATE: (Verdict.UNKNOWN, _HIDDEN),
            }
        case APIError():
            how = f"the service answered {seen.status}: run this again later"
            return dict.fromkeys((Item.KEY, Item.PRODUCT), (Verdict.UNKNOWN, how))
        case CampaignsError():
            return {Item.ADDRESS: (Verdict.WRONG, str(seen))}
        case None:
            how = "a request was taken"
            return dict.fromkeys((*_DOORS, Item.MEDIA_TYPE, Item.DYNAMIC), (ok, how))


def _not_found(site: str | None, found_at: str | None) -> _Known:
    likely = dict.fromkeys(
        (Item.KEY, Item.PRODUCT), (Verdict.LIKELY, "the service answered 404, not 401 or 403")
    )
    if found_at is not None:
        how = f"{found_at} knows the campaign, and {site or 'the address'} does not (404)"
        there = dict.fromkeys((Item.TENANT, Item.CAMPAIGN), (Verdict.LIKELY, how))
        return {**likely, **there, Item.SITE: (Verdict.WRONG, how)}
    how = "the service answered 404, for this or another of the three"
    suspects = dict.fromkeys((Item.SITE, Item.TENANT, Item.CAMPAIGN), (Verdict.SUSPECT, how))
    return {**likely, **suspects}


def _state(seen: ConflictError) -> _Known:
    state = seen.state if isinstance(seen, CampaignStateError) else None
    if state is None:
        return {Item.STATE: (Verdict.SUSPECT, "the service refuses, and names no state (409)")}
    verdict = Verdict.WRONG if state in REFUSES_RECORDS else Verdict.OK
    takes = "takes no records" if state in REFUSES_RECORDS else "takes records"
    return {Item.STATE: (verdict, f"it is {state} and {takes}")}


def _advise(  # noqa: PLR0911 - one for each kind of advice
    item: Item, verdict: Verdict, seen: CampaignsError | None, found_at: str | None
) -> str | None:
    if item is Item.STATE and isinstance(seen, CampaignStateError) and seen.state is not None:
        if seen.state in TRANSIENT:
            return "wait: the campaign leaves this state by itself"
        return "use another campaign: this one is over" if verdict is Verdict.WRONG else None
    if item in {Item.STATE, Item.ENABLED} and verdict is not Verdict.OK:
        if verdict is Verdict.WRONG:
            return "give --enable with the next action"
        return "look in Configuration Manager, or at what the last action printed"
    if item is Item.RECORDS:
        return "check your file: campaigns-async validate FILE"
    if item is Item.DYNAMIC and verdict is Verdict.UNKNOWN:
        return "look in Configuration Manager: only a Dynamic Campaign takes records"
    if item is Item.SITE and found_at is not None:
        return f"give --site {found_at}, or set EGHT_SITE"
    return _NEXT.get(item) if verdict in {Verdict.WRONG, Verdict.SUSPECT} else None


def _is_disabled(error: CampaignStateError) -> bool:
    return "disabled" in (error.problem.detail or "").lower()
