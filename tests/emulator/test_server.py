import asyncio

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns_async.emulator import CLIENT_HEADER, Emulator, Fault, Faults, Quirks
from campaigns_async.emulator.faults import CONDUCT, Commit, Wire
from campaigns_async.emulator.replies import MEDIA_TYPE
from campaigns_async.emulator.traffic import ReceivedRequest
from campaigns_async.models import CampaignState
from tests.emulator.conftest import KEY, Answer, Caller, Clock, records

S = CampaignState


async def send_through(
    caller: Caller, emulator: Emulator, fault: Fault, crm_record_id: str = "A"
) -> Answer | None:
    """The answer that a POST gets from the fault; None where there is none."""
    (campaign,) = emulator.campaigns.values()
    emulator.inject(fault, late_seconds=0.001, drip_seconds=0.0001)
    try:
        async with asyncio.timeout(0.5 if CONDUCT[fault].wire is Wire.HANG else 60):
            return await caller.post(emulator, campaign, crm_record_id)
    except (aiohttp.ClientError, TimeoutError):
        return None


@pytest.mark.parametrize(
    ("headers", "path", "body", "status"),
    [
        ({}, "{id}/records", b"{", 400),
        ({}, "{id}/records", {"records": []}, 400),
        ({}, "{id}/records", records(*map(str, range(101))), 400),
        ({}, "{id}/records", records(" "), 400),
        ({}, "{id}/records", records("x" * 33), 400),
        ({}, "{id}/records", records("A", "A"), 400),
        ({}, "{id}/records", {"records": [{"crmRecordId": "A", "scheduleAt": "soon"}]}, 400),
        ({}, "{id}", {"action": "HALT"}, 400),
        ({}, "{id}/records", records("UNKNOWN"), 400),
        ({"x-api-key": None}, "{id}", {"action": "PAUSE"}, 401),
        ({"x-api-key": "8x8_key"}, "{id}", {"action": "PAUSE"}, 401),
        ({"x-api-key": "eght_revoked"}, "{id}", {"action": "PAUSE"}, 401),
        ({}, "00000000-0000-4000-8000-000000000000", {"action": "PAUSE"}, 404),
        ({"x-8x8-tenant": None}, "{id}", {"action": "PAUSE"}, 404),
        ({"x-8x8-tenant": "other"}, "{id}", {"action": "PAUSE"}, 404),
        ({}, "{id}", {"action": "RESUME"}, 409),
        ({}, "{id}/records", records("HELD"), 409),
        ({"content-type": "application/json"}, "{id}", {"action": "PAUSE"}, 415),
        ({"content-type": None}, "{id}", {"action": "PAUSE"}, 415),
    ],
)
async def test_the_table_of_errors(
    caller: Caller, headers: dict[str, str | None], path: str, body: object, status: int
) -> None:
    """Every cause of the troubleshooting page is answered over the socket, and changes nothing."""
    async with Emulator() as emulator:
        campaign = emulator.create_campaign(holds=["HELD"], unknown_to_crm={"UNKNOWN"})
        url = f"{emulator.base_url}/{path.format(id=campaign.id)}"
        method = "POST" if path.endswith("records") else "PATCH"
        answer = await caller.send(method, url, body, headers=headers)
        assert status == answer.status == answer.json["status"]
        assert answer.headers["Content-Type"] == MEDIA_TYPE
        assert answer.json["instance"] == url.removeprefix(emulator.root_url)
        assert (campaign.state, list(campaign.ledger)) == (S.RUNNING, ["HELD"])
        assert not emulator.requests[0].committed


@pytest.mark.parametrize(
    ("setup", "status"),
    [
        ({"dynamic": False}, 400),
        ({"state": S.BUILDING}, 409),
        ({"state": S.STARTING}, 409),
        ({"state": S.COMPLETE}, 409),
        ({"state": S.DELETED}, 409),
    ],
)
async def test_campaigns_that_take_no_records(
    caller: Caller, setup: dict[str, object], status: int
) -> None:
    """A campaign that is not dynamic, or not in a state for it, refuses records."""
    async with Emulator(build_seconds=60, start_seconds=60) as emulator:
        campaign = emulator.create_campaign(**setup)  # type: ignore[arg-type]
        assert status == (await caller.post(emulator, campaign, "A")).status
        assert len(campaign.ledger) == 0


async def test_keys_are_withdrawn(caller: Caller) -> None:
    """A key whose product is detached gets 403, a revoked one 401, a wrong site 404."""
    async with Emulator() as emulator:
        campaign = emulator.create_campaign()
        elsewhere = f"{emulator.base_url.replace('US1', 'UK3')}/{campaign.id}"
        assert (await caller.send("PATCH", elsewhere, {"action": "PAUSE"})).status == 404
        emulator.detach_product()
        assert (await caller.post(emulator, campaign, "A")).status == 403
        emulator.revoke_key()
        assert (await caller.post(emulator, campaign, "A")).status == 401


