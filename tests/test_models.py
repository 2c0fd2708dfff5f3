import copy
import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.models import (
    Campaign,
    CampaignAction,
    CampaignDisplayStatus,
    CampaignState,
    NewRecord,
    OpenEnum,
    Record,
    RecordCount,
    RecordPriority,
    RecordResult,
    RecordState,
    RecordType,
)

OPEN_ENUMS: list[type[OpenEnum]] = [
    CampaignState,
    CampaignDisplayStatus,
    RecordType,
    RecordPriority,
    RecordState,
    RecordResult,
]
open_enums = st.sampled_from(OPEN_ENUMS)


@pytest.mark.parametrize(
    ("enum", "values"),
    [
        (CampaignAction, "BUILD RESET START PAUSE RESUME RETRY CANCEL PURGE"),
        (
            CampaignState,
            """CREATED BUILDING READY PENDING STARTING RUNNING PAUSED COMPLETE
            BUILD_ERROR RUN_ERROR DELETED""",
        ),
        (
            CampaignDisplayStatus,
            """NEW BUILDING BUILD_FAILED READY_TO_RUN SCHEDULED RUNNING PAUSED PURGED
            ERROR ERROR_PURGED COMPLETED STOPPED DISABLED""",
        ),
        (RecordType, "CRM_QUERY DYNAMIC"),
        (RecordPriority, "HIGH MEDIUM LOW"),
        (
            RecordState,
            """PENDING REQUESTED QUEUED CANCEL_REQUESTED AGENT_ACCEPTED
            COMPLETE REJECTED DELETED ERROR""",
        ),
        (
            RecordResult,
            """SUCCESS NO_VALID_NUMBER SCHEDULE_COMPLETE INTERACTION_FAILED
            MAX_ATTEMPTS_REACHED INTERACTION_SKIPPED CALLBACK_SCHEDULED""",
        ),
    ],
)
def test_the_known_values_are_the_vendors(
    enum: type[CampaignAction] | type[OpenEnum], values: str
) -> None:
    """Iterating over an enum gives the values of the vendor's field reference, in its order."""
    assert [member.value for member in enum] == values.split()


@given(open_enums, st.text())
def test_any_text_decodes_to_itself(enum: type[OpenEnum], text: str) -> None:
    """An open enum takes any text, and compares, hashes and prints like it."""
    value = enum(text)
    assert (value, hash(value), str(value), value.name) == (text, hash(text), text, text)
    assert type(value) is enum


@given(open_enums, st.text())
def test_a_value_is_known_if_the_class_lists_it(enum: type[OpenEnum], text: str) -> None:
    """A value is known exactly if iterating over the class gives it."""
    assert enum(text).is_known == (text in [member.value for member in enum])


@pytest.mark.parametrize("enum", OPEN_ENUMS)
def test_listed_values_are_known(enum: type[OpenEnum]) -> None:
    """Each value that the class lists is known, and is the same object however it was decoded."""
    for member in enum:
        assert member.is_known
        assert enum(member.value) is member


def test_an_invented_value_is_not_remembered() -> None:
    """Decoding an unknown value leaves the class as it was."""
    before = list(CampaignState)
    CampaignState("ARCHIVED")
    assert list(CampaignState) == before
    assert "ARCHIVED" not in CampaignState.__members__


@given(open_enums, st.text(), st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_any_value_survives_pickling(enum: type[OpenEnum], text: str, protocol: int) -> None:
    """A value, known or not, comes back from pickle as an equal one of the same class."""
    value = pickle.loads(pickle.dumps(enum(text), protocol))  # noqa: S301 - our own bytes
    assert value == enum(text)
    assert type(value) is enum


@given(open_enums, st.text())
def test_any_value_can_be_copied(enum: type[OpenEnum], text: str) -> None:
    """A value, known or not, is its own copy, as enum members are."""
    value = enum(text)
    assert copy.copy(value) is value
    assert copy.deepcopy(value) is value


@pytest.mark.parametrize("enum", OPEN_ENUMS)
def test_an_open_enum_is_open_to_text_alone(enum: type[OpenEnum]) -> None:
    """A value that is no text is refused."""
    with pytest.raises(ValueError, match="3 is not a valid"):
        enum(3)  # type: ignore[arg-type]


def test_an_action_is_never_invented() -> None:
    """What we ask of a campaign is one of the known actions."""
    with pytest.raises(ValueError, match="'ARCHIVE' is not a valid CampaignAction"):
        CampaignAction("ARCHIVE")


@pytest.mark.parametrize(
    "value", [NewRecord("CRM-1"), Record(id="1"), RecordCount(count=1), Campaign(id="1")]
)
def test_values_are_frozen_and_comparable(value: attrs.AttrsInstance) -> None:
    """A value cannot be changed, equals its copies and its pickles, and can be in a set."""
    field = attrs.fields(type(value))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, field, "2")
    unpickled = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes
    assert {value, copy.deepcopy(value), unpickled} == {value}


@pytest.mark.parametrize("cls", [Record, RecordCount, Campaign])
def test_what_the_service_left_out_is_none(cls: type[attrs.AttrsInstance]) -> None:
    """Every field of a reply may be missing, and is None then; ``record_counts`` is empty."""
    given_by_nobody = attrs.asdict(cls())
    assert given_by_nobody.pop("record_counts", ()) == ()
    assert set(given_by_nobody.values()) == {None}


def test_a_new_record_needs_its_id_alone() -> None:
    """A record to add has an id, and leaves time, priority and rank to the service."""
    assert attrs.asdict(NewRecord("CRM-1")) == {
        "crm_record_id": "CRM-1",
        "schedule_at": None,
        "priority": None,
        "rank": None,
    }
