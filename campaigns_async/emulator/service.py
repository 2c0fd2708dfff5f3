"""The service without its network: a request as plain values in, a reply as plain values out.

Nothing here waits, so that a simulation can serve millions of requests without an event loop.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from typing import Final
from uuid import UUID

import attrs

from campaigns_async.emulator.access import Admission, Doorkeeper, Operation
from campaigns_async.emulator.campaign import CampaignSetup, EmulatedCampaign
from campaigns_async.emulator.problems import build_problem, encode_problem
from campaigns_async.emulator.quirks import Quirks
from campaigns_async.emulator.refusals import Refusal
from campaigns_async.emulator.replies import MEDIA_TYPE, Reply, encode_campaign, encode_records
from campaigns_async.emulator.validation import parse_action, parse_json, parse_records

CLIENT_HEADER: Final = "X-Emulator-Client"
"""A request that carries it leaves its value in the ledger, so that tests know who added what."""


@attrs.frozen(kw_only=True)
class ServiceRequest:
    """A request as it came in. ``number`` counts them from 1; ``headers`` in lower case."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=lambda body: f"<{len(body)} bytes>")


class Service:
    """The API's two endpoints over the campaigns it was given.

    ``now`` is asked for the time. Equal seeds and equal requests at equal times get equal replies.
    """

    def __init__(
        self,
        *,
        quirks: Quirks,
        now: Callable[[], datetime],
        seed: int = 0,
        site: str = "US1",
        tenant: str = "demo-tenant",
        api_key: str = "eght_emulator_key",
    ) -> None:
        self.quirks = quirks
        self.campaigns: dict[str, EmulatedCampaign] = {}
        self.doors = Doorkeeper(api_key=api_key, site=site, tenant=tenant, campaigns=self.campaigns)
        self._now = now
        self._tenant = tenant
        # Apart, so that making a campaign does not change which id a later refusal names.
        self._ids = Random(f"{seed}/ids")  # noqa: S311 - a repeatable trace, no secret
        self._naming = Random(f"{seed}/naming")  # noqa: S311 - as above

    def new_id(self) -> str:
        """A UUID, the next one of the seed."""
        return str(UUID(int=self._ids.getrandbits(128), version=4))

    def create_campaign(self, setup: CampaignSetup) -> EmulatedCampaign:
        """Open a campaign. Its records' ids begin as the seed says, whatever the setup says."""
        if setup.id in self.campaigns:
            msg = f"there is a campaign {setup.id} already"
            raise ValueError(msg)
        setup = attrs.evolve(setup, record_id_prefix=self.new_id()[:24])
        campaign = EmulatedCampaign(setup, quirks=self.quirks, now=self._now)
        self.campaigns[setup.id] = campaign
        return campaign

    def answer(self, request: ServiceRequest) -> Reply:
        """The whole way of one request: the doors, then the counter."""
        admission = self.admit(request)
        return (
            self.refuse(request, admission)
            if isinstance(admission, Refusal)
            else (self.execute(request, admission))
        )

    def admit(self, request: ServiceRequest) -> Admission | Refusal:
        """Whether the request may come in; changes nothing."""
        return self.doors.admit(request.method, request.path, request.headers)

    def execute(self, request: ServiceRequest, admission: Admission) -> Reply:
        """Carry out an admitted request, now."""
        payload = parse_json(request.body)
        if isinstance(payload, Refusal):
            return self.refuse(request, payload)
        if admission.operation is Operation.MODIFY:
            return self._modify(request, admission.campaign, payload)
        return self._add(request, admission.campaign, payload)

    def refuse(self, request: ServiceRequest, refusal: Refusal) -> Reply:
        """The reply that tells a refusal."""
        problem = build_problem(
            refusal,
            quirks=self.quirks,
            rng=self._naming,
            instance=request.path,
            time=self._now(),
        )
        return encode_problem(problem, quirks=self.quirks, rng=self._naming)

    def _modify(
        self, request: ServiceRequest, campaign: EmulatedCampaign, payload: object
    ) -> Reply:
        asked = parse_action(payload)
        if isinstance(asked, Refusal):
            return self.refuse(request, asked)
        done = campaign.modify(
            asked.action, enabled=asked.enabled, build_on_start=asked.build_on_start
        )
        if isinstance(done, Refusal):
            return self.refuse(request, done)
        return _accepted(200, encode_campaign(done))

    def _add(self, request: ServiceRequest, campaign: EmulatedCampaign, payload: object) -> Reply:
        records = parse_records(payload, quirks=self.quirks, now=self._now())
        if isinstance(records, Refusal):
            return self.refuse(request, records)
        client = request.headers.get(CLIENT_HEADER.lower())
        added = campaign.add(records, request=request.number, client=client)
        if isinstance(added, Refusal):
            return self.refuse(request, added)
        return _accepted(self.quirks.add_status, encode_records(added))


def _accepted(status: int, body: bytes) -> Reply:
    return Reply(status=status, body=body, media_type=MEDIA_TYPE, committed=True)
