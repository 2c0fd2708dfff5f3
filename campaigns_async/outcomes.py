"""What became of one record: the answer to "is it in?", with its evidence."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from campaigns_async.errors import CampaignsError
from campaigns_async.models import Record


class Status(StrEnum):
    """What an outcome says. In doubt it is UNKNOWN, never a success."""

    # Enum's own is written in Python, which tells where it is asked for each of many records.
    __hash__ = str.__hash__

    ADDED = "ADDED"
    """We put it in, and there is proof (see :class:`Evidence`)."""
    PRESENT = "PRESENT"
    """The service says that the id is on the campaign (see :class:`Attribution`)."""
    DUPLICATE = "DUPLICATE"
    """An earlier row of the input has the id; that row's outcome says what became of it."""
    REJECTED = "REJECTED"
    """Refused for itself, here or by the service."""
    NOT_ADDED = "NOT_ADDED"
    """Not sent, or surely not taken: the upload stopped first."""
    UNKNOWN = "UNKNOWN"
    """May or may not be in; the time to find out ran out."""


class Evidence(StrEnum):
    """How an ADDED is known."""

    CONFIRMED = "confirmed"
    """A 2xx answered a request that held the record."""
    INFERRED = "inferred"
    """``exclusive=True``, and the batch proved to be in after an attempt whose reply was lost."""


class Attribution(StrEnum):
    """Who put a PRESENT record there."""

    THEIRS = "theirs"
    """No attempt of ours can have."""
    UNCLEAR = "unclear"
    """It may have been an attempt of ours whose reply was lost."""


IN_CAMPAIGN: Final = frozenset({Status.ADDED, Status.PRESENT})
FAILED: Final = frozenset({Status.REJECTED, Status.NOT_ADDED, Status.UNKNOWN})


_OWN: Final = ("index", "record_in", "crm_record_id", "status")
"""What each outcome holds for itself from the beginning; most are asked for no more."""


class _Lazy:
    """Holds the rest for all outcomes of a batch together, until somebody looks.

    ``_alike``: that rest, by name; for ``record`` it has what finds the record of an id. None when
    all was found. Not there at all in an outcome that was made with everything.
    """

    __slots__ = ("_alike",)
    _alike: Mapping[str, Any] | None

    if not TYPE_CHECKING:  # or every misspelt attribute would be taken for one of Any

        def __getattr__(self, name: str) -> Any:
            """Called for what is not there yet."""
            alike = None if name == "_alike" else getattr(self, "_alike", None)
            if alike is None or name not in alike:
                # Another thread may have found it meanwhile; else it is told as usual.
                return object.__getattribute__(self, name)
            if name != "record":
                return alike[name]
            # The reply to the whole batch is needed no more: nothing of the others is kept.
            found = {**alike, "record": alike["record"](self.crm_record_id)}
            for each, value in found.items():
                object.__setattr__(self, each, value)
            # Last: another thread that finds none of it relies on what was set before.
            object.__setattr__(self, "_alike", None)
            return found["record"]


@attrs.frozen
class RecordOutcome(_Lazy):
    """What became of one input row. Every row has exactly one.

    - ``index``: the row's position in the input, from 0.
    - ``record_in``: the row as it was given. ``crm_record_id``: its id; None if it has none.
    - ``record``: the service's record where its reply could be read; else None. Decoded when it is
      first looked at; until then an outcome that you keep keeps the reply of its whole batch.
    - ``error``: why, for REJECTED, NOT_ADDED and UNKNOWN.
    - ``evidence``: for ADDED, see :class:`Evidence`.
    - ``attribution``: for PRESENT, see :class:`Attribution`.
    - ``attempts``: requests that held this row.
    - ``duplicate_of``: for DUPLICATE, the index of the row that came first.
    - ``differs``: for DUPLICATE, whether the rest of the row (schedule, priority, rank) says
      something else than the first one did.
    """

    index: int
    record_in: Any
    status: Status
    record: Record | None = None
    error: CampaignsError | None = None
    evidence: Evidence | None = None
    attribution: Attribution | None = None
    attempts: int = 0
    duplicate_of: int | None = None
    differs: bool | None = None
    crm_record_id: str | None = None

    @classmethod
    def lazy(
        cls,
        rows: Iterable[tuple[int, Any, str | None]],
        status: Status,
        find_record: Callable[[str | None], Record | None],
        **alike: Any,
    ) -> Iterator[Self]:
        """Those of ``rows`` (index, record_in, crm_record_id), which have all else alike.

        The record of each is found when it is looked at.
        """
        rest = {**_REST, **alike, "record": find_record}
        put_index, put_record_in, put_id, put_status, put_alike = _SETTERS
        for index, record_in, crm_record_id in rows:
            outcome = cls.__new__(cls)
            put_index(outcome, index)
            put_record_in(outcome, record_in)
            put_id(outcome, crm_record_id)
            put_status(outcome, status)
            put_alike(outcome, rest)
            yield outcome

    @property
    def in_campaign(self) -> bool:
        """Whether there is proof that this row's id is on the campaign: ADDED or PRESENT."""
        return self.status in IN_CAMPAIGN


_REST: Final = {f.name: f.default for f in attrs.fields(RecordOutcome) if f.name not in _OWN}
# Past the class's own, which lets nobody change an outcome.
_SETTERS: Final = [getattr(RecordOutcome, name).__set__ for name in (*_OWN, "_alike")]
