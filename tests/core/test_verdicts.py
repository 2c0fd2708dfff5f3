import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.exchange import Response
from campaigns_async._core.verdicts import MEANING, Proof, Step, Verdict, decide_verdict
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    CampaignStateError,
    ConflictError,
    DuplicateRecordError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TransportError,
    UnexpectedResponseError,
    ValidationError,
)
from campaigns_async.models import Record

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
BATCH = ["CRM-1", "CRM-12", "Campaign"]
HTML = "<html><body>Sorry</body></html>"


def said(status: int, detail: str, *fields: str) -> Response:
    """A refusal in the vendor's format; ``fields`` are at fault."""
    errors = [{"field": field, "message": "no"} for field in fields]
    body = {"title": "Refused", "status": status, "detail": detail, "errors": errors}
    return Response(status, {}, json.dumps(body).encode())


def page(status: int) -> Response:
    """A gateway's answer."""
    return Response(status, {"content-type": "text/html"}, HTML.encode())


def reply(*ids: str, status: int = 200) -> Response:
    """The answer to a POST that added these."""
    records = [{"crmRecordId": crm_record_id} for crm_record_id in ids]
    return Response(status, {}, json.dumps({"records": records}).encode())


# The decision table, row by row: what is seen -> what it proves (and so: whether the attempt
# landed, and what follows), and the class of the error.
TABLE: list[tuple[str, Response | TransportError, Proof, type[Exception] | None]] = [
    ("200", reply(*BATCH), Proof.ADDED, None),
    ("201", reply(*BATCH, status=201), Proof.ADDED, None),
    ("202 with nothing", Response(202, {}, b""), Proof.ADDED, None),
    ("204", Response(204, {}, b""), Proof.ADDED, None),
    ("200 with HTML", page(200), Proof.ADDED, None),
    ("200 cut off", Response(200, {}, b'{"records": [', broken_off=True), Proof.ADDED, None),
    (
        "409 cut off",
        Response(409, {}, b'{"title": "Con', broken_off=True),
        Proof.CUT_OFF,
        ConflictError,
    ),
    (
        "a code for words: not dynamic",
        Response(400, {}, b'{"errors": [{"field": "isDynamic", "code": "FALSE"}]}'),
        Proof.FATAL,
        ValidationError,
    ),
    (
        "a code for words: invalid",
        Response(400, {}, b'{"errors": [{"field": "crmRecordId", "code": "INVALID_FORMAT"}]}'),
        Proof.INVALID,
        ValidationError,
    ),
    (
        "a code for words: unclear",
        Response(409, {}, b'{"errors": [{"field": "crmRecordId", "code": "DUPLICATE"}]}'),
        Proof.UNCLEAR,
        ConflictError,
    ),
    ("422 without words", Response(422, {}, b'{"status": 422}'), Proof.WORDLESS, ValidationError),
    ("409 with half a body", Response(409, {}, b'{"title": "Con'), Proof.WORDLESS, ConflictError),
    ("200 with no records", reply(), Proof.ADDED, None),
    ("200 with records without ids", Response(200, {}, b'{"records": [{}]}'), Proof.ADDED, None),
    ("200 with some of them", reply("CRM-12"), Proof.ADDED, None),
    ("200 in other case", reply("crm-1 ", "CAMPAIGN"), Proof.ADDED, None),
    ("200 about others", reply("CRM-2", "CRM-3"), Proof.OPEN, UnexpectedResponseError),
    ("never sent", NotSentError("no route"), Proof.NOT_SENT, NotSentError),
    ("bad certificate", NotSentError("x", permanent=True), Proof.FATAL, NotSentError),
    ("429", said(429, "slow down"), Proof.THROTTLED, RateLimitError),
    ("429 as a page", page(429), Proof.THROTTLED, RateLimitError),
    ("timeout", OutcomeUnknownError("x", timed_out=True), Proof.OPEN, OutcomeUnknownError),
    ("reset", OutcomeUnknownError("x"), Proof.OPEN, OutcomeUnknownError),
    ("408", page(408), Proof.OPEN, UnexpectedResponseError),
    ("500", said(500, "Campaign already contains record"), Proof.OPEN, ServerError),
    ("502", page(502), Proof.OPEN, ServerError),
    ("503", said(503, ""), Proof.OPEN, ServerError),
    ("504", Response(504, {}, b""), Proof.OPEN, ServerError),
    ("999", page(999), Proof.OPEN, UnexpectedResponseError),
    ("600", page(600), Proof.OPEN, UnexpectedResponseError),
    ("0", page(0), Proof.OPEN, UnexpectedResponseError),
    (
        "duplicate, 400",
        said(400, "Campaign already contains record for Id: CRM-12"),
        Proof.DUPLICATE,
        DuplicateRecordError,
    ),
    (
        "duplicate, 409",
        said(409, "Campaign already contains record for Id: CRM-12"),
        Proof.DUPLICATE,
        DuplicateRecordError,
    ),
    (
        "duplicate naming none",
        said(409, "A record already exists"),
        Proof.DUPLICATE,
        DuplicateRecordError,
    ),
    ("validation with fields", said(400, "", "scheduleAt"), Proof.INVALID, ValidationError),
    ("validation in words", said(400, "must not be blank"), Proof.INVALID, ValidationError),
    ("a bad request naming one", said(400, "Bad CRM-12"), Proof.UNCLEAR, ValidationError),
    ("422", said(422, "Validation failed"), Proof.INVALID, ValidationError),
    (
        "ids repeated in the request",
        said(400, "crmRecordId values are duplicated within the same request"),
        Proof.UNCLEAR,
        ValidationError,
    ),
    ("413", page(413), Proof.INVALID, UnexpectedResponseError),
    ("BUILDING", said(409, "Campaign is BUILDING"), Proof.BUSY, CampaignStateError),
    ("STARTING", said(400, "state is STARTING"), Proof.BUSY, CampaignStateError),
    ("some state", said(409, "not valid in this state"), Proof.BUSY, CampaignStateError),
    ("COMPLETE", said(409, "Campaign is COMPLETE"), Proof.FATAL, CampaignStateError),
    ("DELETED", said(400, "Campaign is DELETED"), Proof.FATAL, CampaignStateError),
    ("not dynamic", said(400, "Invalid Operation: isDynamic"), Proof.FATAL, ValidationError),
    ("401", said(401, "no key"), Proof.FATAL, AuthenticationError),
    ("403", said(403, "no product"), Proof.FATAL, PermissionDeniedError),
    ("404", said(404, "no such campaign"), Proof.FATAL, NotFoundError),
    ("405", page(405), Proof.FATAL, UnexpectedResponseError),
    ("301", page(301), Proof.FATAL, UnexpectedResponseError),
    ("307", page(307), Proof.FATAL, UnexpectedResponseError),
    ("101", page(101), Proof.FATAL, UnexpectedResponseError),
    ("400 that fits nothing", said(400, "no"), Proof.UNCLEAR, ValidationError),
    ("409 that fits nothing", said(409, "Conflict"), Proof.UNCLEAR, ConflictError),
    ("400 as a page", page(400), Proof.WORDLESS, ValidationError),
    ("409 without a body", Response(409, {}, b""), Proof.WORDLESS, ConflictError),
]


