"""What an earlier run of the same upload knew, asked again in input order.

Batches are made of the same rows in every run of the same input, because chunking depends on
nothing else. So a batch of which nothing was settled, and which was never taken apart, went out
just so or not at all.
"""

from collections.abc import Iterable, Sequence

import attrs

from campaigns_async._core.resolver import Attempt, Case, Piece
from campaigns_async._core.rows import Row
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

    def is_open(self, position: int) -> bool:
        """Whether the row may have been sent without an answer."""
        return position in self._open

    def recall(self, rows: Sequence[Row]) -> list[Settlement]:
        """The verdicts of these settled rows. Ask in input order, and for each row once."""
        added: list[Row] = []
        settlements: list[Settlement] = []
        for row in rows:
            kept = self._exception(row.index)
            if kept is None:
                added.append(row)
                continue
            settlements.append(
                Settlement(
                    [row],
                    kept.status,
                    error=kept.error,
                    evidence=kept.evidence,
                    attribution=kept.attribution,
                    attempts=kept.attempts,
                    recalled=True,
                )
            )
        if added:
            settlements.append(
                Settlement(added, Status.ADDED, evidence=Evidence.CONFIRMED, recalled=True)
            )
        return settlements

    def revive(self, batch: Sequence[Row]) -> list[Piece]:
        """What is left to send of a batch, with the attempts that may have landed."""
        left = [row for row in batch if row.index not in self._settled]
        unseen = [row for row in left if row.index in self._open]
        if len(left) == len(batch) and batch[0].index not in self._split:
            # It went out whole or not at all: not at all if some of it was never due.
            went_out = len(unseen) == len(batch)
            piece = Piece.of(batch)
            piece.open = (Attempt(),) if went_out else ()
            return [piece]
        fresh = [row for row in left if row.index not in self._open]
        parts = [(fresh, ()), (unseen, (Attempt(known=False),))]
        return [
            Piece(rows, Case(batch[0].index), attempts, whole=False)
            for rows, attempts in parts
            if rows
        ]

    def _exception(self, position: int) -> Kept | None:
        while self._next is not None and self._next.position < position:
            self._next = next(self._exceptions, None)
        found = self._next
        return found if found is not None and found.position == position else None
