"""Records the picture of an upload: a real one, at a real terminal, against the local service.

``python docs/record.py`` runs ``campaigns-async upload`` on the example's file in a
pseudo-terminal, keeps what it writes and when, and draws it as an SVG that plays once and then
stands still. With ``--check`` it runs and compares the words with those of the picture; a test does
so. How long it took differs from run to run, so figures that come of that do not count.
"""

import argparse
import asyncio
import codecs
import io
import os
import re
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterable, Sequence
from difflib import ndiff
from html import escape, unescape
from pathlib import Path
from typing import Final

import attrs
from rich.color import ColorType
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from campaigns_async.cli.contacts import build_contacts
from campaigns_async.cli.local import DEMO_LATENCY
from campaigns_async.emulator import Emulator, Faults

PICTURE: Final = Path(__file__).parent / "pictures" / "upload.svg"

_FILE: Final = "contacts.csv"
_ARGUMENTS: Final = ("upload", _FILE, "--rejects", "rejects.csv", "--max-in-flight", "2")
_COLUMNS: Final = 104
_FRAMES: Final = 24
"""Moments of the moving line that the picture shows, at most."""

_NOT_OURS: Final = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
"""Variables that would make the terminal another one."""

_TOKEN: Final = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")

_HALF: Final = re.compile(r"\x1b(?:\[[0-9;?]*)?\Z")


@attrs.frozen
class Moment:
    """What the terminal showed, and after how many seconds; lines with their colors as written."""

    at: float
    lines: tuple[str, ...]


class Screen:
    """As much of a terminal as the command line needs: lines that are erased and written anew."""

    def __init__(self) -> None:
        self._lines = [""]
        self._row = 0

    def feed(self, text: str) -> None:
        """What the program wrote."""
        for token in _TOKEN.finditer(text):
            argument, command = token[1], token[2]
            if token[0] == "\n":
                self._row += 1
                if self._row == len(self._lines):
                    self._lines.append("")
            elif command == "A":
                self._row -= int(argument or 1)
            elif command == "K":
                self._lines[self._row] = ""
            elif command == "m" or (command is None and token[0] != "\r"):
                self._lines[self._row] += token[0]

    @property
    def lines(self) -> tuple[str, ...]:
        """From the top, without the empty ones at the end."""
        return tuple("\n".join(self._lines).rstrip("\n").split("\n"))


# --- the recording


async def record() -> list[Moment]:
    """An upload from its first word to its last."""
    contacts = build_contacts()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / _FILE).write_bytes(contacts.content)
        async with Emulator(faults=Faults(latency=DEMO_LATENCY)) as service:
            campaign = service.create_campaign(holds=contacts.held, unknown_to_crm=contacts.unknown)
            variables = {
                "EGHT_BASE_URL": service.base_url,
                "EGHT_API_KEY": service.api_key,
                "EGHT_TENANT": service.tenant,
                "EGHT_CAMPAIGN": campaign.id,
            }
            return await _watch(folder, variables)


async def _watch(folder: str, variables: dict[str, str]) -> list[Moment]:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (60, _COLUMNS))
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    process = subprocess.Popen(  # noqa: ASYNC220, S603 - this project's own program
        [Path(sys.executable).with_name("campaigns-async"), *_ARGUMENTS],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**kept, **variables, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(theirs)
    written = asyncio.Queue[bytes]()
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, lambda: written.put_nowait(_read(ours)))
    decoder = codecs.getincrementaldecoder("utf-8")()
    screen, moments, text = Screen(), list[Moment](), ""
    while piece := await written.get():
        text += decoder.decode(piece)
        # A command that is not whole yet waits for the rest of it.
        half = _HALF.search(text)
        end = half.start() if half else len(text)
        screen.feed(text[:end])
        text = text[end:]
        moments.append(Moment(loop.time(), screen.lines))
    loop.remove_reader(ours)
    os.close(ours)
    await asyncio.to_thread(process.wait)
    begin = moments[0].at
    return [attrs.evolve(moment, at=moment.at - begin) for moment in moments]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:
        # On Linux the end of a terminal is an error.
        return b""


# --- the picture

_WIDE: Final = 8.43
_HIGH: Final = 19
_LEFT: Final = 20
_TOP: Final = 58
_CONSOLE: Final = Console(color_system="256", file=io.StringIO())
_THEME: Final = TerminalTheme(
    (22, 25, 29),
    (230, 237, 243),
    [
        *((72, 79, 88), (255, 123, 114), (86, 211, 100), (227, 179, 65)),
        *((121, 192, 255), (210, 168, 255), (86, 212, 221), (230, 237, 243)),
    ],
)
_STYLE: Final = """
  text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace;
         fill: #e6edf3; white-space: pre; }
  .title { font: 13px system-ui, sans-serif; fill: #9da7b1; text-anchor: middle; }
  .bold { font-weight: 700; }
  .dim { fill: #9da7b1; }
  .paper { fill: #16191d; stroke: #3d444d; }
"""


