"""``make bench-compare BASE=...``: the package as it is here beside another commit's."""

import argparse
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import instructions
from arena import ROOT, Arena, open_arena
from bench import show
from contenders import CONTENDERS
from race import cpu, rate
from server import serve
from surroundings import describe_commit

KEYS = ("upload", "upload-new", "upload-csv", "stream", "add-records", "batcher")


@contextmanager
def check_out(revision: str, folder: Path) -> Iterator[Path]:
    """A work tree of that revision, gone afterwards."""
    tree = folder / "base"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", tree, revision], check=True)
    try:
        yield tree
    finally:
        subprocess.run([*git, "remove", "--force", tree], check=True)


def compare(arena: Arena, base: Path, *, rounds: int, rows: int) -> None:
    """Interleaved; the ratios are of runs next to each other, and above 1 where here is faster."""
    lines = [["here to base", "k records/s", "by the clock", "by the processor", "spread"]]
    with serve(arena.program, core=arena.server) as root:
        for key in KEYS:
            share = round(rows * CONTENDERS[key].load / 100) * 100
            pairs = []
            for turn in range(rounds):
                first, second = (ROOT, base) if turn % 2 else (base, ROOT)
                runs = {t: arena.run_arm(key, root, rows=share, tree=t) for t in (first, second)}
                pairs.append((runs[ROOT], runs[base]))
            clock = [rate(here) / rate(there) for here, there in pairs]
            processor = [cpu(there) / cpu(here) for here, there in pairs]
            lines.append(
                [
                    CONTENDERS[key].name,
                    f"{median(rate(here) for here, _ in pairs):,.0f}",
                    f"{median(clock):.2f}",
                    f"{median(processor):.2f}",
                    f"{(max(processor) - min(processor)) / median(processor):.0%}",
                ]
            )
    show(lines)


def compare_instructions(base: Path) -> None:
    """The figure to trust where the machine is busy."""
    reason = instructions.find_reason_against()
    if reason is not None:
        print(f"Left out: instructions ({reason}).")
        return
    lines = [["instructions a record", "here", "base", "base to here"]]
    for way in instructions.WAYS:
        here, there = instructions.count(way), instructions.count(way, tree=base)
        lines.append([way, f"{here:,.0f}", f"{there:,.0f}", f"{there / here:.2f}"])
    show(lines)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", help="the revision to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--instructions", action="store_true", help="count them too (minutes)")
    options = parser.parse_args()
    print(f"Base: {describe_commit(options.base)}\n", flush=True)
    with open_arena() as arena, check_out(options.base, arena.folder) as base:
        compare(arena, base, rounds=options.rounds, rows=200_000)
        if options.instructions:
            compare_instructions(base)


if __name__ == "__main__":
    main()
