"""What the service's sentences say: duplicate, state, and which of our ids they name.

The exact texts are not documented (one sample is: "Campaign already contains record for Id:
CRM-12345"), so these are readings, made to err on one side: a sentence that could mean something
else is not read as "it is there".
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

import attrs

from campaigns_async.errors import Problem
from campaigns_async.models import CampaignState

# --- duplicates

# What a campaign may have besides the record: an end, a state, or as many as it takes.
_SOMETHING_ELSE: Final = (
    r"(?:been\s+(?!(?:added|loaded|uploaded)\b)|"
    r"(?:ended|started|stopped|finished|completed|closed|expired|reached|exceeded)\b|"
    r"(?:an?\s+|the\s+|its\s+|too\s+)?(?:stat(?:e|us)|max(?:imum)?|limit|many|full)\b|"
    r"[\d.,]+\s+records?\b(?!\s+(?:for|with)\b))"
)
_ALREADY_THERE: Final = re.compile(
    rf"(?<!not )\balready\s+(?:(?:contains?|includes?|has|holds?)\b(?!\s+{_SOMETHING_ELSE})|"
    r"exists?|present|(?:been\s+)?(?:added|loaded|uploaded)|"
    r"(?:in|on|(?:a\s+)?(?:part|member)\s+of)\s+(?:the\s+|this\s+)?campaign)",
    re.IGNORECASE,
)
# A rule or a question, such as "must already exist in the CRM".
_ONLY_SUPPOSED: Final = re.compile(
    r"\b(?:must|should|shall|may|might|could|would|(?:ha(?:s|ve)|needs?)\s+to|if|whether|unless)\s+"
    r"(?:(?!(?:as|because|but|since)\b)[^\s.:;,]+\s+){0,4}already\b",
    re.IGNORECASE,
)
_DUPLICATE: Final = re.compile(
    r"\bduplicate[sd]?\b(?!\s+(?:request|submission|message|call)\b)|\bnot\s+unique\b|"
    r"\Aduplicate_(?:crm_)?record(?:_id)?\s*(?:[.:,;-]|\Z)",
    re.IGNORECASE,
)
# Something else that is duplicate, or a search for duplicates that failed.
_OTHER_DUPLICATES: Final = re.compile(
    r"\b(?:unable|failed|fails|check(?:s|ed|ing)?|look(?:s|ed|ing)?[\s-]?up|search(?:ed)?|phones?|"
    r"numbers?|contacts?|e-?mails?|address(?:es)?|time[ds]?[\s-]?out|matche[ds]|for\s+duplicates)\b"
    r"|\bin\s+(?:the\s+|your\s+)?crm\b",
    re.IGNORECASE,
)
_WITHIN_REQUEST: Final = re.compile(
    r"\b(?:in|within|inside|across|of)\s+(?:the\s+|this\s+|your\s+|one\s+|a\s+)?"
    r"(?:same\s+|single\s+)?(?:request|batch|payload|body|list|array|call)\b"
    r"|\brequest\s+(?:contains?|has)\b|\bmore\s+than\s+once\b",
    re.IGNORECASE,
)


_MOST_READ: Final = 1_000
"""Characters of a sentence; what comes after is taken for unsaid. A reply made to be slow to read
must not keep the event loop."""


def sentences(problem: Problem) -> Iterator[str]:
    """The parts of a problem that are made of words, most specific first."""
    fields = [error.message for error in problem.errors[:10]]
    for text in (problem.detail, *fields, problem.title):
        if text:
            yield text[:_MOST_READ]


def has_words(problem: Problem) -> bool:
    """Whether it says anything at all, be it by a code."""
    return any(text.strip() for text in sentences(problem)) or any(
        error.field or error.code for error in problem.errors
    )


def _says(pattern: re.Pattern[str], text: str, ids: Collection[str]) -> bool:
    """Whether the sentence itself says it, and not merely an id that it names.

    Somebody's record may be called "duplicate", or COMPLETE.
    """
    return bool(pattern.search(text) and (not ids or pattern.search(_without(text, ids))))


def says_duplicate(problem: Problem, ids: Collection[str] = ()) -> bool:
    """Whether the text says that a record is on the campaign already.

    ``ids``: those of the request, whose names say nothing; so in all that follows.

    Ids repeated *within the request* are another matter (vendor: Troubleshooting, 400): nothing is
    on the campaign then. We send no repeats, but the service may compare ids more loosely.
    """
    told = [
        text
        for text in sentences(problem)
        if (_says(_ALREADY_THERE, text, ids) and not _ONLY_SUPPOSED.search(text))
        or (_says(_DUPLICATE, text, ids) and not _OTHER_DUPLICATES.search(text))
    ]
    # None of them: a title "Duplicate record" may well stand above such a detail.
    return bool(told) and not any(_WITHIN_REQUEST.search(text) for text in told)


_INVALID: Final = re.compile(
    r"\bvalidation\b|\b(?:in|not\s+)valid\b|\bmust\b|\bmalformed\b|\bunknown\b|\bnot\s+found\b|"
    r"\bno\s+(?:\w+\s+){0,3}found\b|\bnot\s+exist\b|\bblank\b|\bmissing\b|\brequired\b|"
    r"\bexceeds?\b|\btoo\s+(?:long|many|large)\b|\bno\s+valid\b",
    re.IGNORECASE,
)
_UNIQUE: Final = re.compile(r"\bunique", re.IGNORECASE)


def says_invalid(problem: Problem, ids: Collection[str] = ()) -> bool:
    """Whether the reply says that the content is wrong, and not merely "bad request".

    The title alone does not: the vendor's own sample of a duplicate is titled "Validation failed".
    Nor does "must be unique": in the request, or in the campaign?
    """
    fields = [f"{error.code or ''} {error.message or ''}" for error in problem.errors]
    detail = problem.detail or ""
    if any(_UNIQUE.search(text) for text in (detail, *fields)):
        return False
    return bool(fields) or _says(_INVALID, detail, ids)


# --- the campaign's state and kind

_NOT_DYNAMIC: Final = re.compile(
    r"\bis_?dynamic\b|\b(?:not|non)[\s-]+(?:a\s+)?dynamic\b", re.IGNORECASE
)


def says_not_dynamic(problem: Problem, ids: Collection[str] = ()) -> bool:
    """Whether the text says that the campaign, not being dynamic, takes no added records."""
    fields = (error.field or "" for error in problem.errors)
    return any(_says(_NOT_DYNAMIC, text, ids) for text in (*sentences(problem), *fields))


_STATE_WORDS: Final = "|".join(state.value.replace("_", "[_ ]") for state in CampaignState)
_STATE_AS_TOKEN: Final = re.compile(rf"(?<![\w-])({_STATE_WORDS})(?![\w-])")
_STATE_IN_PROSE: Final = re.compile(
    rf"\b(?:stat(?:e|us)|campaign|currently|while|when|from(?!\s*:)|is)\b[\s:='\"(]*"
    rf"(?:(?:is|in|of|state|currently|already|it\s+is)\b[\s:='\"(]*){{0,4}}({_STATE_WORDS})(?![\w-])"
    # Not the first of an enumeration: that is the rule being quoted, and not the state.
    rf"(?!['\")]*\s*(?:,|/|\bor\b|\band\b)\s*(?:or\s+|and\s+)?['\"(]*(?:{_STATE_WORDS})\b)",
    re.IGNORECASE,
)
# What is done to the campaign, or was. What ends it must begin a clause, perhaps with its name, and
# be all that is said: a campaign may have ended its build, or have removed a record.
_NOW: Final = r"(?:\s+(?:already|currently|just|now|still)){0,2}"
_IS_BEING: Final = rf"\bcampaign\b[^.,;:]{{0,60}}?\sis{_NOW}\s+being\s+(?:re)?"
_CAMPAIGN: Final = (
    r"(?:\A|[^\w\s-]\s*|\b(?<!soon )(?:as|because|but|since)\s+)(?:(?:the|this)\s+)?campaign"
    r"(?:\s+(?:'[^']*'|\"[^\"]*\"|(?=[^\d\s]{0,40}\d)[\w-]{1,40}))?"
)
_HAS: Final = rf"{_CAMPAIGN}\s+(?:has|is|was){_NOW}(?:\s+been)?{_NOW}\s+"
_HAS_BEEN: Final = rf"{_CAMPAIGN}(?:\s+has)?{_NOW}\s+(?:is|was|been){_NOW}\s+"
_FULL_STOP: Final = r"(?=\s*(?:\Z|[.,;:!)]|and\b))"
_STATE_BY_VERB: Final = {
    state: re.compile(pattern, re.IGNORECASE)
    for state, pattern in (
        (CampaignState.BUILDING, rf"{_IS_BEING}built\b"),
        (CampaignState.STARTING, rf"{_IS_BEING}started\b"),
        (CampaignState.COMPLETE, rf"{_HAS}(?:ended|finished|completed){_FULL_STOP}"),
        (CampaignState.DELETED, rf"{_HAS_BEEN}(?:deleted|removed){_FULL_STOP}"),
    )
}
_STATE_CONFLICT: Final = re.compile(
    r"\b(?:state|transition)\b|\bdisabled\b|\bnot\s+(?:allowed|permitted|valid)\s+(?:from|while|in)\b",
    re.IGNORECASE,
)


def says_state(problem: Problem, ids: Collection[str] = ()) -> bool:
    """Whether the text speaks of the campaign's state."""
    patterns = (_STATE_CONFLICT, _STATE_IN_PROSE, *_STATE_BY_VERB.values(), _STATE_AS_TOKEN)
    return any(_says(pattern, text, ids) for text in sentences(problem) for pattern in patterns)


