"""What a campaign holds, who added it and when: what a test compares its client's account with."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import attrs

from campaigns_async.models import (
    NewRecord,
    Record,
    RecordCount,
    RecordPriority,
    RecordState,
    RecordType,
)


@attrs.frozen
class LedgerEntry:
    """One record on the campaign.

    ``position`` counts all records ever added to the campaign, from 0. ``request`` is the number
    of the request that added it (as in `ReceivedRequest.number`) and ``client`` what that request
    said in its ``X-Emulator-Client`` header; both are None for a seeded record.
    """

    record: Record
    position: int
    added_at: datetime
    request: int | None = None
    client: str | None = None
    seeded: bool = False


@attrs.frozen
class _Batch:
    """What the records of one request have in common."""

    added_at: datetime
    request: int | None
    client: str | None
    seeded: bool


# Position, batch, priority, rank, schedule. Exact tuples of plain values, because the garbage
# collector stops visiting those: with an object per record, a million records halve the speed.
_Row = tuple[int, int, str, float, datetime | None]

_PRIORITIES: Final = {str(p): (p, p.value) for p in RecordPriority}
"""By the text of a priority: the member, and its plain text for the rows."""


class Ledger(Mapping[str, LedgerEntry]):
    """Entries by ``crmRecordId`` in the order of adding; those of a request all, or none.

    Ids are unique, in exact case or in any. To its readers it is a mapping; `add` and `remove` are
    for the campaign.
    """

    def __init__(
        self, *, id_prefix: str, ignore_case: bool = False, removed_id_stays_taken: bool = True
    ) -> None:
        self._id_prefix = id_prefix
        self._ignore_case = ignore_case
        self._removed_id_stays_taken = removed_id_stays_taken
        self._rows: dict[str, _Row] = {}
        self._batches: list[_Batch] = []
        self._folded: set[str] = set()
        self._gone: set[str] = set()
        self._in_priority = dict.fromkeys(_PRIORITIES, 0)
        self._of_type: Counter[RecordType] = Counter()
        self._added = 0
        self._removed: list[LedgerEntry] = []

    def __getitem__(self, crm_record_id: str) -> LedgerEntry:
        """The entry of the id, spelled as it was added."""
        position, batch_index, priority, rank, schedule_at = self._rows[crm_record_id]
        batch = self._batches[batch_index]
        record = Record(
            id=f"{self._id_prefix}{position:012x}",
            type=RecordType.CRM_QUERY if batch.seeded else RecordType.DYNAMIC,
            crm_record_id=crm_record_id,
            priority=RecordPriority(priority),
            rank=rank,
            next_attempt_after=schedule_at or batch.added_at,
            retry_count=0,
            state=RecordState.PENDING,
        )
        return LedgerEntry(
            record, position, batch.added_at, batch.request, batch.client, batch.seeded
        )

    def __iter__(self) -> Iterator[str]:
        """The ids in the order of adding."""
        return iter(self._rows)

    def __len__(self) -> int:
        """How many records there are."""
        return len(self._rows)

    def __contains__(self, crm_record_id: object) -> bool:
        """Whether the id is there, spelled as it was added."""
        return crm_record_id in self._rows

    def __repr__(self) -> str:
        """In brief: a ledger may hold millions."""
        return f"<Ledger of {len(self)} records>"

    @property
    def removed(self) -> tuple[LedgerEntry, ...]:
        """What `remove` took off, in that order."""
        return tuple(self._removed)

    def added_by(self, client: str | None) -> list[str]:
        """The ids that requests with this client tag put in; None: those without. In order."""
        ours = {
            index
            for index, batch in enumerate(self._batches)
            if batch.client == client and not batch.seeded
        }
        return [crm_record_id for crm_record_id, row in self._rows.items() if row[1] in ours]

    def duplicates(self, crm_record_ids: Sequence[str]) -> tuple[str, ...]:
        """Those of the ids that are taken, in their order."""
        if self._ignore_case:
            return tuple([i for i in crm_record_ids if i.casefold() in self._folded])
        rows, gone = self._rows, self._gone
        return tuple([i for i in crm_record_ids if i in rows or i in gone])

    def add(
        self,
        new_records: Sequence[NewRecord],
        *,
        now: datetime,
        request: int | None = None,
        client: str | None = None,
        seeded: bool = False,
    ) -> list[Record]:
        """Add them all. The caller has checked `duplicates`, and repeats among them.

        A rank left out becomes the number of records now in that priority group, plus one; a
        priority left out HIGH (the vendor's page "Add records").
        """
        batch_index = len(self._batches)
        self._batches.append(_Batch(now, request, client, seeded))
        kind = RecordType.CRM_QUERY if seeded else RecordType.DYNAMIC
        pending = RecordState.PENDING
        prefix = self._id_prefix
        in_priority = self._in_priority
        records: list[Record] = []
        for position, new in enumerate(new_records, self._added):
            crm_record_id = new.crm_record_id
            priority, group = _PRIORITIES[new.priority or RecordPriority.HIGH]
            in_priority[group] += 1
            rank = float(in_priority[group]) if new.rank is None else new.rank
            schedule_at = new.schedule_at
            if isinstance(schedule_at, str):
                schedule_at = datetime.fromisoformat(schedule_at)
            self._rows[crm_record_id] = (position, batch_index, group, rank, schedule_at)
            records.append(
                Record(
                    id=f"{prefix}{position:012x}",
                    type=kind,
                    crm_record_id=crm_record_id,
                    priority=priority,
                    rank=rank,
                    next_attempt_after=schedule_at or now,
                    retry_count=0,
                    state=pending,
                )
            )
        if self._ignore_case:
            self._folded.update([new.crm_record_id.casefold() for new in new_records])
        self._added += len(records)
        self._of_type[kind] += len(records)
        return records

    def remove(self, crm_record_id: str) -> LedgerEntry:
        """Take a record off, as an administrator might; KeyError when it is not there."""
        entry = self[crm_record_id]
        gone = attrs.evolve(entry, record=attrs.evolve(entry.record, state=RecordState.DELETED))
        self._removed.append(gone)
        group = self._rows.pop(crm_record_id)[2]
        self._in_priority[group] -= 1
        self._of_type[RecordType.CRM_QUERY if entry.seeded else RecordType.DYNAMIC] -= 1
        if self._removed_id_stays_taken:
            self._gone.add(crm_record_id)
        else:
            self._folded.discard(crm_record_id.casefold())
        return gone

    def counts(self) -> tuple[RecordCount, ...]:
        """How many there are of each type and state; empty for an empty campaign."""
        return tuple(
            RecordCount(type=kind, state=RecordState.PENDING, count=count)
            for kind, count in self._of_type.items()
            if count
        )
