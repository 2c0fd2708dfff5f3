from collections.abc import Mapping

import pytest

from campaigns_async.emulator.access import Admission, Doorkeeper, Operation
from campaigns_async.emulator.refusals import Reason, Refusal
from tests.emulator.conftest import HEADERS, KEY, Clock, Desk

ID = "123e4567-e89b-42d3-a456-426614174000"
PATH = f"/cc/US1/campaigns/v1/{ID}"


@pytest.fixture
def doors(clock: Clock) -> Doorkeeper:
    """The doors of a service with one campaign."""
    desk = Desk(clock)
    desk.campaign(id=ID)
    return desk.service.doors


def without(name: str) -> dict[str, str]:
    """Headers in good order but for one."""
    return {key: value for key, value in HEADERS.items() if key != name}


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("PATCH", PATH, Operation.MODIFY),
        ("POST", f"{PATH}/records", Operation.ADD),
        ("PATCH", PATH.replace(ID, ID.upper()), Operation.MODIFY),
    ],
    ids=["modify", "add", "upper-case id"],
)
def test_a_request_in_order_comes_in(
    doors: Doorkeeper, method: str, path: str, operation: Operation
) -> None:
    """A request with key, tenant, site, campaign and media type right is admitted."""
    admission = doors.admit(method, path, HEADERS)
    assert isinstance(admission, Admission)
    assert (operation, ID) == (admission.operation, admission.campaign.id)


@pytest.mark.parametrize(
    ("method", "path", "headers", "reason"),
    [
        ("PATCH", PATH, without("x-api-key"), Reason.KEY_MISSING),
        ("PATCH", PATH, HEADERS | {"x-api-key": "emulator_key"}, Reason.KEY_MALFORMED),
        ("PATCH", PATH, HEADERS | {"x-api-key": "eght_other"}, Reason.KEY_REVOKED),
        ("PATCH", PATH, HEADERS | {"x-api-key": KEY.upper()}, Reason.KEY_MALFORMED),
        ("PATCH", "/", HEADERS, Reason.NO_SUCH_PATH),
        ("PATCH", f"{PATH}/", HEADERS, Reason.NO_SUCH_PATH),
        ("GET", PATH, HEADERS, Reason.METHOD),
        ("PATCH", f"{PATH}/records", HEADERS, Reason.METHOD),
        ("PATCH", PATH.replace("US1", "US2"), HEADERS, Reason.NO_SUCH_SITE),
        ("PATCH", PATH, without("x-8x8-tenant"), Reason.NO_SUCH_TENANT),
        ("PATCH", PATH, HEADERS | {"x-8x8-tenant": "other"}, Reason.NO_SUCH_TENANT),
        ("PATCH", PATH.replace("123e", "123f"), HEADERS, Reason.NO_SUCH_CAMPAIGN),
        ("PATCH", PATH, without("content-type"), Reason.MEDIA_TYPE),
        ("PATCH", PATH, HEADERS | {"content-type": "application/json"}, Reason.MEDIA_TYPE),
    ],
)
def test_each_door(
    doors: Doorkeeper, method: str, path: str, headers: Mapping[str, str], reason: Reason
) -> None:
    """A request that is wrong in one thing is told that thing."""
    assert doors.admit(method, path, headers) == Refusal(reason=reason)


def test_a_media_type_may_have_parameters(doors: Doorkeeper) -> None:
    """A charset beside the media type does no harm."""
    headers = HEADERS | {"content-type": f"{HEADERS['content-type'].upper()}; charset=utf-8"}
    assert isinstance(doors.admit("PATCH", PATH, headers), Admission)


def test_a_key_can_be_withdrawn(doors: Doorkeeper) -> None:
    """A key without the product is refused, and one that is revoked, which is found first."""
    doors.product_attached = False
    assert doors.admit("PATCH", PATH, HEADERS) == Refusal(reason=Reason.PRODUCT_MISSING)
    doors.key_revoked = True
    assert doors.admit("PATCH", PATH, HEADERS) == Refusal(reason=Reason.KEY_REVOKED)


def test_the_key_is_the_first_door(doors: Doorkeeper) -> None:
    """Whoever has no key learns nothing of paths, sites or campaigns."""
    assert doors.admit("GET", "/x", {}) == Refusal(reason=Reason.KEY_MISSING)
