"""From verdicts to outcomes: excise, take apart, and remember what may have landed unseen.

Every probe is an upload, since adding an absent id is what we want anyway; so an answer is always
within reach. The arguments, in the words used below:

*Open*: an attempt that may have landed unseen. *Refuted*: one of its records was added later; as
requests are atomic and ids unique, the attempt did not land, and a late copy of it no longer can.
What hangs on an open attempt is *held* until that is refuted, or until nothing of the batch is left
that could refute it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from campaigns_async._core.rows import Rows
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.values import value
from campaigns_async._core.verdicts import Proof, Step, Verdict
from campaigns_async.errors import APIError, CampaignsError, TransportError
from campaigns_async.outcomes import Attribution, Evidence, Status

_FROM_SECOND_COPY: Final = frozenset(
    {
        Proof.THROTTLED,
        Proof.DUPLICATE,
        Proof.CUT_OFF,
        Proof.WORDLESS,
        Proof.UNCLEAR,
        Proof.BUSY,
        Proof.FATAL,
    }
)
"""What the second copy of a request may be told though the first one landed. Not INVALID: content
that is wrong is wrong in both."""


@attrs.define(eq=False)
class Attempt:
    """One that may have landed unseen, until it is refuted.

    ``known``: whether it is known just which records it held. Of one before a crash it may not be;
    then a record added now says nothing about the others.
    """

    known: bool = True
    refuted: bool = False

    def refute(self) -> None:
        """One of its records was added later."""
        self.refuted = self.known


@attrs.frozen(eq=False)
class _Held:
    """A settlement that hangs on open attempts: ``proved`` if all are refuted."""

    attempts: Sequence[Attempt]
    proved: Settlement
    doubtful: Settlement


@attrs.define(eq=False)
class Case:
    """All that came of one batch: the pieces still to settle, and what is held until they are.

    ``first``: the position of the batch's first row, by which it is known.
    """

    first: int = 0
    live: int = 1
    held: tuple[_Held, ...] = ()


@attrs.define(eq=False)
class Piece:
    """What one request carries: a batch, or a part of one.

    ``open``: attempts that held all of its rows and may have landed. ``whole``: the batch as it
    first went out, nothing taken away. ``attempts``: requests so far. ``rest``: what waits for the
    answer to this single one. ``failure``: why the last open attempt is open. ``own``:
    stands for the open attempts at just these rows. ``wordless``: refusals without words that it
    got. ``asked_after``: of those that there had been of any when it last went out.
    """

    rows: Rows
    case: Case = attrs.Factory(Case)
    open: tuple[Attempt, ...] = ()
    attempts: int = 0
    whole: bool = True
    rest: "Piece | None" = None
    failure: CampaignsError | None = None
    own: Attempt | None = None
    wordless: int = 0
    asked_after: int = 0

    @classmethod
    def of(cls, batch: Rows) -> "Piece":
        """A whole batch."""
        return cls(batch, Case(batch.first))

    @property
    def ids(self) -> Sequence[str]:
        """The ids of its rows, in order."""
        return self.rows.ids

    def still_open(self) -> tuple[Attempt, ...]:
        """The open attempts that nothing has refuted."""
        return tuple(attempt for attempt in self.open if not attempt.refuted)

    def part(self, rows: Rows) -> "Piece":
        """Some of its rows, with the same past."""
        return Piece(rows, self.case, self.open, self.attempts, whole=False, failure=self.failure)


@value
class Resolution:
    """``settled``: what is known now. ``pieces``: what is to be sent next."""

    settled: list[Settlement]
    pieces: list[Piece]


class Resolver:
    """Turns each verdict about a piece into settlements and further pieces.

    ``exclusive``: the caller's word that no id was there before and nobody else adds them.
    ``gateway_resends``: see :class:`RetryPolicy`.
    """

    def __init__(self, *, exclusive: bool = False, gateway_resends: bool = False) -> None:
        self._exclusive = exclusive
        self._gateway_resends = gateway_resends

    def distrust(self) -> None:
        """Somebody else adds ids too, or an id of ours may come twice: no more inference."""
        self._exclusive = False

    def resolve(self, piece: Piece, verdict: Verdict) -> Resolution:
        """What follows from the verdict; see the table in ``verdicts.py``."""
        proof, meaning = verdict.proof, verdict.meaning
        _count(piece, verdict)
        repeated = piece.whole and bool(piece.open)
        if meaning.landed is None or (self._gateway_resends and proof in _FROM_SECOND_COPY):
            if piece.own is None:
                # One for all attempts at just these rows: what refutes one of them refutes all.
                piece.own = Attempt()
                piece.open = (*piece.still_open(), piece.own)
            piece.failure = verdict.error
        match meaning.step:
            case Step.SETTLE:
                return self._settle_added(piece, verdict)
            case Step.RETRY | Step.WAIT:
                return Resolution([], [piece])
            case Step.STOP:
                return Resolution(self.abandon(piece, verdict.error), [])
            case Step.EXCISE if repeated and self._exclusive:
                return self._settle_inferred(piece)
            case Step.EXCISE:
                return self._excise(piece, verdict)
            case Step.TAKE_APART:
                return self._take_apart(piece, verdict)

    def abandon(self, piece: Piece, error: CampaignsError | None) -> list[Settlement]:
        """No more time for this piece: NOT_ADDED, or UNKNOWN if an attempt may have landed."""
        case = piece.case
        for part in (piece, piece.rest):
            if part is not None:
                self._hold(part, part.rows, Status.NOT_ADDED, Status.UNKNOWN, error)
        return self._close(case, 1 if piece.rest is None else 2)

    # --- the steps

    def _settle_added(self, piece: Piece, verdict: Verdict) -> Resolution:
        for attempt in piece.open:
            attempt.refute()
        added = Settlement(
            piece.rows,
            Status.ADDED,
            evidence=Evidence.CONFIRMED,
            attempts=piece.attempts,
            reply=verdict,
        )
        return self._conclude(piece, [added], _halves(piece.rest))

    def _settle_inferred(self, piece: Piece) -> Resolution:
        added = Settlement(
            piece.rows, Status.ADDED, evidence=Evidence.INFERRED, attempts=piece.attempts
        )
        return self._conclude(piece, [added], [])

    def _excise(self, piece: Piece, verdict: Verdict) -> Resolution:
        """Those named are there. None named: look for one."""
        present, left = piece.rows.with_ids(set(verdict.named))
        if not present:
            return self._take_apart(piece, verdict)
        if not piece.still_open():
            # Whatever the caller said.
            self.distrust()
        proved = Settlement(
            present,
            Status.PRESENT,
            attribution=Attribution.THEIRS,
            attempts=piece.attempts,
        )
        doubtful = attrs.evolve(proved, attribution=Attribution.UNCLEAR)
        piece.case.held += (_Held(piece.open, proved, doubtful),)
        # A single that is there makes it likely that all of its batch is: no use in halves.
        return self._conclude(
            piece, [], [*_split_off(piece, left, verdict.suspects), *_singles(piece.rest)]
        )

    def _take_apart(self, piece: Piece, verdict: Verdict) -> Resolution:
        if len(piece.rows) > 1:
            if verdict.suspects:
                return self._conclude(piece, [], _split_off(piece, piece.rows, verdict.suspects))
            if verdict.proof is Proof.DUPLICATE and piece.still_open():
                # Has the open attempt landed? One record tells most of it.
                single = piece.part(piece.rows[:1])
                single.rest = piece.part(piece.rows[1:])
                return self._conclude(piece, [], [single])
            return self._conclude(piece, [], _halves(piece))
        if verdict.proof is Proof.UNCLEAR:
            # May be a badly worded "already there", by an attempt of ours.
            self._hold(piece, piece.rows, Status.REJECTED, Status.UNKNOWN, verdict.error)
            return self._conclude(piece, [], _halves(piece.rest))
        rejected = Settlement(
            piece.rows, Status.REJECTED, error=verdict.error, attempts=piece.attempts
        )
        return self._conclude(piece, [rejected], _halves(piece.rest))

    # --- the case's books

    def _hold(
        self,
        piece: Piece,
        rows: Rows,
        proved: Status,
        doubtful: Status,
        error: CampaignsError | None,
    ) -> None:
        unexplained = proved is Status.REJECTED
        held = _Held(
            piece.open,
            Settlement(rows, proved, error=error, attempts=piece.attempts, unexplained=unexplained),
            Settlement(rows, doubtful, error=piece.failure or error, attempts=piece.attempts),
        )
        piece.case.held += (held,)

    def _conclude(self, piece: Piece, settled: list[Settlement], parts: list[Piece]) -> Resolution:
        """The piece is over; ``parts`` take its place."""
        gone = 1 if piece.rest is None else 2
        for part in parts:
            piece.case.live += 1 if part.rest is None else 2
        return Resolution(settled + self._close(piece.case, gone), parts)

    def _close(self, case: Case, gone: int) -> list[Settlement]:
        case.live -= gone
        if not case.held:
            return []
        settled: list[Settlement] = []
        still: list[_Held] = []
        for held in case.held:
            if all(attempt.refuted for attempt in held.attempts):
                settled.append(held.proved)
            elif case.live == 0:
                settled.append(held.doubtful)
            else:
                still.append(held)
        case.held = tuple(still)
        return settled


def _count(piece: Piece, verdict: Verdict) -> None:
    """One attempt more, which the error that it ended with tells too."""
    if verdict.sent:
        piece.attempts += 1
    if isinstance(verdict.error, APIError | TransportError):
        verdict.error.attempts = piece.attempts + (not verdict.sent)


def _halves(piece: Piece | None) -> list[Piece]:
    if piece is None:
        return []
    middle = (len(piece.rows) + 1) // 2
    return [piece.part(rows) for rows in (piece.rows[:middle], piece.rows[middle:]) if rows]


def _singles(piece: Piece | None) -> list[Piece]:
    return [] if piece is None else [piece.part(row) for row in piece.rows.singles()]


def _split_off(piece: Piece, rows: Rows, ids: Iterable[str]) -> list[Piece]:
    """``rows`` as one piece, but those with one of ``ids`` each alone."""
    apart, left = rows.with_ids(set(ids))
    parts = [piece.part(row) for row in apart.singles()]
    return [*parts, piece.part(left)] if left else parts
