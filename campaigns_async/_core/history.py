"""What an earlier run of the same upload knew, asked again in input order.

Batches are made of the same rows in every run of the same input, because chunking depends on
nothing else. So a batch of which nothing was settled, and which was never taken apart, went out
just so or not at all.
"""

from collections.abc import Iterable

import attrs

from campaigns_async._core.resolver import Attempt, Case, Piece
from campaigns_async._core.rows import Rows
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.spans import Spans
from campaigns_async.errors import CampaignsError
from campaigns_async.outcomes import Attribution, Evidence, Status


@attrs.frozen(kw_only=True)
class Kept:
    """One row's verdict as a journal keeps it; the fields are as in RecordOutcome."""

    position: int
    status: Status
    error: CampaignsError | None = None
    evidence: Evidence | None = None
    attribution: Attribution | None = None
    attempts: int = 0
    duplicate_of: int | None = None
    differs: bool | None = None


class History:
    """``settled``: positions with a final verdict, ADDED but for the ``exceptions``.

    ``exceptions``: in ascending order of position. ``open``: positions that may have been sent
    without an answer. ``split``: first positions of batches that were taken apart.
    """

    def __init__(
        self,
        *,
        settled: Spans,
        exceptions: Iterable[Kept] = (),
        open: Spans,  # noqa: A002 - the word for it
        split: frozenset[int] = frozenset(),
    ) -> None:
        self._settled = settled
        self._exceptions = iter(exceptions)
        self._next = next(self._exceptions, None)
        self._open = open
        self._split = split

    def is_settled(self, position: int) -> bool:
        """Whether the row has its final verdict."""
        return position in self._settled

    def sort(self, rows: Rows) -> tuple[Rows, Rows, Rows]:
        """Those that have their final verdict, those that may have been sent, and the rest."""
        settled, left = rows.split([position in self._settled for position in rows.positions])
        return settled, *left.split([position in self._open for position in left.positions])

    def recall(self, rows: Rows) -> list[Settlement]:
        """The verdicts of these settled rows. Ask in input order, and for each row once."""
        exceptions = [self._exception(position) for position in rows.positions]
        settlements = [
            Settlement(
                row,
                kept.status,
                error=kept.error,
                evidence=kept.evidence,
                attribution=kept.attribution,
                attempts=kept.attempts,
                recalled=True,
            )
            for row, kept in zip(rows.singles(), exceptions, strict=True)
            if kept is not None
        ]
        added = rows.where([kept is None for kept in exceptions])
        if added:
            settlements.append(
                Settlement(added, Status.ADDED, evidence=Evidence.CONFIRMED, recalled=True)
            )
        return settlements

    def revive(self, batch: Rows) -> list[Piece]:
        """What is left to send of a batch, with the attempts that may have landed."""
        first = batch.first
        _, unseen, fresh = self.sort(batch)
        if len(unseen) + len(fresh) == len(batch) and first not in self._split:
            # It went out whole or not at all: not at all if some of it was never due.
            went_out = len(unseen) == len(batch)
            piece = Piece.of(batch)
            piece.open = (Attempt(),) if went_out else ()
            return [piece]
        parts = [(fresh, ()), (unseen, (Attempt(known=False),))]
        return [Piece(rows, Case(first), attempts, whole=False) for rows, attempts in parts if rows]

    def _exception(self, position: int) -> Kept | None:
        while self._next is not None and self._next.position < position:
            self._next = next(self._exceptions, None)
        found = self._next
        return found if found is not None and found.position == position else None
