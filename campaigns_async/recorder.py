"""What an upload writes into its journal, and what may be done when it is there.

Rows are handed to the engine only when it is on disk that they may be sent, and outcomes are told
to the caller only when they are on disk. When it is written is the matter of `group_commit`.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final

from campaigns_async._core.history import History, Kept
from campaigns_async._core.resolver import Piece
from campaigns_async._core.rows import AT_ONCE, NO_ROWS, Rows
from campaigns_async._core.sameness import SameInput
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.spans import Spans
from campaigns_async.errors import CampaignsError, JournalError, UploadStoppedError
from campaigns_async.group_commit import GroupCommit
from campaigns_async.journal_file import Changes, JournalFile
from campaigns_async.journal_state import JournalState
from campaigns_async.models import MAX_RECORDS_PER_REQUEST
from campaigns_async.outcomes import Evidence, Status

_AHEAD: Final = 20_000
"""Rows that are read ahead of what the engine takes, at most: the next commit reserves them."""

_INTERVAL: Final = 0.1
"""Seconds between commits, and so the longest that an outcome waits to be told."""

_FINAL: Final = frozenset({Status.ADDED, Status.PRESENT, Status.DUPLICATE, Status.REJECTED})

_AT_ONCE: Final = 0
_NEVER: Final = math.inf


class Recorder:
    """Keeps one upload in a journal.

    - ``identity``: what must be the same for a resume (campaign, tenant, order ...), name to value.
    - ``facts``: gives what is kept with each commit besides: rows read, requests, retries, seconds.
    - ``on_news``: called when something became possible: rows to take, outcomes to tell.
    - ``on_error``: called once, when the journal refuses the input or cannot be written.
    - ``interval``: seconds from the beginning of a commit to that of the next, at least, if nobody
      waits for it.
    """

    def __init__(
        self,
        file: JournalFile,
        *,
        identity: Mapping[str, object],
        facts: Callable[[], Mapping[str, Any]],
        on_news: Callable[[], None],
        on_error: Callable[[CampaignsError], None],
        interval: float = _INTERVAL,
    ) -> None:
        self._file = file
        self._on_news = on_news
        self._on_error = on_error
        self._check_identity(identity)
        document = file.read_state()
        state = JournalState.parse(document)
        self.earlier: Mapping[str, float] = {
            "requests": state.requests,
            "retries": state.retries,
            "elapsed": state.elapsed,
        }
        self._facts = facts
        self._settled = Spans(state.settled)
        # Settled since the last commit: sorted, they cost less than as they come.
        self._fresh: list[Sequence[int]] = []
        self._open = state.may_be_open()
        self._input = SameInput(state.checks, state.total)
        self.history = self._read_history() if document else None
        self.refused: JournalError | None = None
        self._exhausted = False
        self._cut_short = False
        # Rows that wait to be taken, as they came, with the position after them.
        self._waiting: deque[tuple[int, Rows]] = deque()
        self._taken = 0
        self._reserved = 0
        self._sealed = False
        self._unknown = Spans()
        self._exceptions: list[Kept] = []
        self._split: list[int] = []
        self._marked: set[int] = set()
        # What the commit under way makes of `_reserved` and `_sealed`.
        self._written = (0, False)
        self._ended = False
        self._stopped: str | None = None
        self._closing: asyncio.Task[None] | None = None
        self._commits = GroupCommit(
            prepare=self._prepare,
            on_commit=self._note_commit,
            on_error=on_error,
            interval=interval,
        )
        if self._input.proved:
            self._commits.begin()

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
        return self._sealed and not self._waiting

    def most(self, room: int) -> int:  # noqa: ARG002 - as in Unrecorded
        """Rows to read next, at most; 0: none for now. The engine need not want them yet."""
        if self.refused is not None:
            return 0
        ahead = _AHEAD - (self._input.read - self._taken)
        return min(AT_ONCE, ahead, self._input.next_check() or AT_ONCE)

    def put(self, rows: Rows, *, exhausted: bool, failed: bool = False) -> None:
        """Rows that were read; ``exhausted``: the last ones, ``failed``: for now."""
        self._exhausted, self._cut_short = exhausted, failed
        difference = self._input.follow(rows, exhausted=exhausted and not failed)
        if rows:
            self._waiting.append((self._input.read, rows))
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
        if self._input.proved and self.refused is None and not self._commits.begun:
            # Before that the journal stays as it is.
            self._commits.begin()
        if rows or exhausted:
            self._commits.request()

    def take(self) -> Rows:
        """The next rows that may go to the engine, in input order; none if it has to wait."""
        # What an earlier run read is no news; nothing is sent before it is checked.
        limit = max(self._reserved, self._input.base)
        if self._waiting and self._waiting[0][0] <= limit:
            self._taken, rows = self._waiting.popleft()
            return rows
        if self._waiting and self._waiting[0][0] > self._written[0]:
            # The commit under way does not reserve them either.
            self._commits.hurry()
        return NO_ROWS

    def rest(self) -> Rows:
        """After a stop: the rows that were read but never taken."""
        rows = Rows.join([rows for _, rows in self._waiting])
        self._waiting.clear()
        return rows

    # --- verdicts

    def settle(self, settlement: Settlement) -> float:
        """Keep this verdict. The mark says when it may be told, see :meth:`is_kept`.

        What is not final is told as it comes, for the next run goes on with it. What is final is
        told when it is on disk; never if it is not going to be: the next run would tell it again.
        """
        if settlement.recalled:
            return _AT_ONCE
        if settlement.status is Status.UNKNOWN:
            self._unknown.add_all(settlement.rows.positions)
        if settlement.status not in _FINAL:
            return _AT_ONCE
        positions = settlement.rows.positions
        if positions[-1] >= self._input.read:
            # After a stop. That is beyond the digest: the next run may have other rows there.
            return _NEVER
        self._fresh.append(positions)
        if settlement.evidence is not Evidence.CONFIRMED:
            self._exceptions += [_keep(settlement, position) for position in positions]
        return self._commits.request()

    def is_kept(self, mark: float) -> bool:
        """Whether what was settled up to this mark is on disk."""
        return mark <= self._commits.kept

    def hurry(self) -> None:
        """Much waits to be told."""
        self._commits.hurry()

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
        self._split.append(first)
        await self._commits.wait(self._commits.request())
        self._marked.add(first)

    # --- writing

    def _prepare(self) -> Callable[[], None]:
        self._written = self._input.read, self._exhausted
        fresh, self._fresh = self._fresh, []
        for positions in sorted(fresh, key=itemgetter(0)):
            self._settled.add_all(positions)
        exceptions, self._exceptions = self._exceptions, []
        split, self._split = self._split, []
        state = JournalState(
            **self._facts(),
            total=self._input.total,
            settled=list(self._settled),
            open=list(self._open),
            reserved=0 if self._ended else self._input.read,
            checks=self._input.checks(),
            stopped=self._stopped,
        )
        changes = Changes(state=state.build_document(), exceptions=exceptions, split=split)
        return partial(self._file.write, changes)

    def _note_commit(self) -> None:
        self._reserved, self._sealed = self._written
        self._on_news()

    async def close(self, stopped: str | None) -> None:
        """The end of a run: wait for what is being written, and say what may be open now.

        After this nothing is in flight, so it is known for each record whether it may have landed.
        """
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close(stopped))
            # Where nobody is left to wait for it, nobody has to hear of it either.
            self._closing.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._closing)

    async def _close(self, stopped: str | None) -> None:
        try:
            if self._commits.begun and self._commits.failed is None:
                self._close_books()
                self._ended, self._stopped = True, stopped
                await self._commits.wait(self._commits.request())
        finally:
            await self._commits.finish()
            self.release()

    def release(self) -> None:
        """Let go of the file, its books closed or not; others may open it then."""
        self._commits.close()
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
