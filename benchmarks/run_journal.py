"""Uploads without and with a journal in turn, in this process: what ``journal_cost.py`` starts."""

import argparse
import asyncio
import gc
import json
import os
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from arms import Target, make_mappings
from arms_ours import open_campaign
from run_arm import tame_malloc

from campaigns_async.campaign import CampaignHandle

FEW = 100
"""Rows of the uploads that tell what opening and closing a journal takes."""

Used = tuple[float, float]
"""Seconds of the wall and of the processor."""


async def upload(campaign: CampaignHandle, records: list[Any], **options: Any) -> Used:
    """What one upload takes."""
    begin, cpu = time.perf_counter(), time.process_time()
    report = await campaign.upload(records, **options)
    used = time.perf_counter() - begin, time.process_time() - cpu
    assert report.added == len(records)
    return used


async def alternate(
    campaign: CampaignHandle, records: list[Any], runs: int, paths: Iterator[Path]
) -> dict[str, list[Used]]:
    """As many with a journal, a new one each time, and one more without; after one of each."""
    await upload(campaign, records, journal=next(paths))
    plain = [await upload(campaign, records) for _ in range(2)][1:]
    kept: list[Used] = []
    for _ in range(runs):
        kept.append(await upload(campaign, records, journal=next(paths)))
        plain.append(await upload(campaign, records))
    return {"plain": plain, "kept": kept}


async def measure(target: Target, rows: int, runs: int) -> dict[str, Any]:
    """Of many rows and of few."""
    records = make_mappings(range(rows))
    # The input is no garbage, and looking through it time and again is no part of the work.
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        paths = (Path(folder, str(number)) for number in count())
        async with open_campaign(target) as campaign:
            return {
                "few": await alternate(campaign, records[:FEW], runs, paths),
                "many": await alternate(campaign, records, runs, paths),
            }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("rows", type=int)
    parser.add_argument("runs", type=int)
    parser.add_argument("core", type=int)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    tame_malloc()
    target = Target(options.root, in_flight=32)
    print(json.dumps(asyncio.run(measure(target, options.rows, options.runs))))


if __name__ == "__main__":
    main()
