"""What an upload writes into its journal, and when it may go on.

Rows are handed to the engine only when it is on disk that they may be sent, and outcomes are told
to the caller only when they are on disk. One thread writes; what comes up while it does goes
together into the next commit, so that durability costs one write for many requests.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from campaigns_async._core.history import History, Kept
from campaigns_async._core.resolver import Piece
from campaigns_async._core.rows import NO_ROWS, Rows
from campaigns_async._core.sameness import SameInput
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.spans import Spans
from campaigns_async.errors import CampaignsError, JournalError, UploadStoppedError
from campaigns_async.journal_file import Changes, JournalFile
from campaigns_async.models import MAX_RECORDS_PER_REQUEST
from campaigns_async.outcomes import Evidence, Status

_AHEAD: Final = 10_000
"""Rows that are read ahead of what may be sent, at most, while a commit is under way."""

_FINAL: Final = frozenset({Status.ADDED, Status.PRESENT, Status.DUPLICATE, Status.REJECTED})


class Unrecorded:
    """An upload without a journal: like :class:`Recorder`, but there is nothing to wait for."""

    may_send = True

    def __init__(self) -> None:
        self.earlier: Mapping[str, float] = {}
        self.complete = False
        self._rows: list[Rows] = []

    def most(self) -> int:
        """A batch's worth."""
        return MAX_RECORDS_PER_REQUEST

    def put(self, rows: Rows, *, exhausted: bool, failed: bool = False) -> None:  # noqa: ARG002
        """They can be taken at once."""
        self._rows.append(rows)
        self.complete = exhausted

    def take(self) -> Rows:
        """All of them."""
        rows, self._rows = self._rows, []
        return Rows.join(rows)

    def rest(self) -> Rows:
        """None is ever left."""
        return self.take()

    def settle(self, settled: Sequence[Settlement]) -> int:  # noqa: ARG002 - as there
        """Nothing is kept."""
        return 0

    def is_kept(self, mark: int) -> bool:  # noqa: ARG002 - as there
        """So nothing is to be waited for."""
        return True

    async def intend(self, piece: Piece) -> None:
        """It may be sent."""

    async def close(self, stopped: str | None) -> None:
        """Nothing is open."""

    def release(self) -> None:
        """Nothing is held."""


