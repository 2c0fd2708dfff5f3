"""A process that makes children: each uploads once, or is killed while it does.

``python -m tests.torture.nursery`` reads a job per line (JSON) from its standard input. For each it
writes the child's process id, and when that is over how it ended. A fork takes milliseconds where
an interpreter with all its imports takes a second.
"""

import asyncio
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from campaigns_async import CampaignsSession, Limits, RetryPolicy
from campaigns_async.outcomes import RecordOutcome
from campaigns_async.upload import Records
from tests.torture.crashes import WritePoints, kill_myself, watch_journal
from tests.torture.workload import Workload


@attrs.frozen(kw_only=True)
class Job:
    """One run of an upload, and at which of its journal's write points it dies.

    ``size_limit``: bytes that no file may grow beyond; the write that tries is cut there and the
    process killed (``dies_of_size``), or told that it failed.
    """

    base_url: str
    campaign: str
    folder: str
    size: int
    plain: bool = False
    source: str = "list"
    in_flight: int = 3
    die_at: int | None = None
    die_at_commit: int | None = None
    most_log: int | None = None
    size_limit: int | None = None
    dies_of_size: bool = True
    options: dict[str, Any] = attrs.Factory(dict[str, Any])


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _live(Job(**json.loads(line)))
        _say({"pid": pid})
        _, status = os.waitpid(pid, 0)
        _say({"exit": os.waitstatus_to_exitcode(status)})


def _say(news: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(news) + "\n")
    sys.stdout.flush()


def _live(job: Job) -> None:
    """The child's whole life."""
    folder = Path(job.folder)
    os.close(0)
    errors = os.open(folder / "stderr", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    code = 3
    try:
        points = WritePoints(job.die_at, kill_myself, at_commit=job.die_at_commit)
        watch_journal(points, job.most_log)
        if job.size_limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL if job.dies_of_size else signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (job.size_limit, job.size_limit))
        report = asyncio.run(_upload(job))
        (folder / "report").write_text(
            json.dumps({**report, "points": points.count, "commits": points.commits})
        )
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must not return to its parent's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


async def _upload(job: Job) -> dict[str, Any]:
    told = os.open(Path(job.folder) / "told", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def tell(outcome: RecordOutcome) -> None:
        line = [outcome.index, outcome.status, outcome.evidence, outcome.attribution]
        os.write(told, json.dumps(line).encode() + b"\n")

    rows = Workload(job.size, plain=job.plain).rows
    session = CampaignsSession(
        api_key="eght_emulator_key",
        tenant="demo-tenant",
        base_url=job.base_url,
        retry=RetryPolicy(base=0.001, cap=0.01),
        limits=Limits(max_in_flight=job.in_flight, initial_in_flight=job.in_flight),
    )
    async with session:
        report = await session.campaign(job.campaign).upload(
            _SOURCES[job.source](rows),
            journal=Path(job.folder) / "journal",
            on_outcome=tell,
            **job.options,
        )
    return {
        "counts": report.counts,
        "total": report.total,
        "requests": report.requests,
        "stopped_by": report.stopped_by and str(report.stopped_by),
    }


def _iterate(rows: list[Any]) -> Iterator[Any]:
    yield from rows


async def _iterate_async(rows: list[Any]) -> AsyncIterator[Any]:
    for position, row in enumerate(rows):
        if position % 70 == 0:
            await asyncio.sleep(0)
        yield row


_SOURCES: Final[dict[str, Callable[[list[Any]], Records]]] = {
    "list": list,
    "iterator": _iterate,
    "async": _iterate_async,
}


if __name__ == "__main__":
    main()
