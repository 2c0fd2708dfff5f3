"""Invariant 7: every refusal removes an id or splits the batch, and requests stay within the bound.

The requests of one batch are counted here from outside, by what the server knows of each reply, and
not by what the engine made of it.
"""

from collections.abc import Sequence

import attrs

from campaigns_async._core.resolver import Case, Piece
from campaigns_async._core.verdicts import Proof, Step, Verdict
from tests.simulation.invariants import BrokenPromiseError
from tests.simulation.texts import Reply, Said

_REFUSALS = frozenset({Proof.DUPLICATE, Proof.INVALID, Proof.UNCLEAR})


@attrs.define
class _Count:
    """``sent``: requests for a batch of ``size`` ids.

    ``faults``: replies that say nothing of the content. ``blind``: refusals that name no offender.
    ``named``: offenders that the others name. ``asked``: ids that had to be asked alone for it.
    """

    size: int
    sent: int = 0
    faults: int = 0
    blind: int = 0
    named: int = 0
    asked: int = 0
    refused: set[tuple[str, ...]] = attrs.Factory(set)


class Cases:
    """The requests that each batch took.

    ``ids_are_words``: of the server's sentences, so that more than those meant must be asked alone.
    """

    def __init__(self, *, ids_are_words: bool = False) -> None:
        self._ids_are_words = ids_are_words
        self._counts: dict[Case, _Count] = {}

    def sent(self, piece: Piece, ids: Sequence[str]) -> None:
        """A request goes out."""
        count = self._counts.get(piece.case)
        if count is None:
            self._counts[piece.case] = _Count(len(ids))
        elif count.refused and tuple(ids) in count.refused:
            raise BrokenPromiseError(7, f"these were refused, and go out again: {ids[:4]}")

    def judged(
        self, piece: Piece, ids: Sequence[str], verdict: Verdict, reply: Reply | None
    ) -> None:
        """Its end was seen; ``reply`` is None where the server has no part in it."""
        if verdict.proof is Proof.NOT_SENT:
            return
        count = self._counts[piece.case]
        count.sent += 1
        if verdict.meaning.step in {Step.RETRY, Step.WAIT}:
            count.faults += 1
            # It may be the one from which on it is taken for a refusal like others.
            count.blind += verdict.proof is Proof.WORDLESS
        elif verdict.proof in _REFUSALS:
            count.refused.add(tuple(ids))
            if reply is None or reply.said is not Said.NAMED:
                count.blind += 1
                return
            count.named += len(reply.named)
            # One that may be a word of the sentence is asked alone before it is believed.
            suspects = set(verdict.suspects)
            count.asked += len(suspects if self._ids_are_words else suspects & set(reply.named))

    def check_end(self) -> None:
        """All batches are over."""
        for count in self._counts.values():
            bound = 2 * count.size - 1
            if not count.blind:
                bound = min(bound, count.named + count.asked + 1)
            if count.sent > bound + count.faults:
                raise BrokenPromiseError(
                    7,
                    f"{count.sent} requests for a batch of {count.size} are too many, with"
                    f" {count.faults} faults, {count.named} ids named, {count.asked} asked alone",
                )
