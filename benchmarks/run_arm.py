"""One arm, once, in this process: what ``arena.py`` starts. Prints what it measured as JSON."""

import argparse
import asyncio
import gc
import json
import os
import time
from importlib import import_module
from typing import Any

from arms import Arm, Target
from contenders import CONTENDERS
from server import read_account

WARM_UP = 32
"""Requests before the clock starts, so that connections stand and code is warm."""


async def measure(arm: Arm, target: Target, rows: int) -> dict[str, float]:
    """Seconds of the wall and of both processors, for this many rows."""
    warm_up = arm.make(range(rows, rows + WARM_UP * 100))
    given = arm.make(range(rows))
    # The input is no garbage, and looking through it time and again is no part of the work.
    gc.collect()
    gc.freeze()
    async with arm.open(target) as send:
        await send(warm_up)
        before, cpu, begin = read_account(target.root), time.process_time(), time.perf_counter()
        await send(given)
        seconds = time.perf_counter() - begin
        cpu = time.process_time() - cpu
        served = read_account(target.root) - before
    if served.records != rows:
        raise SystemExit(f"the server saw {served.records} records, and not {rows}")
    return {
        "rows": rows,
        "requests": served.requests,
        "seconds": seconds,
        "client_cpu": cpu,
        "server_cpu": served.cpu,
    }


def tame_malloc() -> None:
    """Let the heap keep what asyncio's reads of 256 KiB need.

    Until it has freed something larger, glibc maps and unmaps memory for each of them.
    """
    large = bytearray(8 * 1024 * 1024)
    del large


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("arm", choices=sorted(CONTENDERS))
    parser.add_argument("--root", required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--core", type=int, required=True)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    tame_malloc()
    factory: Any = None
    if options.uvloop:
        # May be missing.
        factory = import_module("uvloop").new_event_loop
    target = Target(options.root, options.in_flight)
    with asyncio.Runner(loop_factory=factory) as runner:
        result = runner.run(measure(CONTENDERS[options.arm], target, options.rows))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
