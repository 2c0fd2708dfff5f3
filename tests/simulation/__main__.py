"""``make simulate SEEDS=100000 START=0``: many worlds on all cores, or ``--replay`` of one."""

import argparse
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import Pool
from typing import Final, TextIO

import attrs

from tests.simulation.families import FAMILIES
from tests.simulation.invariants import BrokenPromiseError
from tests.simulation.world import World

_CHUNK: Final = 10 * len(FAMILIES)
_TAIL: Final = 25
_PROGRESS_EVERY: Final = 10.0


@attrs.define
class Tally:
    """What some worlds came to. ``seconds``: of one core."""

    worlds: int = 0
    rows: Counter[str] = attrs.Factory(Counter)
    requests: int = 0
    wrong_inferences: int = 0
    seconds: float = 0.0
    failed_seed: int | None = None

    def add(self, other: "Tally") -> None:
        """These as well."""
        self.worlds += other.worlds
        self.rows += other.rows
        self.requests += other.requests
        self.wrong_inferences += other.wrong_inferences
        self.seconds += other.seconds
        if other.failed_seed is not None:
            self.failed_seed = min(other.failed_seed, self.failed_seed or other.failed_seed)

    def __str__(self) -> str:
        rows = self.rows.total()
        rate = rows / self.seconds if self.seconds else 0.0
        return (
            f"{self.worlds:,} seeds, {rows:,} records ({self.rows['bulk']:,} of them in bulk),"
            f" {self.requests:,} requests, {self.seconds:,.0f} core seconds,"
            f" {rate:,.0f} records/s per core"
        )


def run_chunk(seeds: range) -> Tally:
    """The worlds of these seeds, up to the first that breaks a promise."""
    tally = Tally()
    began = time.process_time()
    for seed in seeds:
        try:
            result = World(seed).run()
        except Exception:  # noqa: BLE001 - whatever it is, the replay shows it
            tally.failed_seed = seed
            break
        tally.worlds += 1
        tally.rows[result.family] += result.rows
        tally.requests += result.requests
        tally.wrong_inferences += result.wrong_inferences
    tally.seconds = time.process_time() - began
    return tally


def run_many(start: int, count: int, processes: int, out: TextIO) -> Tally:
    """So many seeds from ``start`` on; stops soon after the first failure."""
    chunks = [
        range(first, min(first + _CHUNK, start + count))
        for first in range(start, start + count, _CHUNK)
    ]
    tally = Tally()
    told_at = time.monotonic()
    with Pool(processes) as pool:
        for part in _tallies(pool.imap_unordered(run_chunk, chunks)):
            tally.add(part)
            if time.monotonic() - told_at >= _PROGRESS_EVERY:
                told_at = time.monotonic()
                print(f"... {tally}", file=out, flush=True)
    return tally


def _tallies(parts: Iterator[Tally]) -> Iterator[Tally]:
    for part in parts:
        yield part
        if part.failed_seed is not None:
            return


def replay(seed: int, tail: float, out: TextIO) -> bool:
    """Run one world and print the end of its trace; whether it kept its promises."""
    world = World(seed)
    verdict = "all promises kept"
    kept = False
    try:
        world.run()
        kept = True
    except BrokenPromiseError as broken:
        verdict = str(broken)
    finally:
        first = 0 if tail == math.inf else max(0, len(world.trace) - int(tail))
        for at, what, number, whose, _, detail in world.trace[first:]:
            line = f"{at:12.4f}  request {number:<5} {what:<16} {detail:<10} {whose}"
            print(line, file=out)
    print(f"seed {seed} ({world.scenario.family}): {verdict}", file=out)
    return kept


def main() -> int:
    """The exit code: 0 if every world kept its promises."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=12_000, help="how many (%(default)s)")
    parser.add_argument("--start", type=int, default=0, help="the first (%(default)s)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="(%(default)s)")
    parser.add_argument("--replay", type=int, metavar="SEED", help="one world, with its trace")
    options = parser.parse_args()
    if options.replay is not None:
        return 0 if replay(options.replay, math.inf, sys.stdout) else 1
    tally = run_many(options.start, options.seeds, options.processes, sys.stdout)
    sys.stdout.write(f"{tally}\n")
    if tally.failed_seed is None:
        return 0
    try:
        replay(tally.failed_seed, _TAIL, sys.stdout)
    finally:
        again = f".venv/bin/python -m tests.simulation --replay {tally.failed_seed}"
        sys.stdout.write(f"Replay it: {again}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
