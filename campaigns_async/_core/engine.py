"""The engine of an upload: rows in, batches out, verdicts in, settlements out. It never waits.

One engine serves ``upload``, ``stream``, the batcher and the command line. Whoever drives it asks
:meth:`Engine.take` for what to send, sends it, and tells :meth:`Engine.judge` what was seen;
:meth:`Engine.wake_at` says when asking again is worth while. Time is an argument, in seconds of any
clock that does not go back.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from campaigns_async._core.chunker import Chunker
from campaigns_async._core.dedupe import Dedupe, Repeat
from campaigns_async._core.gate import Gate
from campaigns_async._core.parsing import parse_rows, repeated_id_error
from campaigns_async._core.ranks import Ranks
from campaigns_async._core.resolver import Piece, Resolver
from campaigns_async._core.retry import Backoff, Budget
from campaigns_async._core.rows import AT_ONCE, NO_ROWS, Rows
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.values import value
from campaigns_async._core.verdicts import Proof, Step, Verdict
from campaigns_async.errors import CampaignsError, CampaignStateError
from campaigns_async.models import CampaignState
from campaigns_async.outcomes import Status

if TYPE_CHECKING:
    from campaigns_async._core.history import History

MOST_WORDLESS: Final = 5
"""Refusals without words, one after the other, that are taken for damaged: of one batch, or of all.
From then on it is somebody's way to refuse (a gateway with a page of its own), and asking again is
no use."""

_HAS_WORDS: Final = frozenset({Proof.DUPLICATE, Proof.INVALID, Proof.UNCLEAR, Proof.BUSY})

_NO_REASON: Final = CampaignsError("the upload was stopped")


@value
class Judged:
    """What one verdict brought.

    ``settled``: rows whose outcome is known now. ``hold``: seconds for which nothing at all should
    be sent, by anyone on this session; None for no such wish.
    """

    settled: list[Settlement]
    hold: float | None = None


class Engine:
    """Decides what is sent and what each answer proves.

    - ``ranks``, ``chunker``, ``resolver``, ``gate``: the parts, see there.
    - ``dedupe``: None where the caller keeps ids apart by itself.
    - ``repeats_are_errors``: a repeated id is REJECTED and not DUPLICATE.
    - ``new_backoff``: makes the waits of one batch.
    - ``budget``: retries to spare, shared by the session.
    - ``max_unsettled``: rows that may be on their way; :attr:`room` says how many more.
    """

    def __init__(
        self,
        *,
        ranks: Ranks,
        chunker: Chunker,
        resolver: Resolver,
        gate: Gate,
        dedupe: Dedupe | None,
        new_backoff: Callable[[], Backoff],
        budget: Budget,
        max_unsettled: int,
        repeats_are_errors: bool = False,
    ) -> None:
        self._ranks = ranks
        self._chunker = chunker
        self._resolver = resolver
        self._gate = gate
        self._dedupe = dedupe
        self._new_backoff = new_backoff
        self._budget = budget
        self._max_unsettled = max_unsettled
        self._repeats_are_errors = repeats_are_errors
        self._history: History | None = None
        self._ready: deque[Piece] = deque()
        self._waiting: list[tuple[float, int, Piece]] = []
        self._backoffs: dict[Piece, Backoff] = {}
        self._sequence = 0
        self._finished = False
        # Why nothing more is sent; None as long as something may be.
        self.stopped_by: CampaignsError | None = None
        # What the campaign's state was refused with last, and why an attempt of any kind has to be
        # made again, until one brings its records further.
        self._refusal: CampaignStateError | None = None
        self._failure: CampaignsError | None = None
        # Refusals without words, one after the other, since it was seen that they can be damaged.
        self._wordless = 0
        # When the first of the attempts failed that all did since; None while there are answers.
        self.silent_since: float | None = None
        self.parsed = 0
        self.unsettled = 0
        self.requests = 0
        self.retries = 0

    def remember(self, history: "History") -> None:
        """Go on from an earlier run of the same upload. Call it before there are rows."""
        self._history = history

    # --- rows in

    @property
    def room(self) -> int:
        """Rows that may be fed now: without a bound, an outage would fill the memory.

        0 where there is room for a few alone: rows cost least when many come together.
        """
        room = self._max_unsettled - self.unsettled
        return 0 if self._finished or room < min(AT_ONCE, self._max_unsettled // 2) else room

    def parse(self, records: Sequence[object], positions: Sequence[int] | None = None) -> Rows:
        """The next records of the input as rows, ranks given; bad ones carry their error.

        ``positions``: where they stand; None: they follow what was parsed before.
        """
        if positions is None:
            positions = range(self.parsed, self.parsed + len(records))
        self.parsed += len(records)
        return parse_rows(records, positions, self._ranks.of(positions))

    def feed(self, rows: Rows, now: float) -> list[Settlement]:
        """Take rows on. What is wrong with one of them is its own outcome."""
        settled: list[Settlement] = []
        if rows.errors:
            bad, rows = rows.split([position in rows.errors for position in rows.positions])
            settled += [
                self._at_once(row, Status.REJECTED, bad.errors[row.first]) for row in bad.singles()
            ]
        if self._dedupe is not None and (repeats := self._dedupe.claim(rows)):
            settled += [
                self._settle_repeat(rows[at : at + 1], repeat)
                for at, repeat in enumerate(repeats)
                if repeat is not None
            ]
            settled.sort(key=lambda settlement: settlement.rows.first)
            rows = rows.where([repeat is None for repeat in repeats])
        if self.stopped_by is not None:
            return settled + self._leave(rows, self.stopped_by) + self._revive(now)
        self._chunker.feed(rows, now)
        self.unsettled += len(rows)
        return settled + self._revive(now)

    def _settle_repeat(self, row: Rows, repeat: Repeat) -> Settlement:
        if not self._repeats_are_errors:
            return self._at_once(row, Status.DUPLICATE, repeat=repeat)
        error = repeated_id_error(row.first, repeat.first)
        return self._at_once(row, Status.REJECTED, error, repeat)

    def _at_once(
        self,
        row: Rows,
        status: Status,
        error: CampaignsError | None = None,
        repeat: Repeat | None = None,
    ) -> Settlement:
        """A verdict that needs no request, and so comes out the same in each run."""
        history = self._history
        recalled = history is not None and history.is_settled(row.first)
        return Settlement(row, status, error=error, repeat=repeat, recalled=recalled)

    def _leave(self, rows: Rows, error: CampaignsError) -> list[Settlement]:
        """The verdicts of rows that are not sent any more; an earlier run may have sent them."""
        settled: list[Settlement] = []
        unseen = NO_ROWS
        if self._history is not None:
            known, unseen, rows = self._history.sort(rows)
            settled = self._history.recall(known)
        if unseen:
            settled.append(Settlement(unseen, Status.UNKNOWN, error=error))
        if rows:
            settled.append(Settlement(rows, Status.NOT_ADDED, error=error))
        return settled

    def _revive(self, now: float) -> list[Settlement]:
        """Where there was an earlier run: what it settled, and what it left of each batch."""
        history = self._history
        if history is None:
            return []
        settled: list[Settlement] = []
        while rows := self._chunker.take(now):
            settled += history.recall(history.sort(rows)[0])
            self._ready.extend(history.revive(rows))
        return self._settle(settled)

    def distrust(self) -> None:
        """Infer nothing any more from ``exclusive``."""
        self._resolver.distrust()

    @property
    def lingering(self) -> int:
        """Rows that wait for their batch to fill."""
        return len(self._chunker)

    def flush(self) -> None:
        """What has been fed need not wait for a full batch."""
        self._chunker.flush()

    def finish(self, now: float) -> list[Settlement]:
        """No more rows will come."""
        self._finished = True
        self.flush()
        return self._revive(now)

    # --- batches out

    @property
    def gate_closed(self) -> bool:
        """Whether the campaign takes no records at the moment."""
        return self._gate.canary is not None

    @property
    def campaign_state(self) -> CampaignState | None:
        """What the refusals name as the campaign's state while it takes no records; else None."""
        return self._refusal.state if self._refusal is not None and self.gate_closed else None

    @property
    def hindrance(self) -> CampaignsError | None:
        """Why nothing gets on: a campaign that takes no records, or how the last attempt failed."""
        return self._refusal if self.gate_closed else self._failure

    @property
    def done(self) -> bool:
        """Whether every row that will ever come is settled."""
        return self._finished and self.unsettled == 0

    def take(self, now: float) -> Piece | None:
        """The next batch to send, None if there is none now."""
        if self.stopped_by is not None:
            return None
        while self._waiting and self._waiting[0][0] <= now:
            self._ready.append(heapq.heappop(self._waiting)[2])
        piece: Piece | None = None
        if self._gate.canary is not None:
            piece = next((piece for piece in self._ready if self._gate.is_canary(piece)), None)
            if piece is not None:
                self._ready.remove(piece)
        elif self._ready:
            piece = self._ready.popleft()
        elif rows := self._chunker.take(now):
            piece = Piece.of(rows)
        if piece is not None:
            piece.asked_after = self._wordless
        return piece

    def wake_at(self) -> float:
        """From when on :meth:`take` has something, if nothing else happens; infinity for never."""
        if self.stopped_by is not None:
            return math.inf
        if self._gate.canary is not None:
            if any(self._gate.is_canary(piece) for piece in self._ready):
                return -math.inf
            return min(
                (at for at, _, p in self._waiting if self._gate.is_canary(p)), default=math.inf
            )
        if self._ready:
            return -math.inf
        retry = self._waiting[0][0] if self._waiting else math.inf
        return min(retry, self._chunker.ready_at())

    # --- verdicts in, settlements out

    def judge(self, piece: Piece, verdict: Verdict, now: float) -> Judged:
        """What was seen of a batch that :meth:`take` gave."""
        verdict = self._weigh(piece, verdict)
        step = verdict.meaning.step
        # Before the resolver splits it: the piece that asked is the one the gate knows.
        if step is not Step.RETRY and step is not Step.WAIT:
            self._gate.open(piece)
        self._note(verdict, now)
        resolution = self._resolver.resolve(piece, verdict)
        settled = self._settle(resolution.settled)
        for part in resolution.pieces:
            # It may wait for hours, and all that was read with it would stay as long.
            part.rows = part.rows.cut_out()
        hold = None
        if step is Step.STOP or (
            step is Step.WAIT and not self._gate.close(piece, sure=verdict.sure, now=now)
        ):
            settled += self.stop(verdict.error or _NO_REASON)
        if self.stopped_by is not None:
            for part in resolution.pieces:
                settled += self._settle(self._resolver.abandon(part, self.stopped_by))
        elif step is Step.RETRY:
            hold = self._retry(piece, verdict, now)
        elif step is Step.WAIT and self._gate.is_canary(piece):
            self._wait(piece, now + self._backoff(piece).next_wait(verdict.retry_after))
        else:
            self._backoffs.pop(piece, None)
            self._ready.extend(resolution.pieces)
        return Judged(settled, hold)

    def _weigh(self, piece: Piece, verdict: Verdict) -> Verdict:
        """A refusal without words is worth another one, unless there never are any."""
        if verdict.proof in _HAS_WORDS or (verdict.proof is Proof.ADDED and piece.wordless):
            # The one or the other shows that it was damage, and no way to refuse.
            self._wordless = 0
        if verdict.proof is not Proof.WORDLESS:
            return verdict
        piece.wordless += 1
        if piece.asked_after == self._wordless:
            # Those that were under way together tell of one and the same trouble.
            self._wordless += 1
        if max(piece.wordless, self._wordless) <= MOST_WORDLESS:
            return verdict
        return attrs.evolve(verdict, proof=Proof.UNCLEAR)

    def _note(self, verdict: Verdict, now: float) -> None:
        """What it says besides what becomes of the batch."""
        if isinstance(verdict.error, CampaignStateError):
            self._refusal = verdict.error
        proof = verdict.proof
        self._failure = verdict.error if verdict.meaning.step is Step.RETRY else None
        if proof is not Proof.NOT_SENT and proof is not Proof.OPEN:
            self.silent_since = None
        elif self.silent_since is None:
            self.silent_since = now
        if verdict.sent:
            self.requests += 1
        if proof is Proof.ADDED:
            self._budget.give_back()

    def stop(self, error: CampaignsError) -> list[Settlement]:
        """Send nothing more: what is not in flight is settled now, the rest by its verdict."""
        if self.stopped_by is None:
            # The first reason stays.
            self.stopped_by = error
        settled: list[Settlement] = []
        pieces = [*self._ready, *(piece for _, _, piece in sorted(self._waiting))]
        self._ready.clear()
        self._waiting.clear()
        self._backoffs.clear()
        for piece in pieces:
            settled += self._resolver.abandon(piece, error)
        settled += self._leave(self._chunker.drain(), error)
        return self._settle(settled)

    def _retry(self, piece: Piece, verdict: Verdict, now: float) -> float | None:
        self.retries += 1
        backoff = self._backoff(piece)
        wait = backoff.next_wait(verdict.retry_after)
        if verdict.proof is Proof.THROTTLED or verdict.retry_after is not None:
            # Whoever else sends now would be told the same.
            self._ready.appendleft(piece)
            return wait
        if not self._budget.take():
            wait = max(wait, backoff.cap)
        self._wait(piece, now + wait)
        return None

    def _wait(self, piece: Piece, until: float) -> None:
        self._sequence += 1
        heapq.heappush(self._waiting, (until, self._sequence, piece))

    def _backoff(self, piece: Piece) -> Backoff:
        if piece not in self._backoffs:
            self._backoffs[piece] = self._new_backoff()
        return self._backoffs[piece]

    def _settle(self, settled: list[Settlement]) -> list[Settlement]:
        for settlement in settled:
            self.unsettled -= len(settlement.rows)
        return settled
