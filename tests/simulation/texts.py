"""What the model server says: the vendor's own sentences, other plausible ones, and vague ones.

Each text knows how much it tells (:class:`Said`), because the invariants promise more where the
server tells more.
"""

import json
from collections.abc import Sequence
from enum import Enum
from random import Random
from typing import Final

import attrs

from campaigns_async._core.exchange import MEDIA_TYPE, Response


class Said(Enum):
    """How much a reply tells of what happened."""

    ADDED = "all added"
    NAMED = "refused, in clear words, naming offenders and nothing else"
    BLIND = "refused in clear words, naming none of the offenders"
    VAGUE = "refused, and the words do not say why"
    WORDLESS = "refused, and without a word"
    BUSY = "not now"
    STOP = "never again"
    FAULT = "nothing: the reply is part of a fault"


@attrs.frozen
class Reply:
    """What goes back, and what the server knows of it: ``named`` are offenders that it names."""

    response: Response
    said: Said
    named: tuple[str, ...] = ()


HEADERS: Final = {"content-type": MEDIA_TYPE}
HTML: Final = {"content-type": "text/html"}

_ONE_OF: Final = (
    "Campaign already contains record for Id: {}",
    "Record with crmRecordId '{}' already exists in campaign",
    "Duplicate record: {}",
    "crmRecordId={} is already present",
)
_SEVERAL: Final = (
    "Campaign already contains record for Id: {}",
    "The campaign already contains records with ids: {}",
    "Duplicate records, ids: {}",
)
_NONE_OF: Final = (
    "One or more records already exist in this campaign",
    "Duplicate record",
    "Some of the ids are already present",
)
_BAD_ONE: Final = (
    "No record found in the CRM for Id: {}",
    "crmRecordId '{}' is not valid",
    "Validation of record with id {} failed",
)
_STATE: Final = (
    "Campaign is in state {}",
    "Records cannot be added while the campaign is {}",
    "Invalid campaign state: {}",
    "The campaign's state {} takes no records",
)
UNSURE_STATE: Final = "Operation not allowed in the current state of the campaign"


def problem(status: int, title: str | None, detail: str | None = None, **more: object) -> Response:
    """A refusal as the vendor's page "Troubleshooting" shows it; absent parts are left out."""
    said = {"title": title, "status": status, "detail": detail, **more}
    body = json.dumps({key: value for key, value in said.items() if value is not None})
    return Response(status, HEADERS, body.encode())


def say_duplicate(
    random: Random, status: int, named: Sequence[str], wrong: str | None, *, documented: bool
) -> Reply:
    """The offenders named in clear words; ``wrong`` stands in their place if given."""
    told = [wrong] if wrong is not None else list(named)
    if not told:
        return Reply(problem(status, "Conflict", random.choice(_NONE_OF)), Said.BLIND)
    sentences = _ONE_OF if len(told) == 1 else _SEVERAL
    sentence = sentences[0] if documented else random.choice(sentences)
    detail = sentence.format(", ".join(told))
    title = random.choice(("Validation failed", "Conflict", "Invalid Operation", "Bad Request"))
    if not documented and random.random() < 0.2:
        errors = [{"field": "crmRecordId", "code": "Unique", "message": detail}]
        response = problem(status, title, None, errors=errors)
    else:
        response = problem(status, title, detail)
    if wrong is not None:
        return Reply(response, Said.BLIND)
    return Reply(response, Said.NAMED, tuple(named))


def say_invalid(random: Random, named: Sequence[str]) -> Reply:
    """Content that is not valid: the offenders named, or none."""
    if named:
        detail = random.choice(_BAD_ONE).format(named[0])
        return Reply(problem(400, "Validation failed", detail), Said.NAMED, (named[0],))
    errors = [{"field": "crmRecordId", "code": "NotBlank", "message": "must not be blank"}]
    return Reply(problem(400, "Validation failed", errors=errors), Said.BLIND)


def say_state(random: Random, status: int, state: str, *, final: bool, unsure: bool) -> Reply:
    """The campaign's state takes no records."""
    detail = UNSURE_STATE if unsure else random.choice(_STATE).format(state)
    response = problem(status, random.choice(("Conflict", "Invalid Operation")), detail)
    return Reply(response, Said.STOP if final else Said.BUSY)


def say_not_dynamic() -> Reply:
    """The campaign takes no added records at all."""
    detail = "Campaign is not dynamic: isDynamic is false"
    return Reply(problem(400, "Invalid Operation", detail), Said.STOP)


def say_vague(random: Random, status: int, offenders: Sequence[str] = ()) -> Reply:
    """A refusal whose words fit nothing, even if they name an offender."""
    titles = ("Conflict", "Bad Request", "Invalid Operation", "Validation failed", None)
    match random.randrange(7 if offenders else 6):
        case 5:
            # Unique in the request, or in the campaign?
            errors = [{"field": "crmRecordId", "code": "Unique", "message": "must be unique"}]
            response = problem(status, "Validation failed", errors=errors)
        case 6:
            detail = f"Could not process Id: {offenders[0]}"
            response = problem(status, random.choice(titles), detail)
        case 0:
            response = Response(status, HTML, b"<html><h1>%d</h1></html>" % status)
        case 1:
            response = Response(status, {}, b"")
        case 2:
            detail = "The request could not be processed"
            response = problem(status, random.choice(titles), detail)
        case 3:
            response = problem(status, random.choice(titles), "Duplicate record in request")
        case _:
            response = problem(status, random.choice(titles))
    wordless = not any(word in response.body for word in (b'"title"', b'"detail"', b'"message"'))
    return Reply(response, Said.WORDLESS if wordless else Said.VAGUE)