def says_disabled(problem: Problem) -> bool:
    """Whether the text says that the campaign is disabled, which only a person changes."""
    return any("disabled" in text.lower() for text in sentences(problem))


def named_state(problem: Problem, ids: Collection[str] = ()) -> CampaignState | None:
    """The state that the text gives as the campaign's own; None if it gives none, or several.

    "not allowed in state BUILDING; allowed from: READY" names BUILDING: what stands next to a word
    such as "state" or "is" counts before what merely occurs. What is done to it counts before both.
    """
    whole = list(sentences(problem))
    blotted = [_without(text, ids) for text in whole]
    for found in (
        {state for text in blotted for state, verb in _STATE_BY_VERB.items() if verb.search(text)},
        # Next to "state" or "is" it is the state's name, even if a record is called like it.
        {name for text in whole for name in _STATE_IN_PROSE.findall(text)},
        {name for text in blotted for name in _STATE_AS_TOKEN.findall(text)},
    ):
        states = {CampaignState(name.upper().replace(" ", "_")) for name in found}
        if states:
            return states.pop() if len(states) == 1 else None
    return None


# --- our ids in their texts


@attrs.frozen
class Named:
    """Which of a batch's ids a text names.

    ``surely``: where the text says which id it speaks of. ``perhaps``: they occur in it, but may be
    ordinary words or numbers of the sentence.
    """

    surely: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()


