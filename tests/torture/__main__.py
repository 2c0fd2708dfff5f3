"""``make torture``: all the crashes there are, told one kind after the other.

``python -m tests.torture KIND --at N`` repeats one of them. The exit code is 1 if an account was
wrong; a line for each says how to see it again.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from pathlib import Path

from tests.torture import scenarios
from tests.torture.case import Nursery
from tests.torture.scenarios import Findings

_ENOUGH_ROUNDS = 3
"""Where that many points in a row killed nobody, the upload has no more of them."""

Crash = Callable[[Nursery, Path, int], Awaitable[Findings]]


async def _tear(nursery: Nursery, folder: Path, commit: int) -> Findings:
    found, torn = await scenarios.tear(nursery, folder, commit)
    _say(f"  commit {commit}: {torn:,} torn logs")
    if not torn:
        found.faults.append("there is no such commit, so nothing was torn")
    return found


async def _upload_large(nursery: Nursery, folder: Path, seed: int) -> Findings:
    return await scenarios.die_at_requests(nursery, folder, rows=200_000, kills=20, seed=seed)


KINDS: dict[str, tuple[Crash, range]] = {
    "write": (scenarios.die_at_write, range(1, 1_000)),
    "write-exclusive": (partial(scenarios.die_at_write, exclusive=True), range(1, 1_000, 3)),
    "write-copies": (partial(scenarios.die_at_write, copies=True), range(1, 1_000, 3)),
    "size": (scenarios.die_at_size, range(5_000, 400_000, 9_973)),
    "tear": (_tear, range(2, 9, 3)),
    "room": (scenarios.run_out_of_room, range(9_000, 200_000, 12_007)),
    "large": (_upload_large, range(1, 2)),
}


async def _torture(kinds: list[str], at: int | None, *, every: int, folder: Path) -> int:
    faults = 0
    async with Nursery() as nursery:
        for kind in kinds:
            crash, points = KINDS[kind]
            began, tried, kills, idle = time.monotonic(), 0, 0, 0
            for point in points[::every] if at is None else [at]:
                place = folder / f"{kind}-{next(_NUMBER)}"
                found = await crash(nursery, place, point)
                scenarios.clean(place)
                tried += 1
                kills += found.kills
                for fault in found.faults[:3]:
                    _say(f"  {fault}\n  again: python -m tests.torture {kind} --at {point}")
                faults += bool(found.faults)
                idle = 0 if found.kills else idle + 1
                if idle >= _ENOUGH_ROUNDS and kind != "room":
                    break
            seconds = time.monotonic() - began
            _say(f"{kind}: {tried} points, {kills} kills, {seconds:.0f} s")
    _say(f"{faults} wrong accounts" if faults else "Every account was right.")
    return 1 if faults else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


_NUMBER = count()


def main() -> int:
    """The exit code: 0 if every account was right."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS], help="which (default: all)")
    parser.add_argument("--at", type=int, help="one point only")
    parser.add_argument("--every", type=int, default=1, help="one in so many points")
    options = parser.parse_args()
    memory = Path("/dev/shm")  # noqa: S108 - where nothing is slow; the disk serves as well
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        return asyncio.run(
            _torture(
                options.kinds or list(KINDS),
                options.at,
                every=options.every,
                folder=Path(folder),
            )
        )


if __name__ == "__main__":
    sys.exit(main())
