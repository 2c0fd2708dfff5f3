"""What reaches the terminal: plain text in a style, never markup, and nothing that steers it."""

import sys
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from campaigns_async.errors import escape

_LONGEST: Final = 2_000


def stdout() -> Console:
    """For results. Colors as rich finds them fit: NO_COLOR and dumb terminals get none."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def stderr() -> Console:
    """For progress, questions and errors, so that stdout can be piped."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def safe(text: object, limit: int = _LONGEST) -> str:
    """Text from a file, a name or the service on one line, with its control characters shown."""
    return escape(str(text), limit)


def line(*parts: str | tuple[str, str]) -> Text:
    """A line of parts, each a text or a text with its style; made safe here, once for all."""
    styled = [
        (safe(part), "") if isinstance(part, str) else (safe(part[0]), part[1]) for part in parts
    ]
    return Text.assemble(*styled)


def confirm(question: str, *, default: bool = False) -> bool:
    """Whether the answer is yes; Ctrl-C and the end of the input are a no."""
    try:
        return click.confirm(question, default=default, err=True)
    except click.Abort:
        click.echo(err=True)
        return False


def can_ask() -> bool:
    """Whether somebody sits there who can answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()
