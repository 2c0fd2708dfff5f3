"""``build``, ``start`` and the other actions: one request, and the campaign as it is then."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click
from rich.text import Text

from campaigns_async.campaign import CampaignHandle
from campaigns_async.cli import terminal
from campaigns_async.cli.connection import Connection, connection_options, read_connection
from campaigns_async.cli.durations import duration
from campaigns_async.cli.failures import EPILOG, Exit, Failure, explain
from campaigns_async.errors import CampaignStateError
from campaigns_async.lifecycle import TRANSIENT, TRANSITIONS, name_states, valid_from
from campaigns_async.models import Campaign, CampaignAction, CampaignState

_A = CampaignAction

_DOES: Final = {
    _A.BUILD: "Build the call list",
    _A.RESET: "Take the campaign back to CREATED",
    _A.START: "Start dialing, or wait for the start time if that lies ahead",
    _A.PAUSE: "Stop dialing, but for what is queued already",
    _A.RESUME: "Dial again after a pause",
    _A.RETRY: "Run again after an error",
    _A.CANCEL: "End the campaign for good",
    _A.PURGE: "Clear what is queued; the state stays",
}

_ASKS: Final = {
    _A.CANCEL: "This ends the campaign for good. Cancel it?",
    _A.PURGE: "This clears all that is queued. Purge it?",
}
"""Actions without a way back, and the question before each."""


def build_command(action: CampaignAction) -> click.Command:
    """The command for an action."""

    def run(**options: Any) -> None:
        connection = read_connection(
            **{name: options[name] for name in ("api_key_file", "tenant", "site", "base_url")}
        )
        if action in _ASKS and not options["yes"]:
            _make_sure(action)
        asked = {
            name: options[name] for name in ("enabled", "build_on_start", "wait") if name in options
        }
        try:
            campaign = asyncio.run(_act(connection, options["campaign_id"], action, **asked))
        except CampaignStateError as error:
            raise _explain(error) from error
        except KeyboardInterrupt:
            raise Failure(
                f"interrupted before the reply to {action} came",
                next_step="it may have been carried out: look at the campaign before you repeat it",
                exit_code=Exit.UNKNOWN,
            ) from None
        before = find_before(action, campaign, build_on_start=asked.get("build_on_start"))
        if options["as_json"]:
            click.echo(json.dumps(build_document(campaign, before), indent=2))
        else:
            console = terminal.stdout()
            for text in render(campaign, before):
                console.print(text)

    name = action.value.lower()
    example = f"campaigns-async {name} --campaign $ID" + _EXAMPLE_OPTIONS.get(action, "")
    run.__doc__ = (
        f"{_DOES[action]}; from {name_states(valid_from(action))}.\n\n"
        "Prints the campaign as it is then.\n\n"
        f"\b\nExample:\n  {example}\n"
    )
    command: Any = connection_options(run)
    if action in _ASKS:
        command = click.option("--yes", is_flag=True, help="Do not ask.")(command)
    if action is _A.START:
        for option in reversed(_START_OPTIONS):
            command = option(command)
    command = click.option(
        "--enable/--disable", "enabled", default=None, help="Also enable or disable the campaign."
    )(command)
    command = click.option("--json", "as_json", is_flag=True, help="Print the campaign as JSON.")(
        command
    )
    return click.command(name, short_help=f"{_DOES[action]}.", epilog=EPILOG)(command)


_EXAMPLE_OPTIONS: Final = {_A.START: " --build-on-start --wait 5m", _A.CANCEL: " --yes"}

_START_OPTIONS: Final = (
    click.option(
        "--build-on-start/--no-build-on-start",
        default=None,
        help="Build first, or not; else as the campaign is configured.",
    ),
    click.option(
        "--wait",
        type=duration,
        metavar="TIME",
        help="While it is building, ask again for 90, 90s, 5m, 2h ...",
    ),
)


async def _act(
    connection: Connection,
    campaign_id: str,
    action: CampaignAction,
    *,
    enabled: bool | None,
    build_on_start: bool | None = None,
    wait: float | None = None,
) -> Campaign:
    async with connection.open() as session:
        campaign: CampaignHandle = session.campaign(campaign_id)
        if wait is not None:
            return await campaign.start_when_ready(
                deadline=wait, enabled=enabled, build_on_start=build_on_start
            )
        return await campaign.modify(action, enabled=enabled, build_on_start=build_on_start)


def _explain(error: CampaignStateError) -> Failure:
    failure = explain(error)
    if error.state in TRANSIENT:
        failure.next_step = f"wait until it is no longer {error.state}; {failure.next_step}"
    return failure


def _make_sure(action: CampaignAction) -> None:
    if not terminal.confirm(_ASKS[action]):
        raise Failure("nothing was done, for nobody said yes", next_step="give --yes in a script")


def find_before(
    action: CampaignAction, campaign: Campaign, *, build_on_start: bool | None = None
) -> tuple[CampaignState, ...]:
    """The states one of which it was in before; the service tells none.

    An action that was taken proves them, by the vendor's table. ``build_on_start`` None: the
    campaign's own setting, which may be either.
    """
    if TRANSITIONS[action].becomes is None:
        return () if campaign.state is None else (campaign.state,)
    states = valid_from(action, build_on_start=build_on_start is not False)
    return tuple(state for state in CampaignState if state in states)


def build_document(campaign: Campaign, before: Sequence[CampaignState] = ()) -> dict[str, Any]:
    """What the reply told of the campaign, for JSON; None where it did not."""
    return {
        "campaign": campaign.id,
        "state_before": [state.value for state in before],
        "state": campaign.state,
        "display_status": campaign.display_status,
        "record_count": campaign.record_count,
        "start_time": None if campaign.start_time is None else campaign.start_time.isoformat(),
        "end_time": None if campaign.end_time is None else campaign.end_time.isoformat(),
    }


def render(campaign: Campaign, before: Sequence[CampaignState] = ()) -> Iterator[Text]:
    """The campaign as a small table."""
    state = campaign.state
    rows = {
        "campaign": campaign.id,
        "was": name_states(before) or None,
        "is": None if state is None else f"{state}{_follows(state)}",
        "shown as": campaign.display_status,
        "records": None if campaign.record_count is None else f"{campaign.record_count:,}",
        "starts": campaign.start_time,
        "ends": campaign.end_time,
    }
    for name, value in rows.items():
        if value is not None:
            yield terminal.line((f"{name:<8}  ", "dim"), str(value))


def _follows(state: CampaignState) -> str:
    """What a state that passes by itself becomes."""
    for transition in TRANSITIONS.values():
        if transition.becomes is state and transition.then:
            good, *bad = transition.then
            return f" (then {good}, or {bad[0]} if that fails)" if bad else f" (then {good})"
    return ""


COMMANDS: Final = tuple(build_command(action) for action in CampaignAction)
