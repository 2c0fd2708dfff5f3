import pytest

from campaigns_async._core.hints import NOT_DYNAMIC
from campaigns_async.cli.checklist import Finding, Item, Verdict, examine
from campaigns_async.errors import (
    APIError,
    AuthenticationError,
    CampaignsError,
    CampaignStateError,
    ConflictError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    UploadStoppedError,
    ValidationError,
)
from campaigns_async.models import CampaignState


def _api(kind: type[APIError], status: int, detail: str = "", hint: str | None = None) -> APIError:
    return kind(Problem(detail=detail), status, hint=hint)


def _state(state: CampaignState | None, detail: str = "") -> CampaignStateError:
    error = CampaignStateError(Problem(detail=detail), 409)
    error.state = state
    return error


def _found(seen: CampaignsError | None, **facts: str | None) -> dict[Item, Finding]:
    return {finding.item: finding for finding in examine(seen, **facts)}


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        (NotSentError("no way"), {Item.ADDRESS}),
        (OutcomeUnknownError("silence"), {Item.ADDRESS}),
        (UploadStoppedError("something else"), {Item.ADDRESS}),
        (_api(UnexpectedResponseError, 302), {Item.ADDRESS}),
        (_api(AuthenticationError, 401), {Item.KEY}),
        (_api(PermissionDeniedError, 403), {Item.PRODUCT}),
        (_api(UnexpectedResponseError, 415), {Item.MEDIA_TYPE}),
        (_api(ValidationError, 400, hint=NOT_DYNAMIC), {Item.DYNAMIC}),
        (_state(CampaignState.COMPLETE), {Item.STATE}),
        (_state(CampaignState.BUILDING), {Item.STATE}),
        (_state(CampaignState.PAUSED, "it is Disabled"), {Item.ENABLED}),
        (_api(ValidationError, 400), set()),
        (_api(RateLimitError, 429), set()),
        (_api(ServerError, 503), set()),
        (None, set()),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(
    seen: CampaignsError | None, wrong: set[Item]
) -> None:
    """One item for each kind of answer, and every item of the checklist is told of."""
    found = _found(seen)

    assert found.keys() == set(Item)
    assert {item for item, f in found.items() if f.verdict is Verdict.WRONG} == wrong
    assert all(found[item].next_step for item in wrong)


def test_a_404_does_not_say_which_of_three_it_is() -> None:
    """Site, tenant and campaign are suspect alike; where another site answers, it is the site."""
    suspects = {Item.SITE, Item.TENANT, Item.CAMPAIGN}
    seen = _api(NotFoundError, 404)

    found = _found(seen, site="US1")
    assert {item for item, f in found.items() if f.verdict is Verdict.SUSPECT} == suspects
    found = _found(seen, site="US1", found_at="UK3")
    assert found[Item.SITE].verdict is Verdict.WRONG
    assert found[Item.SITE].next_step == "give --site UK3, or set EGHT_SITE"
    assert found[Item.TENANT].verdict is Verdict.LIKELY


def test_a_door_before_a_refusal_is_likely_and_not_certain() -> None:
    """A refused list proves the key; whether the campaign was looked at before it is not known."""
    found = _found(_api(ValidationError, 400))

    assert found[Item.KEY].verdict is Verdict.OK
    assert found[Item.CAMPAIGN].verdict is Verdict.LIKELY
    assert found[Item.STATE].verdict is Verdict.UNKNOWN


def test_a_state_says_what_to_do() -> None:
    """Wait, take another campaign, look it up, or nothing."""
    assert "wait" in (_found(_state(CampaignState.STARTING))[Item.STATE].next_step or "")
    assert "another" in (_found(_state(CampaignState.DELETED))[Item.STATE].next_step or "")
    assert _found(_state(CampaignState.RUNNING))[Item.STATE].next_step is None
    unnamed = _found(_api(ConflictError, 409))[Item.STATE]
    assert (unnamed.verdict, unnamed.next_step is None) == (Verdict.SUSPECT, False)
