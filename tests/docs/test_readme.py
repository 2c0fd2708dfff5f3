import asyncio
import re
import shlex
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import click
import pytest

from campaigns_async.cli.app import app
from campaigns_async.cli.contacts import build_contacts
from tests.cli.conftest import Beside

_ROOT: Final = Path(__file__).parents[2]
_README: Final = (_ROOT / "README.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Beside]:
    """The working folder and the variables that the examples take for granted."""
    contacts = build_contacts()
    with Beside() as service:
        service.create_campaign(holds=contacts.held, unknown_to_crm=contacts.unknown)
        for name, value in service.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(_ROOT)
        yield service


def _run(block: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - the README's own
    return names


def _find(word: str) -> str:
    (block,) = (block for block in _blocks("python") if word in block)
    return block


def test_every_block_is_run() -> None:
    """Three in Python and two for a shell."""
    languages = re.findall(r"^```(\w+)$", _README, re.MULTILINE)

    assert sorted(languages) == ["bash", "bash", "python", "python", "python"]


@pytest.mark.parametrize("word", ["csv.DictReader", "FastAPI(", "messages"])
def test_an_example_is_short(word: str) -> None:
    """About fifteen lines, blank ones not counted."""
    assert len([line for line in _find(word).splitlines() if line]) <= 17


def test_the_bulk_script_uploads_the_file(
    environment: Beside, capsys: pytest.CaptureFixture[str]
) -> None:
    """And counts what became of its rows."""
    _run(_find("csv.DictReader"))

    told = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"2\d\d\d added, 36 were there, 37 repeated", told[0])
    assert len(environment.campaign.ledger) > 2_400


async def _request(asgi: Any, method: str, path: str) -> int:
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode()}
    scope |= {"query_string": b"", "headers": [], "http_version": "1.1", "scheme": "http"}
    await asgi(scope, receive, send)
    return status


def test_the_web_service_answers_for_each_record(environment: Beside) -> None:
    """200 once the record is in, 422 if it never can be; callers share requests."""
    service = _run(_find("FastAPI("))["app"]
    before = environment.emulator.request_count

    async def serve() -> list[int]:
        async with service.router.lifespan_context(service):
            ids = [*(f"WEB-{n}" for n in range(20)), "x" * 40]
            return await asyncio.gather(
                *(_request(service, "PUT", f"/call-list/{id_}") for id_ in ids)
            )

    assert asyncio.run(serve()) == [200] * 20 + [422]
    assert {f"WEB-{n}" for n in range(20)} <= environment.campaign.ledger.keys()
    assert environment.emulator.request_count - before < 20


@attrs.define
class _Message:
    body: bytes
    ledger: Any
    answers: list[tuple[str, bool]]

    async def ack(self) -> None:
        """Done with; notes whether the record was in by then."""
        self.answers.append(("ack", self.body.decode() in self.ledger))

    async def nack(self) -> None:
        """To be delivered again."""
        self.answers.append(("nack", self.body.decode() in self.ledger))


@pytest.mark.parametrize(
    ("revoked", "expected"),
    [
        (False, [("ack", True)] * 250 + [("ack", False)]),
        (True, [("ack", False)] + [("nack", False)] * 250),
    ],
)
def test_the_worker_acknowledges_what_is_settled(
    environment: Beside,
    *,
    revoked: bool,
    expected: list[tuple[str, bool]],
) -> None:
    """Every message once: those in the campaign or refused for good, and the others again."""
    if revoked:
        environment.on_loop(environment.emulator.revoke_key)
    answers: list[tuple[str, bool]] = []

    async def messages() -> AsyncIterator[_Message]:
        for id_ in (*(f"JOB-{n}" for n in range(250)), "x" * 40):
            yield _Message(id_.encode(), environment.campaign.ledger, answers)

    asyncio.run(_run(_find("messages"))["work"](messages()))

    assert sorted(answers) == sorted(expected)


def _commands() -> list[list[str]]:
    lines = "".join(_blocks("bash")).splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def test_every_command_exists() -> None:
    """Targets of make, extras, variables that are read, commands and their options."""
    pyproject = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    for program, *words in _commands():
        if program == "make":
            assert re.search(rf"^{words[0]}:", (_ROOT / "Makefile").read_text(), re.MULTILINE)
        elif program == "pip":
            extra = words[1].partition("[")[2].rstrip("]")
            assert extra in pyproject["project"]["optional-dependencies"]
        elif program == "export":
            known = {"EGHT_API_KEY", "EGHT_TENANT", "EGHT_SITE", "EGHT_CAMPAIGN"}
            assert {word.partition("=")[0] for word in words} == known
        else:
            assert program in pyproject["project"]["scripts"]
            command = app.commands[words[0]]
            options = {name for parameter in command.params for name in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= options


def test_commands_take_their_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line parses as it stands."""
    monkeypatch.setenv("EGHT_CAMPAIGN", "x")
    for program, *words in _commands():
        if program == "campaigns-async":
            app.commands[words[0]].make_context(words[0], words[1:], parent=click.Context(app))


def test_links_lead_somewhere() -> None:
    """To files of the project."""
    linked = re.findall(r"\]\((?!https?:)([^)]+)\)", _README)

    assert [link for link in linked if not (_ROOT / link).exists()] == []