@pytest.mark.parametrize(
    ("seen", "proof", "error"), [pytest.param(*row, id=name) for name, *row in TABLE]
)
def test_the_decision_table(
    seen: Response | TransportError, proof: Proof, error: type[Exception] | None
) -> None:
    """Each thing that can be seen proves what the table says, and the error keeps the reason."""
    verdict = decide_verdict(BATCH, seen, NOW)
    assert verdict.proof is proof
    assert type(verdict.error) is (error or type(None))


@pytest.mark.parametrize(
    ("proof", "landed", "step"),
    [
        (Proof.ADDED, True, Step.SETTLE),
        (Proof.NOT_SENT, False, Step.RETRY),
        (Proof.THROTTLED, False, Step.RETRY),
        (Proof.OPEN, None, Step.RETRY),
        (Proof.DUPLICATE, False, Step.EXCISE),
        (Proof.INVALID, False, Step.TAKE_APART),
        (Proof.UNCLEAR, False, Step.TAKE_APART),
        (Proof.BUSY, False, Step.WAIT),
        (Proof.FATAL, False, Step.STOP),
    ],
)
def test_what_each_proof_means(proof: Proof, landed: bool | None, step: Step) -> None:  # noqa: FBT001
    """Each proof says whether the attempt put the batch in, and what follows for it."""
    meaning = Verdict(proof).meaning
    assert (meaning.landed, meaning.step) == (landed, step)


