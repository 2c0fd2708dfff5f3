from collections.abc import Callable

import pytest

from campaigns_async.emulator.quirks import Naming, Quirks
from campaigns_async.emulator.replies import MEDIA_TYPE
from campaigns_async.emulator.service import CLIENT_HEADER, ServiceRequest
from campaigns_async.lifecycle import valid_from
from campaigns_async.models import CampaignAction, CampaignState
from tests.emulator.conftest import HEADERS, Clock, Desk, read, records

Conforms = Callable[[str, object], bool]


@pytest.mark.parametrize("action", CampaignAction)
@pytest.mark.parametrize("state", list(CampaignState))
def test_every_action_from_every_state(
    desk: Desk, state: CampaignState, action: CampaignAction
) -> None:
    """PATCH answers 200 with the campaign where the table allows, else 409 with the reason."""
    campaign = desk.campaign(state=state)
    reply = desk.patch(campaign, {"action": action})
    body = read(reply)
    if state in valid_from(action):
        assert (reply.status, reply.committed, reply.media_type) == (200, True, MEDIA_TYPE)
        assert campaign.state == body["state"]
    else:
        assert (reply.status, reply.committed) == (409, False)
        assert f"/cc/US1/campaigns/v1/{campaign.id}" == body["instance"]
        assert state == campaign.state


@pytest.mark.parametrize("status", [200, 201])
def test_added_records(clock: Clock, status: int) -> None:
    """POST answers with the records, under the status that is set, and they are in the ledger."""
    desk = Desk(clock, Quirks(add_status=status))  # type: ignore[arg-type]
    campaign = desk.campaign()
    reply = desk.post(campaign, records("A", "B"))
    assert (status, True, MEDIA_TYPE) == (reply.status, reply.committed, reply.media_type)
    told = [row["crmRecordId"] for row in read(reply)["records"]]
    assert told == list(campaign.ledger) == ["A", "B"]


def test_replies_fit_the_openapi_file(desk: Desk, conforms: Conforms) -> None:
    """Every reply, from every state and to every action, is what the OpenAPI file says it is."""
    for state in CampaignState:
        for action in CampaignAction:
            reply = desk.patch(desk.campaign(state=state), {"action": action})
            assert conforms("Campaign" if reply.status == 200 else "ErrorMessage", read(reply))
        reply = desk.post(desk.campaign(state=state, holds=("A",)), records("B"))
        schema = "AddRecordsResponse" if reply.status == 201 else "ErrorMessage"
        assert conforms(schema, read(reply))


def test_flags_of_an_action(desk: Desk) -> None:
    """`enabled` and `buildOnStart` reach the campaign."""
    campaign = desk.campaign(state=CampaignState.CREATED)
    reply = desk.patch(campaign, {"action": "START", "buildOnStart": True, "enabled": False})
    assert (read(reply)["state"], read(reply)["displayStatus"]) == ("BUILDING", "DISABLED")


@pytest.mark.parametrize("body", [b"{", {"action": "HALT"}, {"records": []}])
def test_requests_that_make_no_sense(desk: Desk, body: object) -> None:
    """A body that cannot be read or is not valid gets 400 from both operations."""
    campaign = desk.campaign()
    for reply in (desk.patch(campaign, body), desk.post(campaign, body)):
        assert (reply.status, reply.committed) == (400, False)


def test_a_refused_post_changes_nothing(desk: Desk) -> None:
    """After a duplicate the ledger is what it was."""
    campaign = desk.campaign(holds=("B",))
    reply = desk.post(campaign, records("A", "B"))
    assert (reply.status, reply.committed) == (409, False)
    assert list(campaign.ledger) == ["B"]


def test_the_door_is_asked_first(desk: Desk) -> None:
    """Without a key nothing is carried out."""
    campaign = desk.campaign()
    path = f"/cc/US1/campaigns/v1/{campaign.id}"
    assert desk.ask("PATCH", path, {"action": "PAUSE"}, headers={}).status == 401
    assert campaign.state is CampaignState.RUNNING


def test_the_client_tag_is_kept(desk: Desk) -> None:
    """What the tag header says is found in the ledger, with the number of the request."""
    campaign = desk.campaign()
    path = f"/cc/US1/campaigns/v1/{campaign.id}/records"
    desk.ask("POST", path, records("A"), headers=HEADERS | {CLIENT_HEADER.lower(): "worker-1"})
    assert (campaign.ledger["A"].client, campaign.ledger["A"].request) == ("worker-1", 1)
    assert campaign.added_by("worker-1") == ["A"]


def test_equal_seeds_answer_equally(clock: Clock) -> None:
    """The same requests at the same times get the same bytes, ids and names at random included."""
    quirks = Quirks(names_duplicate=Naming.RANDOM, error_ids=True)

    def run() -> list[bytes]:
        desk = Desk(clock, quirks)
        campaign = desk.campaign(holds=tuple("ABCDEFG"))
        batches = ["HI", "ABCX", "CDEY", "FGHZ", "ABCDEFG"]
        return [desk.post(campaign, records(*batch)).body for batch in batches]

    assert run() == run()


def test_campaign_ids_are_unique(desk: Desk) -> None:
    """A second campaign of the same id is refused."""
    campaign = desk.campaign()
    with pytest.raises(ValueError, match=campaign.id):
        desk.campaign(id=campaign.id)


def test_requests_do_not_spill_their_body() -> None:
    """The repr of a request counts the bytes of the body instead of showing them."""
    request = ServiceRequest(number=1, method="POST", path="/", headers={}, body=b"x" * 9)
    assert "body=<9 bytes>" in repr(request)
