"""The pages of the documentation: what they show is run, and what they list is complete."""

import ast
import asyncio
import contextlib
import csv
import fnmatch
import inspect
import io
import logging
import os
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
import trustme

import campaigns_async
from campaigns_async import CampaignsSession, CampaignState, Status, errors, events
from campaigns_async import emulator as local_service
from campaigns_async._core.verdicts import MEANING
from campaigns_async.emulator import EmulatedCampaign, Emulator
from campaigns_async.lifecycle import TRANSITIONS

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = sorted(
    str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if "_build" not in path.parts
)

_FENCE: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@attrs.frozen
class Block:
    """A fenced block: its language, its text, the line of the page on which the text begins."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The name in the first line's comment, for a block that is a file of its own."""
        found = re.match(r"# (\w+\.py)\n", self.text)
        return found[1] if found else None


def read_blocks(page: str) -> list[Block]:
    """The fenced blocks of a page."""
    text = (DOCS / page).read_text()
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1)
        for found in _FENCE.finditer(text)
    ]


def shown_after(blocks: list[Block], block: Block) -> str | None:
    """The output that the page shows for a Python block; None if it shows none."""
    at = blocks.index(block) + 1
    return blocks[at].text if at < len(blocks) and blocks[at].language == "text" else None


async def run_block(block: Block, page: str, namespace: dict[str, Any]) -> str:
    """What the block prints; like a prompt that knows ``await``."""
    # So that a traceback names the line of the page.
    source = "\n" * (block.line - 1) + block.text
    code = compile(source, page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = eval(code, namespace)  # noqa: S307 - our own pages
        if inspect.isawaitable(result):
            await result
    return printed.getvalue()


async def run_page(page: str, namespace: dict[str, Any]) -> None:
    """Run the blocks of a page in order, in one namespace, and compare what they print."""
    blocks = read_blocks(page)
    for block in blocks:
        if block.language == "python" and block.file is None:
            printed = await run_block(block, page, namespace)
            shown = shown_after(blocks, block)
            if shown is not None:
                assert shown == printed


async def run_script(path: Path) -> str:
    """What a program prints, run by itself while the local service answers it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(path),
        cwd=path.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    return printed.decode()


async def run_command(line: str, folder: Path) -> str:
    """What a command prints, with no time gone by."""
    program, *arguments = line.split()
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name(program),
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return re.sub(r"in \d+\.\d s", "in 0.0 s", printed.decode())


@pytest.fixture
def tls(request: pytest.FixtureRequest) -> trustme.CA | None:
    """An authority, for a page whose service speaks https."""
    return trustme.CA() if getattr(request, "param", False) else None


@pytest.fixture
async def emulator(tls: trustme.CA | None) -> AsyncIterator[Emulator]:
    """The service that the pages' examples talk to."""
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.issue_cert("127.0.0.1").configure_cert(context)
    async with Emulator(ssl_context=context) as running:
        yield running


@pytest.fixture
def emulated(emulator: Emulator) -> EmulatedCampaign:
    """The campaign on it."""
    return emulator.create_campaign()


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[CampaignsSession]:
    """The examples' ``session``."""
    async with CampaignsSession(
        api_key=emulator.api_key, tenant=emulator.tenant, base_url=emulator.base_url
    ) as opened:
        yield opened


@pytest.fixture
def place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    emulator: Emulator,
    emulated: EmulatedCampaign,
) -> Path:
    """A folder with a file to upload, and the environment that the emulator's command prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EGHT_BASE_URL", emulator.base_url)
    monkeypatch.setenv("EGHT_API_KEY", emulator.api_key)
    monkeypatch.setenv("EGHT_TENANT", emulator.tenant)
    monkeypatch.setenv("EGHT_CAMPAIGN", emulated.id)
    monkeypatch.delenv("EGHT_SITE", raising=False)
    with (tmp_path / "contacts.csv").open("w", newline="") as file:
        contacts = csv.writer(file)
        contacts.writerow(["crmRecordId", "priority"])
        for i in range(300):
            contacts.writerow(["" if i in {10, 100, 277} else f"CRM-{i + 1:05}", ""])
    return tmp_path


@pytest.fixture
def namespace(place: Path, session: CampaignsSession, emulated: EmulatedCampaign) -> dict[str, Any]:
    """What the how-to pages say that their examples have."""
    assert place.is_dir()
    return {"session": session, "campaign": session.campaign(emulated.id)}


OF_THEIR_OWN: Final = {
    "tutorial.md",
    "how-to/fastapi.md",
    "how-to/worker.md",
    "how-to/testing.md",
    "how-to/proxies-and-tls.md",
    "how-to/observability.md",
}
"""Pages whose examples need more than to be run; each has its test below."""


@pytest.mark.parametrize(
    "page",
    [
        page
        for page in PAGES
        if page not in OF_THEIR_OWN and any(b.language == "python" for b in read_blocks(page))
    ],
)
async def test_examples_run(page: str, namespace: dict[str, Any]) -> None:
    """A page's examples run one after the other, and print what it shows."""
    await run_page(page, namespace)


