"""An independent mock server, made from the vendor's OpenAPI file, finds nothing to complain of.

Prism (npm's ``@stoplight/prism-cli``) checks each request against the file. It is installed once
into pytest's cache; where there is no npm or no file, the tests are skipped and say so.
"""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from campaigns_async.errors import APIError
from campaigns_async.models import CampaignAction, NewRecord, RecordPriority
from campaigns_async.session import CampaignsSession
from tests.servers import CAMPAIGN_ID, PATIENT

PRISM = "@stoplight/prism-cli@5"
SHARED = Path(os.environ.get("CAMPAIGNS_SHARED", Path(__file__).parents[3] / "shared"))
OPENAPI = SHARED / "vendor" / "openapi.json"

pytestmark = pytest.mark.skipif(
    not OPENAPI.is_file(), reason="the vendor's OpenAPI file is not there"
)


@pytest.fixture(scope="module")
def prism(pytestconfig: pytest.Config) -> Path:
    """The program, installed if need be."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js and npm are not there")
    home = pytestconfig.cache.mkdir("prism")
    program: Path = home / "node_modules" / ".bin" / "prism"
    if not program.exists():
        # Of the workers that come here at once, each into a folder of its own; the first one wins.
        mine = home / f"installing-{os.getpid()}"
        mine.mkdir(exist_ok=True)
        flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(mine)]
        try:
            subprocess.run(  # noqa: S603 - npm, as found on the path
                [npm, "install", *flags, PRISM], check=True, capture_output=True, timeout=120
            )
        except (subprocess.SubprocessError, OSError) as error:
            shutil.rmtree(mine, ignore_errors=True)
            pytest.skip(f"npm cannot install Prism: {type(error).__name__}")
        try:
            (mine / "node_modules").rename(home / "node_modules")
        except OSError:
            assert program.exists()
        shutil.rmtree(mine, ignore_errors=True)
    return program


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the vendor's file, mended where Prism could not use it as it stands."""
    mended = mend(json.loads(OPENAPI.read_text()))
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_text(json.dumps(mended))
    return path


def mend(node: Any) -> Any:
    """Without the quirks of the published file.

    Enums list each value twice, for which Prism silently gives up checking what holds them. And
    the body of an action is ``oneOf`` two schemas of which the second takes whatever the first one
    does, so that nothing could ever match just one: read as ``anyOf``.
    """
    if isinstance(node, dict):
        mended = {"anyOf" if key == "oneOf" else key: mend(value) for key, value in node.items()}
        if isinstance(mended.get("enum"), list):
            mended["enum"] = list(dict.fromkeys(mended["enum"]))
        return mended
    return [mend(entry) for entry in node] if isinstance(node, list) else node


@pytest.fixture(scope="module")
def prism_url(prism: Path, document: Path) -> Iterator[str]:
    """Where it listens, with every violation answered as an error."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 - installed above
        [str(prism), "mock", str(document), "--port", str(port), "--errors"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "listening" in line:
                break
        else:
            pytest.fail("Prism ended before it listened")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
async def violations() -> AsyncIterator[list[str]]:
    """What Prism complained of, in any reply."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
async def session(prism_url: str, violations: list[str]) -> AsyncIterator[CampaignsSession]:
    """On Prism, by a connection that notes its complaints."""

    async def note(_: aiohttp.ClientSession, __: Any, end: aiohttp.TraceRequestEndParams) -> None:
        if "sl-violations" in end.response.headers:
            violations.append(end.response.headers["sl-violations"])

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(note)
    async with (
        aiohttp.ClientSession(trace_configs=[trace]) as own,
        CampaignsSession(
            api_key="eght_prism",
            tenant="acme",
            base_url=prism_url,
            session=own,
            timeout=PATIENT,
        ) as session,
    ):
        yield session


async def test_all_requests_are_as_the_vendors_file_says(session: CampaignsSession) -> None:
    """Each action, and records with all fields and with none; what comes back can be read."""
    handle = session.campaign(CAMPAIGN_ID)
    for action in CampaignAction:
        for enabled in (None, True, False):
            assert (await handle.modify(action, enabled=enabled)).state is not None
    for builds in (True, False):
        assert (await handle.start(build_on_start=builds, enabled=True)).state is not None
    now = datetime(2026, 12, 1, 9, tzinfo=UTC)
    for records in (
        ["CRM-1"],
        [NewRecord("é" * 32, schedule_at=now, priority=RecordPriority.LOW, rank=0.5)],
        [NewRecord(f"CRM-{i}", rank=i) for i in range(100)],
    ):
        assert await handle.add_records(records)


async def test_prism_does_complain(session: CampaignsSession, violations: list[str]) -> None:
    """Of a priority that the file does not know; so its silence elsewhere means something."""
    with pytest.raises(APIError):
        await session.campaign(CAMPAIGN_ID).add_records(
            [NewRecord("CRM-1", priority=RecordPriority("URGENT"))]
        )
    assert len(violations) == 1
    violations.clear()
