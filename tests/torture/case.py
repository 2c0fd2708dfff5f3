"""One upload through all its crashes, and the judgement of its account."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import attrs

from campaigns_async import Attribution, Evidence, Journal, RecordOutcome, Status
from campaigns_async.emulator import Emulator, Fault, Faults, Quirks, ReceivedRequest
from campaigns_async.emulator.campaign import EmulatedCampaign
from tests.torture.nursery import Job
from tests.torture.workload import Workload

KILLED: Final = -signal.SIGKILL
TOO_LARGE: Final = -signal.SIGXFSZ

LOST_REPLIES: Final = {
    Fault.DROP_AFTER_COMMIT: 0.10,
    Fault.DROP_BEFORE_COMMIT: 0.05,
    Fault.ERROR_AFTER_COMMIT: 0.05,
}

_TOP: Final = Path(__file__).parents[2]

_FINAL: Final = {Status.ADDED, Status.PRESENT, Status.DUPLICATE, Status.REJECTED}


class Nursery:
    """The process that forks the uploads; see ``nursery.py``."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self.child: int | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.torture.nursery", stdin=PIPE, stdout=PIPE, cwd=_TOP
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self.kill_child()
        self._process.stdin.close()
        await self._process.wait()

    def kill_child(self) -> None:
        """SIGKILL, now."""
        if self.child is not None:
            os.kill(self.child, signal.SIGKILL)
            self.child = None

    async def run(self, job: Job) -> int:
        """The exit code of a child that does this; below 0 the signal that killed it."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(attrs.asdict(job)).encode() + b"\n")
        self.child = (await self._hear())["pid"]
        code = (await self._hear())["exit"]
        self.child = None
        return code

    async def _hear(self) -> dict[str, int]:
        assert self._process is not None
        assert self._process.stdout is not None
        news: dict[str, int] = json.loads(await self._process.stdout.readline())
        return news


class Case:
    """A campaign, an input, and a journal, for as many runs as it takes."""

    def __init__(
        self,
        nursery: Nursery,
        folder: Path,
        workload: Workload,
        *,
        seed: int = 0,
        rates: Mapping[Fault, float] = LOST_REPLIES,
        quirks: Quirks | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.workload = workload
        self._first = workload.first_positions
        self.requests = 0
        self._nursery = nursery
        self._kill_after: int | None = None
        self.emulator = Emulator(
            seed=seed,
            faults=Faults(rates=rates),
            quirks=quirks,
            keep_requests=1,
            before_each=self._count,
        )

    async def __aenter__(self) -> Self:
        await self.emulator.start()
        self.campaign: EmulatedCampaign = self.emulator.create_campaign(
            holds=self.workload.held, unknown_to_crm=self.workload.unknown_to_crm
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.emulator.close()

    def _count(self, request: ReceivedRequest) -> None:  # noqa: ARG002 - the hook's signature
        self.requests += 1
        if self.requests == self._kill_after:
            self._nursery.kill_child()

    @property
    def journal(self) -> Path:
        """Where it is."""
        return self.folder / "journal"

    @property
    def has_begun(self) -> bool:
        """Whether there is anything in the journal."""
        return self.journal.exists() and self.journal.stat().st_size > 0

    async def run(self, *, kill_after: int | None = None, **changes: Any) -> int:
        """Upload once; ``kill_after``: kill it as the service carries out that request."""
        self._kill_after = None if kill_after is None else self.requests + kill_after
        (self.folder / "report").unlink(missing_ok=True)
        options = dict(changes.pop("options", {}))
        if self.workload.exclusive:
            options["exclusive"] = True
        job = Job(
            base_url=self.emulator.base_url,
            campaign=self.campaign.id,
            folder=str(self.folder),
            size=self.workload.size,
            plain=self.workload.plain,
            options=options,
            **changes,
        )
        return await self._nursery.run(job)

    @property
    def report(self) -> dict[str, Any]:
        """What the last run returned."""
        report: dict[str, Any] = json.loads((self.folder / "report").read_text())
        return report

    @property
    def stderr(self) -> str:
        """What the children said."""
        return (self.folder / "stderr").read_text()

    @property
    def told(self) -> list[tuple[int, Status]]:
        """What ``on_outcome`` was told by all runs, in order; a kill may cut the last line."""
        path = self.folder / "told"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [(index, Status(status)) for index, status, *_ in map(json.loads, lines)]

    # --- the judgement

    def faults_so_far(self) -> list[str]:
        """After a crash: what the journal claims that is not so. Reads the journal by itself."""
        with Journal.open(self.journal) as journal:
            outcomes = list(journal.outcomes())
            report = journal.report()
        faults = self._false_claims(outcomes)
        if [outcome.index for outcome in outcomes] != list(range(report.total)):
            faults.append("the journal's outcomes are not one for each row that was read")
        ours = set(self.campaign.added_by(None))
        at = {position: crm_record_id for crm_record_id, position in self._first.items()}
        faults += [
            f"row {o.index} is NOT_ADDED, and we added it"
            for o in outcomes
            if o.status is Status.NOT_ADDED and at.get(o.index) in ours
        ]
        return faults

    def faults(self) -> list[str]:
        """After the end: all that is wrong, as sentences; empty if all is well."""
        workload, ledger = self.workload, self.campaign.ledger
        faults: list[str] = []
        expected = (self._first.keys() | set(workload.held)) - set(workload.unknown_to_crm)
        if (lost := expected - ledger.keys()) or ledger.keys() - expected:
            faults.append(
                f"the ledger lacks {len(lost)} ids and has {len(ledger.keys() - expected)} too many"
            )
        faults += [
            f"{crm_record_id} has rank {entry.record.rank}, not {self._first[crm_record_id] + 1}"
            for crm_record_id, entry in ledger.items()
            if not entry.seeded and entry.record.rank != self._first.get(crm_record_id, -2) + 1
        ]
        told = [(index, status) for index, status in self.told if status in _FINAL]
        twice = [index for index, n in Counter(index for index, _ in told).items() if n > 1]
        if twice:
            faults.append(f"{len(twice)} rows were told twice: {twice[:5]}")
        with Journal.open(self.journal) as journal:
            outcomes = list(journal.outcomes())
            complete = journal.complete
        if not complete:
            faults.append("the journal is not complete")
        statuses = [outcome.status for outcome in outcomes]
        if [outcome.index for outcome in outcomes] != list(range(workload.size)):
            faults.append(f"{len(outcomes)} outcomes for {workload.size} rows")
        open_ends = [s for s in statuses if s not in _FINAL]
        if open_ends:
            faults.append(f"at the end there are {Counter(open_ends)}")
        kept = dict(enumerate(statuses))
        faults += [
            f"row {index} was told as {status} and is kept as {kept.get(index)}"
            for index, status in told
            if kept.get(index) is not status
        ]
        counts = {status: n for status, n in self.report["counts"].items() if n}
        if counts != dict(Counter(statuses)) or self.report["total"] != workload.size:
            faults.append(f"the report says {self.report}, the journal {Counter(statuses)}")
        return faults + self._false_claims(outcomes)

    def _false_claims(self, outcomes: Iterable[RecordOutcome]) -> list[str]:
        ours, ledger = set(self.campaign.added_by(None)), self.campaign.ledger
        at = {position: crm_record_id for crm_record_id, position in self._first.items()}
        faults: list[str] = []
        for o in outcomes:
            crm_record_id = at.get(o.index)
            match o.status:
                case Status.ADDED:
                    true = crm_record_id in ours
                case Status.PRESENT:
                    theirs = o.attribution is Attribution.THEIRS
                    true = crm_record_id in ledger and not (theirs and crm_record_id in ours)
                case Status.REJECTED:
                    true = crm_record_id not in ours
                case Status.DUPLICATE:
                    true = crm_record_id is None
                case _:
                    continue
            if not true:
                sure = " (inferred)" if o.evidence is Evidence.INFERRED else ""
                faults.append(
                    f"row {o.index} ({crm_record_id}) is {o.status}{sure} {o.attribution or ''}, "
                    f"and the ledger says otherwise"
                )
        return faults
