"""Who may come in, and to which campaign: the order of the doors on a request's way.

Sources: the vendor's pages "Authentication" and "Troubleshooting" (401, 403, 404). In which order
the service looks is written nowhere; ours is key, product, path, site, tenant, campaign.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import attrs

from campaigns_async.emulator.campaign import EmulatedCampaign
from campaigns_async.emulator.refusals import Reason, Refusal
from campaigns_async.emulator.replies import MEDIA_TYPE

KEY_PREFIX: Final = "eght_"

_PATH: Final = re.compile(r"/cc/(?P<site>[^/]+)/campaigns/v1/(?P<id>[^/]+)(?P<records>/records)?")


class Operation(StrEnum):
    """The two things that can be asked."""

    MODIFY = "PATCH"
    ADD = "POST"


@attrs.frozen(kw_only=True)
class Admission:
    """A request that may come in: what it wants, and of whom."""

    operation: Operation
    campaign: EmulatedCampaign


class Doorkeeper:
    """Knows the one key, site and tenant of the service, and its campaigns by id."""

    def __init__(
        self, *, api_key: str, site: str, tenant: str, campaigns: Mapping[str, EmulatedCampaign]
    ) -> None:
        self._api_key = api_key
        self._site = site
        self._tenant = tenant
        self._campaigns = campaigns
        self.key_revoked = False
        self.product_attached = True

    def admit(  # noqa: PLR0911 - one for each door
        self, method: str, path: str, headers: Mapping[str, str]
    ) -> Admission | Refusal:
        """Let the request in, or say at which door it stopped.

        ``headers`` are looked up in lower case; a case-insensitive mapping serves as well.
        """
        reason = self._check_key(headers.get("x-api-key", ""))
        if reason is not None:
            return Refusal(reason=reason)
        match = _PATH.fullmatch(path)
        if match is None:
            return Refusal(reason=Reason.NO_SUCH_PATH)
        operation = Operation.ADD if match["records"] else Operation.MODIFY
        if method != operation:
            return Refusal(reason=Reason.METHOD)
        if match["site"] != self._site:
            return Refusal(reason=Reason.NO_SUCH_SITE)
        if headers.get("x-8x8-tenant") != self._tenant:
            return Refusal(reason=Reason.NO_SUCH_TENANT)
        campaign = self._campaigns.get(match["id"].lower())
        if campaign is None:
            return Refusal(reason=Reason.NO_SUCH_CAMPAIGN)
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != MEDIA_TYPE:
            return Refusal(reason=Reason.MEDIA_TYPE)
        return Admission(operation=operation, campaign=campaign)

    def _check_key(self, key: str) -> Reason | None:
        if not key:
            return Reason.KEY_MISSING
        if not key.startswith(KEY_PREFIX):
            return Reason.KEY_MALFORMED
        if key != self._api_key or self.key_revoked:
            return Reason.KEY_REVOKED
        return None if self.product_attached else Reason.PRODUCT_MISSING
