"""What a journal costs: the same upload with and without one, in turn.

``python benchmarks/journal_cost.py --runs 30``. Each run with a journal is compared with the two
without one right before and after it, so the ratios hold on a machine that does other work too.
"""

import argparse
from statistics import median, quantiles

from arena import Arena, open_arena
from race import cpu, rate
from server import serve

PLAIN, KEPT = "upload", "upload-journal"


def measure(arena: Arena, *, runs: int, rows: int, in_flight: int) -> list[tuple[float, float]]:
    """Of each run the ratios of time and of processor time, with to without."""
    ratios: list[tuple[float, float]] = []
    with serve(arena.program, core=arena.server) as root:

        def run(key: str) -> tuple[float, float]:
            measured = arena.run_arm(key, root, rows=rows, in_flight=in_flight)
            return 1 / rate(measured), cpu(measured)

        before = run(PLAIN)
        for _ in range(runs):
            kept, after = run(KEPT), run(PLAIN)
            time, processor = (
                2 * mine / (one + other)
                for mine, one, other in zip(kept, before, after, strict=True)
            )
            ratios.append((time, processor))
            print(
                f"{1 / after[0]:6.0f} k records/s without, {1 / kept[0]:6.0f} with: "
                f"time x {time:.3f}, cpu x {processor:.3f}",
                flush=True,
            )
            before = after
    return ratios


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--in-flight", type=int, default=32)
    options = parser.parse_args()
    with open_arena() as arena:
        ratios = measure(arena, runs=options.runs, rows=options.rows, in_flight=options.in_flight)
    for name, values in zip(("time", "cpu"), zip(*ratios, strict=True), strict=True):
        low, _, high = quantiles(values, n=4)
        print(f"{name}: median x {median(values):.3f}, half of them {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
