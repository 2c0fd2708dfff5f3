"""``doctor``: what is wrong with key, product, site, tenant or campaign, without changing any."""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs
import click
from rich.text import Text

from campaigns_async._core.exchange import Request
from campaigns_async._core.rows import NO_ROWS
from campaigns_async._core.wire import encode_records
from campaigns_async.cli import terminal
from campaigns_async.cli.checklist import Finding, Item, Verdict, examine
from campaigns_async.cli.connection import connection_options, read_connection
from campaigns_async.cli.failures import EPILOG, Exit, exit_code_of
from campaigns_async.dispatch import Dispatcher
from campaigns_async.errors import APIError, CampaignsError, NotFoundError, ValidationError
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import SITES, Settings
from campaigns_async.transport import Connections

_STYLES: Final = {
    Verdict.OK: "green",
    Verdict.LIKELY: "green",
    Verdict.SUSPECT: "bold yellow",
    Verdict.WRONG: "bold red",
    Verdict.UNKNOWN: "dim",
}
_SITE: Final = re.compile(r"/cc/([^/]+)/")


@click.command(short_help="Say what is wrong with key, site, tenant or campaign.", epilog=EPILOG)
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(ctx: click.Context, /, *, as_json: bool, campaign_id: str, **options: Any) -> None:
    """Go through the vendor's debugging checklist: what could be verified, how, and what to do.

    Looks at site, tenant, key, product, media type, campaign, state, enabled flag and record
    limits. Changes nothing: it sends an empty list of records, which has to be refused, and goes by
    how. After a 404 it asks the other sites the same.

    \b
    Example:
      campaigns-async doctor --campaign $ID --tenant acme --site UK3
    """  # noqa: D301 - \b is click's: do not rewrap
    session = read_connection(**options).open()
    campaign = session.campaign(campaign_id).id
    diagnosis = asyncio.run(diagnose(session, campaign))
    if as_json:
        click.echo(json.dumps(build_document(diagnosis), indent=2))
    else:
        console = terminal.stdout()
        for text in render(diagnosis):
            console.print(text)
    ctx.exit(diagnosis.exit_code)


@attrs.frozen(kw_only=True)
class Diagnosis:
    """What was asked, what came back, and what that says."""

    campaign: str
    address: str
    tenant: str
    seen: CampaignsError | None
    findings: Sequence[Finding]

    @property
    def exit_code(self) -> Exit:
        """0 unless something is wrong; what is not known is not wrong."""
        wrong = any(f.verdict in {Verdict.WRONG, Verdict.SUSPECT} for f in self.findings)
        if self.seen is None or (isinstance(self.seen, ValidationError) and not wrong):
            return Exit.ALL_IN
        return exit_code_of(self.seen)


async def diagnose(session: CampaignsSession, campaign: str) -> Diagnosis:
    """Ask, and go through the checklist."""
    settings = session.settings
    seen = await probe(settings, campaign)
    at = _SITE.search(f"{settings.root}/")
    found_at = None
    if isinstance(seen, NotFoundError) and at is not None:
        for site in SITES:
            root = settings.root.replace(f"/cc/{at[1]}/", f"/cc/{site}/")
            there = attrs.evolve(settings, base_url=root)
            if site != at[1] and isinstance(await probe(there, campaign), ValidationError):
                found_at = site
                break
    return Diagnosis(
        campaign=campaign,
        address=settings.root,
        tenant=settings.tenant,
        seen=seen,
        findings=examine(seen, site=at[1] if at else None, found_at=found_at),
    )


async def probe(settings: Settings, campaign: str) -> CampaignsError | None:
    """What comes of adding no records at all: the error, or None if that was taken."""
    request = Request("POST", f"/{campaign}/records", encode_records(NO_ROWS))
    connections = Connections(None)
    try:
        await Dispatcher(settings, connections).call(request, may_repeat=lambda _: False)
    except CampaignsError as error:
        return error
    finally:
        await connections.close()
    return None


def build_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """The findings as values that JSON can hold."""
    seen = diagnosis.seen
    return {
        "campaign": diagnosis.campaign,
        "address": diagnosis.address,
        "tenant": diagnosis.tenant,
        "answer": None if seen is None else str(seen),
        "reference": seen.support_reference if isinstance(seen, APIError) else None,
        "findings": [
            {"item": f.item, "verdict": f.verdict, "how": f.how, "next": f.next_step}
            for f in diagnosis.findings
        ],
        "exit_code": int(diagnosis.exit_code),
    }


def render(diagnosis: Diagnosis) -> Iterator[Text]:
    """The findings as lines for people."""
    yield terminal.line(
        ("campaign ", "dim"), diagnosis.campaign, (" of tenant ", "dim"), diagnosis.tenant
    )
    yield terminal.line(("at ", "dim"), diagnosis.address)
    yield Text()
    width = max(map(len, Item))
    for found in diagnosis.findings:
        yield terminal.line(
            f"  {found.item.value:<{width}}  ",
            (f"{found.verdict.value:<9}", _STYLES[found.verdict]),
            f"  {found.how}",
        )
        if found.next_step is not None:
            yield terminal.line((f"  {'':<{width}}             -> {found.next_step}", "bold"))
    if isinstance(diagnosis.seen, APIError) and diagnosis.seen.support_reference:
        yield Text()
        yield terminal.line(("For support: ", "bold"), diagnosis.seen.support_reference)
