"""CampaignsSession: credentials, lifetime, and the one aiohttp session behind all calls."""

from types import TracebackType
from typing import Any, Self
from uuid import UUID

import aiohttp
import attrs

from campaigns_async.campaign import CampaignHandle
from campaigns_async.dispatch import Dispatcher
from campaigns_async.errors import ConfigurationError
from campaigns_async.events import OnEvent
from campaigns_async.settings import (
    ApiKey,
    Limits,
    RetryPolicy,
    Settings,
    Timeout,
    mask_key,
    read_environment,
)
from campaigns_async.transport import Connections


class CampaignsSession:
    """A tenant's access to the Campaigns API; an async context manager.

    One session serves a whole service: it is cheap to keep, and its limits hold for everything that
    goes through it. It belongs to the event loop that first uses it.

    - ``api_key``, ``tenant``: from the app in Admin Console, and from Home > Profile in
      Configuration Manager (vendor: Authentication).
    - ``site``: US1, US2 or UK3. The tenant's own; not the tenant's name.
    - ``base_url``: replaces the whole root, ``https://api.8x8.com/cc/{site}/campaigns/v1``;
      ``/{campaignId}`` follows it, and ``site`` may be left out. https, except to this machine.
    - ``session``: your own aiohttp session, for a proxy or your own TLS context. It is never closed
      here. It has no tracing of ours, so on it more failures count as perhaps sent.
    - ``timeout``, ``retry``, ``limits``: see the classes.
    - ``user_agent_suffix``: added to the User-Agent header.
    - ``on_event``: called at once with each :class:`~campaigns_async.events.Event`, for metrics and
      traces; must not wait. ``event_ids``: events, and what is logged of them, name the campaign's
      id.

    Raises :exc:`ConfigurationError`, which says what is wrong and never echoes the key.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        tenant: str | None = None,
        site: str | None = None,
        base_url: str | None = None,
        session: aiohttp.ClientSession | None = None,
        timeout: Timeout = Timeout(),  # noqa: B008 - frozen
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
        user_agent_suffix: str | None = None,
        on_event: OnEvent | None = None,
        event_ids: bool = False,
    ) -> None:
        if isinstance(api_key, str):
            # Masked before anything can fail with it among its locals.
            api_key = ApiKey(api_key)
        settings = Settings(
            api_key=api_key,
            tenant=tenant,
            site=site,
            base_url=base_url,
            timeout=timeout,
            retry=retry,
            limits=limits,
            user_agent_suffix=user_agent_suffix,
            on_event=on_event,
            event_ids=event_ids,
        )
        self._dispatcher = Dispatcher(settings, Connections(session))

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """A session from EGHT_API_KEY, EGHT_TENANT, EGHT_SITE and EGHT_BASE_URL.

        ``overrides`` are arguments of the constructor and count before the environment; a ``site``
        among them counts before an EGHT_BASE_URL too.
        """
        overrides = mask_key(overrides)
        found = read_environment()
        if "site" in overrides:
            # An address left in the environment must not win over a site that was asked for.
            found.pop("base_url", None)
        return cls(**{**found, **overrides})

    @property
    def settings(self) -> Settings:
        """What the session was made with; the key in it does not show."""
        return self._dispatcher.settings

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._dispatcher.connections.closed

    def campaign(self, campaign_id: str | UUID) -> CampaignHandle:
        """A handle on the campaign with this id. Nothing is sent; there is no way to ask for it.

        Raises :exc:`ConfigurationError` if it is no UUID.
        """
        return CampaignHandle(self._dispatcher, campaign_id)

    def with_options(self, **changes: Any) -> "CampaignsSession":
        """The same session, but for some of the constructor's arguments (all except ``session``).

        It shares the connections, and the limits unless those are what changes. Closing either
        closes both. A rotated key: ``session.with_options(api_key=new)``.
        """
        changes = mask_key(changes)
        if unknown := changes.keys() - {f.name for f in attrs.fields(Settings) if f.init}:
            msg = f"with_options does not take {', '.join(sorted(unknown))}"
            raise ConfigurationError(msg)
        other = object.__new__(type(self))
        other._dispatcher = self._dispatcher.with_settings(attrs.evolve(self.settings, **changes))
        return other

    async def close(self) -> None:
        """Close the connections. Once is enough, twice does no harm.

        Calls after it fail, and an upload under way ends when it comes to its next request.
        """
        await self._dispatcher.connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        if not hasattr(self, "_dispatcher"):
            # Half made: a traceback with locals shows it when an argument was refused.
            return "<CampaignsSession>"
        settings = self.settings
        state = "closed" if self.closed else "open"
        return f"<CampaignsSession {settings.root} tenant={settings.tenant!r} {state}>"
