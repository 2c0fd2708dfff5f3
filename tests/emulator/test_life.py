import math
from datetime import datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from campaigns_async.emulator.life import Life
from campaigns_async.emulator.refusals import Reason, Refusal
from campaigns_async.lifecycle import TAKEN_WHILE_DISABLED, TRANSIENT, TRANSITIONS, valid_from
from campaigns_async.models import CampaignAction, CampaignDisplayStatus, CampaignState
from tests.emulator.conftest import T0

A = CampaignAction
S = CampaignState


def later(seconds: float) -> datetime:
    """So long after T0."""
    return T0 + timedelta(seconds=seconds)


def life(state: CampaignState, **setup: object) -> Life:
    """A campaign that builds for 10 seconds and starts for 5."""
    settings = {"build_seconds": 10.0, "start_seconds": 5.0, "now": T0} | setup
    return Life(state, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("action", A)
@pytest.mark.parametrize("state", list(S))
def test_an_action_is_taken_exactly_where_the_table_says(
    state: CampaignState, action: CampaignAction
) -> None:
    """From a state of its row an action leads to the state it says; from any other nowhere."""
    campaign = life(state)
    refusal = campaign.take(action, now=T0)
    if state in valid_from(action):
        assert refusal is None
        assert (TRANSITIONS[action].becomes or state) == campaign.state
    else:
        assert refusal == Refusal(reason=Reason.ILLEGAL_ACTION, action=action, state=state)
        assert state == campaign.state


@pytest.mark.parametrize("action", A)
def test_a_disabled_campaign_takes_two_actions(action: CampaignAction) -> None:
    """A disabled campaign takes BUILD and RESET alone, where the state allows."""
    state = next(iter(sorted(valid_from(action))))
    refusal = life(state, enabled=False).take(action, now=T0)
    if action in TAKEN_WHILE_DISABLED:
        assert refusal is None
    else:
        assert refusal == Refusal(reason=Reason.DISABLED, action=action, state=state)


def test_enabling_and_acting_go_together() -> None:
    """A request that enables the campaign is judged as if it were enabled."""
    campaign = life(S.RUNNING, enabled=False)
    assert campaign.take(A.PAUSE, now=T0, enabled=True) is None
    assert (campaign.state, campaign.enabled) == (S.PAUSED, True)


def test_a_refused_action_leaves_the_flag() -> None:
    """An action that is refused changes `enabled` as little as anything else."""
    campaign = life(S.RUNNING)
    assert campaign.take(A.RESUME, now=T0, enabled=False) is not None
    assert campaign.enabled


def test_a_build_ends_by_itself() -> None:
    """BUILDING lasts for its seconds, then the campaign is READY and knows when it was built."""
    campaign = life(S.CREATED)
    campaign.take(A.BUILD, now=T0)
    campaign.settle(later(9.9))
    assert campaign.state is S.BUILDING
    campaign.settle(later(100))
    assert (S.READY, later(10)) == (campaign.state, campaign.last_build_time)


def test_a_build_can_fail() -> None:
    """A build told to fail ends in BUILD_ERROR, from where another BUILD is taken."""
    campaign = life(S.CREATED)
    campaign.build_fails = True
    campaign.take(A.BUILD, now=T0)
    campaign.settle(later(10))
    assert (campaign.state, campaign.last_build_time) == (S.BUILD_ERROR, None)
    campaign.build_fails = False
    assert campaign.take(A.BUILD, now=later(11)) is None
    campaign.settle(later(21))
    assert campaign.state is S.READY


def test_a_start_ends_by_itself() -> None:
    """STARTING lasts for its seconds, then the campaign is RUNNING since then."""
    campaign = life(S.READY)
    campaign.take(A.START, now=T0)
    assert campaign.state is S.STARTING
    campaign.settle(later(7))
    assert (S.RUNNING, later(5)) == (campaign.state, campaign.started_time)


def test_a_start_can_fail() -> None:
    """A start told to fail ends in BUILD_ERROR."""
    campaign = life(S.READY)
    campaign.start_fails = True
    campaign.take(A.START, now=T0)
    campaign.settle(later(5))
    assert campaign.state is S.BUILD_ERROR


def test_a_start_ahead_of_its_time_waits() -> None:
    """Before its start time a campaign is PENDING, and opens at it."""
    campaign = life(S.READY, start_time=later(60))
    campaign.take(A.START, now=T0)
    seen = []
    for seconds in (0, 59, 60, 64, 65):
        campaign.settle(later(seconds))
        seen.append(campaign.state)
    assert seen == [S.PENDING, S.PENDING, S.STARTING, S.STARTING, S.RUNNING]


def test_a_pending_campaign_can_be_cancelled_for_good() -> None:
    """CANCEL from PENDING is final: the start time comes and goes."""
    campaign = life(S.READY, start_time=later(60))
    campaign.take(A.START, now=T0)
    campaign.take(A.CANCEL, now=later(1))
    campaign.settle(later(100))
    assert (S.COMPLETE, later(1)) == (campaign.state, campaign.completed_time)
    assert campaign.display_status is CampaignDisplayStatus.STOPPED


@pytest.mark.parametrize("state", list(S))
def test_build_on_start(state: CampaignState) -> None:
    """With buildOnStart START is taken from CREATED too, builds, starts, and runs."""
    campaign = life(state)
    refusal = campaign.take(A.START, now=T0, build_on_start=True)
    if state not in valid_from(A.START, build_on_start=True):
        assert refusal is not None
        return
    seen = []
    for seconds in (0, 10, 15):
        campaign.settle(later(seconds))
        seen.append(campaign.state)
    assert seen == [S.BUILDING, S.STARTING, S.RUNNING]
    assert later(10) == campaign.last_build_time


def test_build_on_start_before_the_start_time() -> None:
    """With a start time ahead the build comes first, then PENDING."""
    campaign = life(S.CREATED, start_time=later(60), build_on_start=True)
    campaign.take(A.START, now=T0)
    campaign.settle(later(10))
    assert campaign.state is S.PENDING


def test_a_request_overrides_the_campaigns_build_on_start() -> None:
    """BuildOnStart false in the request wins over the campaign's own setting."""
    campaign = life(S.CREATED, build_on_start=True)
    assert campaign.take(A.START, now=T0, build_on_start=False) is not None
    assert campaign.take(A.START, now=T0) is None


@pytest.mark.parametrize("fails", [True, False])
def test_a_build_on_start_that_does_not_end_well_does_not_start(fails: bool) -> None:  # noqa: FBT001
    """After a build that failed, or never ends, there is no start."""
    campaign = life(S.CREATED, build_seconds=10.0 if fails else math.inf)
    campaign.build_fails = fails
    campaign.take(A.START, now=T0, build_on_start=True)
    campaign.settle(later(1e6))
    assert (S.BUILD_ERROR if fails else S.BUILDING) == campaign.state


def test_a_start_may_last_for_ever() -> None:
    """With infinite seconds STARTING stays."""
    campaign = life(S.READY, start_seconds=math.inf)
    campaign.take(A.START, now=T0)
    campaign.settle(later(1e6))
    assert campaign.state is S.STARTING


def test_purge_shows_until_the_campaign_runs_again() -> None:
    """PURGE leaves the state, shows as PURGED, and is over with the next RESUME."""
    campaign = life(S.PAUSED)
    campaign.take(A.PURGE, now=later(3))
    shown = [campaign.display_status]
    assert (campaign.state, campaign.last_purged_time) == (S.PAUSED, later(3))
    campaign.take(A.RESUME, now=later(4))
    campaign.take(A.PAUSE, now=later(5))
    shown.append(campaign.display_status)
    assert shown == [CampaignDisplayStatus.PURGED, CampaignDisplayStatus.PAUSED]


def test_cancel_from_ready_is_a_quirk() -> None:
    """CANCEL from READY is taken where the guide's diagram is believed, else refused."""
    assert life(S.READY).take(A.CANCEL, now=T0) is not None
    assert life(S.READY, cancel_from_ready=True).take(A.CANCEL, now=T0) is None


@pytest.mark.parametrize(
    ("state", "expected"), [(S.BUILDING, S.READY), (S.STARTING, S.RUNNING), (S.PENDING, S.RUNNING)]
)
def test_a_forced_state_goes_on_by_itself(state: CampaignState, expected: CampaignState) -> None:
    """A campaign put into a transient state leaves it as if it had got there by itself."""
    campaign = life(S.CREATED, start_time=T0)
    campaign.force(state, T0)
    campaign.settle(later(100))
    assert expected == campaign.state


def test_a_forced_pending_without_start_time_stays() -> None:
    """PENDING without a start time has nothing to wait for, and waits."""
    campaign = life(S.PENDING)
    campaign.settle(later(1e6))
    assert campaign.state is S.PENDING


class AnyLife(RuleBasedStateMachine):
    """Any actions at any times, held against the table."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.life = life(S.CREATED, start_time=later(30))

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        """By itself a campaign leaves transient and waiting states alone."""
        before = self.life.state
        self.now += timedelta(seconds=seconds)
        self.life.settle(self.now)
        if self.life.state != before:
            assert before in TRANSIENT | {S.PENDING}

    @rule(
        action=st.sampled_from(list(A)),
        enabled=st.none() | st.booleans(),
        builds=st.none() | st.booleans(),
    )
    def act(self, action: CampaignAction, enabled: bool | None, builds: bool | None) -> None:  # noqa: FBT001
        """An action is taken exactly if table and flag allow, else nothing changes."""
        before, was_enabled = self.life.state, self.life.enabled
        allowed = before in valid_from(action, build_on_start=builds) and (
            was_enabled or bool(enabled) or action in TAKEN_WHILE_DISABLED
        )
        refusal = self.life.take(action, now=self.now, enabled=enabled, build_on_start=builds)
        assert allowed == (refusal is None)
        if refusal is not None:
            assert (before, was_enabled) == (self.life.state, self.life.enabled)

    @invariant()
    def completed_means_final(self) -> None:
        """A campaign that has a time of completion is complete."""
        if self.life.completed_time is not None:
            assert self.life.state is S.COMPLETE


TestAnyLife = AnyLife.TestCase
