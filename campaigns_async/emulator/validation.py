"""From a request's bytes to what it asks for, or to the 400 that it deserves.

Sources: the vendor's pages "Modify campaign", "Add records" and "Troubleshooting". Stricter than
lenient servers on purpose: an explicit null is refused, so that a client that sends one is caught.
"""

import json
import math
from datetime import datetime
from typing import Final, NoReturn, cast

import attrs

from campaigns_async.emulator.quirks import Quirks
from campaigns_async.emulator.refusals import FieldProblem, Reason, Refusal
from campaigns_async.models import (
    MAX_ID_LENGTH,
    MAX_RECORDS_PER_REQUEST,
    CampaignAction,
    NewRecord,
    RecordPriority,
)

_PRIORITIES: Final = {str(priority): priority for priority in RecordPriority}
_MISSING: Final = object()


@attrs.frozen(kw_only=True)
class ActionRequest:
    """What a PATCH asks for; None where the body leaves a field out."""

    action: CampaignAction
    enabled: bool | None = None
    build_on_start: bool | None = None


def parse_json(body: bytes) -> object | Refusal:
    """The body as JSON of UTF-8 text; anything else (NaN included) is MALFORMED."""
    try:
        return cast("object", json.loads(body.decode("utf-8"), parse_constant=_refuse_constant))
    except (ValueError, RecursionError):
        return Refusal(reason=Reason.MALFORMED)


def parse_action(payload: object) -> ActionRequest | Refusal:
    """Read the body of a PATCH."""
    if not isinstance(payload, dict):
        return Refusal(reason=Reason.MALFORMED)
    fields = cast("dict[str, object]", payload)
    problems: list[FieldProblem] = []
    flags: dict[str, bool | None] = {}
    for name in ("enabled", "buildOnStart"):
        flag = fields.get(name, _MISSING)
        if flag is _MISSING or isinstance(flag, bool):
            flags[name] = flag if isinstance(flag, bool) else None
        else:
            problems.append(FieldProblem(name, "Type", "must be true or false"))
    named = fields.get("action", _MISSING)
    if named is _MISSING:
        problems.append(FieldProblem("action", "NotNull", "must not be null"))
    elif not isinstance(named, str) or named not in CampaignAction.__members__:
        one_of = ", ".join(CampaignAction.__members__)
        problems.append(FieldProblem("action", "Enum", f"must be one of {one_of}"))
    if problems:
        return Refusal(reason=Reason.INVALID, errors=tuple(problems))
    return ActionRequest(
        action=CampaignAction(cast("str", named)),
        enabled=flags["enabled"],
        build_on_start=flags["buildOnStart"],
    )


def parse_records(payload: object, *, quirks: Quirks, now: datetime) -> list[NewRecord] | Refusal:
    """Read the body of a POST: 1-100 records, each good by itself, no id twice."""
    if not isinstance(payload, dict):
        return Refusal(reason=Reason.MALFORMED)
    rows = cast("dict[str, object]", payload).get("records", _MISSING)
    if not isinstance(rows, list):
        missing = FieldProblem("records", "NotNull", "must not be null")
        wrong = FieldProblem("records", "Type", "must be a list")
        return Refusal(reason=Reason.INVALID, errors=(missing if rows is _MISSING else wrong,))
    items = cast("list[object]", rows)
    if not 1 <= len(items) <= MAX_RECORDS_PER_REQUEST:
        size = FieldProblem(
            "records", "Size", f"size must be between 1 and {MAX_RECORDS_PER_REQUEST}"
        )
        return Refusal(reason=Reason.INVALID, errors=(size,))
    reader = _RowReader(quirks, now)
    records = [reader.read(item) for item in items]
    if reader.problems:
        return Refusal(reason=Reason.INVALID, errors=tuple(reader.problems))
    return records


def parse_timestamp(text: str) -> datetime | None:
    """An ISO 8601 time with offset; None for anything else, a time without offset included."""
    if "T" not in text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.utcoffset() is not None else None


class _RowReader:
    """Reads the rows of one request, collecting what is wrong with them."""

    def __init__(self, quirks: Quirks, now: datetime) -> None:
        self.problems: list[FieldProblem] = []
        self._quirks = quirks
        self._ignore_case = quirks.ids_ignore_case
        self._now = now
        self._seen: set[str] = set()

    def read(self, row: object) -> NewRecord:
        """The row as a value; meaningless once there are problems."""
        if not isinstance(row, dict):
            self._problem("records", "Type", "must be an object", row)
            return NewRecord("")
        fields = cast("dict[str, object]", row)
        return NewRecord(
            self._crm_record_id(fields.get("crmRecordId", _MISSING)),
            schedule_at=self._schedule_at(fields["scheduleAt"]) if "scheduleAt" in fields else None,
            priority=self._priority(fields["priority"]) if "priority" in fields else None,
            rank=self._rank(fields["rank"]) if "rank" in fields else None,
        )

    def _crm_record_id(self, value: object) -> str:
        if not isinstance(value, str):
            blank = value is _MISSING
            code, message = ("NotBlank", "must not be blank") if blank else ("Type", "must be text")
            self._problem("crmRecordId", code, message, value)
            return ""
        if not value or value.isspace():
            self._problem("crmRecordId", "NotBlank", "must not be blank", value)
            return value
        if len(value) > MAX_ID_LENGTH:
            size = f"size must be between 1 and {MAX_ID_LENGTH}"
            self._problem("crmRecordId", "Size", size, value)
        key = value.casefold() if self._ignore_case else value
        if key in self._seen:
            self._problem("crmRecordId", "Unique", "must be unique within the request", value)
        self._seen.add(key)
        return value

    def _schedule_at(self, value: object) -> datetime | None:
        parsed = parse_timestamp(value) if isinstance(value, str) else None
        if parsed is None:
            self._problem("scheduleAt", "DateTime", "must be ISO 8601 with an offset", value)
        elif parsed < self._now and not self._quirks.takes_past_schedule:
            self._problem("scheduleAt", "FutureOrPresent", "must not be in the past", value)
        return parsed

    def _priority(self, value: object) -> RecordPriority | None:
        priority = _PRIORITIES.get(value) if isinstance(value, str) else None
        if priority is None:
            self._problem("priority", "Enum", f"must be one of {', '.join(_PRIORITIES)}", value)
        return priority

    def _rank(self, value: object) -> float | None:
        if isinstance(value, float) and math.isfinite(value):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            try:
                rank = float(value)
            except OverflowError:
                pass
            else:
                return rank
        self._problem("rank", "Number", "must be a number", value)
        return None

    def _problem(self, field: str, code: str, message: str, value: object) -> None:
        if self._quirks.names_invalid and value is not _MISSING:
            message = f"{message}: {json.dumps(value, ensure_ascii=False)}"
        self.problems.append(FieldProblem(field, code, message))


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON"
    raise ValueError(msg)
