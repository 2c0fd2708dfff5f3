import json
import os
import re
import signal
import sys

import pexpect
import pytest

from campaigns_async.cli.actions import build_command, build_document, find_before, render
from campaigns_async.emulator import Fault, Faults
from campaigns_async.models import Campaign, CampaignAction, CampaignState
from tests.cli.conftest import Beside


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("build", "CREATED", "BUILDING"),
        ("reset", "READY", "CREATED"),
        ("start", "READY", "STARTING"),
        ("pause", "RUNNING", "PAUSED"),
        ("resume", "PAUSED", "RUNNING"),
        ("retry", "RUN_ERROR", "RUNNING"),
        ("cancel", "PENDING", "COMPLETE"),
        ("purge", "PAUSED", "PAUSED"),
    ],
)
def test_an_action_shows_the_state_after_it(
    service: Beside, action: str, before: str, after: str
) -> None:
    """Each of the eight, with those that have no way back confirmed beforehand."""
    service.create_campaign(state=CampaignState(before))
    sure = ["--yes"] if action in {"cancel", "purge"} else []
    done = service.run(action, *sure)

    assert (done.exit_code, done.stderr) == (0, "")
    assert re.search(rf"was       .*\b{before}\b", done.stdout)
    assert f"is        {after}" in done.stdout


def test_the_state_that_passes_by_itself_is_explained() -> None:
    """And what the reply does not tell is left out."""
    lines = [line.plain for line in render(Campaign(id="c", state=CampaignState.BUILDING))]

    assert lines == [
        "campaign  c",
        "is        BUILDING (then READY, or BUILD_ERROR if that fails)",
    ]


def test_the_state_before_is_what_the_action_proves() -> None:
    """The states it is taken from; of one that changes none, the state itself, if that is told."""
    state = CampaignState
    campaign = Campaign(state=state.PAUSED)

    assert find_before(CampaignAction.PAUSE, campaign) == (state.RUNNING,)
    assert find_before(CampaignAction.PURGE, campaign) == (state.PAUSED,)
    assert find_before(CampaignAction.PURGE, Campaign()) == ()
    start = CampaignAction.START
    assert find_before(start, campaign) == (state.CREATED, state.READY)
    assert find_before(start, campaign, build_on_start=False) == (state.READY,)
    assert build_document(campaign, (state.RUNNING,))["state_before"] == ["RUNNING"]


def test_programs_get_json(service: Beside) -> None:
    """The same facts; what the reply does not tell is null."""
    shown = json.loads(service.run("pause", "--json").stdout)

    assert (shown["campaign"], shown["state"]) == (service.campaign.id, "PAUSED")
    assert build_document(Campaign())["start_time"] is None


def test_a_refusal_says_from_where_the_action_is_taken(service: Beside) -> None:
    """With the state that the service names, exit code 5 and the reference for support."""
    done = service.run("resume")

    assert done.exit_code == 5
    assert "in state RUNNING" in done.stderr
    assert "Next:  RESUME is taken from PAUSED.\nFor support: instance " in done.stderr


def test_a_state_that_passes_is_worth_waiting_for(service: Beside) -> None:
    """The advice says so."""
    service.create_campaign(state=CampaignState.BUILDING, build_seconds=float("inf"))

    assert "Wait until it is no longer BUILDING" in service.run("start").stderr


def test_a_disabled_campaign_can_be_enabled_on_the_way(service: Beside) -> None:
    """The refusal names the option, and the option does it; the other one disables."""
    service.create_campaign(enabled=False)

    assert "add --enable" in service.run("pause").stderr
    assert service.run("pause", "--enable").exit_code == 0
    assert service.run("resume", "--disable").exit_code == 0
    assert not service.on_loop(lambda: service.campaign.enabled)


def test_ctrl_c_before_the_reply_leaves_it_open() -> None:
    """It may have been carried out, as it was here, and the exit code says so."""
    with Beside(faults=Faults(script=(Fault.HANG_AFTER_COMMIT,))) as service:
        service.before_each = lambda _: os.kill(os.getpid(), signal.SIGINT)
        done = service.run("pause", "--json")

    assert done.exit_code == json.loads(done.stdout)["exit_code"] == 6
    assert "interrupted before the reply to PAUSE came" in done.stdout
    assert "look at the campaign before you repeat it" in done.stderr


def test_start_can_build_and_wait(service: Beside) -> None:
    """Asked again while it builds, it starts as soon as that is over."""
    service.create_campaign(state=CampaignState.BUILDING, build_seconds=0.2)
    assert "is        STARTING" in service.run("start", "--wait", "20s").stdout
    service.create_campaign(state=CampaignState.CREATED)
    done = service.run("start", "--build-on-start", "--wait", "20s")
    assert "is        BUILDING" in done.stdout


def test_only_start_starts() -> None:
    """The options of START are its own."""
    names = {option.name for option in build_command(CampaignAction.PAUSE).params}

    assert not names & {"wait", "build_on_start", "yes"}


@pytest.mark.parametrize(("answer", "after"), [("y", "COMPLETE"), ("n", "RUNNING")])
def test_what_has_no_way_back_is_asked_for(service: Beside, answer: str, after: str) -> None:
    """At a terminal, and nothing happens without a yes."""
    terminal = pexpect.spawn(
        sys.executable,
        ["-c", "from campaigns_async.cli import main; main()", "cancel"],
        env={**os.environ, **service.env},
        encoding="utf-8",
        timeout=20,
    )
    terminal.expect_exact("for good. Cancel it? [y/N]: ")
    terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert service.on_loop(lambda: service.campaign.state) == after
    assert (terminal.exitstatus == 0) is (answer == "y")


def test_without_an_answer_nothing_happens(service: Beside) -> None:
    """A script that forgot --yes is told by the exit code."""
    done = service.run("cancel", stdin="")
    assert (done.exit_code, "Give --yes in a script" in done.stderr) == (2, True)
    assert service.on_loop(lambda: service.campaign.state) == "RUNNING"
