"""A file on its way: its rows through an upload, and into the account and the reject file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import attrs

from campaigns_async._core.ranks import Order
from campaigns_async.cli.audit import AuditFile
from campaigns_async.cli.background import BackgroundRows
from campaigns_async.cli.failures import Failure
from campaigns_async.cli.files import ReadingStopped, RecordFile
from campaigns_async.cli.interrupts import on_interrupts
from campaigns_async.cli.progress import Holdups, UploadBar
from campaigns_async.cli.reject_limit import NO_LIMIT, RejectLimit
from campaigns_async.cli.rejects import RejectFile
from campaigns_async.cli.report import UNSETTLED, Result
from campaigns_async.cli.rows import AnyRow, BrokenRow
from campaigns_async.cli.tally import Tally
from campaigns_async.errors import CampaignsError, JournalError, UploadStoppedError
from campaigns_async.journal import Journal
from campaigns_async.outcomes import FAILED, RecordOutcome
from campaigns_async.report import Progress, UploadReport
from campaigns_async.session import CampaignsSession

_LONGER = "the file has more rows than the upload read"
_FINISHING = (
    "Stopping: no more of the file is read; what was is being sent, for {:.0f} s at most. "
    "Press Ctrl-C again to stop at once."
)
_STOPPING = "Stopping at once: requests under way get two seconds to answer."


@attrs.frozen(kw_only=True)
class Wishes:
    """How the upload is to be done; see `CampaignHandle.upload`.

    ``journal``: None for none. ``resumed``: whether it holds an earlier run, whose rows are not
    told again: then the account is taken from it at the end, and the file read once more.
    """

    order: Order = "input"
    rank_start: int = 1
    exclusive: bool = False
    deadline: float | None = None
    stop_after_rejects: RejectLimit = NO_LIMIT
    journal: Path | None = None
    resumed: bool = False


class FileUpload:
    """One file on its way to one campaign.

    ``finish_within``: seconds after a Ctrl-C in which what is on its way may still be settled; with
    a service that is down that would take for ever.
    """

    def __init__(
        self,
        session: CampaignsSession,
        campaign_id: str,
        file: RecordFile,
        *,
        rejects: RejectFile | None = None,
        wishes: Wishes = Wishes(),
        reopen: Callable[[], RecordFile] | None = None,
        audit: AuditFile | None = None,
        finish_within: float = 60.0,
    ) -> None:
        self._finish_within = finish_within
        self._campaign = session.campaign(campaign_id)
        self._file = file
        self._rejects = rejects
        self._wishes = wishes
        self._reopen = reopen
        self._audit = audit
        self._limit_reached: UploadStoppedError | None = None
        self._tally = Tally(file.numbers, header=file.format == "csv")
        self._bar = UploadBar()
        self._pipe: BackgroundRows | None = None
        self._task: asyncio.Task[UploadReport] | None = None
        # By what, for a sentence.
        self._interrupted: str | None = None
        self._hurried = False
        self._give_up: asyncio.TimerHandle | None = None
        self._holdups = Holdups()
        self._faults: list[str] = []

    async def run(self) -> Result:
        """Until every row is accounted for."""
        if self._file.is_pipe:
            self._pipe = BackgroundRows(self._file)
        with on_interrupts(self._finish, self._stop):
            try:
                with self._bar:
                    report = await self._see_through()
                stopped_by = await self._account_for_rest(report)
            finally:
                # Not before: what is left of a pipe is waited for, too.
                if self._give_up is not None:
                    self._give_up.cancel()
        return self._result(report, stopped_by)

    async def _see_through(self) -> UploadReport:
        """The upload to its end, whatever that is."""
        self._task = asyncio.ensure_future(self._upload())
        try:
            return await self._task
        except asyncio.CancelledError as cancelled:
            self._interrupted = self._interrupted or "a signal"
            return _report_of(cancelled)
        except ReadingStopped as stopped:
            return _report_of(stopped)
        except (OSError, Failure) as error:
            self._faults.append(f"{self._file.name} was not read to its end: {error}")
            return _report_of(error)

    async def _account_for_rest(self, report: UploadReport) -> CampaignsError | None:
        """What the upload did not tell of; gives why that is so, None if it told of all."""
        stopped_by = report.stopped_by
        if self._interrupted and isinstance(stopped_by, UploadStoppedError | None):
            stopped_by = UploadStoppedError(f"the upload was interrupted by {self._interrupted}")
        stopped_by = stopped_by or self._limit_reached
        left_out = 0
        if self._wishes.resumed or isinstance(stopped_by, JournalError):
            # A journal that failed leaves outcomes that were never told.
            left_out = await self._recount(stopped_by)
        elif stopped_by is not None:
            left_out = await self._account_for_unread(stopped_by)
        # Or Ctrl-C came when all had been read.
        return None if report.stopped_by is None and not left_out else stopped_by

    async def _upload(self) -> UploadReport:
        wishes = self._wishes
        return await self._campaign.upload(
            # Broken rows among them: they are to be refused as the others are.
            cast("Any", self._pipe or self._file),
            order=wishes.order,
            rank_start=wishes.rank_start,
            exclusive=wishes.exclusive,
            deadline=wishes.deadline,
            stop_after_rejects=wishes.stop_after_rejects.rows,
            journal=wishes.journal,
            on_outcome=self._settle,
            on_progress=self._show,
        )

    def _settle(self, outcome: RecordOutcome) -> None:
        row: AnyRow = outcome.record_in
        if self._audit is not None:
            first = outcome.duplicate_of
            repeats = None if first is None else self._file.numbers[first]
            self._audit.add(_mend(outcome, row), row, repeats)
        if not self._wishes.resumed:
            self._account_for(outcome, row)

    def _account_for(self, outcome: RecordOutcome, row: AnyRow) -> None:
        outcome = _mend(outcome, row)
        self._tally.add(outcome, row)
        if self._rejects is not None and outcome.status in FAILED:
            self._rejects.add(row, outcome.status, outcome.error)

    def _show(self, progress: Progress) -> None:
        self._bar.show(progress, self._file.estimate_rows())
        if (notice := self._holdups.look_at(progress)) is not None:
            self._bar.say(notice)
        too_many = self._wishes.stop_after_rejects.judge(progress)
        if too_many is not None and self._limit_reached is None and not self._file.ended:
            self._limit_reached = UploadStoppedError(too_many)
            self._stop_reading()

    # --- Ctrl-C

    def _finish(self) -> None:
        self._interrupted = "Ctrl-C"
        self._stop_reading()
        seconds = self._finish_within
        self._bar.say(_FINISHING.format(seconds))
        self._give_up = asyncio.get_running_loop().call_later(seconds, self._stop)

    def _stop_reading(self) -> None:
        self._file.stop()
        if self._pipe is not None:
            self._pipe.stop()

    def _stop(self) -> None:
        if self._give_up is not None:
            self._give_up.cancel()
        self._hurried = True
        if self._task is not None:
            self._task.cancel()
        if self._pipe is not None:
            self._pipe.stop()
        self._bar.say(_STOPPING)

    # --- what the upload never came to

    async def _account_for_unread(self, stopped_by: CampaignsError) -> int:
        left_out = 0
        try:
            async for row in self._unread():
                self._leave_out(row, stopped_by)
                left_out += 1
        except (OSError, Failure) as error:
            self._faults.append(f"{self._file.name} was not read to its end: {error}")
        if self._pipe is not None and not self._pipe.ended:
            self._faults.append(
                "stdin was not read to its end: what it still held is in no account"
            )
        return left_out

    async def _unread(self) -> AsyncIterator[AnyRow]:
        if self._pipe is None:
            for row in self._file.rest():
                yield row
            return
        if not self._hurried:
            async for row in self._pipe.rest():
                yield row
        for row in self._pipe.buffered():
            yield row

    async def _recount(self, stopped_by: CampaignsError | None) -> int:
        """The account of all runs: their outcomes from the journal, their rows from the file."""
        journal, reopen = self._wishes.journal, self._reopen
        if journal is None or reopen is None:
            return 0
        left_out = 0
        try:
            with Journal.open(journal) as kept, reopen() as again:
                self._file = again
                self._tally = Tally(again.numbers, header=self._tally.header)
                if self._rejects is not None:
                    self._rejects.begin()
                outcomes = kept.outcomes()
                for row in again:
                    outcome = next(outcomes, None)
                    if outcome is None:
                        self._leave_out(row, stopped_by or UploadStoppedError(_LONGER))
                        left_out += 1
                        continue
                    left_out += outcome.status in UNSETTLED
                    self._account_for(_complete(outcome, row, stopped_by), row)
        except (OSError, Failure, JournalError) as error:
            self._faults.append(f"the account could not be taken from the journal: {error}")
        return left_out

    def _leave_out(self, row: AnyRow, stopped_by: CampaignsError) -> None:
        self._tally.add_unread(row, stopped_by)
        if self._rejects is not None:
            self._rejects.add_unread(row, stopped_by)
        if self._audit is not None:
            self._audit.add_unread(row, stopped_by)

    def _result(self, report: UploadReport, stopped_by: CampaignsError | None) -> Result:
        file = self._file
        for output in (self._rejects, self._audit):
            if output is not None:
                # Now, and not behind the report: what cannot be written is part of it.
                output.close()
                self._faults += [output.fault] if output.fault else []
        for error in report.callback_errors[:1]:
            self._faults.append(f"the account and the reject file lack rows: {error}")
        return Result(
            file=file.name,
            campaign=self._campaign.id,
            tally=self._tally,
            requests=report.requests,
            retries=report.retries,
            elapsed=report.elapsed,
            stopped_by=stopped_by,
            blank=file.blank,
            remarks=file.remarks,
            suppressed=file.suppressed.count,
            faults=tuple(self._faults),
            rejects=None if self._rejects is None else str(self._rejects.path),
            journal=None if self._wishes.journal is None else str(self._wishes.journal),
        )


def _mend(outcome: RecordOutcome, row: AnyRow) -> RecordOutcome:
    """With the better reason of a row that is no record."""
    return attrs.evolve(outcome, error=row.error) if isinstance(row, BrokenRow) else outcome


def _complete(
    outcome: RecordOutcome, row: AnyRow, stopped_by: CampaignsError | None
) -> RecordOutcome:
    """An outcome from the journal with what only this run knows: the id, and why it stopped."""
    error = outcome.error
    if outcome.status in UNSETTLED and isinstance(error, UploadStoppedError):
        error = stopped_by or error
    id_ = None if isinstance(row, BrokenRow) else row.crm_record_id
    return attrs.evolve(outcome, crm_record_id=id_, error=error)


def _report_of(error: BaseException) -> UploadReport:
    """The account that the upload gave to what ended it."""
    report = getattr(error, "report", None)
    if not isinstance(report, UploadReport):
        raise error
    return report
