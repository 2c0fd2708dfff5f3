"""What a batcher remembers of the ids that it settled, for who submits one of them again."""

from collections.abc import Callable, Iterable
from typing import Final

import attrs

from campaigns_async._core.settlement import Settlement
from campaigns_async.outcomes import IN_CAMPAIGN, Attribution, RecordOutcome, Status

REMEMBERED: Final = 10_000
"""Ids whose outcomes are remembered, at least; a few more than twice as many at most."""


class Memory:
    """The last ids that are in the campaign, and the last that may be.

    ``on_forget``: called once, when an id of ours may come again and not be known any more.
    """

    def __init__(self, on_forget: Callable[[], None], most: int = REMEMBERED) -> None:
        self._on_forget = on_forget
        self._present = Remembered(most)
        # Those that ended UNKNOWN.
        self._doubtful = Remembered(most)
        self._forgot = False

    def find(self, crm_record_id: str) -> RecordOutcome | None:
        """The outcome of this id if that is known to be in; else None."""
        outcome = self._present.find(crm_record_id)
        if outcome is not None:
            # It may outlive those of its batch: decoded, so that it does not keep their reply.
            _ = outcome.record
        return outcome

    def take_in(self, settlement: Settlement) -> list[RecordOutcome]:
        """Remember what became of these records: their outcomes, as far as earlier ones allow.

        Once an id may be forgotten, "theirs" cannot be claimed any more. Neither a refusal that
        does not say why nor NOT_ADDED tells whether an id is in from before, where it may be.
        """
        if settlement.attribution is Attribution.THEIRS and self._forgot:
            settlement = attrs.evolve(settlement, attribution=Attribution.UNCLEAR)
        outcomes, status = list(settlement.outcomes()), settlement.status
        if status in IN_CAMPAIGN:
            if self._present.add(outcomes):
                self._forget()
        elif status is Status.UNKNOWN:
            self._doubtful.add(outcomes)
            self._forget()
        elif settlement.unexplained or status is Status.NOT_ADDED:
            outcomes = [self._doubt(outcome) for outcome in outcomes]
        return outcomes

    def _doubt(self, outcome: RecordOutcome) -> RecordOutcome:
        if not (outcome.crm_record_id and self._doubtful.find(outcome.crm_record_id)):
            return outcome
        doubtful = attrs.evolve(outcome, status=Status.UNKNOWN)
        self._doubtful.add([doubtful])
        return doubtful

    def _forget(self) -> None:
        if not self._forgot:
            self._forgot = True
            self._on_forget()


class Remembered:
    """Outcomes by id, in two generations: the elder is dropped when the younger is full."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._younger: dict[str, RecordOutcome] = {}
        self._elder: dict[str, RecordOutcome] = {}

    def find(self, crm_record_id: str) -> RecordOutcome | None:
        """The outcome of this id; None if there is none, or none any more."""
        return self._younger.get(crm_record_id) or self._elder.get(crm_record_id)

    def add(self, outcomes: Iterable[RecordOutcome]) -> bool:
        """Remember these, but what has no id; whether that made it forget others."""
        forgets = False
        if len(self._younger) >= self._most:
            forgets = bool(self._elder)
            self._elder, self._younger = self._younger, {}
        self._younger.update([(o.crm_record_id, o) for o in outcomes if o.crm_record_id])
        return forgets
