import asyncio
from uuid import UUID

import aiohttp
import pytest

from campaigns_async.emulator import EmulatedCampaign, Emulator
from campaigns_async.errors import AuthenticationError, ConfigurationError
from campaigns_async.events import Event
from campaigns_async.session import CampaignsSession
from campaigns_async.settings import Limits, RetryPolicy, Timeout
from tests.servers import CAMPAIGN_ID, KEY, RawServer, connect, hang, http, say

VARIABLES = {"EGHT_API_KEY": KEY, "EGHT_TENANT": "acme", "EGHT_SITE": "UK3", "EGHT_BASE_URL": ""}


# --- making one


def test_a_session_is_made_outside_of_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is opened before the first call, so a module may hold one."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    session = CampaignsSession.from_env()
    assert session.settings.root == "https://api.8x8.com/cc/UK3/campaigns/v1"
    assert session.campaign(CAMPAIGN_ID).id == CAMPAIGN_ID
    assert session.campaign(UUID(CAMPAIGN_ID)).id == CAMPAIGN_ID
    assert not session.closed
    asyncio.run(session.close())
    assert session.closed


def test_what_is_given_counts_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each argument by itself."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    settings = CampaignsSession.from_env(site="US2", tenant="other").settings
    assert (settings.site, settings.tenant, settings.api_key) == ("US2", "other", KEY)


