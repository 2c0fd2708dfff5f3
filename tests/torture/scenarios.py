"""The crashes, each a function that says what was wrong afterwards; nothing, one hopes."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from random import Random

import attrs

from campaigns_async import Journal, JournalError
from campaigns_async.emulator import Fault, Naming, Quirks
from tests.torture.case import KILLED, TOO_LARGE, Case, Nursery
from tests.torture.workload import Workload

ROWS = 460

FEW_LOST_REPLIES = {
    Fault.DROP_AFTER_COMMIT: 0.005,
    Fault.DROP_BEFORE_COMMIT: 0.0025,
    Fault.ERROR_AFTER_COMMIT: 0.0025,
}


@attrs.define
class Findings:
    """``kills``: processes killed. ``faults``: what was wrong with an account, in sentences."""

    kills: int = 0
    faults: list[str] = attrs.Factory(list[str])

    def end(self, code: int, expected: Iterable[int], case: Case) -> bool:
        """Count how a run ended; whether it was killed."""
        if code not in {0, *expected}:
            self.faults.append(f"a run ended with {code}: {case.stderr[-800:]}")
        self.kills += code < 0
        return code < 0


async def die_at_write(
    nursery: Nursery,
    folder: Path,
    point: int,
    *,
    exclusive: bool = False,
    copies: bool = False,
) -> Findings:
    """Killed at the journal's n-th write point, twice in a row; then to the end, then once more.

    ``copies``: the log is copied into the file before each commit, so that it can die around that.
    """
    found = Findings()
    most_log = 0 if copies else None
    # Nobody named: so a batch with a bad id is halved, and each half lands by itself.
    quirks = Quirks(names_unknown_to_crm=Naming.NONE) if exclusive else None
    workload = Workload(ROWS, exclusive=exclusive)
    async with Case(nursery, folder, workload, seed=point, quirks=quirks) as case:
        for _ in range(2):
            code = await case.run(die_at=point, most_log=most_log)
            # Every other time somebody looks into the journal in between.
            if found.end(code, [KILLED], case) and point % 2 and case.has_begun:
                found.faults += case.faults_so_far()
        await _finish(case, found)
    return found


async def die_at_size(nursery: Nursery, folder: Path, size: int) -> Findings:
    """Killed by the write that would make a file larger than this, after a part of it; twice."""
    found = Findings()
    async with Case(nursery, folder, Workload(ROWS), seed=size) as case:
        for limit in (size, size + 12_345):
            code = await case.run(size_limit=limit)
            found.end(code, [TOO_LARGE], case)
        await _finish(case, found)
    return found


async def die_at_requests(
    nursery: Nursery, folder: Path, *, rows: int, kills: int, seed: int
) -> Findings:
    """Killed as the service carries out requests drawn at random, and each time resumed."""
    found = Findings()
    chance = Random(seed)  # noqa: S311 - repeatable
    workload = Workload(rows, plain=True)
    async with Case(nursery, folder, workload, seed=seed, rates=FEW_LOST_REPLIES) as case:
        for _ in range(kills):
            after = chance.randint(1, max(2, rows // 100 // (kills + 1)))
            found.end(await case.run(kill_after=after, in_flight=8), [KILLED], case)
        await _finish(case, found)
    return found


async def _finish(case: Case, found: Findings) -> None:
    if found.end(await case.run(), [], case) or found.faults:
        return
    found.faults += case.faults()
    requests, report = case.requests, case.report
    found.end(await case.run(), [], case)
    if case.requests != requests or case.report["counts"] != report["counts"]:
        found.faults.append("a rerun of the complete upload sent something or counts otherwise")


async def tear(
    nursery: Nursery, folder: Path, commit: int, *, every: int = 1, resume_every: int = 1_000
) -> tuple[Findings, int]:
    """A log whose last page is cut off, or garbage, from any byte of it on.

    The process died right after a commit, when nothing relied on it yet. The number is that of the
    torn logs; those that read alike are resumed alike, so that not each of them has to be.
    """
    found, torn = Findings(), 0
    quirks = Quirks(removed_id_stays_taken=False)
    async with Case(nursery, folder, Workload(ROWS), seed=commit, quirks=quirks) as case:
        if not found.end(await case.run(die_at_commit=commit), [KILLED], case):
            return found, 0
        saved = _Saved(case)
        log = saved.log
        seen: set[str] = set()
        for cut in range(max(0, len(log) - 4_120), len(log) + 1, every):
            for tail in (b"", b"\xa5" * (len(log) - cut)):
                saved.restore(log[:cut] + tail)
                torn += 1
                reading = _read(case.journal)
                if reading in seen and torn % resume_every:
                    continue
                seen.add(reading)
                saved.restore(log[:cut] + tail)
                code = await case.run()
                if code == 3 and "JournalError" in case.stderr:
                    continue
                found.end(code, [], case)
                found.faults += [f"cut at {cut} of {len(log)}: {fault}" for fault in case.faults()]
        found.faults += [] if len(seen) <= 2 else [f"{len(seen)} different readings of one log"]
    return found, torn


def _read(journal: Path) -> str:
    try:
        with Journal.open(journal) as opened:
            return repr((opened.identity, opened.report().counts, list(opened.outcomes())))
    except JournalError as refusal:
        return str(refusal)


class _Saved:
    """Case and journal as they were, to begin again from there."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._held = set(case.campaign.ledger)
        self._files = {
            path: path.read_bytes() for path in case.folder.iterdir() if path.name != "stderr"
        }
        self.log = self._files.get(case.folder / "journal-wal", b"")

    def restore(self, log: bytes) -> None:
        """All of it, with this log instead of the one there was."""
        for path in self._case.folder.iterdir():
            path.unlink()
        for path, content in self._files.items():
            path.write_bytes(log if path.name == "journal-wal" else content)
        for crm_record_id in self._case.campaign.ledger.keys() - self._held:
            self._case.campaign.remove(crm_record_id)


async def run_out_of_room(nursery: Nursery, folder: Path, size: int) -> Findings:
    """No file can grow beyond this size: the upload stops, says so, and completes later."""
    found = Findings()
    async with Case(nursery, folder, Workload(ROWS), seed=size) as case:
        code = await case.run(size_limit=size, dies_of_size=False)
        if code == 0:
            # None: so much room was enough.
            stopped_by = case.report["stopped_by"]
            if stopped_by and "journal" not in stopped_by:
                found.faults.append(f"stopped by {stopped_by}")
        elif "JournalError: the journal" not in case.stderr:
            found.faults.append(f"ended with {code}: {case.stderr[-500:]}")
        found.end(await case.run(), [], case)
        found.faults += case.faults()
    return found


def clean(folder: Path) -> None:
    """Remove a case's files."""
    shutil.rmtree(folder, ignore_errors=True)
