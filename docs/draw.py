"""Draws the campaign's states and the architecture as SVG, from the code's own data.

The states and arrows are those of ``lifecycle.TRANSITIONS``, the layers those that the import
contract in ``pyproject.toml`` enforces. Only where things stand on the page is told here. Each
picture brings its own background, so that it can be read on light and dark pages alike.
"""

import tomllib
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Final

from campaigns_async.lifecycle import (
    BUILD_ON_START_FROM,
    FINAL,
    REFUSES_RECORDS,
    TRANSIENT,
    TRANSITIONS,
)
from campaigns_async.models import CampaignAction, CampaignState

_ROOT: Final = Path(__file__).parents[1]
_S: Final = CampaignState

_STYLE: Final = """
  svg { --paper: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #8c959f;
        --box: #f6f8fa; --shut: #ffebe9; --core: #ddf4ff; --edge: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #16191d; --ink: #e6edf3; --soft: #9da7b1; --line: #7d8590;
          --box: #22272e; --shut: #44211f; --core: #12304a; --edge: #3d444d; } }
  text { font: 14px system-ui, sans-serif; fill: var(--ink); }
  .small { font-size: 12px; fill: var(--soft); }
  .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
  .mid { text-anchor: middle; }
  .paper { fill: var(--paper); stroke: var(--edge); }
  .box { fill: var(--box); stroke: var(--line); stroke-width: 1.5; }
  .shut { fill: var(--shut); }
  .core { fill: var(--core); }
  .transient { stroke-dasharray: 5 4; }
  .final { stroke-width: 3; }
  .way { fill: none; stroke: var(--line); stroke-width: 1.5; }
  .itself { stroke-dasharray: 5 4; }
  .tip { fill: var(--line); }
"""