class Recorder:
    """Keeps one upload in a journal.

    - ``identity``: what must be the same for a resume (campaign, tenant, order ...), name to value.
    - ``on_news``: called when something became possible: rows to take, outcomes to tell.
    - ``on_error``: called once, when the journal refuses the input or cannot be written.
    """

    def __init__(
        self,
        file: JournalFile,
        *,
        identity: Mapping[str, object],
        on_news: Callable[[], None],
        on_error: Callable[[CampaignsError], None],
    ) -> None:
        self._file = file
        self._on_news = on_news
        self._on_error = on_error
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="campaigns-journal")
        self._check_identity(identity)
        state = file.read_state()
        self.earlier: Mapping[str, float] = {
            name: state.get(name, 0) for name in ("requests", "retries", "elapsed")
        }
        self._settled = Spans(state.get("settled", ()))
        self._open = Spans(state.get("open", ()))
        if state.get("reserved", 0) > 0:
            self._open.add(0, state["reserved"] - 1)
        checks = [(at, digest) for at, digest in state.get("checks", ())]
        self._input = SameInput(checks, state.get("total"))
        self.history = self._read_history() if state else None
        self.refused: JournalError | None = None
        self._exhausted = False
        self._cut_short = False
        self._rows = NO_ROWS
        self._reserved = 0
        self._sealed = False
        self._unknown = Spans()
        self._exceptions: list[Kept] = []
        self._split: list[int] = []
        self._marked: set[int] = set()
        self._mark = 0
        self._kept = 0
        self._dirty = False
        self._failed = False
        self._closed = False
        self._pump: asyncio.Task[None] | None = None
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self.facts: Callable[[], Mapping[str, Any]] = dict

    def _check_identity(self, identity: Mapping[str, object]) -> None:
        before = self._file.read_fact("identity")
        if before is None:
            self._file.write_fact("identity", identity)
            return
        differences = [
            f"{name} was {before.get(name)!r} and is now {value!r}"
            for name, value in identity.items()
            if before.get(name) != value
        ]
        if differences:
            msg = (
                f"the journal {self._file.path} belongs to another upload: "
                f"{'; '.join(differences)}. Use another journal, or the same call as before"
            )
            raise JournalError(msg)

    def _read_history(self) -> History:
        return History(
            settled=Spans(self._settled),
            exceptions=self._file.read_exceptions(),
            open=Spans(self._open),
            split=self._file.read_split(),
        )

    # --- rows

    @property
    def may_send(self) -> bool:
        """Not before the input is known to be the same, and what it is about is on disk again."""
        return self._input.proved and self._reserved >= self._input.base

    @property
    def complete(self) -> bool:
        """Whether the input's last row was taken, and it is on disk that it is the last.

        A last batch is a partial one; it must be known after a crash that it was. An input that
        failed has no last row, only one for now.
        """
        return self._sealed and not self._rows

    def most(self) -> int:
        """Rows to read next, at most; 0: none for now."""
        if self.refused is not None or len(self._rows) >= _AHEAD:
            return 0
        to_check = self._input.next_check()
        return min(MAX_RECORDS_PER_REQUEST, to_check or MAX_RECORDS_PER_REQUEST)

    def put(self, rows: Rows, *, exhausted: bool, failed: bool = False) -> None:
        """Rows that were read; ``exhausted``: the last ones, ``failed``: for now."""
        self._rows = Rows.join([part for part in (self._rows, rows) if part])
        self._exhausted, self._cut_short = exhausted, failed
        difference = self._input.follow(rows, exhausted=exhausted and not failed)
        if failed and not self._input.proved:
            self._on_error(
                UploadStoppedError(
                    "the input failed before it was known to be the one of before; "
                    "nothing was sent in this run"
                )
            )
        elif difference is not None:
            self.refused = JournalError(
                f"the journal {self._file.path} belongs to another input: {difference}. Nothing "
                "was sent. Resume with the same input, or use another journal"
            )
            self._on_error(self.refused)
        if rows or exhausted:
            self._change()

    def take(self) -> Rows:
        """Rows that may go to the engine now, in input order."""
        # What an earlier run read is no news; nothing is sent before it is checked.
        limit = max(self._reserved, self._input.base)
        due = bisect_left(self._rows.positions, limit)
        taken, self._rows = self._rows[:due], self._rows[due:]
        return taken

    def rest(self) -> Rows:
        """After a stop: the rows that were read but never taken."""
        rows, self._rows = self._rows, NO_ROWS
        return rows

    # --- verdicts

    def settle(self, settled: Sequence[Settlement]) -> int:
        """Keep these verdicts; the mark says when, see :meth:`is_kept`."""
        news = False
        for settlement in settled:
            if settlement.recalled:
                continue
            # What comes after a stop is beyond the digest: the next run may have other rows there.
            positions = [p for p in settlement.rows.positions if p < self._input.read]
            if not positions:
                continue
            if settlement.status in _FINAL:
                news = True
                self._settled.add_all(positions)
                if settlement.evidence is not Evidence.CONFIRMED:
                    self._exceptions += [_keep(settlement, position) for position in positions]
            elif settlement.status is Status.UNKNOWN:
                self._unknown.add_all(positions)
        if news:
            self._mark += 1
            self._change()
        return self._mark

    def is_kept(self, mark: int) -> bool:
        """Whether what was settled up to this mark is on disk, or never will be."""
        return mark <= self._kept or self._failed or self._closed

    async def intend(self, piece: Piece) -> None:
        """Return when it is on disk that this may be sent.

        A whole batch is covered by the rows' own reservation. A part is not: after a crash nobody
        could tell which parts went out, so it must be known that the batch was taken apart. So is
        one that the input's failure cut short: the next run may have more rows for it.
        """
        first = piece.case.first
        cut_short = self._cut_short and len(piece.rows) < MAX_RECORDS_PER_REQUEST
        if (piece.whole and not cut_short) or first in self._marked:
            return
        if self._failed:
            msg = "the journal cannot be written any more"
            raise JournalError(msg)
        self._split.append(first)
        self._mark += 1
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((self._mark, kept))
        self._change()
        await kept
        self._marked.add(first)

    # --- writing

    def _change(self) -> None:
        self._dirty = True
        # Before the input is proved the journal stays as it is.
        if self._pump is None and self._input.proved and not (self._failed or self.refused):
            self._pump = asyncio.get_running_loop().create_task(self._write_changes())

    async def _write_changes(self) -> None:
        """Write until there is nothing to write; what comes meanwhile goes into the next commit."""
        loop = asyncio.get_running_loop()
        try:
            while self._dirty:
                self._dirty = False
                mark, reserved, sealed = self._mark, self._input.read, self._exhausted
                changes = self._collect(reserved)
                await loop.run_in_executor(self._executor, self._file.write, changes)
                self._kept, self._reserved = mark, reserved
                self._sealed = sealed
                self._wake(None)
                self._on_news()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody must wait for ever
            self._failed = True
            found = error
            if not isinstance(found, JournalError):
                found = JournalError(f"the journal {self._file.path} failed: {error!r}")
            self._wake(found)
            self._on_error(found)
        finally:
            self._pump = None

    def _collect(self, reserved: int) -> Changes:
        exceptions, self._exceptions = self._exceptions, []
        split, self._split = self._split, []
        return Changes(
            state={**self._state(), "reserved": reserved}, exceptions=exceptions, split=split
        )

    def _state(self) -> dict[str, Any]:
        return {
            **self.facts(),
            "settled": list(self._settled),
            "open": list(self._open),
            "checks": self._input.checks(),
            "total": self._input.total,
        }

    def _wake(self, error: JournalError | None) -> None:
        still: list[tuple[int, asyncio.Future[None]]] = []
        for mark, waiter in self._waiters:
            if waiter.done():
                continue
            if error is not None:
                waiter.set_exception(error)
            elif mark <= self._kept:
                waiter.set_result(None)
            else:
                still.append((mark, waiter))
        self._waiters = still

    async def close(self, stopped: str | None) -> None:
        """The end of a run: wait for what is being written, and say what may be open now.

        After this nothing is in flight, so it is known for each record whether it may have landed.
        """
        if self._closed:
            return
        if self._pump is not None:
            await asyncio.wait([self._pump])
        try:
            if self.refused is None and not self._failed and self.may_send:
                self._close_books()
                final = {**self._state(), "reserved": 0, "stopped": stopped}
                exceptions, split = self._exceptions, self._split
                changes = Changes(state=final, exceptions=exceptions, split=split)
                await asyncio.get_running_loop().run_in_executor(
                    self._executor, self._file.write, changes
                )
        finally:
            self.release()

    def release(self) -> None:
        """Let go of the file, its books closed or not; others may open it then."""
        if not self._closed:
            self._closed = True
            self._executor.shutdown()
            self._file.close()

    def _close_books(self) -> None:
        open_now = Spans(self._unknown)
        for first, last in self._open:
            # What the earlier run left open and this one did not come to.
            if last >= self._input.read:
                open_now.add(max(first, self._input.read), last)
        self._open = open_now


def _keep(settlement: Settlement, position: int) -> Kept:
    repeat = settlement.repeat
    return Kept(
        position=position,
        status=settlement.status,
        error=settlement.error,
        evidence=settlement.evidence,
        attribution=settlement.attribution,
        attempts=settlement.attempts,
        duplicate_of=repeat.first if repeat else None,
        differs=repeat.differs if repeat else None,
    )
