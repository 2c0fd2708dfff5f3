import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from uuid import UUID

import pexpect
import pytest

from campaigns_async.cli.contacts import build_contacts
from campaigns_async.cli.local import open_example, run_demo, serve
from campaigns_async.emulator import Emulator
from campaigns_async.models import CampaignState
from campaigns_async.outcomes import Status
from tests.cli.conftest import run

_ID = "123e4567-e89b-12d3-a456-426614174000"


async def test_the_demo_shows_one_of_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows of the four kinds, each counted, and a campaign that was started and paused."""
    result = await run_demo(latency=0)

    counts = {status: number for status, number in result.tally.counts.items() if number}
    assert counts == {
        Status.ADDED: 2_408,
        Status.PRESENT: 36,
        Status.DUPLICATE: 37,
        Status.REJECTED: 19,
    }
    assert capsys.readouterr().out.endswith(
        "build  the campaign is BUILDING\n"
        "start  the campaign is STARTING\n"
        "pause  the campaign is PAUSED\n"
    )


def test_the_demo_speaks_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone on stdout."""
    monkeypatch.setattr("campaigns_async.cli.local.DEMO_LATENCY", 0)
    done = run("demo", "--json")

    assert json.loads(done.stdout)["total"] == 2_500
    assert done.exit_code == 0


def test_the_demo_needs_no_file(tmp_path: Path) -> None:
    """Where the checkout is not there, the same rows come from memory."""
    contacts = build_contacts()
    with open_example(contacts) as file, open_example(contacts, tmp_path) as made:
        assert file.name == "docs/examples/contacts.csv"
        assert [row.cells for row in file] == [row.cells for row in made]


async def test_an_emulator_prints_what_a_client_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """As lines for a shell, with the campaign as it was asked for."""
    service = Emulator()
    await serve(
        service, campaign_id=UUID(_ID), state=CampaignState.READY, on_ready=asyncio.Event.set
    )

    assert service.campaigns[_ID].state is CampaignState.READY
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"export EGHT_BASE_URL={service.base_url}",
        "export EGHT_API_KEY=eght_emulator_key",
        "export EGHT_TENANT=demo-tenant",
        f"export EGHT_CAMPAIGN={_ID}",
    ]


async def test_an_emulator_tells_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    """The same variables as one JSON object."""
    service = Emulator()
    await serve(service, campaign_id=UUID(_ID), as_json=True, on_ready=asyncio.Event.set)

    assert json.loads(capsys.readouterr().out) == {
        "EGHT_BASE_URL": service.base_url,
        "EGHT_API_KEY": "eght_emulator_key",
        "EGHT_TENANT": "demo-tenant",
        "EGHT_CAMPAIGN": _ID,
    }


def test_an_emulator_ends_with_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quietly, for that is how it ends."""
    create = Emulator.create_campaign

    def interrupt(self: Emulator, **setup: object) -> object:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        return create(self, **setup)  # type: ignore[arg-type]

    monkeypatch.setattr(Emulator, "create_campaign", interrupt)
    done = run("emulator", "--campaign", _ID)

    assert (done.exit_code, done.stderr) == (0, "")
    assert f"EGHT_CAMPAIGN={_ID}" in done.stdout


def test_a_port_in_use_is_told() -> None:
    """With what to try."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("emulator", "--port", str(taken.getsockname()[1]))

    assert done.exit_code == 2
    assert "cannot be listened on" in done.stderr
    assert "--port" in done.stderr


def test_the_demo_at_a_terminal_shows_a_bar() -> None:
    """With rows per second and requests in flight, then the report in color."""
    terminal = pexpect.spawn(
        sys.executable,
        ["-c", "from campaigns_async.cli import main; main()", "demo"],
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
        encoding="utf-8",
        dimensions=(40, 120),
        timeout=30,
    )
    terminal.expect(r"Uploading.*rows/s .* in flight")
    terminal.expect(r"\x1b\[32m *  ADDED +2,408")
    terminal.expect_exact("the campaign is PAUSED")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 0
