"""The outcomes of the ids that a batcher settled last, for who submits one of them again."""

from typing import Final

from campaigns_async.outcomes import RecordOutcome

REMEMBERED: Final = 10_000
"""Ids whose outcomes are remembered, at least; twice as many at most."""


class Remembered:
    """Outcomes by id, in two generations: the elder is dropped when the younger is full."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._younger: dict[str, RecordOutcome] = {}
        self._elder: dict[str, RecordOutcome] = {}

    def find(self, crm_record_id: str | None) -> RecordOutcome | None:
        """The outcome of this id; None if there is none, or none any more."""
        if crm_record_id is None:
            return None
        outcome = self._younger.get(crm_record_id) or self._elder.get(crm_record_id)
        if outcome is not None:
            # It may outlive those of its batch: decoded, so that it does not keep their reply.
            _ = outcome.record
        return outcome

    def add(self, crm_record_id: str, outcome: RecordOutcome) -> bool:
        """Remember it; whether that made it forget others."""
        forgets = False
        if len(self._younger) == self._most:
            forgets = bool(self._elder)
            self._elder, self._younger = self._younger, {}
        self._younger[crm_record_id] = outcome
        return forgets
