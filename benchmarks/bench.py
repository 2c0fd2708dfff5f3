"""``make bench``: all contenders side by side, as tables and as JSON in ``results/``."""

import argparse
import json
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import attrs
import generated
import imports
import instructions
import latency
import memory
import race
import surroundings
from arena import HERE, Arena, open_arena
from contenders import CONTENDERS
from race import LIMIT, Entry


def show(table: Sequence[Sequence[Any]]) -> None:
    """Print it, the first column to the left and the others to the right."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*table, strict=True)]
    for line in table:
        first, *rest = (str(cell) for cell in line)
        cells = [first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])]
        print("  ".join(cells).rstrip())
    print(flush=True)


def pick_entries(missing: dict[str, str], *, quick: bool) -> list[Entry]:
    """Who runs: each on both loops, where there are two; if it must be quick, few on the second."""
    keys = [key for key in CONTENDERS if key not in missing]
    entries = [Entry(key) for key in keys]
    if find_spec("uvloop") is None:
        missing["uvloop"] = "not installed"
        return entries
    second = (LIMIT, "naive", "upload", "upload-new") if quick else keys
    return entries + [Entry(key, uvloop=True) for key in second]


def measure(arena: Arena, *, quick: bool) -> dict[str, Any]:
    """Everything, told as it comes; what is left out is told too."""
    about = surroundings.describe()
    show([[key, value] for key, value in about.items() if key != "versions"])
    show([[name, version] for name, version in about["versions"].items()])
    missing = generated.generate(arena.folder)
    entries = pick_entries(missing, quick=quick)
    rounds, rows = (3, 200_000) if quick else (7, 800_000)
    standings = race.race(arena, entries, rounds=rounds, rows=rows)
    show(race.table(standings))
    shares = latency.measure(arena, rounds=1 if quick else 3)
    show(latency.table(shares))
    held = memory.measure(arena, rows=200_000 if quick else 1_000_000)
    show(memory.table(held))
    found = imports.measure(arena, rounds=3 if quick else 15)
    show(imports.table(found))
    counts: dict[str, float] = {}
    reason = "takes too long for QUICK" if quick else instructions.find_reason_against()
    if reason is None:
        counts = {way: instructions.count(way) for way in instructions.WAYS}
        show(instructions.table(counts))
    else:
        missing["instructions"] = reason
    if arena.client == arena.server:
        missing["a second core"] = "client and server share one, so the rates say little"
    for name, why in missing.items():
        print(f"Left out: {name} ({why}).")
    return {
        **about,
        "race": [attrs.asdict(standing) for standing in standings],
        "latency": [attrs.asdict(share) for share in shares],
        "memory": held,
        "imports": attrs.asdict(found),
        "instructions": counts,
        "left_out": missing,
        "note": generated.__doc__,
    }


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a first look, in two minutes")
    options = parser.parse_args()
    with open_arena() as arena:
        results = measure(arena, quick=options.quick)
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{results['commit'].split()[0]}.json"
    path.write_text(json.dumps(results, indent=1))
    print(f"Kept in {path.relative_to(HERE.parent)}.")


if __name__ == "__main__":
    main()
