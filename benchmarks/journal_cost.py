"""What a journal costs: the same upload with and without one, in turn, and what is on disk.

``python benchmarks/journal_cost.py --pairs 15``. Both of a pair run right after each other, so the
ratios hold on a machine that does other work too; that of the processor's time holds better.
"""

import argparse
from statistics import median

from arena import Arena, open_arena
from race import cpu, rate
from server import serve

PLAIN, KEPT = "upload", "upload-journal"


def measure(arena: Arena, *, pairs: int, rows: int, in_flight: int) -> list[tuple[float, float]]:
    """Of each pair the ratios of time and of processor time, with to without."""
    ratios: list[tuple[float, float]] = []
    with serve(arena.program, core=arena.server) as root:
        for number in range(pairs):
            keys = (PLAIN, KEPT) if number % 2 else (KEPT, PLAIN)
            runs = {key: arena.run_arm(key, root, rows=rows, in_flight=in_flight) for key in keys}
            plain, kept = runs[PLAIN], runs[KEPT]
            ratios.append((rate(plain) / rate(kept), cpu(kept) / cpu(plain)))
            print(
                f"{rate(plain):6.0f} k records/s without, {rate(kept):6.0f} with: "
                f"time x {ratios[-1][0]:.3f}, cpu x {ratios[-1][1]:.3f}",
                flush=True,
            )
    return ratios


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--in-flight", type=int, default=32)
    options = parser.parse_args()
    with open_arena() as arena:
        ratios = measure(arena, pairs=options.pairs, rows=options.rows, in_flight=options.in_flight)
    for name, values in zip(("time", "cpu"), zip(*ratios, strict=True), strict=True):
        print(f"{name}: median x {median(values):.3f}, {min(values):.3f} to {max(values):.3f}")


if __name__ == "__main__":
    main()
