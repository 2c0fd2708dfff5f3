"""What a journal costs: the same upload with and without one, in turn.

``python benchmarks/journal_cost.py --runs 30``. Each run with a journal is compared with the two
without one right before and after it, so the ratios hold on a machine that does other work too.
"""

import argparse
from statistics import mean, quantiles

import attrs
from arena import Arena, open_arena
from race import rate
from server import serve

Run = dict[str, float]

PLAIN, KEPT = "upload", "upload-journal"


@attrs.frozen
class Ratio:
    """Of the time that a run took, and of the client's processor time: with to without."""

    time: float
    cpu: float

    @classmethod
    def of(cls, kept: Run, plain: list[Run]) -> "Ratio":
        """Of a run with a journal to the mean of those without."""
        return cls(
            kept["seconds"] / mean(run["seconds"] for run in plain),
            kept["client_cpu"] / mean(run["client_cpu"] for run in plain),
        )


def measure(arena: Arena, *, runs: int, rows: int, in_flight: int) -> list[Ratio]:
    """One ratio for each run with a journal."""
    ratios: list[Ratio] = []
    with serve(arena.program, core=arena.server) as root:
        before = arena.run_arm(PLAIN, root, rows=rows, in_flight=in_flight)
        for _ in range(runs):
            kept = arena.run_arm(KEPT, root, rows=rows, in_flight=in_flight)
            after = arena.run_arm(PLAIN, root, rows=rows, in_flight=in_flight)
            ratios.append(Ratio.of(kept, [before, after]))
            print(
                f"{rate(after):6.0f} k records/s without, {rate(kept):6.0f} with: "
                f"time x {ratios[-1].time:.3f}, cpu x {ratios[-1].cpu:.3f}",
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
    if options.runs < 2:
        parser.error("--runs must be at least 2, to tell their spread")
    with open_arena() as arena:
        ratios = measure(arena, runs=options.runs, rows=options.rows, in_flight=options.in_flight)
    for name in ("time", "cpu"):
        low, middle, high = quantiles([getattr(ratio, name) for ratio in ratios], n=4)
        print(f"{name}: median x {middle:.3f}, half of them {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
