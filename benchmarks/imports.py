"""The time that ``import campaigns_async`` takes, beside what it cannot do without."""

import json
from statistics import median
from typing import Any, Final

import attrs
from arena import Arena

OURS: Final = ("campaigns_async",)
NEEDED: Final = ("aiohttp", "attrs", "cattrs")


@attrs.frozen
class Imports:
    """Processor milliseconds, medians. ``ratio``: of ours to what is needed anyway, in pairs.

    ``along``: what should not be imported with the package and is.
    """

    ours: float
    needed: float
    ratio: float
    along: list[str]


def measure(arena: Arena, *, rounds: int) -> Imports:
    """In turn, each in a process of its own; the first pair only warms the disk."""
    pairs = [(_run(arena, OURS), _run(arena, NEEDED)) for _ in range(rounds + 1)][1:]
    return Imports(
        median(ours["seconds"] for ours, _ in pairs) * 1000,
        median(needed["seconds"] for _, needed in pairs) * 1000,
        median(ours["seconds"] / needed["seconds"] for ours, needed in pairs),
        pairs[0][0]["along"],
    )


def _run(arena: Arena, modules: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(arena.run("run_import.py", *modules))
    return found


def table(imports: Imports) -> list[list[Any]]:
    """Rows for people, the header first."""
    return [
        ["", "CPU ms", "ratio"],
        ["import aiohttp, attrs, cattrs", f"{imports.needed:.0f}", ""],
        ["import campaigns_async", f"{imports.ours:.0f}", f"{imports.ratio:.2f}"],
        ["imported with it", ", ".join(imports.along) or "no CLI, no emulator, no SQLite", ""],
    ]
