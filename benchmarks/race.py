"""Arms side by side: interleaved, so that what else the machine does hits all of them alike."""

from collections.abc import Sequence
from statistics import median
from typing import Any, Final

import attrs
from arena import Arena
from contenders import CONTENDERS
from server import serve

LIMIT: Final = "raw"


@attrs.frozen
class Entry:
    """An arm on one kind of event loop."""

    key: str
    uvloop: bool = False


@attrs.frozen
class Standing:
    """What came of an entry over all rounds.

    ``rate``: thousand records a second, the median. ``ratio``: to the limit on the same loop in the
    same round, the median. ``spread``: from the lowest to the highest ratio, as a share of the
    median; for the limit itself, of its rates. ``cpu``: the client's processor time for 100
    records, in microseconds, the median. ``best_ratio``: the limit's least such time to the least
    of this, for what others do on the machine only adds to it. ``server``: the share of its core
    that the server used, the median.
    """

    key: str
    uvloop: bool
    name: str
    rate: float
    ratio: float
    spread: float
    cpu: float
    best_ratio: float
    server: float
    rounds: list[dict[str, float]]


def race(
    arena: Arena, entries: Sequence[Entry], *, rounds: int, rows: int, in_flight: int = 32
) -> list[Standing]:
    """All entries, ``rows`` for the fastest; the order turns from round to round."""
    runs: dict[Entry, list[dict[str, float]]] = {entry: [] for entry in entries}
    with serve(arena.program, core=arena.server) as root:
        for number in range(rounds):
            turn = number % len(entries)
            for entry in (*entries[turn:], *entries[:turn]):
                share = max(1, round(rows * CONTENDERS[entry.key].load / 100)) * 100
                run = arena.run_arm(
                    entry.key, root, rows=share, in_flight=in_flight, uvloop=entry.uvloop
                )
                runs[entry].append(run)
    return [_stand(entry, runs) for entry in entries]


def rate(run: dict[str, float]) -> float:
    """Thousand records a second."""
    return run["rows"] / run["seconds"] / 1000


def cpu(run: dict[str, float]) -> float:
    """The client's microseconds for 100 records."""
    return run["client_cpu"] / run["rows"] * 1e8


def _stand(entry: Entry, runs: dict[Entry, list[dict[str, float]]]) -> Standing:
    mine, limit = runs[entry], runs[Entry(LIMIT, entry.uvloop)]
    ratios = [rate(run) / rate(best) for run, best in zip(mine, limit, strict=True)]
    rates = [rate(run) for run in mine]
    around = rates if entry.key == LIMIT else ratios
    return Standing(
        entry.key,
        entry.uvloop,
        CONTENDERS[entry.key].name,
        median(rates),
        median(ratios),
        (max(around) - min(around)) / median(around),
        median(cpu(run) for run in mine),
        min(map(cpu, limit)) / min(map(cpu, mine)),
        median(run["server_cpu"] / run["seconds"] for run in mine),
        mine,
    )


def table(standings: Sequence[Standing]) -> list[list[Any]]:
    """Rows for people, the header first."""
    return [
        ["", "loop", "k records/s", "of raw", "spread", "cpu us/100", "at best", "server busy"],
        *(
            [
                standing.name,
                "uvloop" if standing.uvloop else "asyncio",
                f"{standing.rate:,.0f}",
                f"{standing.ratio:.2f}",
                f"{standing.spread:.0%}",
                f"{standing.cpu:,.0f}",
                f"{standing.best_ratio:.2f}",
                f"{standing.server:.0%}",
            ]
            for standing in standings
        ),
    ]
