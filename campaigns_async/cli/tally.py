"""The account of an upload as a person reads it: how many rows of each kind, why, and which."""

import re
from bisect import insort
from collections import Counter
from collections.abc import Iterable
from typing import Final

import attrs

from campaigns_async.cli.failures import reason_of
from campaigns_async.cli.rows import AnyRow, RowNumbers
from campaigns_async.errors import CampaignsError
from campaigns_async.outcomes import Attribution, Evidence, RecordOutcome, Status

FIRST_ROWS: Final = 5
"""Row numbers shown for each reason."""

_MAX_REASONS: Final = 1_000
"""Different reasons counted apart; a service that words each refusal anew must not fill memory."""

_VALUES: Final = re.compile(r"""('[^']*'|"[^"]*"|\b\d+\b)""")
"""What differs between rows with one reason: quoted text and numbers."""


@attrs.define
class Reason:
    """Rows with one status and one reason.

    ``words``: of the first row's; a value in which another row's differs became an ellipsis.
    """

    status: Status
    words: list[str]
    count: int = 0
    _first: list[tuple[int, str]] = attrs.field(factory=list[tuple[int, str]])

    @property
    def text(self) -> str:
        """The reason as far as all rows share it."""
        return "".join(self.words)

    @property
    def rows(self) -> list[str]:
        """The first few, as ``12`` or, for a repeated id, ``12 (as 3)``."""
        return [label for _, label in self._first]

    def add(self, words: list[str], row: int, label: str) -> None:
        """One more row with this reason."""
        self.count += 1
        self.words = [a if a == b else "…" for a, b in zip(self.words, words, strict=True)]
        insort(self._first, (row, label))
        del self._first[FIRST_ROWS:]


class Tally:
    """Counts outcomes as they settle, and rows that were never read.

    ``header``: whether row 1 is one.
    """

    def __init__(self, numbers: RowNumbers, *, header: bool = True) -> None:
        self.header = header
        self.counts: Counter[Status] = Counter(dict.fromkeys(Status, 0))
        self._numbers = numbers
        self._reasons: dict[tuple[str, ...], Reason] = {}

    def add(self, outcome: RecordOutcome, row: AnyRow) -> None:
        """One settled row."""
        self.counts[outcome.status] += 1
        text = _explain(outcome)
        if text is None:
            return
        label = str(row.row)
        if outcome.duplicate_of is not None:
            label = f"{row.row} (as {self._numbers[outcome.duplicate_of]})"
        id_ = outcome.crm_record_id
        if id_ and f"'{id_}'" not in text:
            # As a word: the id D is not meant in MEDIUM.
            text = re.sub(rf"(?<!\w){re.escape(id_)}(?!\w)", lambda found: f"'{found[0]}'", text)
        self._note(outcome.status, text, row.row, label)

    def add_unread(self, row: AnyRow, error: CampaignsError) -> None:
        """A row that the upload never came to."""
        self.counts[Status.NOT_ADDED] += 1
        self._note(Status.NOT_ADDED, reason_of(error), row.row, str(row.row))

    @property
    def total(self) -> int:
        """Rows counted so far."""
        return self.counts.total()

    @property
    def reasons(self) -> Iterable[Reason]:
        """By status in the order of :class:`Status`, the commonest first."""
        order = list(Status)
        return sorted(self._reasons.values(), key=lambda r: (order.index(r.status), -r.count))

    def _note(self, status: Status, text: str, row: int, label: str) -> None:
        """Why a row that is counted ended so."""
        words = _VALUES.split(text)
        key = (status, *words[::2])
        if key not in self._reasons and len(self._reasons) >= _MAX_REASONS:
            words = ["other reasons, which the reject file tells"]
            key = (status, *words)
        self._reasons.setdefault(key, Reason(status, words)).add(words, row, label)


def _explain(outcome: RecordOutcome) -> str | None:  # noqa: PLR0911 - one for each kind
    match outcome.status:
        case Status.ADDED if outcome.evidence is Evidence.INFERRED:
            return (
                "taken for ours by --exclusive: the reply was lost, and nobody else adds these ids"
            )
        case Status.ADDED:
            return None
        case Status.PRESENT if outcome.attribution is Attribution.UNCLEAR:
            return "on the campaign; perhaps by an attempt of this upload whose reply was lost"
        case Status.PRESENT:
            return "on the campaign already"
        case Status.DUPLICATE if outcome.differs:
            return "the id of an earlier row, with other values: only the first row counts"
        case Status.DUPLICATE:
            return "the same as an earlier row"
        case _:
            return None if outcome.error is None else reason_of(outcome.error)