def test_every_proof_has_a_meaning() -> None:
    """The table leaves nothing out."""
    assert list(MEANING) == list(Proof)


# --- which records


DUPLICATES = [
    # text, batch, surely there, to be asked alone
    ("already contains record for Id: CRM-12", "CRM-1 CRM-12 CRM-123", "CRM-12", ""),
    ("already contains ids: CRM-1, CRM-2", "CRM-1 CRM-2 CRM-3", "CRM-1 CRM-2", ""),
    ("Campaign already contains record", "Campaign CRM-1", "", "Campaign"),
    ("already contains record for Id: CRM-9", "CRM-1 CRM-2", "", ""),
    # Another one of the batch differs only in case: the service may mean that the batch repeats it.
    ("already contains record for Id: CRM-1", "CRM-1 crm-1 CRM-2", "", "CRM-1"),
    ("already contains ids: Straße-1, B-22", "Straße-1 STRASSE-1 B-22", "B-22", "Straße-1"),
    # A single one is meant, whatever the text calls it.
    ("A record already exists", "CRM-1", "CRM-1", ""),
    ("already contains record for Id: crm-1", "CRM-1", "CRM-1", ""),
]


@pytest.mark.parametrize(("text", "ids", "named", "suspects"), DUPLICATES)
def test_which_records_a_duplicate_proves(text: str, ids: str, named: str, suspects: str) -> None:
    """Of a batch those surely named are there; those perhaps named are to be asked alone."""
    verdict = decide_verdict(ids.split(), said(409, text), NOW)
    assert verdict.proof is Proof.DUPLICATE
    assert (verdict.named, verdict.suspects) == (tuple(named.split()), tuple(suspects.split()))


@pytest.mark.parametrize(
    ("text", "suspects"),
    [
        ("Id: CRM-12 must not be blank", ("CRM-12",)),
        ("Campaign must be valid", ("Campaign",)),
        ("must not be blank", ()),
    ],
)
def test_a_refusal_suspects_whom_it_names(text: str, suspects: tuple[str, ...]) -> None:
    """Whoever is named by a refusal for the content is to be asked alone, and is proved nothing."""
    verdict = decide_verdict(BATCH, said(400, text), NOW)
    assert (verdict.named, verdict.suspects) == ((), suspects)


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("Campaign is BUILDING", True),
        ("Campaign is STARTING", True),
        ("Campaign is PAUSED", False),
        ("Campaign state is ARCHIVED", False),
        ("not allowed while BUILDING or COMPLETE", False),
        ("The campaign is disabled", False),
    ],
)
def test_a_wait_is_sure_to_end_only_in_a_state_that_passes(text: str, sure: bool) -> None:  # noqa: FBT001
    """A busy campaign leaves BUILDING and STARTING by itself; of other states nobody said so."""
    verdict = decide_verdict(BATCH, said(409, text), NOW)
    assert (verdict.proof, verdict.sure) == (Proof.BUSY, sure)