@pytest.mark.parametrize("missing", ["EGHT_API_KEY", "EGHT_TENANT", "EGHT_SITE"])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """ConfigurationError, by the variable that would set it."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, "" if name == missing else value)
    with pytest.raises(ConfigurationError, match=missing):
        CampaignsSession.from_env()


@pytest.mark.parametrize(
    "base_url",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "http://[::2]",
        "ftp://127.0.0.1",
        "//127.0.0.1",
        "https://user:word@host",
        "https://host?x=1",
    ],
)
def test_the_key_travels_in_the_clear_to_this_machine_alone(base_url: str) -> None:
    """Any other address must be https, and nothing but an address."""
    with pytest.raises(ConfigurationError, match="base_url"):
        connect(base_url)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_http_is_fine_on_loopback(host: str) -> None:
    """For the local service."""
    assert connect(f"http://{host}:1/x/").settings.root == f"http://{host}:1/x"


def test_a_session_tells_where_it_goes_and_not_with_which_key() -> None:
    """Its repr has address, tenant and state."""
    session = connect("https://host/x")
    assert repr(session) == "<CampaignsSession https://host/x tenant='acme' open>"
    asyncio.run(session.close())
    assert repr(session).endswith(" closed>")


# --- its end


async def test_leaving_the_block_closes_it(emulator: Emulator) -> None:
    """Calls after it are a ConfigurationError, and close does no harm any more."""
    campaign = emulator.create_campaign()
    async with connect(emulator) as session:
        handle = session.campaign(campaign.id)
        await handle.pause()
    await session.close()
    await session.close()
    for call in (handle.resume(), handle.add_records(["CRM-1"]), handle.upload(["CRM-1"])):
        with pytest.raises(ConfigurationError, match="is closed"):
            await call
    stream = handle.stream(["CRM-1"])
    with pytest.raises(ConfigurationError, match="is closed"):
        await anext(stream)
    assert emulator.request_count == 1


async def test_an_upload_on_a_closed_session_of_the_callers_is_told(emulator: Emulator) -> None:
    """ConfigurationError, and not an upload that tries for ever."""
    campaign = emulator.create_campaign()
    theirs = aiohttp.ClientSession()
    async with connect(emulator, session=theirs) as session:
        await theirs.close()
        for call in ("upload", "add_records"):
            with pytest.raises(ConfigurationError, match="must stay open"):
                await getattr(session.campaign(campaign.id), call)(["CRM-1"])


async def test_closing_under_an_upload_ends_it() -> None:
    """What had no reply is unknown, and the report says why it stopped."""
    async with RawServer(hang) as server:
        session = connect(server, timeout=Timeout())
        upload = asyncio.create_task(session.campaign(CAMPAIGN_ID).upload(["CRM-1"]))
        await server.received(1)
        await session.close()
        async with asyncio.timeout(60):
            report = await upload
    assert (report.unknown, report.total) == (1, 1)
    assert isinstance(report.stopped_by, ConfigurationError)


async def test_the_callers_session_is_used_and_never_closed(emulator: Emulator) -> None:
    """Whatever becomes of ours."""
    campaign = emulator.create_campaign()
    async with aiohttp.ClientSession(headers={"X-Emulator-Client": "theirs"}) as theirs:
        async with connect(emulator, session=theirs) as session:
            await session.campaign(campaign.id).add_records(["CRM-1"])
        assert not theirs.closed
    assert campaign.added_by("theirs") == ["CRM-1"]


def test_a_session_belongs_to_the_loop_that_first_used_it() -> None:
    """ConfigurationError on another one, for calls and uploads alike."""

    async def first(session: CampaignsSession, server_url: str) -> None:
        del server_url
        with pytest.raises(AuthenticationError):
            await session.campaign(CAMPAIGN_ID).pause()
        await session._dispatcher.connections.open().close()  # noqa: SLF001 - for no warning

    async def serve_and_use() -> CampaignsSession:
        async with RawServer(say(http(401))) as server:
            session = connect(server)
            await first(session, server.url)
        return session

    async def use(session: CampaignsSession) -> None:
        with pytest.raises(ConfigurationError, match="another event loop"):
            await session.campaign(CAMPAIGN_ID).pause()
        with pytest.raises(ConfigurationError, match="another event loop"):
            await session.campaign(CAMPAIGN_ID).upload(["CRM-1"])

    session = asyncio.run(serve_and_use())
    asyncio.run(use(session))


# --- options


async def test_a_key_is_rotated_without_new_connections() -> None:
    """Both sessions share them, and each sends its own key."""
    async with RawServer(say(http(200, b"{}"))) as server, connect(server) as session:
        rotated = session.with_options(api_key="eght_new")
        await session.campaign(CAMPAIGN_ID).pause()
        await rotated.campaign(CAMPAIGN_ID).pause()
        assert [r.headers["x-api-key"] for r in server.requests] == [KEY, "eght_new"]
        assert server.connections == 1


@pytest.mark.parametrize("which", [0, 1])
async def test_closing_either_closes_both(emulator: Emulator, which: int) -> None:
    """They are two views of one."""
    session = connect(emulator)
    both = (session, session.with_options(tenant="other"))
    await both[which].close()
    assert [each.closed for each in both] == [True, True]


async def test_options_that_are_not_named_stay(emulated_campaign: EmulatedCampaign) -> None:
    """All of them."""
    del emulated_campaign
    session = connect("https://host", limits=Limits(max_in_flight=3), user_agent_suffix="x/1")
    other = session.with_options(retry=RetryPolicy(max_attempts=1))
    assert other.settings.retry.max_attempts == 1
    assert (other.settings.limits, other.settings.user_agent_suffix) == (
        session.settings.limits,
        "x/1",
    )


@pytest.mark.parametrize("name", ["session", "root", "surprise"])
def test_options_that_do_not_exist_are_refused(name: str) -> None:
    """ConfigurationError names them."""
    with pytest.raises(ConfigurationError, match=name):
        connect("https://host").with_options(**{name: None})


def test_another_site_is_another_address() -> None:
    """What is worked out of the settings follows them."""
    session = CampaignsSession(api_key=KEY, tenant="acme", site="US1")
    assert "/cc/US2/" in session.with_options(site="US2").settings.root


async def test_who_listens_hears_of_each_call(
    emulator: Emulator, emulated_campaign: EmulatedCampaign
) -> None:
    """And a session with other options may have another who does."""
    first: list[Event] = []
    second: list[Event] = []
    async with connect(emulator, on_event=first.append) as session:
        other = session.with_options(on_event=second.append, event_ids=True)
        await session.campaign(emulated_campaign.id).pause()
        await other.campaign(emulated_campaign.id).resume()
    assert [event.facts()["action"] for event in first] == ["PAUSE"] * 4
    assert {event.facts().get("campaign_id") for event in first} == {None}
    assert [event.facts()["action"] for event in second] == ["RESUME"] * 4
    assert {event.facts()["campaign_id"] for event in second} == {emulated_campaign.id}