async def test_tutorial(place: Path, emulator: Emulator, emulated: EmulatedCampaign) -> None:
    """The tutorial's programs print what it shows, and the campaign runs in the end."""
    emulated.force(CampaignState.CREATED)
    blocks = read_blocks("tutorial.md")
    programs = [block for block in blocks if block.file]
    for block in programs:
        path = place / str(block.file)
        path.write_text(block.text)
        printed = await run_script(path)
        assert shown_after(blocks, block) == printed
    assert len(programs) == 3
    assert emulator.request_count > 0
    await asyncio.sleep(0.1)  # the campaign's start takes half of that
    assert emulated.state is CampaignState.RUNNING


async def test_tutorial_at_a_terminal(place: Path, emulated: EmulatedCampaign) -> None:
    """The tutorial's file gives the report that it shows, and goes in once it is mended."""
    blocks = read_blocks("tutorial.md")
    at = next(i for i, block in enumerate(blocks) if block.text.startswith("crmRecordId"))
    file, upload, report, again = blocks[at : at + 4]
    (place / "calls.csv").write_text(file.text)

    assert await run_command(upload.text, place) == report.text
    rejects = place / "rejects.csv"
    rejects.write_text(rejects.read_text().replace("\n,Cleo", "\nCRM-2003,Cleo"))
    assert "ADDED      1" in await run_command(again.text, place)
    assert list(emulated.ledger) == ["CRM-2001", "CRM-2002", "CRM-2003"]


@pytest.mark.parametrize("tls", [True], indirect=True)
async def test_tls(
    place: Path, tls: trustme.CA, namespace: dict[str, Any], emulated: EmulatedCampaign
) -> None:
    """The page on proxies and TLS reaches a service that only its own authority vouches for."""
    tls.cert_pem.write_to_path(str(place / "company-ca.pem"))
    await run_page("how-to/proxies-and-tls.md", namespace)
    assert "CRM-1" in emulated.ledger


