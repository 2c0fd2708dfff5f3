"""From what the caller gave to what a request carries, or a sentence why not.

Records mostly come alike and sound, so a chunk of them is read by the column, at a glance. Where
that finds anything out of the ordinary, the chunk is read row by row, which finds out what it is.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, TypeGuard

import attrs

from campaigns_async._core.fields import (
    ENCODERS,
    as_text,
    check_id,
    check_rank,
    has_surrogate,
    refuse,
    show,
)
from campaigns_async._core.rows import Columns, Row, Rows, is_plain
from campaigns_async._core.wire import FIELD_OF_KEY, encode_rank
from campaigns_async.errors import InvalidRecordError
from campaigns_async.models import MAX_ID_LENGTH, MAX_RECORDS_PER_REQUEST, NewRecord, RecordPriority

# --- by the column


def parse_rows(
    records: Sequence[Any], positions: Sequence[int], ranks: Sequence[int] | None = None
) -> Rows:
    """The rows of some records, which are at these positions of the input.

    ``ranks``: one for each that has none of its own; None leaves them to the service. What is wrong
    with a record is in the rows' errors and not raised.
    """
    rows = _glance(records, positions, ranks)
    if rows is None:
        each_rank = ranks or repeat(None, len(records))
        rows = Rows.of(map(_parse_any, records, positions, each_rank))
    return rows


def _glance(
    records: Sequence[Any], positions: Sequence[int], ranks: Sequence[int] | None
) -> Rows | None:
    """The rows, if the records are alike and sound; None where one has to look closer."""
    try:
        columns = _read_columns(records)
    except Exception:  # noqa: BLE001 - one lacks a field of the first, or cannot be read
        return None
    ids = columns.get("crm_record_id", ())
    if set(map(type, ids)) != {str} or set(map(type, columns.get("rank", ()))) - {_NONE}:
        return None
    text = "".join(ids)
    plain = is_plain(text)
    # As in check_id, with as few looks at each of them as will do.
    blank = (" " in text or not plain) and any(map(str.isspace, ids))
    if blank or not all(ids) or max(map(len, ids)) > MAX_ID_LENGTH or has_surrogate(text):
        return None
    said: Sequence[str] | None = None
    try:
        for name, encode in ENCODERS.items():
            if (texts := _encode_column(columns.get(name, ()), encode)) is not None:
                said = texts if said is None else list(map(str.__add__, said, texts))
    except InvalidRecordError:
        return None
    said = said or [""] * len(ids)
    return Rows(Columns(positions, records, tuple(ids), tuple(said), ranks, plain=plain))


def _read_columns(records: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """By field, the value of each record; empty if they are not all alike.

    Raises whatever they raise themselves.
    """
    match list(set(map(type, records))):
        case [kind] if kind is str:
            return {"crm_record_id": records}
        case [kind] if issubclass(kind, NewRecord):
            # Written out: to get a field by its name takes more than twice the time.
            return {
                "crm_record_id": [record.crm_record_id for record in records],
                "schedule_at": [record.schedule_at for record in records],
                "priority": [record.priority for record in records],
                "rank": [record.rank for record in records],
            }
        case [kind] if kind is dict:
            columns: dict[str, Sequence[Any]] = {
                FIELD_OF_KEY[key]: [record[key] for record in records] for key in records[0]
            }
            # As many keys as the first, and each of its: the same keys. Two may be of one field.
            return columns if set(map(len, records)) == {len(columns)} else {}
        case _:
            return {}


def _encode_column(
    values: Sequence[Any], encode: Callable[[Any, int], str]
) -> Sequence[str] | None:
    """Each of the values as JSON text; None if there are none.

    Each of them once, where equal ones have the same text.
    """
    kinds = set(map(type, values))
    if kinds <= {_NONE}:
        return None
    if not kinds <= {str, RecordPriority, _NONE} or len(kinds - {_NONE}) > 1:
        # Times may be equal and have different offsets; a priority may equal a text.
        return [encode(value, 0) for value in values]
    if len(kinds) == 1 and values.count(values[0]) == len(values):
        return [encode(values[0], 0)] * len(values)
    known = {value: encode(value, 0) for value in set(values)}
    return list(map(known.__getitem__, values))


# --- row by row


def parse_row(given: Any, index: int, rank: float | None = None) -> Row:
    """The row for one record: a :class:`NewRecord`, a mapping with its fields, or an id alone.

    ``rank`` is the one to give a record that has none of its own; None leaves it to the service.
    Raises :exc:`InvalidRecordError` with the index and the field.
    """
    fields = _fields(given, index)
    said = "".join(encode(fields.get(name), index) for name, encode in ENCODERS.items())
    crm_record_id = check_id(fields.get("crm_record_id"), index)
    own_rank = fields.get("rank")
    if own_rank is not None:
        rank, said = None, said + encode_rank(check_rank(own_rank, index))
    return Row(index, given, crm_record_id, said, rank)


def read_id(given: object) -> str | None:
    """The id that a record was given, unchecked; None if there is none that could be one."""
    try:
        found = _read_id_of(given)
    except Exception:  # noqa: BLE001 - the caller's own object; parsing says what is wrong with it
        return None
    return as_text(found) if isinstance(found, str) else None


def _read_id_of(given: object) -> object:
    if isinstance(given, NewRecord):
        return given.crm_record_id
    if _is_mapping(given):
        for key in _KEYS_OF_ID:
            if key in given:
                return given[key]
    return given


def snapshot(given: Any) -> Any:
    """The record as it is now: of a mapping a copy, for the caller may fill it anew."""
    if not _is_mapping(given):
        return given
    try:
        return dict(given)
    except Exception:  # noqa: BLE001 - the caller's own object; parsing says what is wrong with it
        return given


def _parse_any(given: Any, index: int, rank: float | None = None) -> Row:
    """Like :func:`parse_row`, but what is wrong with the record is in the row and not raised."""
    try:
        return parse_row(given, index, rank)
    except InvalidRecordError as error:
        return Row(index, given, read_id(given) or "", "", error=error)


def parse_batch(records: Any) -> Rows:
    """The rows of one request, 1 to 100 with ids of their own, or :exc:`InvalidRecordError`."""
    if isinstance(records, str | bytes | Mapping | NewRecord):
        msg = "add_records takes a list of records; put the one in a list"
        raise InvalidRecordError(msg)
    try:
        listed: list[Any] = list(records)
    except TypeError:
        msg = "add_records takes a list of records; upload takes an async iterable as well"
        raise InvalidRecordError(msg) from None
    rows = parse_rows(listed, range(len(listed)))
    if rows.errors:
        raise rows.errors[min(rows.errors)]
    if not 1 <= len(rows) <= MAX_RECORDS_PER_REQUEST:
        msg = (
            f"one request takes 1 to {MAX_RECORDS_PER_REQUEST} records, and these are {len(rows)}; "
            "upload takes any number"
        )
        raise InvalidRecordError(msg)
    first: dict[str, int] = {}
    for index, crm_record_id in enumerate(rows.ids):
        if first.setdefault(crm_record_id, index) != index:
            raise repeated_id_error(index, first[crm_record_id])
    return rows


def _is_mapping(given: object) -> TypeGuard[Mapping[Any, Any]]:
    # A dict is a Mapping too, but to be told so is ten times as quick.
    return isinstance(given, (dict, Mapping))


def repeated_id_error(index: int, first: int) -> InvalidRecordError:
    """For the row at ``index``, whose id the one at ``first`` has."""
    reason = f"its crm_record_id repeats record {first}; leave one of them out"
    return InvalidRecordError(reason, index=index, field="crm_record_id")


_NONE: Final = type(None)
_FIELDS: Final = [field.name for field in attrs.fields(NewRecord)]
_KEYS_OF_ID: Final = [key for key, name in FIELD_OF_KEY.items() if name == "crm_record_id"]
_WHAT_SERVES: Final = "give a NewRecord, a mapping with its fields, or the id as a string"


def _fields(given: Any, index: int) -> Mapping[str, Any]:
    """What it gives, by the names of the fields."""
    items: list[tuple[Any, Any]] | None = None
    try:
        if isinstance(given, str):
            return {"crm_record_id": given}
        if isinstance(given, NewRecord):
            return {name: getattr(given, name) for name in _FIELDS}
        if _is_mapping(given):
            items = [(key, value) for key, value in given.items()]
    except Exception as error:  # noqa: BLE001 - the caller's own object, a lazy row perhaps
        refuse(index, None, f"its fields cannot be read: {type(error).__name__}: {show(error)}")
    if items is None:
        kind = type(given).__name__
        refuse(index, None, f"an object of type {kind} is no record; {_WHAT_SERVES}")
    return _name_fields(items, index)


def _name_fields(items: Sequence[tuple[Any, Any]], index: int) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in items:
        name = FIELD_OF_KEY.get(key) if isinstance(key, str) else None
        if name is None:
            # Not left aside: a misspelt schedule would be dialed at the wrong time.
            known = ", ".join(_FIELDS)
            refuse(index, None, f"{show(key)} is no field of a record; the fields are {known}")
        if name in fields:
            refuse(index, name, f"{name} is given twice, in both spellings; give one")
        fields[name] = value
    return fields