def test_a_record_called_complete_does_not_end_the_upload() -> None:
    """An id that is called like a final state is an id, wherever the text does not say more."""
    ids = ["COMPLETE", "CRM-1"]
    verdict = decide_verdict(ids, said(400, "No CRM record for Id: COMPLETE. It must exist"), NOW)
    assert (verdict.proof, verdict.suspects) == (Proof.INVALID, ("COMPLETE",))
    verdict = decide_verdict(ids, said(409, "Campaign already contains Id: COMPLETE"), NOW)
    assert (verdict.proof, verdict.named) == (Proof.DUPLICATE, ("COMPLETE",))


# --- the reply to an ADDED


def test_records_are_found_by_id() -> None:
    """A verdict gives the service's records by id, those without one left out."""
    seen = Response(200, {}, b'{"records": [{"crmRecordId": "CRM-1", "rank": 1}, {"rank": 2}]}')
    verdict = decide_verdict(["CRM-1"], seen, NOW)
    assert verdict.records() == {"CRM-1": Record(crm_record_id="CRM-1", rank=1)}


@pytest.mark.parametrize("body", [b"", HTML.encode(), b"[]", b"{}"], ids=repr)
def test_a_broken_reply_has_no_records(body: bytes) -> None:
    """A 2xx whose body cannot be read proves all the same, and has no records."""
    verdict = decide_verdict(["CRM-1"], Response(200, {}, body), NOW)
    assert (verdict.proof, verdict.records()) == (Proof.ADDED, {})


def test_every_truncation_of_a_success_is_a_success() -> None:
    """A 2xx that is cut off at any byte proves that the batch was added."""
    body = reply(*BATCH).body
    for end in range(len(body) + 1):
        seen = Response(200, {}, body[:end], broken_off=end < len(body))
        assert decide_verdict(BATCH, seen, NOW).proof is Proof.ADDED


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.booleans())
def test_any_ids_are_recognized_in_their_reply(ids: list[str], ascii_only: bool) -> None:  # noqa: FBT001
    """A reply about the batch's own ids is one, whether it is written in ASCII or in UTF-8."""
    ids = [i for i in ids if i.encode(errors="ignore").decode() == i] or ["CRM-1"]
    document = {"records": [{"crmRecordId": i} for i in reversed(ids)]}
    body = json.dumps(document, ensure_ascii=ascii_only).encode()
    assert decide_verdict(ids, Response(200, {}, body), NOW).proof is Proof.ADDED


def test_the_wait_that_a_reply_asks_for() -> None:
    """A verdict has the seconds that the reply asks to wait, and None without a reply."""
    throttled = Response(429, {"retry-after": "7"}, b"")
    assert decide_verdict(BATCH, throttled, NOW).retry_after == 7
    assert decide_verdict(BATCH, page(503), NOW).retry_after is None
    assert decide_verdict(BATCH, NotSentError("x"), NOW).retry_after is None
    assert decide_verdict(BATCH, reply(*BATCH), NOW).retry_after is None


@given(
    st.integers(0, 999),
    st.text() | st.sampled_from(["already exists", "state BUILDING", "Id: b", "COMPLETE"]),
    st.lists(st.sampled_from(["a", "A", "b", "CRM-1", "COMPLETE"]), min_size=1, unique=True),
)
def test_every_reply_proves_something(status: int, text: str, ids: list[str]) -> None:
    """Any reply has a verdict: with an error unless ADDED, and about ids of the batch alone."""
    verdict = decide_verdict(ids, said(status, text), NOW)
    assert (verdict.proof is Proof.ADDED) == (verdict.error is None) == (200 <= status < 300)
    assert isinstance(verdict.error, APIError | None)
    assert set(verdict.named + verdict.suspects) <= set(ids)
    assert not set(verdict.named) & set(verdict.suspects)
    assert verdict.proof is Proof.DUPLICATE or not verdict.named