_BEFORE_IDS: Final = re.compile(
    r"\b(?:(?:crm[\s_]?)?record[\s_]?)?ids?['\"]?\s*(?:(?:is|are)\s*)?[:=(\['\"`]", re.IGNORECASE
)
_OPENING: Final = " \t\r\n'\"`([{<:=,;|"
_CLOSING: Final = " \t\r\n'\"`)]}>,;|"
_TRAILING: Final = ".!?:"
_BRACKETS: Final = ")]}>'\"`"
_QUOTES: Final = "'\"`"
_COMMA: Final = re.compile(r"['\"`]?\s*[,;]")
_MIN_DISTINCTIVE: Final = 4


def find_named(problem: Problem, ids: Collection[str]) -> Named:
    """Which of ``ids`` the problem's sentences name.

    Whole tokens, the longest first: ``CRM-1`` is not in ``CRM-12``. An id that follows "Id:" is
    surely meant, and so is one that could hardly be a word of the sentence by accident; any other
    that occurs ("Campaign", "100") is only perhaps.
    """
    longest_first = sorted(ids, key=len, reverse=True)
    surely: dict[str, None] = {}
    perhaps: dict[str, None] = {}
    for text in sentences(problem):
        announced = [crm_record_id for crm_record_id, _ in _announced(text, longest_first)]
        surely.update(dict.fromkeys(announced))
        if announced:
            continue
        for crm_record_id, _ in _tokens(text, longest_first):
            (surely if _is_distinctive(crm_record_id) else perhaps)[crm_record_id] = None
    # A full stop or a quote may be the sentence's or the id's: of such siblings none is sure.
    alike = Counter(map(_bare, ids if surely else ()))
    sure = tuple(i for i in surely if alike[_bare(i)] == 1)
    return Named(sure, tuple(i for i in (perhaps | surely) if i not in sure))


