"""Bytes to models and back; the only place that knows the vendor's field names, and cattrs.

Out: exactly what the contract names, absent and never null. In: leniently. A field that is missing
or of another kind than promised is None, one that is not known is left alone, and a body that is
no JSON document at all is :exc:`UnreadableBodyError`; nothing else gets out of here.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any, Final, TypeGuard, TypeVar, cast, get_args, get_type_hints

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from campaigns_async._core.exchange import Response
from campaigns_async._core.rows import Rows
from campaigns_async.errors import FieldError, Problem
from campaigns_async.models import Campaign, CampaignAction, NewRecord, Record, RecordCount

_T = TypeVar("_T")


class UnreadableBodyError(ValueError):
    """The body is not the JSON document it should be. The message says in what way."""


# --- names


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


FIELD_OF_KEY: Final[Mapping[str, str]] = {
    key: field.name for field in attrs.fields(NewRecord) for key in (field.name, _camel(field.name))
}
"""Either spelling of a new record's key to its Python name."""


# --- out


encode_id: Final[Callable[[str], str]] = encode_basestring_ascii
"""The id as JSON text, ASCII alone."""


def encode_schedule(moment: str) -> str:
    """The time of a record as JSON text, with a comma in front."""
    return f',"scheduleAt":"{moment}"'


def encode_priority(priority: str) -> str:
    """The priority of a record as JSON text, with a comma in front."""
    return f',"priority":{encode_basestring_ascii(priority)}'


def encode_rank(rank: float) -> str:
    """The rank of a record as JSON text, with a comma in front."""
    return f',"rank":{rank!r}'


_NEXT: Final = '},{"crmRecordId":"'
"""From the end of one record to the id of the next."""

_FIRST: Final = '{"records":[' + _NEXT.removeprefix("},")
_LAST_DIGITS: Final = [f"{number:02}{_NEXT}" for number in range(100)]


def encode_records(rows: Rows) -> bytes:
    """The body of a POST of these rows."""
    count = len(rows)
    if not count:
        return b'{"records":[]}'
    ids = rows.ids if rows.plain else [encode_id(i)[1:-1] for i in rows.ids]
    said: Sequence[str] = rows.said
    # Mostly they all say the same: then it is one text, and not a new one for each.
    alike = said.count(said[0]) == count
    said = [f'"{said[0]}'] * count if alike else [f'"{text}' for text in said]
    columns = [ids, said, *_encode_ranks(rows.ranks, count)]
    # Woven into one text: to make one of each record first takes twice the time.
    pieces = [""] * (1 + count * len(columns))
    pieces[0] = _FIRST
    for at, column in enumerate(columns, 1):
        pieces[at :: len(columns)] = column
    # None follows the last.
    pieces[-1] = pieces[-1].removesuffix(_NEXT) + "}]}"
    return "".join(pieces).encode()


def _encode_ranks(ranks: range | Sequence[float | None] | None, count: int) -> list[Sequence[str]]:
    """What follows for each of ``count`` records, up to the id of the next, in some columns."""
    if ranks is None:
        return [[_NEXT] * count]
    if not isinstance(ranks, range) or ranks.start < 100 or ranks.step != 1:
        return [[_NEXT if rank is None else encode_rank(rank) + _NEXT for rank in ranks]]
    # One after the other, as mostly: the hundreds are the same for many.
    heads: list[str] = []
    tails: list[str] = []
    while ranks:
        hundreds, at = divmod(ranks[0], 100)
        some = _LAST_DIGITS[at : at + len(ranks)]
        ranks = ranks[len(some) :]
        heads += [encode_rank(hundreds)] * len(some)
        tails += some
    return [heads, tails]


def encode_time(moment: datetime) -> str:
    """A time as the service takes it: UTC, with Z, because not every parser takes every offset."""
    utc = moment.astimezone(UTC)
    return utc.replace(tzinfo=None).isoformat() + "Z"


def encode_action(
    action: CampaignAction, *, enabled: bool | None = None, build_on_start: bool | None = None
) -> bytes:
    """The body of a PATCH."""
    body: dict[str, object] = {"action": action.value}
    if enabled is not None:
        body["enabled"] = enabled
    if build_on_start is not None:
        body["buildOnStart"] = build_on_start
    return json.dumps(body, separators=(",", ":")).encode()


# --- in: JSON

_LONGEST_INTEGER: Final = 40
"""Digits. The contract's largest is an int64; converting a long one takes quadratic time."""


