"""The memory that an upload of very many rows takes: what ``bench.py`` starts."""

import argparse
import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import arms_ours
from arms import Target, identify


def read_rss() -> float:
    """MiB that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def measure(target: Target, rows: int) -> dict[str, Any]:
    """MiB after import, and at each tenth of the rows as they are read."""
    curve: list[float] = []

    def read() -> Iterator[dict[str, Any]]:
        for row in range(rows):
            if row % (rows // 10) == 0:
                curve.append(read_rss())
            yield {"crm_record_id": identify(row), "priority": "HIGH"}

    imported = read_rss()
    async with arms_ours.open_campaign(target) as campaign:
        report = await campaign.upload(read())
    assert report.added == rows
    return {"rows": rows, "imported": imported, "curve": [*curve, read_rss()]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("rows", type=int)
    parser.add_argument("core", type=int)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    target = Target(options.root, in_flight=32)
    print(json.dumps(asyncio.run(measure(target, options.rows))))


if __name__ == "__main__":
    main()
