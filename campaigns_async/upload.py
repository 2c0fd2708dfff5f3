"""Uploads: an engine over an iterable, and the account of every row."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from campaigns_async._core.dedupe import Dedupe
from campaigns_async._core.ranks import Ranks
from campaigns_async._core.rows import AT_ONCE, Rows
from campaigns_async._core.settlement import Settlement
from campaigns_async.dispatch import Dispatcher
from campaigns_async.drive import GRACE, Drive, build_engine
from campaigns_async.errors import APIError, JournalError, UploadStoppedError
from campaigns_async.models import NewRecord
from campaigns_async.outcomes import Attribution, Status
from campaigns_async.report import Account, Progress, UploadReport
from campaigns_async.sources import open_source
from campaigns_async.teller import Tell, Teller
from campaigns_async.unrecorded import Unrecorded
from campaigns_async.upload_options import UploadOptions

if TYPE_CHECKING:
    from campaigns_async.recorder import Recorder

Records = (
    Iterable[NewRecord | Mapping[str, Any] | str]
    | AsyncIterable[NewRecord | Mapping[str, Any] | str]
)

_CHUNKS_A_TURN: Final = 2
"""Chunks of input that are read before the loop gets a turn."""

_LINGER: Final = 1.0
"""Seconds that a row of an async iterable waits for its batch to fill: what comes now and then does
not wait for the next hundred, and some sources go on only when their last row is settled."""


class Upload:
    """One upload on its way; made by :meth:`CampaignHandle.upload` and ``stream``."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        path: str,
        records: Records,
        *,
        options: UploadOptions,
        tell: Tell | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._options = options
        # What must be the same for a resume: it shapes the requests.
        self._identity = {
            "campaign": path,
            "tenant": dispatcher.settings.tenant,
            "address": dispatcher.settings.root,
            "order": options.order,
            "rank_start": options.rank_start,
            "on_duplicate": options.on_duplicate,
        }
        self._call = dispatcher.new_call("upload", path)
        self._records: Recorder | Unrecorded = Unrecorded()
        self._account = Account()
        self._engine = build_engine(
            dispatcher,
            ranks=Ranks(options.order, options.rank_start),
            exclusive=options.exclusive,
            dedupe=Dedupe(),
            repeats_are_errors=options.on_duplicate == "error",
            linger=_choose_linger(records, options),
        )
        self._drive = Drive(
            dispatcher,
            path,
            self._engine,
            call=self._call,
            on_settled=self._settle,
            feed=self._feed,
            may_send=lambda: self._teller.has_room and self._records.may_send,
        )
        self._source = open_source(records, self._drive.notify)
        self._teller = Teller(
            options.on_outcome,
            options.on_progress,
            tell=tell,
            is_due=self._is_due,
            progress=self._progress,
            on_told=self._on_told,
        )
        self._finished = False
        self._started: float | None = None

    async def run(self) -> UploadReport:
        """Until every row has its outcome; see :meth:`CampaignHandle.upload`."""
        with self._call:
            try:
                return await self._run()
            except BaseException as error:
                with contextlib.suppress(Exception):
                    # The caller's own exception may not let us.
                    error.report = self.report()  # type: ignore[attr-defined]
                raise
            finally:
                self._call.sum_up(self._account.counts, self._engine.stopped_by)

    async def _run(self) -> UploadReport:
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        # Closed, or of another loop: told at once, and not found out by every attempt.
        self._dispatcher.connections.open()
        if self._options.journal is not None:
            self._open_journal(self._options.journal)
        self._teller.start()
        try:
            await self._drive.run(
                deadline=self._options.deadline,
                on_deadline=self._tell_late,
            )
            await self._close_books(patient=True)
            # A cancellation now leaves the outcomes their time to be told.
            await self._teller.finish()
        except asyncio.CancelledError:
            await self._close_books(patient=False)
            await self._teller.finish(timeout=GRACE)
            raise
        finally:
            ended_by = self._teller.ended_by
            self._teller.give_up()
            self._records.release()
            await self._source.close()
        if ended_by is not None:
            # A callback did it, by what is no Exception, as a rule.
            raise ended_by
        if self._records.refused is not None:
            raise self._records.refused
        error = self._source.error
        if isinstance(error, asyncio.CancelledError):
            # Nobody cancelled this task, and it must not look so.
            msg = "the input was cancelled from inside"
            raise UploadStoppedError(msg) from error
        if error is not None:
            raise error
        return self.report()

    def _tell_late(self) -> UploadStoppedError:
        said = f"the upload's deadline of {self._options.deadline} s has passed"
        hindrance = self._engine.hindrance
        if hindrance is not None:
            words = hindrance.summary if isinstance(hindrance, APIError) else hindrance
            said += f", and the last of its attempts failed: {words}"
        error = UploadStoppedError(said)
        error.__cause__ = hindrance
        return error

    def report(self) -> UploadReport:
        """The account so far."""
        return self._account.report(
            **self._totals(),
            stopped_by=self._engine.stopped_by,
            exhausted=self._source.exhausted,
            callback_errors=tuple(self._teller.errors),
        )

    # --- the journal

    def _open_journal(self, path: str | os.PathLike[str]) -> None:
        # With sqlite3, which not every Python has: for those who want a journal.
        from campaigns_async.journal_file import JournalFile  # noqa: PLC0415
        from campaigns_async.recorder import Recorder  # noqa: PLC0415

        file = JournalFile.open(path, create=True)
        try:
            recorder = Recorder(
                file,
                identity=self._identity,
                facts=lambda: {"read": self._engine.parsed, **self._totals()},
                on_news=self._wake,
                on_error=self._drive.stop,
            )
        except JournalError:
            file.close()
            raise
        if recorder.history is not None:
            self._engine.remember(recorder.history)
            if any(kept.attribution is Attribution.THEIRS for kept in file.read_exceptions()):
                # What proved the word of ``exclusive`` wrong in an earlier run counts in this one.
                self._engine.distrust()
        self._records = recorder
        self._drive.intend = recorder.intend

    def _is_due(self, mark: float) -> bool:
        return self._records.is_kept(mark)

    def _on_told(self) -> None:
        if self._teller.ended_by is not None:
            # It comes out when the rest is settled.
            self._drive.stop(UploadStoppedError("a callback of the upload ended it"))
        self._drive.notify()

    def _wake(self) -> None:
        self._drive.notify()
        self._teller.wake()

    async def _close_books(self, *, patient: bool) -> None:
        """After the drive: the rest gets its outcome, and all of it is kept.

        ``patient``: no faster than it can be told.
        """
        loop = asyncio.get_running_loop()
        if self._engine.stopped_by is not None:
            await self._source.close()
            for rest in self._rest():
                self._settle(self._engine.feed(rest, loop.time()))
                # There may be millions: others get their turn meanwhile. But a journal is closed
                # before all is told: until then it takes for doubtful what is not.
                wait = patient and self._options.journal is None
                await (self._teller.catch_up() if wait else asyncio.sleep(0))
        stopped = self._engine.stopped_by
        try:
            await self._records.close(None if stopped is None else str(stopped))
        except JournalError as error:
            self._drive.stop(error)

    # --- rows in

    def _rest(self) -> Iterator[Rows]:
        """After a stop: what was read and not taken, and what can still be had of the input."""
        yield self._records.rest()
        while records := self._source.rest(AT_ONCE):
            yield self._engine.parse(records)

    def _feed(self) -> None:
        """As many rows as there is room for, and as there are by now."""
        loop = asyncio.get_running_loop()
        for _ in range(_CHUNKS_A_TURN):
            most = self._wanted()
            if most <= 0:
                break
            rows = self._engine.parse(self._source.take(most))
            failed = self._source.error is not None
            self._records.put(rows, exhausted=self._source.exhausted, failed=failed)
            self._hand_over()
            if not rows:
                break
        else:
            # Rows that are settled at once take no room: there may be no end to them.
            loop.call_soon(self._drive.notify)
        self._hand_over()
        if self._records.complete and not self._finished:
            self._finished = True
            self._settle(self._engine.finish(loop.time()))

    def _hand_over(self) -> None:
        """Rows that may be sent, as far as the engine has room for them."""
        now = asyncio.get_running_loop().time()
        while self._engine_has_room and (rows := self._records.take()):
            self._settle(self._engine.feed(rows, now))

    @property
    def _engine_has_room(self) -> bool:
        # What an earlier run read is read again before anything is sent or told.
        return self._engine.room > 0 or not self._records.may_send

    def _wanted(self) -> int:
        """Rows to read now, at most."""
        if self._source.exhausted or self._engine.stopped_by:
            return 0
        if not (self._teller.has_room or not self._records.may_send):
            return 0
        return self._records.most(self._engine.room)

    # --- settlements out

    def _settle(self, settled: list[Settlement]) -> None:
        if not settled:
            return
        for settlement in settled:
            self._account.add(settlement)
            self._teller.add(settlement, self._records.settle(settlement))
        self._call.settle((s.status, len(s.rows)) for s in settled if not s.recalled)
        if not self._teller.has_room:
            self._records.hurry()
        limit, rejected = self._options.stop_after_rejects, self._account.counts[Status.REJECTED]
        if limit is not None and rejected >= limit and self._engine.stopped_by is None:
            self._drive.stop(
                UploadStoppedError(f"{rejected} records were rejected, and {limit} was the limit")
            )

    def _progress(self) -> Progress:
        since, now = self._engine.silent_since, asyncio.get_running_loop().time()
        return Progress(
            read=self._engine.parsed,
            counts=dict(self._account.counts),
            **self._totals(),
            in_flight=self._dispatcher.slots.in_flight,
            waiting="campaign" if self._engine.gate_closed else None,
            campaign_state=self._engine.campaign_state,
            silence=0.0 if since is None else now - since,
        )

    def _totals(self) -> dict[str, Any]:
        """Over all runs of this upload."""
        earlier, engine = self._records.earlier, self._engine
        elapsed = 0.0
        if self._started is not None:
            elapsed = asyncio.get_running_loop().time() - self._started
        return {
            "requests": int(earlier.get("requests", 0)) + engine.requests,
            "retries": int(earlier.get("retries", 0)) + engine.retries,
            "elapsed": earlier.get("elapsed", 0.0) + elapsed,
        }


def _choose_linger(records: Records, options: UploadOptions) -> float | None:
    # With a journal batches must be the same in every run, however fast the input comes.
    return _LINGER if isinstance(records, AsyncIterable) and options.journal is None else None
