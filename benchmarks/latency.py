"""Where the service takes its time, the time is all that counts: shares of the ideal."""

from collections.abc import Sequence
from statistics import median
from typing import Any, Final

import attrs
from arena import Arena
from arms import BATCH
from contenders import CONTENDERS
from server import serve

DELAY: Final = 0.05
"""Seconds from a request to its reply."""

IN_FLIGHT: Final = (8, 32, 128)
ENTRIES: Final = ("raw", "upload", "stream")
ROUND_TRIPS: Final = 100
"""One after the other in each slot: so many that the beginning and the end, when not all slots are
in use, hardly count."""


@attrs.frozen
class Share:
    """What an arm makes of the ideal, in which every slot is in use all the time."""

    key: str
    in_flight: int
    share: float
    spread: float


def measure(arena: Arena, *, rounds: int) -> list[Share]:
    """Each arm with each number in flight, interleaved."""
    shares: dict[tuple[str, int], list[float]] = {}
    with serve(arena.program, core=arena.server, delay=DELAY) as root:
        for _ in range(rounds):
            for in_flight in IN_FLIGHT:
                for key in ENTRIES:
                    rows = ROUND_TRIPS * in_flight * BATCH
                    run = arena.run_arm(key, root, rows=rows, in_flight=in_flight)
                    share = ROUND_TRIPS * DELAY / run["seconds"]
                    shares.setdefault((key, in_flight), []).append(share)
    return [
        Share(key, in_flight, median(found), max(found) - min(found))
        for (key, in_flight), found in shares.items()
    ]


def table(shares: Sequence[Share]) -> list[list[Any]]:
    """A row for each arm, a column for each number in flight."""
    by_arm: dict[str, list[str]] = {}
    for entry in shares:
        by_arm.setdefault(entry.key, []).append(f"{entry.share:.1%} ±{entry.spread / 2:.1%}")
    header = ["of the ideal", *(f"{number} in flight" for number in IN_FLIGHT)]
    return [header, *([CONTENDERS[key].name, *cells] for key, cells in by_arm.items())]
