"""From the value of one field to what a request carries, or a sentence why not."""

import math
from datetime import datetime
from typing import Any, Final, NoReturn

from campaigns_async._core.wire import encode_priority, encode_schedule, encode_time
from campaigns_async.errors import InvalidRecordError, escape
from campaigns_async.models import MAX_ID_LENGTH, RecordPriority


def refuse(index: int, field: str | None, reason: str) -> NoReturn:
    """Raise :exc:`InvalidRecordError` for this field of the record at ``index``."""
    raise InvalidRecordError(reason, index=index, field=field)


as_text: Final = str.__str__
"""Of a subclass the text alone: an enum's member hashes as its name, and would not be found."""


def show(value: object) -> str:
    """The beginning of how it shows itself, for a sentence. Never fails."""
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 - the caller's own object, or an integer of 5,000 digits
        shown = f"of type {type(value).__name__}"
    return escape(shown, 60)


def check_id(value: Any, index: int) -> str:
    """The id as text. Raises :exc:`InvalidRecordError`, as all of these."""
    field = "crm_record_id"
    if not isinstance(value, str):
        given = "missing" if value is None else f"of type {type(value).__name__}"
        refuse(index, field, f"the crm_record_id is {given}; it must be a string")
    if not value or value.isspace():
        refuse(index, field, "the crm_record_id is blank; leave the row out or give it an id")
    if len(value) > MAX_ID_LENGTH:
        refuse(
            index,
            field,
            f"the crm_record_id {show(value)} has {len(value)} characters; "
            f"the service takes 1 to {MAX_ID_LENGTH}",
        )
    if has_surrogate(value):
        refuse(index, field, f"the crm_record_id {show(value)} is broken text (lone surrogate)")
    return as_text(value)


def has_surrogate(text: str) -> bool:
    """Whether there is half of a character in it, which no UTF-8 can hold."""
    return not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)


def _encode_schedule(value: Any, index: int) -> str:
    return "" if value is None else encode_schedule(_checked_time(value, index))


def _encode_priority(value: Any, index: int) -> str:
    return "" if value is None else encode_priority(_checked_priority(value, index))


ENCODERS: Final = {"schedule_at": _encode_schedule, "priority": _encode_priority}
"""What follows the id in a record: JSON text with a comma in front, empty for None."""


def _checked_time(value: Any, index: int) -> str:
    field = "schedule_at"
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            # It takes any character for the T, and so what follows a date alone for its time.
            sound = value[10:11] not in {"+", "-"}
        except ValueError:
            sound = False
        if not sound:
            refuse(
                index,
                field,
                f"schedule_at {show(value)} cannot be read; write it as 2026-12-01T09:00:00+00:00",
            )
    if not isinstance(moment, datetime):
        refuse(
            index, field, f"schedule_at is of type {type(value).__name__}; give a datetime or text"
        )
    try:
        if moment.utcoffset() is not None:
            return encode_time(moment)
    except Exception:  # noqa: BLE001 - near year 1 or 9999, or from a tzinfo of the caller's own
        # Not str(): it asks the tzinfo again.
        refuse(index, field, f"schedule_at {show(value)} has no usable offset or year")
    refuse(
        index,
        field,
        f"schedule_at {show(str(value))} has no time zone; add its offset, such as +00:00",
    )


_PRIORITIES: Final = tuple(RecordPriority.__members__)


def _checked_priority(value: Any, index: int) -> str:
    if isinstance(value, RecordPriority):
        # One made on purpose is sent as it is, known or not: the service may take more tomorrow.
        return value
    name = value.upper() if isinstance(value, str) else ""
    if name not in _PRIORITIES:
        choices = ", ".join(_PRIORITIES)
        refuse(index, "priority", f"priority {show(value)} is not one of {choices}")
    return name


def check_rank(value: Any, index: int) -> float:
    """The rank as a plain number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(index, "rank", f"the rank {show(value)} is not a number")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        refuse(index, "rank", f"the rank {show(value)} is not a finite number")
    # Subclasses (numpy's, say) may write themselves as something that is no JSON number.
    return int(value) if isinstance(value, int) else float(value)
