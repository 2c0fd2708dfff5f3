import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.wording import (
    Named,
    find_named,
    named_state,
    says_duplicate,
    says_invalid,
    says_not_dynamic,
    says_state,
    sentences,
)
from campaigns_async.errors import FieldError, Problem
from campaigns_async.models import CampaignState

# What a token of a sentence may be surrounded by; an id inside them may be part of another one.
SEPARATORS = " \t\r\n'\"`([{<:=,;|)]}>.!?"

any_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=32)
awkward_ids = st.text("aB1-'\" ,.;:(Id)", min_size=1, max_size=12).filter(lambda i: not i.isspace())
clear_ids = st.text(
    st.characters(exclude_categories=["Cs", "Z", "C"], exclude_characters=SEPARATORS),
    min_size=1,
    max_size=32,
)


def said(detail: str, *messages: str, title: str | None = None) -> Problem:
    """A problem with these sentences."""
    return Problem(title=title, detail=detail, errors=[FieldError(message=m) for m in messages])


def test_the_most_specific_sentence_comes_first() -> None:
    """The detail comes before the fields' messages, and those before the title."""
    problem = Problem(
        title="t", detail="d", errors=[FieldError("f", "c", "m"), FieldError("f", "c", None)]
    )
    assert list(sentences(problem)) == ["d", "m", "t"]
    assert list(sentences(Problem())) == []


# --- duplicates


@pytest.mark.parametrize(
    "text",
    [
        "Campaign already contains record for Id: CRM-12345",
        "campaign ALREADY CONTAINS record",
        "Record CRM-1 already exists",
        "CRM-1 could not be added because it already exists",
        "DUPLICATE_RECORD: CRM-1",
        "DUPLICATE_CRM_RECORD_ID",
        "The record is already present on this campaign",
        "The id has already been added",
        "Already added: CRM-1",
        "CRM-1 is already in the campaign",
        "CRM-1 is already on this campaign",
        "CRM-1 is already part of the campaign",
        "CRM-1 is already a member of this campaign",
        "Campaign already has CRM-1",
        "Campaign already has been loaded with CRM-1",
        "Campaign already contains 2 records with these ids",
        "E11000 duplicate key error: crmRecordId",
        "Duplicate record",
        "duplicate crmRecordId: CRM-1",
        "CRM-1 is a duplicate",
        "crmRecordId is not unique",
    ],
)
def test_a_duplicate_is_told_by_its_words(text: str) -> None:
    """A sentence that says of a record that it is on the campaign is read so in any place."""
    assert says_duplicate(said(text))
    assert says_duplicate(Problem(title=text))
    assert says_duplicate(said("Validation failed", text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Validation failed",
        "Conflict",
        "No CRM record found for id CRM-1",
        # Something else is already so.
        "The campaign is already running",
        "The campaign has already been started",
        "Campaign already has been deleted",
        "Campaign already has ended",
        "Campaign already has state COMPLETE",
        "Campaign already has the status COMPLETED",
        # Full, not there.
        "Campaign already contains the maximum number of records",
        "Campaign already contains 5000000 records",
        "Campaign already holds 5,000,000 records",
        "Campaign already has reached its limit",
        # Something else is there twice.
        "Duplicate request",
        "DUPLICATE_REQUEST",
        "DUPLICATE_RECORD_PHONE",
        "DUPLICATE_RECORD policy is missing",
        # A rule, or a question.
        "Record must already exist in the CRM",
        "Records should all have been already uploaded",
        "The record has to already exist",
        "Could not check whether CRM-1 is already in the campaign",
        # In this campaign, or in another one?
        "crmRecordId CRM-1 is already in use",
        "crmRecordId CRM-1 is already taken",
        "Duplicate submission detected",
        # Ids repeated in the request (vendor: Troubleshooting, 400).
        "crmRecordId values are duplicated within the same request",
        "Duplicate ids in request",
        "duplicates in the batch",
        "The request contains duplicate ids",
        "crmRecordId CRM-1 is duplicated: it occurs more than once",
        "The list already contains an id of this request",
    ],
)
def test_what_could_mean_something_else_is_no_duplicate(text: str) -> None:
    """A sentence that may speak of anything but a record on the campaign is not read as that."""
    assert not says_duplicate(said(text))
    assert not says_duplicate(Problem(title=text))


def test_a_title_does_not_outweigh_the_request() -> None:
    """A title "Duplicate record" is none where the detail says that the request repeats the id."""
    within = "crmRecordId values are duplicated within the same request: CRM-1"
    assert not says_duplicate(said(within, title="Duplicate record"))
    assert says_duplicate(said("Campaign already contains CRM-1", title="Duplicate record"))


