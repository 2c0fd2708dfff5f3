"""``completion``: a shell completes commands and options after this."""

import json
from typing import Final

import click
from click.shell_completion import get_completion_class

_PROGRAM: Final = "campaigns-async"
_VARIABLE: Final = "_CAMPAIGNS_ASYNC_COMPLETE"


@click.command(short_help="Print what makes a shell complete commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option("--json", "as_json", is_flag=True, help="Print the script as JSON.")
@click.pass_context
def completion(ctx: click.Context, /, *, shell: str, as_json: bool) -> None:
    """Print what makes SHELL complete commands and options; put it into the shell's start-up file.

    bash: ~/.bashrc, zsh: ~/.zshrc, both as in the example; fish: write it to
    ~/.config/fish/completions/campaigns-async.fish.

    \b
    Example:
      eval "$(campaigns-async completion bash)"
    """  # noqa: D301 - \b is click's: do not rewrap
    found = get_completion_class(shell)
    if found is None:  # pragma: no cover - click has all three
        raise click.UsageError(f"click knows no completion for {shell}")
    script = found(ctx.find_root().command, {}, _PROGRAM, _VARIABLE).source()
    click.echo(json.dumps({"shell": shell, "script": script}) if as_json else script)
