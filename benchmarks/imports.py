"""The time that ``import campaigns_async`` takes, beside what it cannot do without.

A name is loaded when it is first asked for, so what a client needs is measured by its own.
"""

import json
from statistics import median
from typing import Any, Final

import attrs
from arena import Arena

OURS: Final = ("campaigns_async",)
CLIENT: Final = ("campaigns_async.session",)
NEEDED: Final = ("aiohttp", "attrs", "cattrs")


@attrs.frozen
class Imports:
    """Processor milliseconds, medians, and in ``ratios`` those to what is needed anyway.

    ``ours``: of the package alone. ``client``: of all that a session needs. ``along``: what should
    not be imported with that and is.
    """

    needed: float
    ours: float
    client: float
    ratios: tuple[float, float]
    along: list[str]


def measure(arena: Arena, *, rounds: int) -> Imports:
    """In turn, each in a process of its own; the first round only warms the disk."""
    arms = (NEEDED, OURS, CLIENT)
    runs = [[_run(arena, modules) for modules in arms] for _ in range(rounds + 1)][1:]
    seconds = [[run["seconds"] for run in row] for row in runs]
    needed, ours, client = (median(column) * 1000 for column in zip(*seconds, strict=True))
    return Imports(
        needed,
        ours,
        client,
        (median(row[1] / row[0] for row in seconds), median(row[2] / row[0] for row in seconds)),
        runs[0][2]["along"],
    )


def _run(arena: Arena, modules: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(arena.run("run_import.py", *modules))
    return found


def table(imports: Imports) -> list[list[Any]]:
    """Rows for people, the header first."""
    return [
        ["", "CPU ms", "ratio"],
        ["import aiohttp, attrs, cattrs", f"{imports.needed:.0f}", ""],
        ["import campaigns_async", f"{imports.ours:.0f}", f"{imports.ratios[0]:.2f}"],
        ["the same, and CampaignsSession", f"{imports.client:.0f}", f"{imports.ratios[1]:.2f}"],
        ["imported with that", ", ".join(imports.along) or "no CLI, no emulator, no SQLite", ""],
    ]