# --- invalid


@pytest.mark.parametrize(
    "text",
    [
        "Validation failed",
        "crmRecordId must not be blank",
        "Malformed JSON",
        "Unknown record",
        "CRM record not found",
        "The id is invalid",
        "not valid",
        "rank is required",
        "size exceeds 100",
        "The id is too long",
        "No valid number",
    ],
)
def test_wrong_content_is_told_by_its_words(text: str) -> None:
    """A sentence that finds fault with the content is read so."""
    assert says_invalid(said(text))


def test_a_field_error_is_about_the_content() -> None:
    """A reply with errors of fields is about the content, whatever it says."""
    assert says_invalid(Problem(errors=[FieldError()]))


@pytest.mark.parametrize("text", ["Bad request", "Conflict", "", "No"])
def test_a_bare_refusal_says_nothing_of_the_content(text: str) -> None:
    """A refusal without a reason is not read as one for the content."""
    assert not says_invalid(said(text))


# --- not dynamic


@pytest.mark.parametrize(
    "problem",
    [
        said("Invalid Operation: isDynamic is false"),
        said("is_dynamic must be true"),
        said("The campaign is not dynamic"),
        said("This is a non-dynamic campaign"),
        said("This is not a dynamic campaign", title="Invalid Operation"),
        Problem(title="Campaign is not Dynamic"),
        Problem(title="Invalid Operation", errors=[FieldError("isDynamic", None, "must be true")]),
        Problem(errors=[FieldError("campaign.isDynamic")]),
    ],
)
def test_a_campaign_that_takes_no_records_at_all_is_told(problem: Problem) -> None:
    """A text or a field that says "not dynamic" is read so."""
    assert says_not_dynamic(problem)


@pytest.mark.parametrize("text", ["Invalid Operation", "The dynamic campaign is BUILDING", ""])
def test_a_dynamic_campaign_is_not_taken_for_another(text: str) -> None:
    """The word "dynamic" alone does not say that the campaign is not."""
    assert not says_not_dynamic(said(text))


# --- states

STATES = [
    # text, the state that it gives as the campaign's own
    ("Campaign is BUILDING", "BUILDING"),
    ("campaign is building", "BUILDING"),
    ("Campaign state is STARTING", "STARTING"),
    ("Records cannot be added while the campaign is COMPLETE", "COMPLETE"),
    ("Records cannot be added in state 'DELETED'", "DELETED"),
    ('Not allowed: state="BUILD_ERROR"', "BUILD_ERROR"),
    ("The campaign is currently in build error", "BUILD_ERROR"),
    ("status: (RUN_ERROR)", "RUN_ERROR"),
    ("PAUSE is not allowed in state CREATED; allowed from: RUNNING", "CREATED"),
    ("not allowed in state BUILDING; allowed from: READY", "BUILDING"),
    ("Campaign is already RUNNING", "RUNNING"),
    ("Invalid transition from PAUSED", "PAUSED"),
    ("COMPLETE", "COMPLETE"),
    # By what was done to it.
    ("Campaign is being built", "BUILDING"),
    ("The campaign is currently being rebuilt, try again later", "BUILDING"),
    ("campaign is still being started", "STARTING"),
    ("Campaign has ended", "COMPLETE"),
    ("Records cannot be added because this campaign has ended", "COMPLETE"),
    ("Conflict: campaign 123e4567-e89b-12d3-a456-426614174000 has ended", "COMPLETE"),
    ("Cannot add to a campaign that is being built", "BUILDING"),
    ("Campaign 'Summer' is being built", "BUILDING"),
    ("The campaign is already completed.", "COMPLETE"),
    ("The campaign was finished and takes no records", "COMPLETE"),
    ("Campaign has been deleted", "DELETED"),
    ("Campaign was removed, and so are its records", "DELETED"),
    ("Records are refused, as the campaign was deleted", "DELETED"),
    ("Campaign is being built. Try again when its state is READY", "BUILDING"),
    ("Campaign has ended, because the campaign was deleted", None),
    # The rule is quoted, the state is not said.
    ("Not allowed while BUILDING, STARTING, COMPLETE or DELETED", None),
    ("Campaign state must be READY or BUILD_ERROR", None),
    ("Campaign must not be BUILDING/STARTING", None),
    ("The state 'COMPLETE', 'DELETED' takes no records", None),
    ("Campaign is RUNNING, its state is PAUSED", None),
    ("Action not valid in this state", None),
    ("The campaign is disabled", None),
    ("not permitted while it is like that", None),
]


