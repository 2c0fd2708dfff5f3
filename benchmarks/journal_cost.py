"""What a journal costs: the same upload with and without one, in turn.

``python benchmarks/journal_cost.py``. Each run with a journal is compared with the two without one
right before and after it, in one process: so the ratios hold on a machine that does other work too,
if there are many. What opening and closing takes is measured with few rows, and told apart.
"""

import argparse
import json
from itertools import pairwise
from statistics import median, quantiles
from typing import Any, Final

from arena import open_arena
from server import serve

_WHAT: Final = ("time", "cpu")
"""Of each run, in this order."""


def compare(used: dict[str, Any], at: int) -> list[tuple[float, float]]:
    """Of each run with a journal: seconds, and the mean of the two without."""
    plain = [(one[at] + other[at]) / 2 for one, other in pairwise(used["plain"])]
    return [(kept[at], beside) for kept, beside in zip(used["kept"], plain, strict=True)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="at least 2, to tell their spread")
    parser.add_argument("--rows", type=int, default=60_000)
    options = parser.parse_args()
    with open_arena() as arena, serve(arena.program, core=arena.server) as root:
        printed = arena.run("run_journal.py", root, options.rows, options.runs, arena.client)
    used = json.loads(printed)
    for at, what in enumerate(_WHAT):
        fixed = median(kept - plain for kept, plain in compare(used["few"], at))
        ratios = [(kept - fixed) / plain for kept, plain in compare(used["many"], at)]
        low, middle, high = quantiles(ratios, n=4)
        # Of the median, where the runs are as many as here and spread evenly.
        error = 1.25 * (high - low) / 1.35 / len(ratios) ** 0.5
        rate = options.rows / median(plain for _, plain in compare(used["many"], at)) / 1000
        print(
            f"{what}: x {middle:.3f} ±{error:.3f}, half of the runs {low:.3f} to {high:.3f}, "
            f"at {rate:.0f} k records/s; and {fixed * 1000:.1f} ms to open and to close it"
        )


if __name__ == "__main__":
    main()
