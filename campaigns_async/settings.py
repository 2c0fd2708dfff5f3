"""How to reach the service, and how hard to try: values, their checks, and the environment.

What is wrong is said at construction, as :exc:`ConfigurationError`, and never echoes the key.
"""

import ipaddress
import os
from collections.abc import Mapping
from typing import Any, Final, NoReturn, Protocol, Self
from urllib.parse import urlsplit

import attrs

from campaigns_async.checks import (
    Arguments,
    at_least,
    has_method,
    is_a,
    something_to_call,
    whole,
    yes_or_no,
)
from campaigns_async.errors import ConfigurationError
from campaigns_async.events import OnEvent

SITES: Final[Mapping[str, str]] = {"US1": "US East", "US2": "US West", "UK3": "United Kingdom"}
"""Customer sites (vendor: Overview). The site is not the tenant."""

SITE_URL: Final = "https://api.8x8.com/cc/{site}/campaigns/v1"

ENVIRONMENT: Final[Mapping[str, str]] = {
    "api_key": "EGHT_API_KEY",
    "tenant": "EGHT_TENANT",
    "site": "EGHT_SITE",
    "base_url": "EGHT_BASE_URL",
}
"""Setting to environment variable, as :meth:`CampaignsSession.from_env` reads them."""

_KEY_PREFIX: Final = "eght_"


class ApiKey(str):
    """The key as a string that does not show itself: repr is masked, and it does not pickle.

    ``str`` methods give the real text, because a header needs it. Text becomes one as early as
    possible, checked or not, so that no traceback with locals shows it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{_KEY_PREFIX}***'"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        msg = (
            "an API key is not pickled; make a new session in the other process, "
            "with CampaignsSession.from_env()"
        )
        raise ConfigurationError(msg)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


def parse_api_key(text: object) -> ApiKey:
    """The key, checked for what would fail with 401 or break the header; never echoed."""
    if not text:
        msg = f"there is no API key: pass api_key, or set {ENVIRONMENT['api_key']}"
    elif not isinstance(text, str):
        msg = f"the API key is of type {type(text).__name__}; it must be a string"
    elif text != text.strip():
        msg = "the API key begins or ends with a space or a line break; strip it"
    elif not (text.isascii() and text.isprintable()) or " " in text:
        msg = "the API key has a character that cannot be in a key; copy it again from the app"
    elif not text.startswith(_KEY_PREFIX):
        msg = (
            f"the API key does not begin with {_KEY_PREFIX}; "
            "take the Key value of the app in Admin Console, not its secret or its id"
        )
    else:
        return ApiKey(text)
    raise ConfigurationError(msg)


def parse_tenant(text: object) -> str:
    """The tenant name, checked for what cannot be in a header."""
    if not text:
        msg = (
            f"there is no tenant: pass tenant, or set {ENVIRONMENT['tenant']} "
            "(Tenant Name under Home > Profile in Configuration Manager)"
        )
    elif not isinstance(text, str):
        msg = f"the tenant is of type {type(text).__name__}; it must be a string"
    elif text != text.strip():
        msg = "the tenant begins or ends with a space or a line break; strip it"
    elif not (text.isascii() and text.isprintable()):
        msg = f"the tenant {text!r} has a character that cannot be in a header"
    else:
        return text
    raise ConfigurationError(msg)


def parse_base_url(base_url: object, site: object) -> str:
    """The root under which ``/{campaignId}`` stands, without a slash at its end.

    ``base_url`` replaces it whole. It must be https, except to this machine: the key goes there.
    """
    if base_url is None:
        if not isinstance(site, str) or site not in SITES:
            known = ", ".join(f"{name} ({place})" for name, place in SITES.items())
            given = "there is no site" if not site else f"the site {site!r} is not known"
            if str(site).upper() in SITES:
                given = f"the site {site!r} is written {str(site).upper()}"
            msg = f"{given}: pass site or set {ENVIRONMENT['site']}; one of {known}, or a base_url"
            raise ConfigurationError(msg)
        return SITE_URL.format(site=site)
    if not isinstance(base_url, str) or not base_url.isascii() or not base_url.isprintable():
        msg = "the base_url must be a URL such as https://host/cc/US1/campaigns/v1"
        raise ConfigurationError(msg)
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        msg = f"the base_url cannot be read: {error}"
        raise ConfigurationError(msg) from None
    if parts.username or parts.password or parts.query or parts.fragment or " " in base_url:
        msg = "the base_url must be scheme, host and path alone: no user, query, fragment or space"
    elif not host or parts.scheme not in {"http", "https"}:
        msg = f"the base_url {base_url!r} must begin with https:// and a host"
    elif parts.scheme == "http" and not _is_loopback(host):
        msg = f"the base_url {base_url!r} is not https: the API key would travel in the clear"
    else:
        return base_url.rstrip("/")
    raise ConfigurationError(msg)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def parse_user_agent_suffix(text: object) -> str | None:
    """What to add to the User-Agent header, checked for what cannot be in one."""
    if text is None:
        return None
    if not (isinstance(text, str) and text.isascii() and text.isprintable()):
        msg = f"user_agent_suffix {text!r} has a character that cannot be in a header"
        raise ConfigurationError(msg)
    return text


def read_environment(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The settings that the environment gives; an empty variable counts as not set."""
    found = {name: environ[var] for name, var in ENVIRONMENT.items() if environ.get(var)}
    return mask_key(found)