@pytest.mark.parametrize(("text", "state"), STATES)
def test_a_state_conflict_is_told_by_its_words(text: str, state: str | None) -> None:
    """A text about the campaign's state is read so; its state is named if it is clear which."""
    assert says_state(said(text))
    assert named_state(said(text)) == (None if state is None else CampaignState(state))


@pytest.mark.parametrize(
    "text",
    [
        "Conflict",
        "Campaign already contains record for Id: CRM-1",
        "It's complete nonsense",
        "",
        # Not the campaign.
        "The record has been deleted",
        "A record of the campaign has been deleted",
        "Campaign record has been deleted",
        "Campaign record has been removed: 0f3e",
        "Campaign owner has been deleted, user 77",
        "The record's campaign id has been deleted",
        "The id is used by another campaign that has ended",
        "Parent-campaign was deleted",
        # It did something, or something to it is not its end.
        "Campaign has not been completed",
        "Campaign has finished building",
        "Campaign has been built",
        "Campaign has been started",
        "Campaign was removed from the queue",
        "The campaign has ended its build",
        "The campaign has ended up with an error",
        "Campaign has completed 40% of its build",
        "Campaign has already completed record CRM-1",
        "Conflict: the campaign has already removed it",
        "Campaign has deleted 3 records",
        # Not yet, or perhaps.
        "Try again as soon as the campaign has completed",
        "Records cannot be added when the campaign has ended",
        "Not added because the campaign has ended or is being changed",
    ],
)
def test_other_refusals_are_not_about_the_state(text: str) -> None:
    """A text without a state is not read as one about it, nor is a word of prose in lower case."""
    assert not says_state(said(text))
    assert named_state(said(text)) is None


def test_states_of_several_sentences_must_agree() -> None:
    """Two sentences that name different states name none."""
    assert named_state(said("state BUILDING", "state BUILDING")) is CampaignState.BUILDING
    assert named_state(said("state BUILDING", "state READY")) is None


@pytest.mark.parametrize("crm_record_id", CampaignState)
def test_an_id_may_be_called_like_a_state(crm_record_id: str) -> None:
    """A state's name that is an id of the request is no state by itself, and is found as the id."""
    problem = said(f"No CRM record for Id: {crm_record_id}")
    assert says_state(problem)
    assert not says_state(problem, {crm_record_id})
    assert named_state(problem, {crm_record_id}) is None
    assert find_named(problem, [crm_record_id, "CRM-1"]) == Named(surely=(crm_record_id,))


def test_the_campaigns_own_state_counts_although_an_id_is_called_like_it() -> None:
    """A text "state COMPLETE" gives the campaign's own even if a record has that id."""
    problem = said("Records cannot be added in state COMPLETE")
    assert says_state(problem, {"COMPLETE"})
    assert named_state(problem, {"COMPLETE"}) is CampaignState.COMPLETE


# --- ids

IDS = [
    # text, ids of the batch, surely named, perhaps named
    ("record for Id: CRM-1", "CRM-1 CRM-12 CRM-123", "CRM-1", ""),
    ("record for Id: CRM-12", "CRM-1 CRM-12 CRM-123", "CRM-12", ""),
    ("record for Id: CRM-12.", "CRM-1 CRM-12 CRM-123", "CRM-12", ""),
    ("record for Id: CRM-4", "CRM-1 CRM-12", "", ""),
    ("record for Id: XCRM-1", "CRM-1", "", ""),
    ("record for Id: CRM-1-B", "CRM-1", "", ""),
    ("CRM-12 already exists", "CRM-1 CRM-12", "CRM-12", ""),
    ("CRM-1, CRM-12 already exist", "CRM-1 CRM-12 CRM-3", "CRM-12 CRM-1", ""),
    ("ids: CRM-1, CRM-2; CRM-3", "CRM-1 CRM-2 CRM-3 CRM-4", "CRM-1 CRM-2 CRM-3", ""),
    ("ids ['CRM-1', 'CRM-2']", "CRM-1 CRM-2 CRM-3", "CRM-1 CRM-2", ""),
    ("crmRecordId 'CRM-1' exists", "CRM-1 CRM-2", "CRM-1", ""),
    ("crm_record_id=CRM-1", "CRM-1 CRM-2", "CRM-1", ""),
    ("The id is: CRM-1!", "CRM-1 CRM-2", "CRM-1", ""),
    ("<CRM-1> exists", "CRM-1 CRM-2", "CRM-1", ""),
    # Ids that are ordinary words or numbers.
    ("Campaign already contains record", "Campaign record CRM-1", "", "Campaign record"),
    ("Campaign already contains record for Id: CRM-1", "Campaign record CRM-1", "CRM-1", ""),
    ("Campaign already contains record for Id: record", "Campaign record", "record", ""),
    ("already contains 100 of 2026 records", "100 2026 7", "", "2026 100"),
    ("already contains record for Id: 100", "100 2026", "100", ""),
    ("already contains 12345", "12345 1234", "12345", ""),
    ("A1 is there", "A1", "", "A1"),
    ("already contains record", "contain rec", "", ""),
]


