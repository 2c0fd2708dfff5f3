import pytest

from campaigns_async.lifecycle import (
    FINAL,
    GUARDED_BY_STATE,
    REFUSES_RECORDS,
    TAKEN_WHILE_DISABLED,
    TRANSIENT,
    TRANSITIONS,
    display_status,
    name_states,
    valid_from,
)
from campaigns_async.models import CampaignAction, CampaignDisplayStatus, CampaignState

ACTIONS = [
    # action, valid from, becomes, then: the vendor's page "State machine"
    ("BUILD", {"CREATED", "READY", "BUILD_ERROR"}, "BUILDING", ("READY", "BUILD_ERROR")),
    ("RESET", {"READY", "BUILD_ERROR"}, "CREATED", ()),
    ("START", {"READY"}, "STARTING", ("RUNNING", "BUILD_ERROR")),
    ("PAUSE", {"RUNNING"}, "PAUSED", ()),
    ("RESUME", {"PAUSED"}, "RUNNING", ()),
    ("RETRY", {"RUN_ERROR"}, "RUNNING", ()),
    ("CANCEL", {"PENDING", "RUNNING", "PAUSED", "RUN_ERROR"}, "COMPLETE", ()),
    ("PURGE", {"PAUSED", "RUN_ERROR", "COMPLETE"}, None, ()),
]

STATUSES = [
    # state, status, the same after PURGE, the same after CANCEL: the vendor's field reference
    ("CREATED", "NEW", "NEW", "NEW"),
    ("BUILDING", "BUILDING", "BUILDING", "BUILDING"),
    ("STARTING", "BUILDING", "BUILDING", "BUILDING"),
    ("BUILD_ERROR", "BUILD_FAILED", "BUILD_FAILED", "BUILD_FAILED"),
    ("READY", "READY_TO_RUN", "READY_TO_RUN", "READY_TO_RUN"),
    ("PENDING", "SCHEDULED", "SCHEDULED", "SCHEDULED"),
    ("RUNNING", "RUNNING", "RUNNING", "RUNNING"),
    ("PAUSED", "PAUSED", "PURGED", "PAUSED"),
    ("RUN_ERROR", "ERROR", "ERROR_PURGED", "ERROR"),
    ("COMPLETE", "COMPLETED", "COMPLETED", "STOPPED"),
    ("DELETED", "COMPLETED", "COMPLETED", "STOPPED"),
]


@pytest.mark.parametrize(("action", "states", "becomes", "then"), ACTIONS)
def test_the_table_is_the_vendors(
    action: str, states: set[str], becomes: str | None, then: tuple[str, ...]
) -> None:
    """Each action is valid from, and leads to, what the vendor's table says."""
    transition = TRANSITIONS[CampaignAction(action)]
    assert transition.action == action
    assert transition.valid_from == states
    assert transition.becomes == becomes
    assert transition.then == then


def test_the_table_has_every_action() -> None:
    """Each action that can be asked for is in the table, and in the one above."""
    assert list(TRANSITIONS) == list(CampaignAction)
    assert list(TRANSITIONS) == [action for action, *_ in ACTIONS]


def test_the_table_cannot_be_changed() -> None:
    """Nobody's code can edit the table that everybody reads."""
    with pytest.raises(TypeError):
        del TRANSITIONS[CampaignAction.BUILD]  # type: ignore[attr-defined]


def test_actions_lead_everywhere_but_to_three_states() -> None:
    """From CREATED, actions reach all but PENDING (a later start), RUN_ERROR and DELETED."""
    reached: set[CampaignState] = set()
    ahead = {CampaignState.CREATED}
    while ahead:
        reached |= ahead
        ahead = {
            state
            for transition in TRANSITIONS.values()
            if transition.valid_from & reached
            for state in (transition.becomes, *transition.then)
            if state is not None
        } - reached
    assert set(CampaignState) - reached == {"PENDING", "RUN_ERROR", "DELETED"}


@pytest.mark.parametrize("build_on_start", [None, False, True])
@pytest.mark.parametrize("action", CampaignAction)
def test_build_on_start_widens_start_alone(
    action: CampaignAction, *, build_on_start: bool | None
) -> None:
    """With ``build_on_start``, START is taken from CREATED too; nothing else changes."""
    widened = action == "START" and build_on_start
    expected = TRANSITIONS[action].valid_from | ({"CREATED"} if widened else set())
    assert valid_from(action, build_on_start=build_on_start) == expected


def test_a_disabled_campaign_takes_two_actions() -> None:
    """A disabled campaign can be built and reset."""
    assert {"BUILD", "RESET"} == TAKEN_WHILE_DISABLED


@pytest.mark.parametrize("action", sorted(GUARDED_BY_STATE))
def test_a_guarded_action_is_not_taken_twice(action: CampaignAction) -> None:
    """A guarded action is not valid from the state it leads to, so a repeat is refused."""
    assert TRANSITIONS[action].becomes not in valid_from(action, build_on_start=True)


def test_a_campaign_leaves_transient_states_by_itself() -> None:
    """The transient states are those that are followed by others without us."""
    assert {t.becomes for t in TRANSITIONS.values() if t.then} == TRANSIENT


def test_no_way_leads_out_of_a_final_state() -> None:
    """An action taken from a final state leaves the campaign there."""
    assert {"COMPLETE", "DELETED"} == FINAL
    assert {t.becomes for t in TRANSITIONS.values() if t.valid_from & FINAL} == {None}


def test_records_are_refused_in_four_states() -> None:
    """No record is taken while a campaign builds or starts, or after its end."""
    assert {"BUILDING", "STARTING", "COMPLETE", "DELETED"} == REFUSES_RECORDS


@pytest.mark.parametrize(("state", "plain", "purged", "cancelled"), STATUSES)
def test_the_status_is_the_vendors(state: str, plain: str, purged: str, cancelled: str) -> None:
    """Each state shows as the vendor's field reference says, also after PURGE and CANCEL."""
    known = CampaignState(state)
    assert display_status(known) == plain
    assert display_status(known, purged=True) == purged
    assert display_status(known, cancelled=True) == cancelled


def test_every_state_and_status_is_in_the_table() -> None:
    """The table above leaves out no state, and no status but DISABLED."""
    assert {state for state, *_ in STATUSES} == set(CampaignState)
    assert {status for _, *row in STATUSES for status in row} | {"DISABLED"} == set(
        CampaignDisplayStatus
    )


@pytest.mark.parametrize("state", [*CampaignState, CampaignState("ARCHIVED")])
def test_a_disabled_campaign_shows_as_disabled(state: CampaignState) -> None:
    """A disabled campaign shows as DISABLED, whatever its state and history."""
    assert display_status(state, enabled=False, purged=True, cancelled=True) == "DISABLED"


def test_an_unknown_state_has_no_status() -> None:
    """We do not guess what the vendor's screens show for a state of tomorrow."""
    assert display_status(CampaignState("ARCHIVED")) is None


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ([], ""),
        (["READY"], "READY"),
        (["PAUSED", "READY"], "READY or PAUSED"),
        (["COMPLETE", "READY", "PAUSED"], "READY, PAUSED or COMPLETE"),
    ],
)
def test_states_are_named_in_a_sentence(states: list[str], told: str) -> None:
    """In the vendor's order."""
    assert name_states({CampaignState(state) for state in states}) == told
