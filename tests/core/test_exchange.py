import copy

import attrs
import pytest

from campaigns_async._core.exchange import MEDIA_TYPE, Request, Response


def test_the_media_type_is_the_vendors() -> None:
    """Bodies travel under the media type of the vendor's overview."""
    assert MEDIA_TYPE == "application/vnd.campaigns.v1+json"


@pytest.mark.parametrize("value", [Request("POST", "/c/records", b"{}"), Response(200, {}, b"")])
def test_what_travels_cannot_be_changed(value: Request | Response) -> None:
    """A request and a reply are frozen, and equal to others with the same content."""
    assert value == copy.deepcopy(value)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, "body", b"else")  # noqa: B010 - mypy knows that it is frozen


def test_a_request_has_no_place_for_credentials() -> None:
    """A request is method, path and body; the transport alone adds the key."""
    assert [field.name for field in attrs.fields(Request)] == ["method", "path", "body"]


def test_a_reply_is_complete_unless_said_otherwise() -> None:
    """A reply counts as whole unless the transport says that some of its body is missing."""
    assert not Response(200, {}, b"").broken_off
    assert Response(200, {}, b"", broken_off=True).broken_off