@pytest.mark.parametrize(("text", "ids", "surely", "perhaps"), IDS)
def test_ids_are_found_as_whole_tokens(text: str, ids: str, surely: str, perhaps: str) -> None:
    """An id counts as a whole token; one that may be a word of the sentence is "perhaps"."""
    named = find_named(said(text), ids.split())
    assert named == Named(tuple(surely.split()), tuple(perhaps.split()))


@pytest.mark.parametrize(
    ("x", "others"),
    [
        ("Smith, John", ["Smith", "John"]),
        ("Smith, John", ["John Smith", "Smith,"]),
        ("CRM 1", ["CRM", "1", "CRM 12"]),
        ("O'Hara", ["O", "Hara"]),
        ('12" pipe', ["12", "pipe"]),
        ("'a b", ["a", "b"]),
        ("Id: B-1234", ["B-1234", "Id"]),
        ("COMPLETE", ["COMPLETE-1"]),
        ("ids", ["id", "Id"]),
    ],
)
def test_an_id_may_hold_separators(x: str, others: list[str]) -> None:
    """An id with spaces, commas or quotes is the one named, and the parts of it are not."""
    problem = said(f"Campaign already contains record for Id: {x}")
    assert find_named(problem, [*others, x]).surely == (x,)


@pytest.mark.parametrize("sibling", [" CRM-1", "CRM-1.", "'CRM-1'", "CRM-1;", "(CRM-1)"])
@pytest.mark.parametrize("text", ["Id: {}", "Id: {}.", "Id: '{}'", "record {} exists"])
def test_ids_that_differ_in_their_edges_are_not_told_apart(sibling: str, text: str) -> None:
    """Where a batch has CRM-1 and "CRM-1.", say, a sentence does not name one of them surely."""
    for x in ("CRM-1", sibling):
        named = find_named(said(text.format(x)), ["CRM-1", sibling, "CRM-2"])
        assert named.surely == ()
        assert set(named.perhaps) <= {"CRM-1", sibling}
        assert named.perhaps


def test_each_sentence_may_name_an_id() -> None:
    """Ids of all sentences count; one that is sure somewhere is not doubtful elsewhere."""
    problem = said("Id: CRM-1", "Id: word", "CRM-20 exists", title="word and thing")
    assert find_named(problem, ["thing", "word", "CRM-20", "CRM-1"]) == Named(
        surely=("CRM-1", "word", "CRM-20"), perhaps=("thing",)
    )


@given(st.sets(clear_ids, min_size=1), st.data())
def test_the_documented_sentence_names_just_its_id(ids: set[str], data: st.DataObject) -> None:
    """Of any ids without separators, the vendor's sentence surely names its own."""
    x = data.draw(st.sampled_from(sorted(ids)))
    problem = said(f"Campaign already contains record for Id: {x}", title="Validation failed")
    assert find_named(problem, ids) == Named(surely=(x,))
    assert says_duplicate(problem)


@given(st.sets(any_ids | awkward_ids, min_size=1), st.data())
def test_the_documented_sentence_never_names_another(ids: set[str], data: st.DataObject) -> None:
    """Of any ids whatever, the vendor's sentence surely names the one that it is about or none."""
    x = data.draw(st.sampled_from(sorted(ids)))
    problem = said(f"Campaign already contains record for Id: {x}")
    assert set(find_named(problem, ids).surely) <= {x}


@given(st.sets(clear_ids, min_size=1), st.lists(clear_ids, min_size=1))
def test_other_ids_name_none(ids: set[str], others: list[str]) -> None:
    """A sentence about ids that are not the batch's own names none of it."""
    theirs = [other for other in others if other not in ids]
    problem = said("; ".join(f"Id: {other}" for other in theirs))
    assert find_named(problem, ids - {"Id"}) == Named()


@given(st.text(), st.sets(any_ids | awkward_ids))
def test_only_the_batchs_own_ids_are_found(text: str, ids: set[str]) -> None:
    """What is found in any text are ids of the batch, each once, that are in the text."""
    named = find_named(said(text), ids)
    found = named.surely + named.perhaps
    assert len(set(found)) == len(found)
    assert set(found) <= {i for i in ids if i in text}
