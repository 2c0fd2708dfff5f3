"""The local service as one thing to start, look into, and close."""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Self
from uuid import UUID

from aiohttp import web

from campaigns_async.emulator.campaign import CampaignSetup, CrmLookup, EmulatedCampaign
from campaigns_async.emulator.clock import LoopClock
from campaigns_async.emulator.faults import Fault, Faults, FaultSource
from campaigns_async.emulator.quirks import Quirks
from campaigns_async.emulator.server import RequestHook, Server
from campaigns_async.emulator.service import Service
from campaigns_async.emulator.traffic import ReceivedRequest
from campaigns_async.models import CampaignState

_GRACE = 0.1


class Emulator:
    """A local Campaigns API: both endpoints, the state machine, the quirks and the faults.

    ::

        async with Emulator() as emulator:
            campaign = emulator.create_campaign(holds=["CRM-1"])
            ...  # point a client at emulator.base_url with emulator.api_key and emulator.tenant
            assert "CRM-2" in campaign.ledger

    - ``seed``: of all ids and all chance. Equal seeds, requests and times give equal replies.
    - ``quirks``: sides taken where the vendor's pages contradict each other.
    - ``faults``: what goes wrong by itself; `inject` lets more go wrong.
    - ``host``, ``port``: where to listen. Port 0: any free one; None: nowhere, for a transport in
      memory that takes its connections from `protocol`.
    - ``ssl_context``: serves https with it; None: http.
    - ``build_seconds``, ``start_seconds``: how long BUILDING and STARTING last.
    - ``now``: tells the date and time (aware). None: the wall clock at the start, carried on by the
      loop's time. With a virtual loop give one that starts from a fixed date, for equal traces.
    - ``keep_requests``: how many of the last requests `requests` holds.
    - ``before_each``: called with each admitted request before it is carried out.

    It is made and used on one event loop; it starts no thread and, between requests, no task.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        quirks: Quirks | None = None,
        faults: Faults | None = None,
        host: str = "127.0.0.1",
        port: int | None = 0,
        site: str = "US1",
        tenant: str = "demo-tenant",
        api_key: str = "eght_emulator_key",
        build_seconds: float = 0.05,
        start_seconds: float = 0.05,
        now: Callable[[], datetime] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        keep_requests: int = 1_000,
        before_each: RequestHook | None = None,
    ) -> None:
        self.site = site
        self.tenant = tenant
        self.api_key = api_key
        self.host = host
        self.port = port
        self.now: Callable[[], datetime] = now or LoopClock()
        self._build_seconds = build_seconds
        self._start_seconds = start_seconds
        self._ssl_context = ssl_context
        self._service = Service(
            quirks=quirks or Quirks(),
            now=self.now,
            seed=seed,
            site=site,
            tenant=tenant,
            api_key=api_key,
        )
        self._faults = FaultSource(faults or Faults(), seed=seed)
        self._server = Server(
            self._service,
            self._faults,
            now=self.now,
            keep_requests=keep_requests,
            before_each=before_each,
            seed=seed,
        )
        self._runner: web.AppRunner | None = None
        self._closed = False

    def __repr__(self) -> str:
        """Without the key."""
        state = "closed" if self._closed else "serving" if self._runner else "not started"
        return f"<Emulator {self.base_url} {state}, {len(self.campaigns)} campaigns>"

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Close."""
        await self.close()

    @property
    def root_url(self) -> str:
        """Scheme, host and port."""
        scheme = "https" if self._ssl_context else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}" if self.port is not None else f"{scheme}://{host}"

    @property
    def base_url(self) -> str:
        """What a client takes as ``base_url``: ``/{campaignId}`` follows it."""
        return f"{self.root_url}/cc/{self.site}/campaigns/v1"

    @property
    def campaigns(self) -> Mapping[str, EmulatedCampaign]:
        """All campaigns by id, in the order of making."""
        return MappingProxyType(self._service.campaigns)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The last requests that came in, oldest first, refused ones included."""
        return self._server.traffic.requests

    @property
    def request_count(self) -> int:
        """How many requests came in altogether."""
        return self._server.traffic.total

    @property
    def app(self) -> web.Application:
        """The aiohttp application, for a runner of your own."""
        return self._server.app

    @property
    def service(self) -> Service:
        """The service without network and faults: plain requests in, plain replies out."""
        return self._service

    def create_campaign(
        self,
        *,
        id: str | UUID | None = None,  # noqa: A002 - the vendor's word, and keyword-only
        state: CampaignState = CampaignState.RUNNING,
        dynamic: bool = True,
        enabled: bool = True,
        holds: Sequence[str] = (),
        unknown_to_crm: CrmLookup = (),
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        build_on_start: bool = False,
        build_seconds: float | None = None,
        start_seconds: float | None = None,
    ) -> EmulatedCampaign:
        """Make a campaign, in any state.

        - ``id``: a UUID; None: the next one of the seed.
        - ``holds``: ids that are on the campaign from the beginning.
        - ``unknown_to_crm``: ids that the CRM does not know, or a predicate true for them.
        - ``start_time``: a START before it leads to PENDING. ``end_time`` is merely shown.
        - ``build_on_start``: the campaign's own setting, for a START that does not say.
        - ``build_seconds``, ``start_seconds``: None: the emulator's. ``math.inf``: for ever.

        Raises ValueError for an id that is no UUID or is in use.
        """
        setup = CampaignSetup(
            id=self._service.new_id() if id is None else str(UUID(str(id))),
            tenant=self.tenant,
            state=CampaignState(state),
            dynamic=dynamic,
            enabled=enabled,
            holds=holds,
            unknown_to_crm=unknown_to_crm,
            start_time=start_time,
            end_time=end_time,
            build_on_start=build_on_start,
            build_seconds=self._build_seconds if build_seconds is None else build_seconds,
            start_seconds=self._start_seconds if start_seconds is None else start_seconds,
        )
        return self._service.create_campaign(setup)

    def inject(self, fault: Fault | str, times: int = 1, **details: float | str | None) -> None:
        """Let the fault hit the next ``times`` admitted requests, behind those injected before.

        ``details`` are fields of `FaultDetails`: ``inject("unavailable", retry_after=0)``.
        Raises ValueError for a fault, TypeError for a detail that does not exist.
        """
        self._faults.inject(fault, times, **details)

    def clear_faults(self) -> None:
        """Forget the injected faults that have not happened yet. Rates go on."""
        self._faults.clear()

    def revoke_key(self) -> None:
        """From now on the key gets 401."""
        self._service.doors.key_revoked = True

    def detach_product(self) -> None:
        """From now on the key gets 403."""
        self._service.doors.product_attached = False

    async def committed(self) -> None:
        """Return when no late commit is outstanding; the ledgers are final then."""
        await self._server.committed()

    async def start(self) -> None:
        """Begin to serve. Once is enough: a second call does nothing; after `close` it raises."""
        if self._closed:
            msg = "this Emulator is closed: make a new one"
            raise RuntimeError(msg)
        if self._runner is not None:
            return
        self.now()  # A clock that reads the wall once does so here, on the running loop.
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=_GRACE)
        await self._runner.setup()
        if self.port is not None:
            site = web.TCPSite(self._runner, self.host, self.port, ssl_context=self._ssl_context)
            await site.start()
            self.port = self._runner.addresses[0][1]

    def protocol(self) -> asyncio.Protocol:
        """The server's side of a new connection, to be given a transport (in memory, say)."""
        if self._runner is None or self._runner.server is None:
            msg = "this Emulator does not serve: start it first"
            raise RuntimeError(msg)
        return self._runner.server()

    async def close(self) -> None:
        """Stop: connections end, hanging requests too, late commits never happen. Idempotent."""
        self._closed = True
        runner, self._runner = self._runner, None
        if runner is not None:
            await self._server.close()
            await runner.cleanup()