def _bare(crm_record_id: str) -> str:
    return crm_record_id.strip(_OPENING + _CLOSING + _TRAILING)


def _without(text: str, ids: Collection[str]) -> str:
    """The text with its ids blotted out: where it announces some those, else all that occur."""
    longest_first = sorted(ids, key=len, reverse=True)
    left = list(text)
    for _, place in list(_announced(text, longest_first)) or _tokens(text, longest_first):
        left[place] = "_" * (place.stop - place.start)
    return "".join(left)


def _announced(text: str, longest_first: list[str]) -> Iterator[tuple[str, slice]]:
    """The ids that follow an "Id:", and those that follow them after commas, with their places."""
    at = 0
    for match in _BEFORE_IDS.finditer(text):
        # Inside the last one: an id may hold "Id:" itself, or be called "ids".
        if match.start() < at:
            continue
        here = _read_one(text, match.end(), longest_first)
        while here is not None:
            yield here
            at = here[1].stop
            more = _COMMA.match(text, at)
            here = _read_one(text, at, longest_first) if more else None


def _read_one(text: str, at: int, longest_first: list[str]) -> tuple[str, slice] | None:
    """The id that stands here or after opening signs, which may be its own, with its place."""
    best = None
    odd = [i for i in longest_first if i[0] in _OPENING]
    while True:
        opening = at < len(text) and text[at] in _OPENING
        # What a quote opens goes on to the next one.
        quote = text[at - 1] if text[at - 1] in _QUOTES else ""
        for crm_record_id in odd if opening else longest_first:
            end = at + len(crm_record_id)
            if text.startswith(crm_record_id + quote, at) and _ends(text, end):
                if best is None or end > best[1].stop:
                    best = crm_record_id, slice(at, end)
                break
        if not opening:
            return best
        at += 1


def _tokens(text: str, longest_first: list[str]) -> Iterator[tuple[str, slice]]:
    """The ids that stand in the text as whole words, with their places."""
    free = list(text)
    for crm_record_id in longest_first:
        at = text.find(crm_record_id)
        while at >= 0:
            end = at + len(crm_record_id)
            begins = at == 0 or text[at - 1] in _OPENING
            if begins and _ends(text, end) and all(free[at:end]):
                free[at:end] = [""] * (end - at)
                yield crm_record_id, slice(at, end)
            at = text.find(crm_record_id, at + 1)


def _ends(text: str, end: int) -> bool:
    """Whether a token may end here: at the text's end, before a closing sign, or a sentence's."""
    if end == len(text):
        return True
    if text[end] in _CLOSING:
        # "(7)" ends a 7, "(7)2" is another id.
        return text[end] not in _BRACKETS or not text[end + 1 : end + 2].isalnum()
    return text[end] in _TRAILING and (end + 1 == len(text) or text[end + 1] in _CLOSING)


def _is_distinctive(crm_record_id: str) -> bool:
    return (
        len(crm_record_id) >= _MIN_DISTINCTIVE
        and any(c.isdigit() for c in crm_record_id)
        and (not crm_record_id.isdigit() or len(crm_record_id) > _MIN_DISTINCTIVE)
    )
