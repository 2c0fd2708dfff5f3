"""The options that say where the service is and who asks, and the session made of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs
import click
from click.core import ParameterSource

from campaigns_async.cli.failures import Failure
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import ENVIRONMENT, SITES, ApiKey, Limits, read_environment


@attrs.frozen(kw_only=True)
class Connection:
    """What the options said; the key is masked and no option holds it."""

    api_key: ApiKey | None = None
    tenant: str | None = None
    site: str | None = None
    base_url: str | None = None

    def open(self, limits: Limits | None = None) -> CampaignsSession:
        """A session. Raises :exc:`ConfigurationError` where something is missing or wrong."""
        return CampaignsSession(
            api_key=self.api_key,
            tenant=self.tenant,
            site=self.site,
            base_url=self.base_url,
            limits=limits or Limits(),
            user_agent_suffix="cli",
        )


_OPTIONS: Final = (
    click.option(
        "--api-key-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help=f"File that holds the API key. Without it, {ENVIRONMENT['api_key']} is the key; "
        "no option takes it, for others on the machine see those.",
    ),
    click.option(
        "--tenant", envvar=ENVIRONMENT["tenant"], show_envvar=True, help="Name of the tenant."
    ),
    click.option(
        "--site",
        envvar=ENVIRONMENT["site"],
        show_envvar=True,
        metavar="SITE",
        help=f"The tenant's site: {', '.join(SITES)}.",
    ),
    click.option(
        "--base-url",
        envvar=ENVIRONMENT["base_url"],
        show_envvar=True,
        metavar="URL",
        help="Instead of a site: the address before /{campaignId}.",
    ),
    click.option(
        "--campaign",
        "campaign_id",
        envvar="EGHT_CAMPAIGN",
        show_envvar=True,
        required=True,
        metavar="ID",
        help="Id of the campaign, a UUID.",
    ),
)


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--campaign`` and the options of a `Connection`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_connection(
    *, api_key_file: Path | None, tenant: str | None, site: str | None, base_url: str | None
) -> Connection:
    """The connection that the options ask for."""
    if _was_given("site") and not _was_given("base_url"):
        # An address left in the environment must not win over a site that was asked for.
        base_url = None
    key = read_environment().get("api_key") if api_key_file is None else _read_key(api_key_file)
    needed = {
        "API key": (key, f"set {ENVIRONMENT['api_key']}, or give --api-key-file FILE"),
        "tenant": (tenant, f"set {ENVIRONMENT['tenant']}, or give --tenant NAME"),
        "site": (
            site or base_url,
            f"set {ENVIRONMENT['site']}, or give --site: {', '.join(SITES)}",
        ),
    }
    missing = [name for name, (value, _) in needed.items() if not value]
    if missing:
        raise Failure(
            f"there is no {' and no '.join(missing)}",
            next_step="; ".join(needed[name][1] for name in missing),
        )
    return Connection(
        api_key=key, tenant=tenant or None, site=site or None, base_url=base_url or None
    )


def _was_given(option: str) -> bool:
    """On the command line, and not by the environment."""
    context = click.get_current_context(silent=True)
    source = context.get_parameter_source(option) if context is not None else None
    return source is ParameterSource.COMMANDLINE


def _read_key(path: Path) -> ApiKey:
    try:
        return ApiKey(path.read_text("utf-8-sig").strip())
    except OSError as error:
        raise Failure(f"the key file {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise Failure(f"the key file {path} is no text") from None
