"""The commands together, and what becomes of an error in any of them."""

import json
import logging
import traceback
from importlib.metadata import version as version_of
from typing import Any, Final

import click

from campaigns_async.cli.actions import COMMANDS
from campaigns_async.cli.completion import completion
from campaigns_async.cli.doctor import doctor
from campaigns_async.cli.failures import EPILOG, Exit, Failure, explain
from campaigns_async.cli.journal import journal
from campaigns_async.cli.local import demo, emulator
from campaigns_async.cli.report import encode
from campaigns_async.cli.support import support_bundle
from campaigns_async.cli.upload import upload
from campaigns_async.cli.validate import validate

_DEBUG: Final = "campaigns_async.debug"
_JSON: Final = "campaigns_async.json"

# What goes wrong is told in a sentence; without this, logging would print a traceback beside it.
logging.getLogger("campaigns_async").addHandler(logging.NullHandler())


class App(click.Group):
    """A group that turns errors into sentences and exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the arguments name."""
        # Before anything is parsed, for what is wrong with an option is told so too.
        ctx.meta[_JSON] = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except Failure as error:
            _report(ctx, error)
            _trace(ctx, error.__cause__)
            raise
        except click.UsageError as error:
            _report(ctx, Failure(error.format_message()))
            raise
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            # asyncio's own, after what was under way has been ended.
            click.echo("Interrupted.", err=True)
            ctx.exit(Exit.INTERRUPTED)
        except BrokenPipeError:
            # click ends quietly: who read the output has gone.
            raise
        except Exception as error:
            failure = explain(error)
            _report(ctx, failure)
            _trace(ctx, error)
            raise failure from error


def _report(ctx: click.Context, failure: Failure) -> None:
    """To stdout for programs; the sentence for people goes to stderr all the same."""
    if ctx.find_root().meta.get(_JSON):
        click.echo(encode(failure.document))


def _trace(ctx: click.Context, error: BaseException | None) -> None:
    if error is not None and ctx.find_root().meta.get(_DEBUG):
        traceback.print_exception(error)


def _switch_debug(ctx: click.Context, _option: click.Parameter, value: object) -> None:
    if value:
        ctx.find_root().meta[_DEBUG] = True


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_switch_debug,
        help="Print a traceback with an error.",
    )


@click.group(
    cls=App,
    params=[_debug_option()],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(package_name="campaigns-async", prog_name="campaigns-async")
def app() -> None:
    """Steer 8x8 Contact Center campaigns, and put files of CRM records on their call lists.

    Each command has --help with an example, and --json for scripts. The key is taken from
    EGHT_API_KEY or a file. To try it without one:

    \b
    Example:
      campaigns-async demo
    """  # noqa: D301 - \b is click's: do not rewrap


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def version(*, as_json: bool) -> None:
    """Print the version.

    \b
    Example:
      campaigns-async version
    """  # noqa: D301 - \b is click's: do not rewrap
    found = version_of("campaigns-async")
    click.echo(json.dumps({"version": found}) if as_json else f"campaigns-async {found}")


def _equip(command: click.Command) -> None:
    """A traceback with an error, where that is asked for."""
    command.params.append(_debug_option())
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _equip(child)


for each in (
    upload,
    validate,
    doctor,
    journal,
    *COMMANDS,
    emulator,
    demo,
    support_bundle,
    completion,
    version,
):
    _equip(each)
    app.add_command(each)
