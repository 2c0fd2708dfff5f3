import json
from typing import Any

import pytest

from campaigns_async.emulator import Fault, Faults
from campaigns_async.models import CampaignState
from tests.cli.conftest import Beside, run


def _diagnose(service: Beside, **env: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(service.run("doctor", "--json", **env).stdout)
    return document


def _verdicts(document: dict[str, Any], *verdicts: str) -> set[str]:
    return {f["item"] for f in document["findings"] if f["verdict"] in verdicts}


def test_where_all_is_well_it_says_so_and_changes_nothing(service: Beside) -> None:
    """One request that adds nothing; the campaign is as it was."""
    done = service.run("doctor")

    assert done.exit_code == 0
    assert "  API key           ok         an empty list was refused for being empty" in done.stdout
    assert "  enabled flag      not known" in done.stdout
    assert "-> check your file: campaigns-async validate FILE" in done.stdout
    assert service.emulator.request_count == 1
    assert not service.campaign.ledger
    assert service.campaign.state is CampaignState.RUNNING


@pytest.mark.parametrize(
    ("env", "items", "code"),
    [
        ({"EGHT_API_KEY": "eght_wrong"}, {"API key"}, 4),
        ({"EGHT_TENANT": "other"}, {"customer site", "tenant name", "campaign id"}, 4),
        ({"EGHT_BASE_URL": "http://127.0.0.1:9/cc/US1/campaigns/v1"}, {"address"}, 7),
    ],
)
def test_what_the_service_does_not_accept_is_found(
    service: Beside, env: dict[str, str], items: set[str], code: int
) -> None:
    """Key, tenant and address, by the exit codes of every command."""
    document = _diagnose(service, **env)

    assert _verdicts(document, "wrong", "suspect") == items
    assert document["exit_code"] == code


def test_a_key_without_the_product_is_told_from_a_wrong_one(service: Beside) -> None:
    """403 and 401; with the reference for the vendor's support."""
    service.on_loop(service.emulator.detach_product)
    done = service.run("doctor")

    assert done.exit_code == 4
    assert "add Contact Center Campaigns" in done.stdout
    assert "For support: instance /cc/" in done.stdout


def test_the_site_of_the_tenant_is_found(service: Beside) -> None:
    """The others are asked after a 404, each with a request that adds nothing."""
    elsewhere = service.emulator.base_url.replace("/US1/", "/UK3/")
    document = _diagnose(service, EGHT_BASE_URL=elsewhere)

    assert _verdicts(document, "wrong", "suspect") == {"customer site"}
    assert "give --site US1" in json.dumps(document)


@pytest.mark.parametrize(
    ("setup", "item"),
    [
        ({"state": CampaignState.COMPLETE}, "campaign state"),
        ({"dynamic": False}, "dynamic campaign"),
    ],
)
def test_what_the_service_tells_of_the_campaign_is_passed_on(
    service: Beside, setup: dict[str, Any], item: str
) -> None:
    """Where it looks at the list first, it tells nothing, and so it is not known."""
    service.create_campaign(**setup)
    document = _diagnose(service)

    assert item in _verdicts(document, "wrong", "not known")
    assert document["exit_code"] in {0, 5}


def test_a_service_that_fails_says_nothing_of_the_rest() -> None:
    """Asked once, not again and again."""
    with Beside(faults=Faults(script=(Fault.UNAVAILABLE,))) as service:
        document = _diagnose(service)

    assert _verdicts(document, "wrong", "suspect") == set()
    assert (document["exit_code"], service.emulator.request_count) == (7, 1)


def test_what_is_missing_is_said_before_anything_is_sent() -> None:
    """As for every command."""
    assert run("doctor", "--campaign", "x").exit_code == 2


_GOLDEN = """\
campaign CAMPAIGN of tenant other
at ADDRESS

  address           ok         the service answered
  API key           likely ok  the service answered 404, not 401 or 403
  customer site     suspect    the service answered 404, for this or another of the three
                               -> compare it with the tenant's own: US1, US2, UK3
  tenant name       suspect    the service answered 404, for this or another of the three
                               -> compare it with Home > Profile in Configuration Manager; \
it is not the site
  API product       likely ok  the service answered 404, not 401 or 403
  media type        not known  the check did not get this far
  campaign id       suspect    the service answered 404, for this or another of the three
                               -> compare it with the campaign in Configuration Manager
  dynamic campaign  not known  the check did not get this far
                               -> look in Configuration Manager: only a Dynamic Campaign takes \
records
  campaign state    not known  the check did not get this far
                               -> look in Configuration Manager, or at what the last action printed
  enabled flag      not known  the service shows it only in the reply to an action; a disabled \
campaign takes only build and reset
                               -> look in Configuration Manager, or at what the last action printed
  record limits     ok         ids of 1 to 32 characters and 100 records a request are seen to \
before anything is sent
                               -> check your file: campaigns-async validate FILE

For support: instance /cc/US1/campaigns/v1/CAMPAIGN/records, time"""


def test_the_findings_read_like_this(service: Beside) -> None:
    """To the letter, so that a change of it is seen."""
    shown = service.run("doctor", EGHT_TENANT="other").stdout
    shown = shown.replace(service.campaign.id, "CAMPAIGN")
    shown = shown.replace(service.emulator.base_url, "ADDRESS")

    assert shown.rpartition(" ")[0] == _GOLDEN
