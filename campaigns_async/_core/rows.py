"""One input row, from what the caller gave to what a request carries, or a sentence why not."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NoReturn, TypeGuard

import attrs

from campaigns_async._core.wire import (
    FIELD_OF_KEY,
    encode_id,
    encode_record,
    encode_rest,
    encode_time,
)
from campaigns_async.errors import InvalidRecordError, escape
from campaigns_async.models import MAX_ID_LENGTH, MAX_RECORDS_PER_REQUEST, NewRecord, RecordPriority


@attrs.define(eq=False)
class Row:
    """A record on its way.

    ``index``: its position in the input. ``given``: what the caller gave. ``id``: its crmRecordId.
    ``said``: what else the caller said, as text: two rows with the same id differ if this does.
    ``text``: the whole record as JSON. ``error``: why it cannot be sent, else None.
    """

    index: int
    given: Any
    id: str
    said: str
    text: str
    error: InvalidRecordError | None = None


def parse_row(given: Any, index: int, rank: float | None = None) -> Row:
    """The row for one record: a :class:`NewRecord`, a mapping with its fields, or an id alone.

    ``rank`` is the one to give a record that has none of its own; None leaves it to the service.
    Raises :exc:`InvalidRecordError` with the index and the field.
    """
    crm_record_id: Any
    own_rank: Any
    if isinstance(given, str):
        crm_record_id, rest, own_rank = given, "", None
    elif isinstance(given, NewRecord):
        crm_record_id = given.crm_record_id
        rest = _encode_rest(given.schedule_at, given.priority, index)
        own_rank = given.rank
    elif _is_mapping(given):
        fields = _fields(given, index)
        crm_record_id = fields.get("crm_record_id")
        rest = _encode_rest(fields.get("schedule_at"), fields.get("priority"), index)
        own_rank = fields.get("rank")
    else:
        _refuse(
            index, None, f"an object of type {type(given).__name__} is no record; {_WHAT_SERVES}"
        )
    encoded_id = encode_id(_checked_id(crm_record_id, index))
    if own_rank is None:
        return Row(index, given, crm_record_id, rest, encode_record(encoded_id, rest, rank))
    own_rank = _checked_rank(own_rank, index)
    said = f"{rest},{own_rank!r}"
    return Row(index, given, crm_record_id, said, encode_record(encoded_id, rest, own_rank))


def read_id(given: object) -> str | None:
    """The id that a record was given, unchecked; None if there is none that could be one."""
    if isinstance(given, NewRecord):
        found: object = given.crm_record_id
    elif _is_mapping(given):
        found = _read_id_of(given)
    else:
        found = given
    return found if isinstance(found, str) else None


def _read_id_of(given: Mapping[Any, Any]) -> object:
    try:
        return next((given[k] for k in given if FIELD_OF_KEY.get(k) == "crm_record_id"), None)
    except Exception:  # noqa: BLE001 - the caller's own object; parsing says what is wrong with it
        return None


def parse_any(given: Any, index: int, rank: float | None = None) -> Row:
    """Like :func:`parse_row`, but what is wrong with the record is in the row and not raised."""
    try:
        return parse_row(given, index, rank)
    except InvalidRecordError as error:
        return Row(index, given, read_id(given) or "", "", "", error)


def parse_batch(records: Any) -> list[Row]:
    """The rows of one request, 1 to 100 with ids of their own, or :exc:`InvalidRecordError`."""
    if isinstance(records, str | bytes | Mapping | NewRecord):
        msg = "add_records takes a list of records; put the one in a list"
        raise InvalidRecordError(msg)
    try:
        listed: list[Any] = list(records)
    except TypeError:
        msg = "add_records takes a list of records; upload takes an async iterable as well"
        raise InvalidRecordError(msg) from None
    rows = [parse_row(given, index) for index, given in enumerate(listed)]
    if not 1 <= len(rows) <= MAX_RECORDS_PER_REQUEST:
        msg = (
            f"one request takes 1 to {MAX_RECORDS_PER_REQUEST} records, and these are {len(rows)}; "
            "upload takes any number"
        )
        raise InvalidRecordError(msg)
    first: dict[str, int] = {}
    for row in rows:
        if first.setdefault(row.id, row.index) != row.index:
            raise repeated_id_error(row.index, first[row.id])
    return rows


def _is_mapping(given: object) -> TypeGuard[Mapping[Any, Any]]:
    # A dict is a Mapping too, but to be told so is ten times as quick.
    return isinstance(given, (dict, Mapping))


def repeated_id_error(index: int, first: int) -> InvalidRecordError:
    """For the row at ``index``, whose id the one at ``first`` has."""
    reason = f"its crm_record_id repeats record {first}; leave one of them out"
    return InvalidRecordError(reason, index=index, field="crm_record_id")


_WHAT_SERVES: Final = "give a NewRecord, a mapping with its fields, or the id as a string"


def _refuse(index: int, field: str | None, reason: str) -> NoReturn:
    raise InvalidRecordError(reason, index=index, field=field)


_NAMES: Final = frozenset(FIELD_OF_KEY.values())


def _fields(given: Mapping[Any, Any], index: int) -> Mapping[str, Any]:
    """What it gives by the names of the fields: the mapping itself if it has no other keys."""
    kind: object = type(given)
    if kind is dict and given.keys() <= _NAMES:
        return given
    try:
        fields = {FIELD_OF_KEY[key]: value for key, value in given.items()}
    except Exception:  # noqa: BLE001 - the caller's own object; what is wrong is said next
        fields = {}
    return fields if len(fields) == len(given) else _fields_one_by_one(given, index)


def _fields_one_by_one(given: Mapping[Any, Any], index: int) -> dict[str, Any]:
    """The same, and a refusal that names what is wrong."""
    fields: dict[str, Any] = {}
    try:
        items = list(given.items())
    except Exception as error:  # noqa: BLE001 - the caller's own object, a lazy row perhaps
        _refuse(index, None, f"its fields cannot be read: {type(error).__name__}: {_show(error)}")
    for key, value in items:
        name = FIELD_OF_KEY.get(key) if isinstance(key, str) else None
        if name is None:
            # Not left aside: a misspelt schedule would be dialed at the wrong time.
            known = ", ".join(dict.fromkeys(FIELD_OF_KEY.values()))
            _refuse(index, None, f"{_show(key)} is no field of a record; the fields are {known}")
        if name in fields:
            _refuse(index, name, f"{name} is given twice, in both spellings; give one")
        fields[name] = value
    return fields


def _show(value: object) -> str:
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 - the caller's own object, or an integer of 5,000 digits
        shown = f"of type {type(value).__name__}"
    return escape(shown, 60)


def _checked_id(value: Any, index: int) -> str:
    field = "crm_record_id"
    if not isinstance(value, str):
        given = "missing" if value is None else f"of type {type(value).__name__}"
        _refuse(index, field, f"the crm_record_id is {given}; it must be a string")
    if not value or value.isspace():
        _refuse(index, field, "the crm_record_id is blank; leave the row out or give it an id")
    if len(value) > MAX_ID_LENGTH:
        _refuse(
            index,
            field,
            f"the crm_record_id {_show(value)} has {len(value)} characters; "
            f"the service takes 1 to {MAX_ID_LENGTH}",
        )
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        _refuse(index, field, f"the crm_record_id {_show(value)} is broken text (lone surrogate)")
    return value


def _encode_rest(schedule_at: Any, priority: Any, index: int) -> str:
    if schedule_at is None and priority is None:
        return ""
    at = None if schedule_at is None else _checked_time(schedule_at, index)
    return encode_rest(at, _checked_priority(priority, index))


def _checked_time(value: Any, index: int) -> str:
    field = "schedule_at"
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            _refuse(
                index,
                field,
                f"schedule_at {_show(value)} cannot be read; write it as 2026-12-01T09:00:00+00:00",
            )
    if not isinstance(moment, datetime):
        _refuse(
            index, field, f"schedule_at is of type {type(value).__name__}; give a datetime or text"
        )
    try:
        if moment.utcoffset() is not None:
            return encode_time(moment)
    except Exception:  # noqa: BLE001 - near year 1 or 9999, or from a tzinfo of the caller's own
        # Not str(): it asks the tzinfo again.
        _refuse(index, field, f"schedule_at {_show(value)} has no usable offset or year")
    _refuse(
        index,
        field,
        f"schedule_at {_show(str(value))} has no time zone; add its offset, such as +00:00",
    )


_PRIORITIES: Final = tuple(RecordPriority.__members__)


def _checked_priority(value: Any, index: int) -> str | None:
    if value is None or isinstance(value, RecordPriority):
        # One made on purpose is sent as it is, known or not: the service may take more tomorrow.
        return value
    name = value.upper() if isinstance(value, str) else ""
    if name not in _PRIORITIES:
        choices = ", ".join(_PRIORITIES)
        _refuse(index, "priority", f"priority {_show(value)} is not one of {choices}")
    return name


def _checked_rank(value: Any, index: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(index, "rank", f"the rank {_show(value)} is not a number")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        _refuse(index, "rank", f"the rank {_show(value)} is not a finite number")
    # Subclasses (numpy's, say) may write themselves as something that is no JSON number.
    return int(value) if isinstance(value, int) else float(value)