@pytest.mark.parametrize("fault", Fault)
async def test_the_ledger_is_true_under_each_fault(caller: Caller, fault: Fault) -> None:
    """Whatever the client sees, the record is in the ledger if and only if the table says so."""
    async with Emulator() as emulator:
        campaign = emulator.create_campaign()
        conduct = CONDUCT[fault]
        answer = await send_through(caller, emulator, fault)
        await emulator.committed()
        held = conduct.commit is not Commit.NEVER
        (seen,) = emulator.requests
        assert held == ("A" in campaign.ledger) == seen.committed
        assert fault is seen.fault
        answered = conduct.wire in {Wire.WHOLE, Wire.DRIP}
        assert answered == (answer is not None)
        if answer is not None:
            assert answer.status == seen.status
        elif conduct.wire is not Wire.CUT:
            assert seen.status is None
        again = await caller.post(emulator, campaign, "A")
        assert (409 if held else 201) == again.status


async def test_a_late_commit_is_late(caller: Caller) -> None:
    """A late commit happens after the client was told something else, and can be waited for."""
    async with Emulator() as emulator:
        campaign = emulator.create_campaign()
        emulator.inject(Fault.LATE_COMMIT_TIMEOUT, late_seconds=0.01)
        answer = await caller.post(emulator, campaign, "A")
        assert (answer.status, "A" in campaign.ledger) == (504, False)
        await emulator.committed()
        assert "A" in campaign.ledger
        assert emulator.requests[0].committed


async def test_a_late_commit_can_come_too_late(caller: Caller) -> None:
    """A late request meets the campaign as it is then: its ids may be taken meanwhile."""
    async with Emulator() as emulator:
        campaign = emulator.create_campaign()
        emulator.inject(Fault.LATE_COMMIT_TIMEOUT, late_seconds=0.01)
        await caller.post(emulator, campaign, "A", "B")
        await caller.post(emulator, campaign, "A")
        await emulator.committed()
        assert list(campaign.ledger) == ["A"]
        assert not emulator.requests[0].committed


async def test_a_gateway_that_resends_hides_the_first_answer(caller: Caller) -> None:
    """The record is in, by the very request that is told it is a duplicate."""
    async with Emulator() as emulator:
        campaign = emulator.create_campaign()
        answer = await send_through(caller, emulator, Fault.GATEWAY_RESENDS)
        assert answer is not None
        assert (answer.status, campaign.ledger["A"].request) == (409, 1)


async def test_faults_also_hit_actions(caller: Caller) -> None:
    """A PATCH whose reply is lost after the commit has changed the state."""
    async with Emulator() as emulator:
        campaign = emulator.create_campaign()
        emulator.inject("drop_before_commit")
        emulator.inject("drop_after_commit")
        for expected in (S.RUNNING, S.PAUSED):
            with pytest.raises(aiohttp.ClientError):
                await caller.patch(emulator, campaign, "PAUSE")
            assert expected is campaign.state


@pytest.mark.parametrize("before_auth", [True, False])
async def test_faults_spare_who_may_not_come_in(caller: Caller, before_auth: bool) -> None:  # noqa: FBT001
    """A request without the key gets its 401 and no fault, unless faults come before the door."""
    script = ("error_after_commit", "body_html", None)
    async with Emulator(faults=Faults(script=script, before_auth=before_auth)) as emulator:
        campaign = emulator.create_campaign()
        url = f"{emulator.base_url}/{campaign.id}"
        statuses = [
            (await caller.send("PATCH", url, {"action": "PAUSE"}, headers={"x-api-key": None}))
            for _ in range(3)
        ]
        assert ([500, 401, 401] if before_auth else [401] * 3) == [a.status for a in statuses]
        assert before_auth == (b"<html>" in statuses[1].body)
        assert campaign.state is S.RUNNING


async def test_the_request_limit(caller: Caller, clock: Clock) -> None:
    """Beyond the burst requests get 429 with the hint that is set, and nothing is carried out."""
    faults = Faults(requests_per_minute=60, burst=2, limit_hint="throttle_reset")
    async with Emulator(faults=faults, now=clock) as emulator:
        campaign = emulator.create_campaign()
        answers = [await caller.post(emulator, campaign, str(n)) for n in range(3)]
        assert [answer.status for answer in answers] == [201, 201, 429]
        assert answers[2].headers["x-ratelimit-limit"] == "60"
        assert str(int(clock().timestamp()) + 1) == answers[2].headers["x-ratelimit-reset"]
        assert list(campaign.ledger) == ["0", "1"]


