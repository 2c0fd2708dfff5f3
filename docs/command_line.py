"""A directive that documents the command line from its code, where that is installed.

``{campaigns-command-line}`` becomes a section for each command with what its ``--help`` prints.
"""

from importlib.util import find_spec
from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_WIDTH: Final = 88


def read_helps() -> dict[str, str]:
    """What ``--help`` prints, by command, the program itself first; empty without the extra."""
    if not all(find_spec(name) for name in ("click", "rich", "campaigns_async.cli")):
        return {}
    import click  # noqa: PLC0415 - an extra, may be missing

    from campaigns_async.cli.app import app  # noqa: PLC0415 - likewise

    helps: dict[str, str] = {}

    def read(command: click.Command, name: str, parent: click.Context | None) -> None:
        width = {"max_content_width": _WIDTH, "terminal_width": _WIDTH}
        settings = {**command.context_settings, **width}
        context = click.Context(command, info_name=name, parent=parent, **settings)
        helps[context.command_path] = command.get_help(context)
        if isinstance(command, click.Group):
            for child in command.list_commands(context):
                found = command.get_command(context, child)
                if found is not None and not found.hidden:
                    read(found, child, context)

    read(app, "campaigns-async", None)
    return helps


class CommandLine(SphinxDirective):
    """``{campaigns-command-line}``: takes nothing."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        lines: list[str] = []
        for path, text in read_helps().items():
            lines += [f"## {path}", "", "```text", *text.splitlines(), "```", ""]
        if not lines:
            lines = ["These pages were built without the command line, so it is not listed here."]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    app.add_directive("campaigns-command-line", CommandLine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
