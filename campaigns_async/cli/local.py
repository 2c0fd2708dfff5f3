"""``emulator`` and ``demo``: the service on this machine."""

import asyncio
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import UUID

import click

from campaigns_async.campaign import CampaignHandle
from campaigns_async.cli import terminal
from campaigns_async.cli.contacts import Contacts, build_contacts
from campaigns_async.cli.failures import Failure
from campaigns_async.cli.file_upload import FileUpload
from campaigns_async.cli.files import RecordFile, open_file
from campaigns_async.cli.interrupts import on_interrupts
from campaigns_async.cli.report import Result
from campaigns_async.cli.upload import tell
from campaigns_async.emulator import Emulator, Faults
from campaigns_async.errors import CampaignStateError
from campaigns_async.lifecycle import TRANSIENT
from campaigns_async.models import Campaign, CampaignState
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import ENVIRONMENT, Limits

_EXAMPLE: Final = "docs/examples/contacts.csv"
_CHECKOUT: Final = Path(__file__).parents[2]

DEMO_LATENCY: Final = (0.03, 0.09)
"""Seconds that the demo's service takes for a request: slow enough to watch."""

_DEMO_LIMITS: Final = Limits(max_in_flight=2, initial_in_flight=2)


@click.command(short_help="Run a local Campaigns API.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0: any free one. [0]")
@click.option("--campaign", "campaign_id", type=click.UUID, metavar="ID", help="Its id, a UUID.")
@click.option(
    "--state",
    type=click.Choice([state.value for state in CampaignState]),
    default=CampaignState.RUNNING.value,
    show_default=True,
    help="The state that it is in at first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the variables as one JSON object.")
def emulator(*, host: str, port: int, campaign_id: UUID | None, state: str, as_json: bool) -> None:
    """Run a local Campaigns API with one dynamic campaign, until Ctrl-C.

    Prints what a client needs, as lines for a shell. Nothing is kept.

    \b
    Example:
      campaigns-async emulator --port 8080 --state CREATED
    """  # noqa: D301 - \b is click's: do not rewrap
    service = Emulator(host=host, port=port)
    try:
        asyncio.run(
            serve(service, campaign_id=campaign_id, state=CampaignState(state), as_json=as_json)
        )
    except OSError as error:
        raise Failure(
            f"the address {host}:{port} cannot be listened on: {os.strerror(error.errno or 0)}",
            next_step="try another --port",
        ) from None


async def serve(
    service: Emulator,
    *,
    campaign_id: UUID | None = None,
    state: CampaignState = CampaignState.RUNNING,
    as_json: bool = False,
    on_ready: Callable[[asyncio.Event], None] = lambda _: None,
) -> None:
    """Until Ctrl-C, or until the event that ``on_ready`` is called with is set."""
    over = asyncio.Event()
    async with service:
        with on_interrupts(over.set):
            campaign = service.create_campaign(id=campaign_id, state=state)
            variables = {
                ENVIRONMENT["base_url"]: service.base_url,
                ENVIRONMENT["api_key"]: service.api_key,
                ENVIRONMENT["tenant"]: service.tenant,
                "EGHT_CAMPAIGN": campaign.id,
            }
            if as_json:
                click.echo(json.dumps(variables))
            else:
                title = f"# A Campaigns API on {service.root_url}, until Ctrl-C."
                exports = (f"export {name}={value}" for name, value in variables.items())
                for text in (title, *exports):
                    terminal.stdout().print(terminal.line(text))
            on_ready(over)
            await over.wait()


@click.command(short_help="Upload a real-life file to a local service.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def demo(*, as_json: bool) -> None:
    """Upload a real-life file to a campaign on a local service, then start and pause the campaign.

    Needs nothing: no key, no network. The file is docs/examples/contacts.csv.

    \b
    Example:
      campaigns-async demo
    """  # noqa: D301 - \b is click's: do not rewrap
    asyncio.run(run_demo(as_json=as_json))


async def run_demo(
    *, latency: float | tuple[float, float] | None = None, as_json: bool = False
) -> Result:
    """The demo; ``latency`` as in `Faults`, None for one that is slow enough to watch."""
    contacts = build_contacts()
    service = Emulator(
        faults=Faults(latency=DEMO_LATENCY if latency is None else latency),
        build_seconds=0.3,
        start_seconds=0.3,
    )
    talk = terminal.stderr() if as_json else terminal.stdout()
    async with service:
        emulated = service.create_campaign(
            state=CampaignState.CREATED, holds=contacts.held, unknown_to_crm=contacts.unknown
        )
        talk.print(
            terminal.line(
                f"A local service on {service.root_url}. Its campaign holds "
                f"{len(contacts.held)} of the file's ids, and its CRM does not know "
                f"{len(contacts.unknown)} others."
            )
        )
        talk.print()
        async with CampaignsSession(
            api_key=service.api_key,
            tenant=service.tenant,
            base_url=service.base_url,
            limits=_DEMO_LIMITS,
        ) as session:
            with open_example(contacts) as file:
                result = await FileUpload(session, emulated.id, file).run()
            tell(result, as_json=as_json)
            talk.print()
            campaign = session.campaign(emulated.id)
            for name, reply in (
                ("build", await campaign.build()),
                ("start", await campaign.start_when_ready(deadline=30)),
                ("pause", await _pause_when_running(campaign)),
            ):
                talk.print(terminal.line((f"{name}  ", "bold"), f"the campaign is {reply.state}"))
    return result


def open_example(contacts: Contacts, root: Path = _CHECKOUT) -> RecordFile:
    """The example of the checkout, or where there is none (a wheel), the same rows from memory."""
    path = root / _EXAMPLE
    if path.exists():
        file = open_file(str(path))
        file.name = _EXAMPLE
        return file
    return RecordFile(io.BytesIO(contacts.content), "contacts.csv (made by the demo)")


async def _pause_when_running(campaign: CampaignHandle) -> Campaign:
    while True:
        try:
            return await campaign.pause()
        except CampaignStateError as error:
            if error.state not in TRANSIENT:
                raise
        await asyncio.sleep(0.1)
