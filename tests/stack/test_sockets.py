"""The same claims over real sockets, as far as a real network can be asked to fail on command."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import trustme

from campaigns_async import CampaignsSession, Limits, NotSentError, RetryPolicy, Status, Timeout
from campaigns_async.emulator import Emulator, Fault, FaultDetails, Faults
from tests.stack.harness import Stack, ids

QUICK: dict[str, Any] = {
    "retry": RetryPolicy(base=0.01, cap=0.05),
    "timeout": Timeout(connect=5, read=0.5, total=10),
}


@asynccontextmanager
async def open_stack(
    *, client: dict[str, Any] | None = None, **emulator: Any
) -> AsyncIterator[Stack]:
    """A session and a service with a network of this machine between them."""
    async with Emulator(**emulator) as service:
        session = CampaignsSession(
            api_key=service.api_key,
            tenant=service.tenant,
            base_url=service.base_url,
            **{**QUICK, **(client or {})},
        )
        async with session:
            yield Stack(service, session)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.DROP_BEFORE_COMMIT,
        Fault.DROP_AFTER_COMMIT,
        Fault.CLOSE_BEFORE_COMMIT,
        Fault.CLOSE_AFTER_COMMIT,
        Fault.HANG,
        Fault.HANG_AFTER_COMMIT,
        Fault.LATE_COMMIT,
        Fault.LATE_COMMIT_HANG,
        Fault.TRUNCATED_BODY,
        Fault.SLOW_DRIP,
    ],
)
async def test_resets_stalls_and_drips(fault: Fault) -> None:
    """Whatever becomes of a connection (RST, FIN, silence, drops), the account fits the ledger."""
    faults = Faults(script=(fault, None, fault), details=FaultDetails(drip_seconds=0.005))
    async with open_stack(faults=faults) as stack:
        campaign = stack.emulator.create_campaign()
        report, _ = await stack.upload(campaign, [*ids(40), "CRM-1"])
        assert report.added + report.present == 40
        assert (report.duplicate, report.unknown) == (1, 0)
        assert report.requests == stack.emulator.request_count


async def test_a_drip_slower_than_the_timeout() -> None:
    """An add whose body does not come in time is ADDED: its status line came."""
    async with open_stack() as stack:
        campaign = stack.emulator.create_campaign()
        stack.emulator.inject(Fault.SLOW_DRIP, drip_seconds=0.5)
        report, outcomes = await stack.upload(campaign, ids(3))
        assert (report.added, report.requests) == (3, 1)
        assert outcomes[0].record is None


async def test_a_service_that_is_not_there_yet() -> None:
    """Refused connections are no requests; when the service comes up, everything goes in."""
    async with Emulator() as gone:
        port = gone.port
    async with CampaignsSession(
        api_key=gone.api_key, tenant=gone.tenant, base_url=gone.base_url, **QUICK
    ) as session:
        later = Emulator(port=port)
        async with asyncio.TaskGroup() as tasks:
            campaign = later.create_campaign()
            upload = tasks.create_task(session.campaign(campaign.id).upload(ids(200)))
            await asyncio.sleep(0.2)
            assert not upload.done()
            await later.start()
        assert (upload.result().added, upload.result().requests) == (200, 2)
        assert sorted(campaign.ledger) == sorted(ids(200))
        await later.close()


async def test_a_request_too_large_for_one_segment() -> None:
    """Many full batches in parallel, over connections that are reset at random, add up."""
    rates = {Fault.DROP_BEFORE_COMMIT: 0.15, Fault.DROP_AFTER_COMMIT: 0.05}
    client = {"limits": Limits(max_in_flight=8)}
    async with open_stack(client=client, faults=Faults(rates=rates), seed=3) as stack:
        campaign = stack.emulator.create_campaign()
        rows = [{"crmRecordId": i.rjust(32, "x"), "priority": "LOW"} for i in ids(1_000)]
        report, _ = await stack.upload(campaign, rows)
        assert report.added + report.present == 1_000


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of our own."""
    return trustme.CA()


def serve_as(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """What a server needs to be one of these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What a client needs to believe our authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_tls_that_verifies(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """With the caller's own aiohttp session and authority, uploads go over TLS, resets included."""
    faults = Faults(script=(Fault.DROP_AFTER_COMMIT,))
    connector = aiohttp.TCPConnector(ssl=trusting)
    async with (
        aiohttp.ClientSession(connector=connector) as own,
        open_stack(
            client={"session": own}, ssl_context=serve_as(authority, "127.0.0.1"), faults=faults
        ) as stack,
    ):
        campaign = stack.emulator.create_campaign()
        report, _ = await stack.upload(campaign, ids(5))
        assert report.added + report.present == 5


async def test_an_authority_nobody_knows(authority: trustme.CA) -> None:
    """A certificate that does not verify ends the upload at once, with nothing sent."""
    async with open_stack(ssl_context=serve_as(authority, "127.0.0.1")) as stack:
        campaign = stack.emulator.create_campaign()
        report, outcomes = await stack.upload(campaign, ids(250))
        assert report.not_added == 250
        assert isinstance(report.stopped_by, NotSentError)
        assert report.stopped_by.permanent
        assert outcomes[0].status is Status.NOT_ADDED
        assert (report.requests, stack.emulator.request_count) == (0, 0)


async def test_a_certificate_of_somebody_else(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """A certificate for another name is as bad as none."""
    connector = aiohttp.TCPConnector(ssl=trusting)
    async with (
        aiohttp.ClientSession(connector=connector) as own,
        open_stack(
            client={"session": own}, ssl_context=serve_as(authority, "example.org")
        ) as stack,
    ):
        _, handle = stack.create_campaign()
        with pytest.raises(NotSentError, match="certificate") as caught:
            await handle.add_records(["CRM-1"])
        assert caught.value.permanent
        assert caught.value.attempts == 1


async def test_no_tls_behind_an_https_address() -> None:
    """An https address where plain http is spoken is no connection, and nothing is sent."""
    async with open_stack() as stack:
        campaign = stack.emulator.create_campaign()
        secure = stack.session.with_options(
            base_url=stack.emulator.base_url.replace("http://", "https://")
        )
        report = await secure.campaign(campaign.id).upload(ids(5), deadline=0.5)
        assert report.not_added == 5
        assert stack.emulator.request_count == 0