def _document(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    tip = (
        '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path class="tip" d="M0,1 L10,5 L0,9 z"/></marker>'
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    lines = [
        f'{head} width="{width}" height="{height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f"<defs>{tip}</defs>",
        f'<rect class="paper" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


# --- the states

_WIDE, _HIGH = 118, 40
_COLUMNS: Final = (90, 290, 490, 690)
_ROWS: Final = (95, 205, 315, 425)
_PLACES: Final[Mapping[CampaignState, tuple[int, int]]] = {
    _S.CREATED: (0, 0),
    _S.BUILDING: (1, 0),
    _S.READY: (2, 0),
    _S.PENDING: (3, 0),
    _S.BUILD_ERROR: (1, 1),
    _S.STARTING: (2, 1),
    _S.RUN_ERROR: (1, 2),
    _S.RUNNING: (2, 2),
    _S.PAUSED: (3, 2),
    _S.DELETED: (0, 3),
    _S.COMPLETE: (2, 3),
}

Edge = tuple[CampaignState, CampaignState]

# Path and place of the label, for those that are not straight or share their way with another.
_WAYS: Final[Mapping[Edge, tuple[str, float, float]]] = {
    (_S.BUILDING, _S.READY): ("M349,102 L429,102", 389, 118),
    (_S.READY, _S.BUILDING): ("M429,88 L351,88", 390, 80),
    (_S.READY, _S.CREATED): ("M490,75 C470,14 110,14 90,73", 290, 36),
    (_S.BUILD_ERROR, _S.BUILDING): ("M272,185 L272,117", 250, 155),
    (_S.BUILDING, _S.BUILD_ERROR): ("M308,115 L308,183", 332, 155),
    (_S.BUILD_ERROR, _S.CREATED): ("M231,205 C160,205 100,180 90,117", 122, 178),
    (_S.READY, _S.PENDING): ("M549,95 L629,95", 589, 86),
    (_S.PENDING, _S.STARTING): ("M680,115 C670,170 640,205 551,205", 655, 190),
    (_S.RUNNING, _S.PAUSED): ("M549,307 L629,307", 589, 299),
    (_S.PAUSED, _S.RUNNING): ("M631,323 L551,323", 589, 340),
    (_S.RUN_ERROR, _S.RUNNING): ("M349,315 L429,315", 389, 307),
    (_S.RUN_ERROR, _S.COMPLETE): ("M290,335 C300,390 360,425 429,425", 345, 398),
    (_S.PAUSED, _S.COMPLETE): ("M690,335 C680,390 620,418 551,419", 640, 392),
    (_S.PENDING, _S.COMPLETE): ("M749,95 C850,130 850,438 551,432", 764, 396),
}


def build_edges() -> dict[Edge, list[str]]:
    """Each way from one state to another with the actions that lead there; none: by itself."""
    edges: dict[Edge, list[str]] = {}
    for action, transition in TRANSITIONS.items():
        if transition.becomes is None:
            continue
        for state in CampaignState:
            if state in transition.valid_from:
                edges.setdefault((state, transition.becomes), []).append(action.value)
        for state in transition.then:
            edges.setdefault((transition.becomes, state), [])
    for state in BUILD_ON_START_FROM:
        built = TRANSITIONS[CampaignAction.BUILD].becomes
        if built is not None:
            edges.setdefault((state, built), []).append("START*")
    # With a start time ahead START leads here first, and the time leads on.
    edges[_S.READY, _S.PENDING] = ["START**"]
    edges[_S.PENDING, _S.STARTING] = []
    return edges


def _middle(state: CampaignState) -> tuple[int, int]:
    column, row = _PLACES[state]
    return _COLUMNS[column], _ROWS[row]


def _way(edge: Edge) -> tuple[str, float, float]:
    if edge in _WAYS:
        return _WAYS[edge]
    (x1, y1), (x2, y2) = map(_middle, edge)
    if x1 == x2:
        up = 1 if y2 > y1 else -1
        return f"M{x1},{y1 + up * 20} L{x2},{y2 - up * 22}", x1 + 30, (y1 + y2) / 2 + 4
    right = 1 if x2 > x1 else -1
    return f"M{x1 + right * 59},{y1} L{x2 - right * 61},{y2}", (x1 + x2) / 2, y1 - 8


def draw_states() -> str:
    """The campaign's states, and what leads from one to the next."""
    parts = []
    labels = []
    for edge, actions in build_edges().items():
        path, x, y = _way(edge)
        kind = "way" if actions else "way itself"
        parts.append(f'<path class="{kind}" d="{path}" marker-end="url(#tip)"/>')
        if actions:
            # A second one goes below the line.
            labels += [
                _text(x, y + 24 * i, action, "small mid halo") for i, action in enumerate(actions)
            ]
    for state in CampaignState:
        x, y = _middle(state)
        kind = "box"
        kind += " shut" if state in REFUSES_RECORDS else ""
        kind += " transient" if state in TRANSIENT else " final" if state in FINAL else ""
        parts.append(_box(x - _WIDE / 2, y - _HIGH / 2, _WIDE, _HIGH, kind))
        purge = state in TRANSITIONS[CampaignAction.PURGE].valid_from
        parts.append(_text(x, y + (0 if purge else 5), state.value, "mid"))
        if purge:
            parts.append(_text(x, y + 14, "takes PURGE", "small mid"))
    notes = (
        "Red: takes no records. Dashed: by itself. Thick: final.",
        "* with build_on_start, and RUNNING follows by itself. ** where the start time lies ahead",
    )
    labels += [_text(31, 484 + 20 * i, note, "small") for i, note in enumerate(notes)]
    return _document(850, 520, "States of a campaign", [*parts, *labels])


# --- the architecture

_ABOUT: Final[Mapping[str, str]] = {
    "cli": "the command line",
    "contrib": "for other packages",
    "testing": "pytest fixtures",
    "emulator": "the local service",
    "session": "credentials, lifetime",
    "campaign": "actions, and the three ways in",
    "batcher": "one record at a time",
    "stream": "outcomes as they settle",
    "upload": "an engine over an iterable",
    "drive": "runs an engine: waits, sends",
    "journal": "for reading",
    "recorder": "what is on disk when",
    "sources": "the input",
    "unrecorded": "no journal",
    "dispatch": "what all calls share",
    "call": "tells of it",
    "delivery": "a record on its way",
    "group_commit": "one writer",
    "journal_file": "SQLite",
    "journal_log": "file and log",
    "journal_rows": "with checksums",
    "journal_state": "how far",
    "remembered": "ids settled",
    "teller": "callbacks",
    "unseen": "failures",
    "room": "places",
    "watermark": "all below",
    "logs": "events, logged",
    "report": "the account",
    "slots": "turns",
    "settings": "policies, environment",
    "batcher_options": "checked",
    "upload_options": "checked",
    "checks": "what makes a setting sound",
    "transport": "the only module that sends",
    "_core": "decides, and never waits: no loop, no network, no clock, no chance",
    "models": "values",
    "outcomes": "accounts",
    "errors": "facts",
    "events": "what happens",
    "lifecycle": "the states",
}


def read_layers() -> list[list[str]]:
    """The layers of the import contract, highest first, as far as their modules exist."""
    config = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["id"] == "layers")
    package = _ROOT / "campaigns_async"
    named = [[n.strip(" ()") for n in layer.replace("|", ":").split(":")] for layer in layers]
    found = [
        [n for n in names if (package / n).is_dir() or (package / f"{n}.py").is_file()]
        for names in named
    ]
    return [names for names in found if names]


def _read_core() -> list[str]:
    folder = _ROOT / "campaigns_async" / "_core"
    return sorted(p.stem for p in folder.glob("*.py") if p.stem != "__init__")


def _wrap(words: Iterable[str], limit: int) -> list[str]:
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > limit:
            lines.append("")
        lines[-1] += f" · {word}" if lines[-1] else word
    return lines


def draw_architecture() -> str:
    """The layers; each may import what stands below it, and nothing above."""
    width, left, gap = 810, 24, 8
    parts: list[str] = []
    y = 24
    for names in read_layers():
        wide = (width - 2 * left - gap * (len(names) - 1)) / len(names)
        inside = _wrap(_read_core(), 104) if "_core" in names else []
        high = 46 + 18 * len(inside) + (8 if inside else 0)
        for i, name in enumerate(names):
            x = left + i * (wide + gap)
            parts.append(_box(x, y, wide, high, "box core" if name == "_core" else "box"))
            about = _ABOUT.get(name, "")
            parts.append(_text(x + wide / 2, y + (20 if about else 28), name, "mid"))
            parts.append(_text(x + wide / 2, y + 37, about, "small mid"))
        parts += [
            _text(width / 2, y + 58 + 18 * i, line, "small mid") for i, line in enumerate(inside)
        ]
        y += high + gap
    parts.append(
        _text(left, y + 16, "Arrows point down only: a layer imports those below.", "small")
    )
    return _document(width, y + 32, "Layers of campaigns_async", parts)
