"""Which column of a file holds what, by name."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from campaigns_async.cli.failures import Failure

FIELDS: Final = {
    "crm_record_id": "--id-column",
    "schedule_at": "--schedule-column",
    "priority": "--priority-column",
    "rank": "--rank-column",
    "time_zone": "--time-zone-column",
}
"""What a column can hold, and the option that names it: a record's fields, and its time's zone."""

ID: Final = "crm_record_id"


def squash(name: str) -> str:
    """``CRM Record ID``, ``crm_record_id`` and ``crmRecordId`` are one name."""
    return "".join(c for c in name.casefold() if c.isalnum())


def map_columns(header: Sequence[str], chosen: Mapping[str, str | None]) -> dict[str, int]:
    """The position of each field's column, for the fields that have one.

    ``chosen``: columns named by the user, by field. Nothing is guessed: a wrong column of ids
    would be dialed. Raises `Failure` for a missing or ambiguous one.
    """
    found: dict[str, int] = {}
    for field, option in FIELDS.items():
        name = chosen.get(field)
        places = _find(header, name or field)
        if len(places) > 1:
            raise Failure(
                f"{len(places)} columns are called {name or header[places[0]]!r}",
                next_step=f"rename all but one of them, or name another one with {option}",
            )
        if not places and (name or field == ID):
            raise Failure(
                f"there is no column {name or 'crmRecordId'!r} in the first row: {_list(header)}",
                next_step=f"the first row must name the columns; say with {option} which one it is",
            )
        if places:
            found[field] = places[0]
    return found


def describe_unsent(header: Sequence[str], columns: Mapping[str, int]) -> str | None:
    """A sentence on columns that hold nothing of a record; None if there are none."""
    names = [name for place, name in enumerate(header) if place not in columns.values()]
    return f"columns that are not sent: {_list(names)}" if names else None


def _find(header: Sequence[str], name: str) -> list[int]:
    exact = [i for i, column in enumerate(header) if column == name]
    return exact or [i for i, column in enumerate(header) if squash(column) == squash(name)]


def _list(names: Iterable[str], most: int = 12) -> str:
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