def _parse_int(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        msg = f"it holds an integer of {len(digits)} digits"
        raise UnreadableBodyError(msg)
    return int(digits)


def _parse_float(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _refuse_constant("a number out of range")


def _refuse_constant(name: str) -> float:
    msg = f"it holds {name}, which JSON does not have"
    raise UnreadableBodyError(msg)


_DECODER: Final = json.JSONDecoder(
    parse_int=_parse_int, parse_float=_parse_float, parse_constant=_refuse_constant
)


def parse_json(body: bytes) -> Any:
    """The document in a body, or :exc:`UnreadableBodyError` in a sentence."""
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except UnreadableBodyError:
        raise
    except UnicodeDecodeError:
        msg = "it is not UTF-8"
    except RecursionError:
        msg = "it is nested too deep"
    except ValueError:
        msg = "it is not JSON" if body.strip() else "it is empty"
    raise UnreadableBodyError(msg)


# --- in: models

_CONVERTER: Final = cattrs.Converter(detailed_validation=False)


def _read_time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    # A time without an offset would be a guess.
    return moment if moment.tzinfo else None


def _reader(kind: Any) -> Callable[[Any, Any], Any]:
    """How cattrs shall read a value of this kind: leniently, as None if it is of another.

    What JSON gives is of a plain type and never of a subclass, so that ``type`` tells, bool apart.
    """
    if kind is datetime:
        return lambda v, _: _read_time(v)
    if kind is float:
        return lambda v, _: v if type(v) is float or type(v) is int else None
    if not issubclass(kind, StrEnum):
        return lambda v, _: v if type(v) is kind else None
    # A look into a dict is a tenth of a call of the class, which makes what the dict does not have.
    known = {member.value: member for member in kind}
    return lambda v, _: (known.get(v) or kind(v)) if type(v) is str else None


def _no_extra(_value: Any, _type: Any) -> dict[str, Any]:
    return {}


def _structure_with(cls: type[_T], **many: Any) -> Callable[[Mapping[str, Any]], _T]:
    """A lenient reader for one of our models; ``many`` reads the fields that hold others."""
    hints = get_type_hints(cls)
    overrides: dict[str, Any] = {}
    for field in attrs.fields(cls):  # type: ignore[arg-type]
        read = many.get(field.name) or _reader(get_args(hints[field.name])[0])
        overrides[field.name] = override(rename=_camel(field.name), struct_hook=read)
    hook = make_dict_structure_fn(cls, _CONVERTER, **overrides)
    return lambda document: hook(document, cls)


def _each(read: Callable[[Mapping[str, Any]], _T]) -> Callable[..., tuple[_T, ...]]:
    """A reader for a list; what is not a list is empty, and what is no object in it is left out."""

    def read_all(value: Any, _type: Any = None) -> tuple[_T, ...]:
        if not isinstance(value, list):
            return ()
        entries = cast("Iterable[Any]", value)
        return tuple(read(entry) for entry in entries if _is_object(entry))

    return read_all


_read_record = _structure_with(Record)
_read_records = _each(_read_record)
_read_campaign = _structure_with(Campaign, record_counts=_each(_structure_with(RecordCount)))
_read_problem = _structure_with(Problem, errors=_each(_structure_with(FieldError)), extra=_no_extra)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _parse_object(body: bytes) -> dict[str, Any]:
    document = parse_json(body)
    if not _is_object(document):
        msg = f"it is a JSON {type(document).__name__} and not an object"
        raise UnreadableBodyError(msg)
    return document


def decode_campaign(body: bytes) -> Campaign:
    """The campaign in the reply to an action, or :exc:`UnreadableBodyError`."""
    return _read_campaign(_parse_object(body))


def decode_records(body: bytes) -> tuple[Record, ...]:
    """The records in the reply to a POST, or :exc:`UnreadableBodyError`."""
    document = _parse_object(body)
    if not isinstance(document.get("records"), list):
        msg = "it has no list of records"
        raise UnreadableBodyError(msg)
    return _read_records(document["records"])


def tells_of(body: bytes, crm_record_id: str) -> bool:
    """Whether the body has a record with this id, without decoding it; False if it cannot be seen.

    As a value and not anywhere: an id may be called "state". Both spellings of JSON are common.
    """
    value = encode_id(crm_record_id)
    tight, loose = f'"crmRecordId":{value}', f'"crmRecordId": {value}'
    return tight.encode() in body or loose.encode() in body


_EXCERPT: Final = 1_000
_MAX_EXTRAS: Final = 20
_PROBLEM_KEYS: Final = frozenset(field.name for field in attrs.fields(Problem))


def decode_problem(response: Response) -> Problem:
    """What a refusal says; of a body that is no problem document, its beginning. Never fails."""
    try:
        document = _parse_object(response.body)
    except UnreadableBodyError as error:
        excerpt = response.body[:_EXCERPT].decode("utf-8", "replace")
        extra = {"body": excerpt, "unreadable": str(error)} if excerpt else {}
        return Problem(extra=extra)
    strange = [key for key in document if key not in _PROBLEM_KEYS][:_MAX_EXTRAS]
    extra = {key[:_EXCERPT]: _summary(document[key]) for key in strange}
    return attrs.evolve(_read_problem(document), extra=extra)


def _summary(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:_EXCERPT]
