"""A clock to turn by hand, a service without network, and a client that is not ours."""

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import attrs
import jsonschema
import pytest

from campaigns_async.emulator import EmulatedCampaign, Emulator
from campaigns_async.emulator.campaign import CampaignSetup
from campaigns_async.emulator.quirks import Quirks
from campaigns_async.emulator.replies import MEDIA_TYPE, Reply
from campaigns_async.emulator.service import Service, ServiceRequest

T0 = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "eght_emulator_key"
HEADERS = {"x-api-key": KEY, "x-8x8-tenant": "demo-tenant", "content-type": MEDIA_TYPE}


@attrs.define
class Clock:
    """Stands still until told."""

    time: datetime = T0

    def __call__(self) -> datetime:
        """The time it stands at."""
        return self.time

    def forward(self, seconds: float) -> None:
        """Turn it."""
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at T0."""
    return Clock()


def chance(seed: int = 0) -> Random:
    """The same chance each time."""
    return Random(seed)  # noqa: S311 - no secret


def records(*ids: str) -> dict[str, object]:
    """The body of a POST of plain ids."""
    return {"records": [{"crmRecordId": crm_record_id} for crm_record_id in ids]}


class Desk:
    """A service to be asked directly, with requests in good order unless told otherwise."""

    def __init__(self, clock: Clock, quirks: Quirks | None = None) -> None:
        self.service = Service(quirks=quirks or Quirks(), now=clock)
        self.asked = 0

    def campaign(self, **setup: Any) -> EmulatedCampaign:
        """Open a campaign; running, unless told otherwise."""
        setup.setdefault("id", self.service.new_id())
        return self.service.create_campaign(CampaignSetup(tenant="demo-tenant", **setup))

    def ask(
        self, method: str, path: str, body: object, headers: Mapping[str, str] = HEADERS
    ) -> Reply:
        """The reply to any request; a body that is no bytes goes as JSON."""
        self.asked += 1
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.service.answer(
            ServiceRequest(number=self.asked, method=method, path=path, headers=headers, body=raw)
        )

    def patch(self, campaign: EmulatedCampaign, body: object) -> Reply:
        """The reply to a change of the campaign."""
        return self.ask("PATCH", f"/cc/US1/campaigns/v1/{campaign.id}", body)

    def post(self, campaign: EmulatedCampaign, body: object) -> Reply:
        """The reply to records for the campaign."""
        return self.ask("POST", f"/cc/US1/campaigns/v1/{campaign.id}/records", body)


@pytest.fixture
def desk(clock: Clock) -> Desk:
    """A service without quirks."""
    return Desk(clock)


def read(reply: Reply) -> dict[str, Any]:
    """The body of a reply, as the object it is."""
    body = json.loads(reply.body)
    assert isinstance(body, dict)
    return body


@attrs.frozen
class Answer:
    """What came over the socket."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as the object it is."""
        body = json.loads(self.body)
        assert isinstance(body, dict)
        return body


class Caller:
    """An HTTP client with nothing of ours in it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def send(
        self,
        method: str,
        url: str,
        body: object,
        *,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """The answer to any request; headers of None are left out."""
        merged = {**HEADERS, **(headers or {})}
        sent = {name: value for name, value in merged.items() if value is not None}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.request(
            method,
            url,
            data=raw,
            headers=sent,
            allow_redirects=False,
            skip_auto_headers=["Content-Type"],
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def post(self, emulator: Emulator, campaign: EmulatedCampaign, *ids: str) -> Answer:
        """The answer to a POST of plain ids."""
        url = f"{emulator.base_url}/{campaign.id}/records"
        return await self.send("POST", url, records(*ids))

    async def patch(self, emulator: Emulator, campaign: EmulatedCampaign, action: str) -> Answer:
        """The answer to an action."""
        return await self.send("PATCH", f"{emulator.base_url}/{campaign.id}", {"action": action})


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    """A client for the test."""
    async with aiohttp.ClientSession() as session:
        yield Caller(session)


@pytest.fixture(scope="session")
def conforms() -> Callable[[str, object], bool]:
    """Whether a body fits a schema of the vendor's OpenAPI file, kept beside the project."""
    top = Path(__file__).parents[2]
    shared = Path(os.environ.get("CAMPAIGNS_SHARED", top.parent / "shared"))
    path = shared / "vendor" / "openapi.json"
    if not path.exists():
        pytest.skip(f"the vendor's OpenAPI file is not there ({path}; CAMPAIGNS_SHARED says where)")
    components = json.loads(path.read_text())["components"]

    def check(schema: str, body: object) -> bool:
        validator = jsonschema.Draft202012Validator(
            {"$ref": f"#/components/schemas/{schema}", "components": components},
            format_checker=jsonschema.FormatChecker(),
        )
        known = set(components["schemas"][schema]["properties"])
        assert isinstance(body, dict)
        assert set(body) <= known, "a field that the OpenAPI file does not have"
        validator.validate(body)
        return True

    return check