async def test_your_own_tests(place: Path, namespace: dict[str, Any]) -> None:
    """The tests shown on the page about testing pass."""
    (place / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    for block in read_blocks("how-to/testing.md"):
        if block.file:
            (place / block.file).write_text(block.text)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=."],
        cwd=place,
        env={n: v for n, v in os.environ.items() if not n.startswith(("EGHT_", "PYTEST_"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert fnmatch.fnmatch(done.stdout, "*5 passed*"), done.stdout
    await run_page("how-to/testing.md", namespace)


async def test_observability(namespace: dict[str, Any]) -> None:
    """The page on logs and traces prints what it shows, and names every event."""
    logger = logging.getLogger("campaigns_async.events")
    try:
        await run_page("how-to/observability.md", namespace)
    finally:
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
    page = (DOCS / "how-to" / "observability.md").read_text()
    kinds = [kind for kind in vars(events).values() if inspect.isclass(kind)]
    names = {k.name for k in kinds if issubclass(k, events.Event) and k is not events.Event}
    assert names - set(re.findall(r"`([a-z.]+)`", page)) == set()


# --- the web service


async def call(
    app: Callable[..., Any], method: str, path: str, state: dict[str, Any]
) -> tuple[int, bytes]:
    """Status and body of a request to an ASGI application."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"test")],
        "state": dict(state),
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


async def test_fastapi(namespace: dict[str, Any], emulated: EmulatedCampaign) -> None:
    """The web service's callers share requests, and each gets the outcome of its own record."""
    pytest.importorskip("fastapi")
    await run_page("how-to/fastapi.md", namespace)
    app = namespace["app"]
    ids = [f"CRM-{i}" for i in range(50)]
    async with namespace["lifespan"](app) as state:
        replies = await asyncio.gather(
            *(call(app, "PUT", f"/call-list/{i}", state) for i in [*ids, ids[0], "x" * 33])
        )
        emulated.force(CampaignState.COMPLETE)
        late, _ = await call(app, "PUT", "/call-list/CRM-late", state)
    added = (200, b'{"status":"ADDED"}')
    assert [added] * 51 == list(replies[:51])
    assert replies[51][0] == 422
    assert late == 503
    assert set(ids) == set(emulated.ledger)


# --- the workers


@attrs.define
class Message:
    """One that a broker delivered."""

    body: bytes
    said: str = ""

    async def ack(self) -> None:
        """It is done."""
        self.said += "ack"

    async def nack(self) -> None:
        """Deliver it again."""
        self.said += "nack"


@attrs.define
class Log:
    """Records by offset, and the offset that was committed last."""

    records: list[str]
    committed: int | None = None

    async def __aiter__(self) -> AsyncIterator[tuple[int, str]]:
        for offset, record in enumerate(self.records):
            yield offset, record

    async def commit(self, offset: int) -> None:
        """All up to this offset is done."""
        self.committed = offset


async def test_worker(namespace: dict[str, Any], emulated: EmulatedCampaign) -> None:
    """Both workers acknowledge what is settled, and only that."""
    await run_page("how-to/worker.md", namespace)

    messages = [Message(b"M-%d" % i) for i in range(250)] + [Message(b"")]

    async def deliver() -> AsyncIterator[Message]:
        for message in messages:
            yield message

    await namespace["work"](deliver())
    assert {"ack"} == {message.said for message in messages}

    log = Log([f"L-{i}" for i in range(250)])
    await namespace["follow"](log)
    assert log.committed == 249
    assert len(emulated.ledger) == 500

    emulated.force(CampaignState.COMPLETE)
    refused = Log(["L-250"])
    with pytest.raises((errors.CampaignStateError, ExceptionGroup)):
        await namespace["follow"](refused)
    assert refused.committed is None


# --- what is made from the code


def test_tables_and_pictures_are_those_of_the_code() -> None:
    """Each table and picture in the repository is what the code gives now."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(DOCS / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout + done.stderr == ""


def test_the_recording_shows_an_upload_as_it_is_now() -> None:
    """Its words are those of one at a terminal, but for what depends on the time it takes."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(DOCS / "record.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_every_public_name_has_its_entry() -> None:
    """The reference has an entry for each name that can be imported."""
    entry = re.compile(r"^\.\. auto(?:class|exception|data):: (\w+)", re.MULTILINE)
    pages = (DOCS / "reference").glob("*.md")
    entries = {name for page in pages for name in entry.findall(page.read_text())}
    public = {*campaigns_async.__all__, *local_service.__all__} - {"__version__"}
    assert set() == public - entries


def test_every_error_has_causes_and_a_remedy() -> None:
    """The page of errors has a heading for each, in the order of the tree."""
    page = (DOCS / "reference" / "errors.md").read_text()
    defined = [
        name
        for name, found in vars(errors).items()
        if inspect.isclass(found) and issubclass(found, errors.CampaignsError)
    ]
    assert defined == re.findall(r"^### (\w+Error)$", page, re.MULTILINE)


def test_what_an_outcome_proves_names_each_status_and_proof() -> None:
    """The page on outcomes says something about each status and each row of the table."""
    page = (DOCS / "explanation" / "outcomes.md").read_text()
    assert list(Status) == re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)
    for proof, meaning in MEANING.items():
        assert f"| {proof.value} | " in page
        assert f" | {meaning.step.value} |" in page


def test_the_picture_shows_each_state_and_action() -> None:
    """Nothing of the state machine is left out of its picture."""
    picture = (DOCS / "pictures" / "states.svg").read_text()
    for word in [*CampaignState, *TRANSITIONS]:
        assert re.search(rf"[>\s]{word}[<,*]", picture), word
