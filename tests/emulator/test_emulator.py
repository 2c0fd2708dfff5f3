import asyncio
import ssl
from uuid import UUID

import aiohttp
import pytest
import trustme

from campaigns_async.emulator import Emulator, Fault, Faults, Quirks
from campaigns_async.models import CampaignState
from tests.emulator.conftest import HEADERS, T0, Caller, Clock, records


async def test_where_it_is() -> None:
    """The base URL is the whole root, in front of the campaign's id."""
    async with Emulator(site="UK3") as emulator:
        assert f"http://127.0.0.1:{emulator.port}/cc/UK3/campaigns/v1" == emulator.base_url
        assert emulator.port
        assert "serving" in repr(emulator)
    assert "closed" in repr(emulator)


def test_an_ipv6_host_is_bracketed() -> None:
    """A URL with an IPv6 host puts it in brackets."""
    assert Emulator(host="::1", port=80).root_url == "http://[::1]:80"


async def test_names_are_settings(caller: Caller) -> None:
    """Key, tenant and site are those it is made with."""
    async with Emulator(site="US2", tenant="acme", api_key="eght_acme") as emulator:
        campaign = emulator.create_campaign()
        url = f"{emulator.base_url}/{campaign.id}"
        theirs = {"x-api-key": "eght_acme", "x-8x8-tenant": "acme"}
        body = {"action": "PAUSE"}
        assert (await caller.send("PATCH", url, body)).status == 401
        answer = await caller.send("PATCH", url, body, headers=theirs)
        assert (answer.status, answer.json["tenantId"]) == (200, "acme")


async def test_a_campaign_is_made_as_told(clock: Clock) -> None:
    """All settings of a campaign are optional; its id is a UUID, given or of the seed."""
    async with Emulator(now=clock, build_seconds=5, start_seconds=5) as emulator:
        plain = emulator.create_campaign()
        assert (CampaignState.RUNNING, plain) == (plain.state, emulator.campaigns[plain.id])
        assert str(UUID(plain.id)) == plain.id
        slow = emulator.create_campaign(
            id=UUID(int=7), state=CampaignState.BUILDING, build_seconds=9, end_time=T0
        )
        assert str(UUID(int=7)) == slow.id
        states = [slow.state]
        clock.forward(9)
        states.append(slow.state)
        assert states == [CampaignState.BUILDING, CampaignState.READY]
        with pytest.raises(ValueError, match="badly formed"):
            emulator.create_campaign(id="seven")
        with pytest.raises(ValueError, match="already"):
            emulator.create_campaign(id=slow.id)


async def test_a_build_takes_its_time(caller: Caller) -> None:
    """Without a clock of its own the state goes on as the loop's time does."""
    async with Emulator(build_seconds=0.5, start_seconds=0) as emulator:
        campaign = emulator.create_campaign(state=CampaignState.CREATED)
        answer = await caller.patch(emulator, campaign, "BUILD")
        assert answer.json["state"] == "BUILDING"
        await asyncio.sleep(0.51)
        answer = await caller.patch(emulator, campaign, "START")
        assert answer.json["state"] == "RUNNING"


async def test_starting_and_closing_are_idempotent(caller: Caller) -> None:
    """It starts once and closes once, however often it is told; after that it stays closed."""
    emulator = Emulator()
    await emulator.close()
    with pytest.raises(RuntimeError, match="closed"):
        await emulator.start()
    emulator = Emulator()
    await emulator.start()
    port = emulator.port
    await emulator.start()
    assert port == emulator.port
    await emulator.close()
    await emulator.close()
    with pytest.raises(aiohttp.ClientConnectorError):
        await caller.send("PATCH", emulator.base_url, {})


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.SLOW_DRIP, Fault.LATE_COMMIT_HANG, None])
@pytest.mark.parametrize("client_stays", [True, False])
async def test_closing_is_prompt_and_leaves_nothing(
    fault: Fault | None,
    client_stays: bool,  # noqa: FBT001
) -> None:
    """Whatever hangs, with its client or after it has gone, close ends it and its tasks at once."""
    before = asyncio.all_tasks()
    loop = asyncio.get_running_loop()
    emulator = Emulator(faults=Faults(latency=0.0 if fault else 60.0))
    async with emulator:
        campaign = emulator.create_campaign()
        if fault:
            emulator.inject(fault, drip_seconds=60, drip_bytes=1, late_seconds=60)
        reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
        head = "\r\n".join(f"{name}: {value}" for name, value in HEADERS.items())
        body = b'{"records": [{"crmRecordId": "A"}]}'
        path = f"/cc/US1/campaigns/v1/{campaign.id}/records"
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode()
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        while not emulator.requests:  # noqa: ASYNC110 - only the service knows, and it has no event
            await asyncio.sleep(0)
        if not client_stays:
            writer.close()
            await writer.wait_closed()
        begin = loop.time()
    assert loop.time() - begin < 1
    assert before == asyncio.all_tasks()
    await emulator.committed()
    if client_stays:
        await reader.read()
        writer.close()
    assert (fault is Fault.SLOW_DRIP) == ("A" in campaign.ledger)


async def test_without_a_port_it_is_served_in_memory() -> None:
    """With port None nothing listens; its protocol takes any transport."""
    emulator = Emulator(port=None)
    with pytest.raises(RuntimeError, match="start"):
        emulator.protocol()
    async with emulator:
        assert emulator.base_url == "http://127.0.0.1/cc/US1/campaigns/v1"
        campaign = emulator.create_campaign()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(emulator.protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with aiohttp.ClientSession() as session:
            root = emulator.root_url
            url = f"{emulator.base_url}/{campaign.id}/records".replace(root, f"{root}:{port}")
            answer = await Caller(session).send("POST", url, records("A"))
        assert (answer.status, list(campaign.ledger)) == (201, ["A"])
        server.close()
        assert emulator.app is emulator.app


async def test_https() -> None:
    """With an ssl context it serves https."""
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    async with (
        Emulator(ssl_context=theirs) as emulator,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ours)) as session,
    ):
        campaign = emulator.create_campaign()
        assert emulator.base_url.startswith("https://")
        assert (await Caller(session).post(emulator, campaign, "A")).status == 201


async def test_injected_faults_can_be_cleared(caller: Caller) -> None:
    """After `clear_faults` the rest of the injected faults does not happen."""
    async with Emulator() as emulator:
        campaign = emulator.create_campaign()
        emulator.inject("unavailable", times=3, retry_after=0)
        assert (await caller.post(emulator, campaign, "A")).status == 503
        emulator.clear_faults()
        assert (await caller.post(emulator, campaign, "A")).status == 201


async def test_the_service_can_be_asked_without_network() -> None:
    """The service behind it, quirks included, answers plain values."""
    emulator = Emulator(quirks=Quirks(add_status=200))
    assert emulator.service.quirks.add_status == 200