def mask_key(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same arguments, the API key among them masked."""
    key = arguments.get("api_key")
    return {**arguments, "api_key": ApiKey(key)} if isinstance(key, str) else arguments


@attrs.frozen(kw_only=True)
class Timeout:
    """Seconds that one attempt may take; the wait for a slot is not counted.

    ``connect``: until a connection stands. ``read``: between two arrivals of data. ``total``: all.
    """

    connect: float = attrs.field(default=10.0, validator=at_least(0, above=True))
    read: float = attrs.field(default=30.0, validator=at_least(0, above=True))
    total: float = attrs.field(default=60.0, validator=at_least(0, above=True))


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how long to try again where that is safe.

    The wait before attempt n+1 is uniform(0, min(cap, base * 2**n)) seconds ("full jitter"), and
    never less than the service asked for.

    - ``max_attempts``: requests for one call, the first included. An upload goes on until its own
      deadline instead.
    - ``base``, ``cap``: seconds, see the formula.
    - ``deadline``: seconds for one call with all its attempts; not for an upload.
    - ``budget``: retries that the session may have to spare. Each retry takes one, each success
      gives back a tenth, so that an outage does not multiply the load. Without any left a call
      fails at once, and an upload waits ``cap`` before each retry.
    - ``repeat_ambiguous_actions``: also repeat BUILD, RESET, RETRY and PURGE after an attempt that
      may have been carried out. Off, because the second one may act on the result of the first.
    - ``gateway_resends``: something between us and the service may send a request twice by itself,
      which the vendor's pages neither say nor deny. Then no refusal proves that a request of ours
      did not land: fewer records are NOT_ADDED or ``theirs``, more UNKNOWN or ``unclear``.
    """

    max_attempts: int = attrs.field(default=5, validator=[whole, at_least(1)])
    base: float = attrs.field(default=0.5, validator=at_least(0, above=True))
    cap: float = attrs.field(default=20.0, validator=at_least(0, above=True))
    deadline: float = attrs.field(default=120.0, validator=at_least(0, above=True))
    budget: float = attrs.field(default=50.0, validator=at_least(0))
    repeat_ambiguous_actions: bool = attrs.field(default=False, validator=yes_or_no)
    gateway_resends: bool = attrs.field(default=False, validator=yes_or_no)


class Limiter(Protocol):
    """Any rate limiter that sessions share: ``await limiter.acquire()`` before each request."""

    async def acquire(self) -> object:
        """Return when one request may go."""


@attrs.frozen(kw_only=True)
class Limits:
    """How much at once, for all of a session's calls, uploads and batchers together.

    - ``max_in_flight``: requests, at most. The number adapts below it: it grows with successes and
      halves on 429, 503 and timeouts.
    - ``initial_in_flight``: where it starts.
    - ``requests_per_second``: None for no limit. ``burst``: requests that may go at once under it.
    - ``limiter``: your own, see :class:`Limiter`; asked before each request, in addition, and once
      more where the service asked to wait meanwhile. Not all that it lets go is sent: an upload may
      have ended by then.
    """

    max_in_flight: int = attrs.field(default=16, validator=[whole, at_least(1)])
    initial_in_flight: int = attrs.field(default=4, validator=[whole, at_least(1)])
    requests_per_second: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(at_least(0, above=True))
    )
    burst: int = attrs.field(default=1, validator=[whole, at_least(1)])
    limiter: Limiter | None = attrs.field(default=None, validator=has_method("acquire"))


@attrs.frozen(kw_only=True)
class Settings(Arguments):
    """All that a session needs to know, checked. ``base_url`` stands for the site's own if None."""

    api_key: ApiKey = attrs.field(converter=parse_api_key)
    tenant: str = attrs.field(converter=parse_tenant)
    site: str | None = None
    base_url: str | None = None
    timeout: Timeout = attrs.field(default=Timeout(), validator=is_a(Timeout))
    retry: RetryPolicy = attrs.field(default=RetryPolicy(), validator=is_a(RetryPolicy))
    limits: Limits = attrs.field(default=Limits(), validator=is_a(Limits))
    user_agent_suffix: str | None = attrs.field(default=None, converter=parse_user_agent_suffix)
    on_event: OnEvent | None = attrs.field(default=None, validator=something_to_call)
    event_ids: bool = attrs.field(default=False, validator=yes_or_no)

    @property
    def root(self) -> str:
        """The URL under which ``/{campaignId}`` stands."""
        return parse_base_url(self.base_url, self.site)

    def __attrs_post_init__(self) -> None:
        parse_base_url(self.base_url, self.site)

    def __repr__(self) -> str:
        # Half made as well: a traceback with locals shows these when one of them is refused.
        made = ((f.name, getattr(self, f.name, attrs.NOTHING)) for f in attrs.fields(Settings))
        shown = ", ".join(f"{name}={value!r}" for name, value in made if value is not attrs.NOTHING)
        return f"Settings({shown})"