def draw(moments: Sequence[Moment]) -> str:
    """The picture, which shows the last moment for good."""
    last = moments[-1]
    moving = _find_moving(moments)
    width = round(2 * _LEFT + _COLUMNS * _WIDE)
    height = _TOP + _HIGH * (len(last.lines) + 1)
    title = "An upload at a terminal, with its progress and its report"
    prompt = Text.from_markup(f"[bold green]$[/] campaigns-async {' '.join(_ARGUMENTS)}")
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    parts = [
        f'{head} width="{width}" height="{height}" role="img" aria-label="{title}">',
        f"<title>{title}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        *(f'<circle cx="{22 + 18 * i}" cy="20" r="6" fill="#3d444d"/>' for i in range(3)),
        f'<text class="title" x="{width / 2}" y="25">campaigns-async</text>',
        *_draw_line(prompt, 0),
    ]
    ends = [moment.at for moment in moving[1:]] + [last.at]
    for moment, end in zip(moving, ends, strict=True):
        show = f'<set attributeName="visibility" to="visible" begin="{moment.at:.2f}s" '
        line = _draw_line(Text.from_ansi(moment.lines[0]), 1)
        parts += [f'<g visibility="hidden">{show}end="{end:.2f}s"/>', *line, "</g>"]
    parts.append(
        f'<g><set attributeName="visibility" to="hidden" begin="0s" end="{last.at:.2f}s"/>'
    )
    for row, line in enumerate(last.lines, 1):
        parts += _draw_line(Text.from_ansi(line), row)
    return "\n".join([*parts, "</g>", "</svg>"]) + "\n"


def _find_moving(moments: Sequence[Moment]) -> list[Moment]:
    """The moments at which there was but the moving line; some of them."""
    found = [moment for moment in moments if len(moment.lines) == 1 and moment.lines[0]]
    return found[:: -(-len(found) // _FRAMES)]


def _draw_line(line: Text, row: int) -> Iterable[str]:
    y = _TOP + row * _HIGH
    column = 0
    for text, style, _ in line.render(_CONSOLE):
        if text.strip():
            place = f'x="{_LEFT + column * _WIDE:.1f}" y="{y}"'
            length = f'textLength="{len(text) * _WIDE:.1f}"'
            yield f"<text {place} {length}{_look(style)}>{escape(text)}</text>"
        column += len(text)


def _look(style: Style | None) -> str:
    if style is None:
        return ""
    kinds = " ".join(kind for kind in ("bold", "dim") if getattr(style, kind))
    look = f' class="{kinds}"' if kinds else ""
    if style.color is not None and style.color.type is not ColorType.DEFAULT:
        look += f' style="fill:{style.color.get_truecolor(_THEME).hex}"'
    return look


# --- the check


def read_words(moments: Sequence[Moment]) -> list[str]:
    """What stood there in the end, without what differs from run to run."""
    return _blur(Text.from_ansi(line).plain for line in moments[-1].lines)


def read_picture(svg: str) -> list[str]:
    """The same of a picture."""
    final = svg.rpartition("<g><set")[2]
    rows: dict[int, str] = {}
    for x, y, text in re.findall(r'<text x="([\d.]+)" y="(\d+)"[^>]*>([^<]*)<', final):
        column, row = round((float(x) - _LEFT) / _WIDE), (int(y) - _TOP) // _HIGH
        rows[row] = rows.get(row, "").ljust(column) + unescape(text)
    return _blur(rows.get(row, "") for row in range(1, max(rows) + 1))


def _blur(lines: Iterable[str]) -> list[str]:
    figures = re.compile(r"[\d.,]+(?= (?:rows/s|s\b|in flight|requests))")
    return [figures.sub("N", line).rstrip() for line in lines]


def main() -> int:
    """The exit code: 1 if the picture's words are not those of an upload now."""
    parser = argparse.ArgumentParser(prog="python docs/record.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args()
    moments = asyncio.run(record())
    if not options.check:
        PICTURE.write_text(draw(moments))
        return 0
    changes = list(ndiff(read_picture(PICTURE.read_text()), read_words(moments)))
    if all(line.startswith("  ") for line in changes):
        return 0
    print(f"{PICTURE.name} is stale: run python docs/record.py")
    print(*(line for line in changes if line[0] in "+-"), sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
