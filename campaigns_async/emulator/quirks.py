"""Which side of each contradiction in the vendor's pages the service takes.

The vendor's guide, its own samples and its OpenAPI file disagree about statuses, and some things
are written nowhere. A client must survive every combination; a test picks one here.
"""

from collections.abc import Mapping
from enum import StrEnum
from random import Random
from types import MappingProxyType
from typing import Final, Literal

import attrs


class Naming(StrEnum):
    """Which id a refusal names when several offend. No page says."""

    FIRST = "first"
    LAST = "last"
    RANDOM = "random"
    ALL = "all"
    NONE = "none"
    WRONG = "wrong"
    """An id that is nowhere in the request."""
    PREFIX = "prefix"
    """An offender cut short, as by a narrow column; never the id of another row."""
    EXTENDED = "extended"
    """An offender with something glued on, so that its id is merely a prefix of what is named."""


class Wording(StrEnum):
    """How a duplicate is told in ``detail``."""

    DOCUMENTED = "documented"
    EXISTS = "exists"
    QUOTED = "quoted"
    FIELD = "field"
    VAGUE = "vague"


class ErrorMedia(StrEnum):
    """What an error comes as: the vendor's type, or what a gateway makes of it."""

    VENDOR = "vendor"
    PROBLEM_JSON = "problem+json"
    HTML = "html"
    EMPTY = "empty"


@attrs.frozen(kw_only=True)
class Quirks:
    """The settings, each defaulting to what the vendor's guide says. `attrs.evolve` copies.

    Sources: the vendor's pages "Add records", "State machine" and "Troubleshooting" against its
    OpenAPI file. Where a comment says "unknown", no page tells: the default is a guess.
    """

    add_status: Literal[200, 201] = 201
    """An accepted POST. OpenAPI: 201, guide: 200."""
    duplicate_status: Literal[400, 409] = 409
    """An id already on the campaign. Guide's tables: 409, its sample and OpenAPI: 400."""
    transition_status: Literal[400, 409] = 409
    """An action not valid in this state. Guide: 409, OpenAPI: 400."""
    records_state_status: Literal[400, 409] = 409
    """A campaign whose state takes no records. Guide: 409; OpenAPI has no 409 at all."""
    unknown_to_crm_status: Literal[400, 404, 409] = 400  # unknown
    wrong_media_type_status: Literal[400, 415] = 415  # unknown

    names_duplicate: Naming = attrs.field(default=Naming.FIRST, converter=Naming)
    names_unknown_to_crm: Naming = attrs.field(default=Naming.FIRST, converter=Naming)
    names_invalid: bool = False
    """Whether a validation message quotes the value at fault. The guide's sample does not."""
    duplicate_wording: Wording = attrs.field(default=Wording.DOCUMENTED, converter=Wording)
    vague_states: bool = False
    """Whether a refusal because of the state says no more than "Conflict"."""
    check_first: Literal["state", "duplicates"] = "state"  # unknown

    error_media: ErrorMedia = attrs.field(default=ErrorMedia.VENDOR, converter=ErrorMedia)
    error_ids: bool = False
    """Whether errors carry ``requestId`` and ``responseId``, as the vendor's sister APIs do."""

    cancel_from_ready: bool = False
    """Whether CANCEL is taken from READY, as the guide's diagram draws and its table denies."""
    ids_ignore_case: bool = False  # unknown
    takes_past_schedule: bool = True  # unknown
    removed_id_stays_taken: bool = True  # unknown
    disabled_takes_records: bool = True  # unknown


WORDINGS: Final[Mapping[Wording, tuple[str, str]]] = MappingProxyType(
    {
        # The guide's own sample.
        Wording.DOCUMENTED: (
            "Campaign already contains record for Id: {ids}",
            "Campaign already contains record",
        ),
        Wording.EXISTS: (
            "Record {ids} already exists in the campaign.",
            "Record already exists in the campaign.",
        ),
        Wording.QUOTED: ('Duplicate crmRecordId "{ids}"', "Duplicate crmRecordId"),
        Wording.FIELD: (
            "crmRecordId {ids} is not unique within campaign",
            "crmRecordId is not unique within campaign",
        ),
        Wording.VAGUE: ("Conflict", "Conflict"),
    }
)
"""For each wording: the text with ids (in the place of ``{ids}``), and without any."""


def duplicate_text(wording: Wording, named: tuple[str, ...]) -> str:
    """The ``detail`` of a duplicate; with nothing named, the form without ids."""
    with_ids, without = WORDINGS[wording]
    return with_ids.format(ids=", ".join(named)) if named else without


def choose_named(  # noqa: PLR0911 - one for each way of naming
    naming: Naming, offenders: tuple[str, ...], requested: tuple[str, ...], rng: Random
) -> tuple[str, ...]:
    """The ids that the text will name, out of all ``offenders`` of a request. May be empty."""
    if not offenders:
        return ()
    match naming:
        case Naming.FIRST:
            return offenders[:1]
        case Naming.LAST:
            return offenders[-1:]
        case Naming.RANDOM:
            return (rng.choice(offenders),)
        case Naming.ALL:
            return offenders
        case Naming.NONE:
            return ()
        case Naming.WRONG:
            return (_absent("ELSEWHERE-1", requested),)
        case Naming.EXTENDED:
            return (_absent(f"{offenders[0]}0", requested),)
        case Naming.PREFIX:
            cuts = (offenders[0][:end] for end in range(len(offenders[0]) - 1, 0, -1))
            return tuple(cut for cut in cuts if cut not in requested and cut.strip())[:1]


def _absent(candidate: str, requested: tuple[str, ...]) -> str:
    """The candidate, with as many zeros as it takes to be no id of the request."""
    while candidate in requested:
        candidate += "0"
    return candidate