async def test_latency_delays_the_commit(caller: Caller) -> None:
    """A request waits before it is carried out, whether or not its client does."""
    async with Emulator(faults=Faults(latency=0.02)) as emulator:
        campaign = emulator.create_campaign()
        asking = asyncio.create_task(caller.post(emulator, campaign, "A"))
        while not emulator.requests:  # noqa: ASYNC110 - only the service knows, it has no event
            await asyncio.sleep(0)
        assert "A" not in campaign.ledger
        asking.cancel()
        await caller.post(emulator, campaign, "B")
        assert list(campaign.ledger) == ["A", "B"]


async def test_a_hook_sees_requests_before_they_are_carried_out(caller: Caller) -> None:
    """The hook can complete the campaign under the hands of an upload, once or twice."""
    seen: list[ReceivedRequest] = []

    def complete(request: ReceivedRequest) -> None:
        seen.append(request)
        if len(seen) == 2:
            campaign.force(S.COMPLETE)

    async with Emulator(before_each=complete) as emulator:
        campaign = emulator.create_campaign()
        statuses = [(await caller.post(emulator, campaign, str(n))).status for n in range(3)]
        assert statuses == [201, 409, 409]
        assert [request.crm_record_ids for request in seen] == [["0"], ["1"], ["2"]]


async def test_concurrent_requests_are_each_whole(caller: Caller) -> None:
    """Many requests at once end up in the ledger batch by batch, each under its client's tag."""
    async with Emulator() as emulator:
        campaign = emulator.create_campaign()
        url = f"{emulator.base_url}/{campaign.id}/records"

        async def add(batch: int) -> int:
            ids = [f"{batch}-{n}" for n in range(20)]
            tag = {CLIENT_HEADER: str(batch % 3)}
            return (await caller.send("POST", url, records(*ids), headers=tag)).status

        assert {201} == set(await asyncio.gather(*map(add, range(30))))
        batches = [crm_record_id.split("-")[0] for crm_record_id in campaign.ledger]
        assert all(len(set(batches[i : i + 20])) == 1 for i in range(0, 600, 20))
        assert len(campaign.added_by("0")) == 200


async def test_the_log_of_requests(caller: Caller, clock: Clock) -> None:
    """What came in is logged with what became of it, without the key."""
    async with Emulator(now=clock, keep_requests=2) as emulator:
        campaign = emulator.create_campaign()
        await caller.post(emulator, campaign, "A")
        await caller.post(emulator, campaign, "B")
        await caller.patch(emulator, campaign, "RESUME")
        added, refused = emulator.requests
        assert (2, "POST", 201, True, clock(), ["B"]) == (
            added.number,
            added.method,
            added.status,
            added.committed,
            added.at,
            added.crm_record_ids,
        )
        assert (
            refused.status,
            refused.committed,
            refused.body,
        ) == (409, False, {"action": "RESUME"})
        assert emulator.request_count == 3
        assert KEY not in repr(emulator.requests) + repr(emulator)


async def test_a_client_that_goes_in_the_middle_of_its_request(caller: Caller) -> None:
    """A request that never becomes whole is none, and does not disturb the next."""
    async with Emulator() as emulator:
        campaign = emulator.create_campaign()
        _, writer = await asyncio.open_connection(emulator.host, emulator.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await caller.post(emulator, campaign, "A")).status == 201
        assert emulator.request_count == 1


async def test_the_date_is_the_emulators(caller: Caller, clock: Clock) -> None:
    """Replies are dated by the emulator's clock, so that a Retry-After date fits beside it."""
    async with Emulator(now=clock) as emulator:
        campaign = emulator.create_campaign()
        emulator.inject("throttle_date", retry_after=5)
        answer = await caller.post(emulator, campaign, "A")
        assert [answer.headers["Date"], answer.headers["Retry-After"]] == [
            "Thu, 01 Jan 2026 00:00:00 GMT",
            "Thu, 01 Jan 2026 00:00:05 GMT",
        ]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=5)
def test_equal_seeds_make_equal_traces(seed: int) -> None:
    """Equal seeds and requests get equal answers, faults included, and leave equal ledgers."""
    rates = {"error_before_commit": 0.2, "error_after_commit": 0.2, "body_html": 0.2}
    quirks = Quirks(names_duplicate="random", error_ids=True)

    async def run() -> tuple[list[object], list[str]]:
        clock = Clock()
        emulator = Emulator(seed=seed, quirks=quirks, faults=Faults(rates=rates), now=clock)
        async with emulator, aiohttp.ClientSession() as session:
            caller = Caller(session)
            campaign = emulator.create_campaign(holds=list("ABC"))
            answers = [
                await caller.post(emulator, campaign, *ids)
                for ids in ("DE", "AB", "F", "DEF", "ABCG", "H")
            ]
            trace: list[object] = [
                (answer.status, dict(answer.headers), answer.body) for answer in answers
            ]
            return trace, list(campaign.ledger)

    assert asyncio.run(run()) == asyncio.run(run())
