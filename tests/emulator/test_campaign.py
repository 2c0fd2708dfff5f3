from collections.abc import Callable

import attrs
import pytest

from campaigns_async.emulator.campaign import CampaignSetup, CrmLookup, EmulatedCampaign
from campaigns_async.emulator.quirks import Quirks
from campaigns_async.emulator.refusals import Reason, Refusal
from campaigns_async.lifecycle import REFUSES_RECORDS
from campaigns_async.models import (
    Campaign,
    CampaignAction,
    CampaignDisplayStatus,
    CampaignState,
    NewRecord,
)
from tests.emulator.conftest import T0, Clock

S = CampaignState
SETUP = CampaignSetup(id="00000000-0000-4000-8000-00000000000c", tenant="demo-tenant")


@pytest.fixture
def make(clock: Clock) -> Callable[..., EmulatedCampaign]:
    """Makes campaigns with other settings than `SETUP`'s."""

    def make_campaign(quirks: Quirks | None = None, **changes: object) -> EmulatedCampaign:
        setup = attrs.evolve(SETUP, **changes)  # type: ignore[arg-type]
        return EmulatedCampaign(setup, quirks=quirks or Quirks(), now=clock)

    return make_campaign


Make = Callable[..., EmulatedCampaign]


def rows(*ids: str) -> list[NewRecord]:
    """Plain records."""
    return [NewRecord(crm_record_id) for crm_record_id in ids]


@pytest.mark.parametrize("state", list(S))
def test_the_state_decides_whether_records_get_in(make: Make, state: CampaignState) -> None:
    """BUILDING, STARTING, COMPLETE and DELETED take no records; every other state does."""
    campaign = make(state=state)
    answer = campaign.add(rows("A"))
    if state in REFUSES_RECORDS:
        assert answer == Refusal(reason=Reason.TAKES_NO_RECORDS, state=state)
        assert list(campaign.ledger) == []
    else:
        assert list(campaign.ledger) == ["A"]


def test_all_or_none(make: Make) -> None:
    """One duplicate keeps the other records out."""
    campaign = make(holds=["B"])
    answer = campaign.add(rows("A", "B", "C"))
    assert answer == Refusal(reason=Reason.DUPLICATE, ids=("B",), requested=("A", "B", "C"))
    assert list(campaign.ledger) == ["B"]


@pytest.mark.parametrize("unknown", [{"B"}, lambda crm_record_id: crm_record_id == "B"])
def test_the_crm_must_know_every_record(make: Make, unknown: CrmLookup) -> None:
    """An id that the CRM does not know, by set or by predicate, keeps the others out too."""
    campaign = make(unknown_to_crm=unknown)
    answer = campaign.add(rows("A", "B"))
    assert answer == Refusal(reason=Reason.UNKNOWN_TO_CRM, ids=("B",), requested=("A", "B"))
    assert len(campaign.ledger) == 0
    assert not isinstance(campaign.add(rows("A")), Refusal)


def test_a_campaign_that_is_not_dynamic(make: Make) -> None:
    """A campaign that is not dynamic takes no records in any state."""
    assert make(dynamic=False).add(rows("A")) == Refusal(reason=Reason.NOT_DYNAMIC)


@pytest.mark.parametrize("takes", [True, False])
def test_a_disabled_campaign_takes_records_by_quirk(make: Make, takes: bool) -> None:  # noqa: FBT001
    """Whether a disabled campaign takes records is written nowhere, so it is a setting."""
    campaign = make(Quirks(disabled_takes_records=takes), enabled=False)
    assert takes == (not isinstance(campaign.add(rows("A")), Refusal))


@pytest.mark.parametrize(
    ("first", "reason"), [("state", Reason.TAKES_NO_RECORDS), ("duplicates", Reason.DUPLICATE)]
)
def test_the_order_of_the_checks(make: Make, first: str, reason: Reason) -> None:
    """Where the state and a duplicate both forbid, a quirk says which is told."""
    campaign = make(Quirks(check_first=first), state=S.COMPLETE, holds=["A"])  # type: ignore[arg-type]
    answer = campaign.add(rows("A"))
    assert isinstance(answer, Refusal)
    assert reason is answer.reason


def test_the_state_is_that_of_now(make: Make, clock: Clock) -> None:
    """Whoever looks sees the campaign as far as it has got, without anything happening."""
    campaign = make(state=S.CREATED, build_seconds=10.0)
    campaign.modify(CampaignAction.BUILD)
    assert campaign.display_status is CampaignDisplayStatus.BUILDING
    clock.forward(10)
    assert campaign.state is S.READY


def test_builds_and_starts_fail_on_demand(make: Make, clock: Clock) -> None:
    """A campaign told so fails its builds or starts until it is mended."""
    campaign = make(state=S.CREATED)
    campaign.fail_builds()
    campaign.modify(CampaignAction.BUILD)
    clock.forward(1)
    assert campaign.state is S.BUILD_ERROR
    campaign.fail_builds(fails=False)
    campaign.fail_starts()
    campaign.modify(CampaignAction.BUILD)
    clock.forward(1)
    campaign.modify(CampaignAction.START)
    clock.forward(1)
    assert campaign.state is S.BUILD_ERROR


def test_modify_shows_the_campaign_after_it(make: Make) -> None:
    """An accepted action is answered with the campaign as it is then; a refused one is told."""
    campaign = make(holds=["A"], start_time=T0)
    shown = campaign.modify(CampaignAction.PAUSE)
    assert isinstance(shown, Campaign)
    assert (SETUP.id, S.PAUSED, 1, T0) == (
        shown.id,
        shown.state,
        shown.record_count,
        shown.start_time,
    )
    assert isinstance(campaign.modify(CampaignAction.PAUSE), Refusal)


def test_holding_is_seeding(make: Make) -> None:
    """Preloaded records are marked, belong to nobody, and are not loaded twice."""
    campaign = make(holds=["A"], state=S.COMPLETE)
    campaign.hold(["A", "B"])
    assert [entry.seeded for entry in campaign.ledger.values()] == [True, True]
    assert campaign.added_by(None) == []


def test_force_and_remove_are_the_administrators(make: Make) -> None:
    """A test may put the campaign anywhere, switch it, and take records off."""
    campaign = make(holds=["A"])
    campaign.force(S.RUN_ERROR)
    campaign.enabled = False
    campaign.remove("A")
    assert (
        campaign.state,
        campaign.enabled,
        [entry.record.crm_record_id for entry in campaign.removed],
    ) == (S.RUN_ERROR, False, ["A"])
    assert "RUN_ERROR holding 0 records" in repr(campaign)
