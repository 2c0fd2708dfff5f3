"""What looks damaged in a file although it could be sent: a spreadsheet's work, mostly."""

import re
from bisect import insort
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from campaigns_async.cli.rows import FileRecord
from campaigns_async.cli.tally import FIRST_ROWS

_SHORTENED: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?[Ee][+-]?\d+")
_FLOAT: Final = re.compile(r"\d+[.,]0+")
_DIGITS: Final = re.compile(r"\d+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

_FEW: Final = 10
"""Ids of digits alone from which on their usual length is worth a word."""

_USUAL: Final = 0.8
"""The share of them that has it."""


@attrs.define
class Suspicion:
    """Rows that look damaged in the same way. ``rows``: the first few."""

    what: str
    next_step: str
    count: int = 0
    rows: list[int] = attrs.field(factory=list[int])

    def add(self, row: int) -> None:
        """One more row."""
        self.count += 1
        insort(self.rows, row)
        del self.rows[FIRST_ROWS:]


class Suspicions:
    """Looks at each record that could be sent, and keeps counts and a few row numbers alone."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime.now(UTC)
        as_text = "format the column as text before you export it"
        self._shortened = Suspicion("the id is a number that a spreadsheet shortened", as_text)
        self._float = Suspicion("the id is a number with decimals", as_text)
        self._formula = Suspicion("the id is a spreadsheet's error", "mend the formula behind it")
        self._control = Suspicion("the id holds a control character", "export the file anew")
        self._past = Suspicion(
            "schedule_at lies in the past", "correct it, or leave it out to dial at once"
        )
        self._lengths: dict[int, Suspicion] = {}

    def look_at(self, record: FileRecord) -> None:
        """One record that could be sent."""
        id_, row = record.crm_record_id, record.row
        if _DIGITS.fullmatch(id_):
            self._lengths.setdefault(len(id_), Suspicion("", "")).add(row)
        elif _CONTROL.search(id_):
            self._control.add(row)
        elif _SHORTENED.fullmatch(id_):
            self._shortened.add(row)
        elif _FLOAT.fullmatch(id_):
            self._float.add(row)
        elif id_.startswith("#") and id_.endswith(("!", "?", "/A")):
            self._formula.add(row)
        moment = _moment(record.schedule_at)
        if moment is not None and moment < self._now:
            self._past.add(row)

    def __iter__(self) -> Iterator[Suspicion]:
        found = (
            *(self._shortened, self._float, self._formula, self._control),
            *self._too_short(),
            self._past,
        )
        return (suspicion for suspicion in found if suspicion.count)

    def _too_short(self) -> Iterator[Suspicion]:
        total = sum(found.count for found in self._lengths.values())
        if total < _FEW:
            return
        usual = max(self._lengths, key=lambda length: self._lengths[length].count)
        if self._lengths[usual].count < total * _USUAL:
            return
        for length in sorted(self._lengths):
            if length < usual:
                found = self._lengths[length]
                yield attrs.evolve(
                    found,
                    what=f"the id has {length} digits and most have {usual}: lost leading zeros?",
                    next_step="format the column as text before you export it",
                )


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None
