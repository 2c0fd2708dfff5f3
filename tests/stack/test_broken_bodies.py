"""Whatever a gateway sends: the right error of the tree, and for an upload the right outcome."""

import asyncio
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async.emulator import Emulator, Fault
from campaigns_async.errors import (
    APIError,
    CampaignsError,
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    ValidationError,
)
from campaigns_async.outcomes import RecordOutcome, Status
from campaigns_async.settings import RetryPolicy, Timeout
from tests.accounts import check_account
from tests.servers import CAMPAIGN_ID, PATIENT, RawServer, Received, connect, http

ONCE = RetryPolicy(max_attempts=1)
ONCE_BUT_QUICK = RetryPolicy(max_attempts=1, base=0.0001, cap=0.0001)

BODIES: dict[str, bytes] = {
    "HTML": b"<html><body>Bad day</body></html>",
    "empty": b"",
    "blank": b"  \r\n",
    "list": b'[{"records": []}]',
    "text": b'"records"',
    "null": b"null",
    "number": b"201",
    "cut JSON": b'{"records": [{"crmRecordId": "CRM-',
    "wrong charset": '{"title": "café"}'.encode("latin-1"),
    "UTF-16": '{"title": "x"}'.encode("utf-16"),
    "deep": b'{"records": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "NaN": b'{"status": NaN, "records": NaN}',
    "Infinity": b'{"status": -Infinity}',
    "5,000 digits": b'{"status": ' + b"9" * 5_000 + b"}",
    "huge exponent": b'{"status": 1e999999}',
    "5 MB": b'{"padding": "' + b"x" * 5_000_000 + b'"}',
    "9 MB": b'{"padding": "' + b"x" * 9_000_000 + b'"}',
    "nulls": b'{"records": null, "title": null, "errors": null, "status": null}',
    "wrong kinds": b'{"records": {}, "title": [], "errors": {}, "detail": 7, "time": {}}',
    "wrong entries": b'{"records": [1, null, []], "errors": [1, null, [], {"field": []}]}',
    "surrogates": b'{"title": "\\ud800", "detail": "\\u0000\\u001b[31m"}',
    "repeated keys": b'{"title": 1, "title": "x"}',
    "bytes": bytes(range(256)),
}

BY_STATUS: dict[int, type[APIError]] = {
    400: ValidationError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
    500: ServerError,
    502: ServerError,
}


@pytest.mark.parametrize("status", BY_STATUS)
@pytest.mark.parametrize("name", BODIES)
async def test_a_refusal_with_a_broken_body_goes_by_its_status(name: str, status: int) -> None:
    """The class of the tree that its number says, which can be shown and has a hint."""
    async with (
        RawServer(http(status, BODIES[name])) as server,
        connect(server, retry=ONCE) as session,
    ):
        with pytest.raises(APIError) as caught:
            await session.campaign(CAMPAIGN_ID).build()
    error = caught.value
    assert (type(error), error.status) == (BY_STATUS[status], status)
    assert error.hint
    assert str(error).isprintable()
    assert len(str(error)) < 5_000


@pytest.mark.parametrize("how", ["gzip", "chunked"])
@pytest.mark.parametrize("status", [400, 502])
@pytest.mark.parametrize("name", ["HTML", "deep", "5 MB"])
async def test_the_way_that_a_broken_body_travels_changes_nothing(
    name: str, status: int, how: str
) -> None:
    """Compressed and chunked ones end alike."""
    body = BODIES[name]
    if how == "gzip":
        answer = http(status, gzip.compress(body), {"Content-Encoding": "gzip"})
    else:
        head = http(status).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        answer = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    async with RawServer(answer) as server, connect(server, retry=ONCE) as session:
        with pytest.raises(BY_STATUS[status]):
            await session.campaign(CAMPAIGN_ID).build()


@pytest.mark.parametrize("name", BODIES)
async def test_a_success_with_a_broken_body_means_added(name: str) -> None:
    """The status line is the proof: one request, ADDED, and no record to show."""
    outcomes: list[RecordOutcome] = []
    async with RawServer(http(201, BODIES[name])) as server, connect(server) as session:
        report = await session.campaign(CAMPAIGN_ID).upload(
            ["CRM-1", "CRM-2"], on_outcome=outcomes.append
        )
        assert len(server.requests) == 1
    assert (report.added, report.total, report.requests) == (2, 2, 1)
    assert [(o.status, o.record) for o in outcomes] == [(Status.ADDED, None)] * 2


UNREADABLE = sorted(BODIES.keys() - {"wrong entries"})


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_success_with_a_broken_body_is_an_error_for_a_single_add(name: str) -> None:
    """UnexpectedResponseError keeps the 2xx and says that it was executed."""
    async with RawServer(http(201, BODIES[name])) as server, connect(server) as session:
        with pytest.raises(UnexpectedResponseError, match="was executed") as caught:
            await session.campaign(CAMPAIGN_ID).add_records(["CRM-1"])
        assert len(server.requests) == 1
    assert caught.value.status == 201


@pytest.mark.parametrize("fault", [f for f in Fault if f.value.startswith(("body_", "trunc"))])
async def test_the_local_services_broken_bodies_do_no_harm(fault: Fault) -> None:
    """Each ends as if the body were sound, as far as the account goes."""
    async with Emulator() as emulator, connect(emulator) as session:
        campaign = emulator.create_campaign()
        emulator.inject(fault)
        outcomes: list[RecordOutcome] = []
        report = await session.campaign(campaign.id).upload(
            [f"CRM-{i}" for i in range(5)], on_outcome=outcomes.append
        )
        check_account(outcomes, campaign, report=report)
        assert (report.added, emulator.request_count) == (5, 1)


# --- nothing outside the tree, whatever comes

A_REPLY = http(
    201,
    json.dumps({"records": [{"crmRecordId": "CRM-1", "rank": 1, "state": "PENDING"}]}).encode(),
    {"Date": "Mon, 23 Nov 2026 01:00:00 GMT", "Set-Cookie": "a=b"},
)
A_REFUSAL = http(
    409,
    b'{"title": "Conflict", "detail": "Campaign already contains record for Id: CRM-1"}',
    {"Retry-After": "0"},
)
A_CHUNKED_REPLY = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
    + b"%x\r\n" % len(gzip.compress(b'{"records": []}'))
    + gzip.compress(b'{"records": []}')
    + b"\r\n0\r\n\r\n"
)


async def outcome_of(answer: bytes, timeout: Timeout = PATIENT) -> tuple[Any, Status]:
    """How a single add and an upload take this answer; whatever escapes the tree comes out."""
    answers = iter([answer, answer])

    async def converse(_: Received, writer: asyncio.StreamWriter) -> None:
        # What is asked again is refused for good, so that it ends.
        writer.write(next(answers, http(401)))
        await writer.drain()
        writer.close()

    outcomes: list[RecordOutcome] = []
    async with (
        RawServer(converse) as server,
        connect(server, retry=ONCE_BUT_QUICK, timeout=timeout) as session,
    ):
        handle = session.campaign(CAMPAIGN_ID)
        single = (await asyncio.gather(handle.add_records(["CRM-1"]), return_exceptions=True))[0]
        assert isinstance(single, list | CampaignsError)
        assert str(single).isprintable()
        report = await handle.upload(["CRM-1"], on_outcome=outcomes.append)
    assert report.total == 1
    return single, outcomes[0].status


CUTS = {
    "reply": (A_REPLY, Status.ADDED),
    "refusal": (A_REFUSAL, Status.PRESENT),
    "chunked": (A_CHUNKED_REPLY, Status.ADDED),
}


@pytest.mark.parametrize("name", CUTS)
async def test_a_reply_cut_at_any_byte_proves_no_more_than_what_arrived(name: str) -> None:
    """Before the end of the headers nothing; of a success then everything."""
    answer, whole = CUTS[name]
    headers = answer.index(b"\r\n\r\n") + 4
    for cut in range(0, len(answer), 1 if len(answer) < 150 else 2):
        single, status = await outcome_of(answer[:cut])
        if cut < headers:
            assert isinstance(single, OutcomeUnknownError), cut
            assert status is Status.UNKNOWN, cut
        elif whole is Status.ADDED:
            assert status is Status.ADDED, cut
        else:
            assert isinstance(single, ConflictError), cut
            # It was refused, and is asked again why until the deadline.
            assert status in {Status.PRESENT, Status.NOT_ADDED}, cut


statuses = st.sampled_from([100, 101, 199, 200, 201, 204, 299, 301, 304, 400, 409, 429, 503, 999])
header_lines = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 5",
            b"Content-Length: -5",
            b"Content-Length: 99999999999999999999",
            b"Transfer-Encoding: chunked",
            b"Content-Encoding: gzip",
            b"Content-Encoding: deflate",
            b"Content-Type: text/html; charset=nonsense",
            b"Location: http://127.0.0.1:1/",
            b"Location: \xff\xfe",
            b"Retry-After: -7",
            b"Retry-After: 1e400",
            b"Retry-After: Mon, 99 Foo 99999 99:99:99",
            b"x-ratelimit-reset: nan",
            b"Date: never",
            b"Set-Cookie: a=\x01",
            b"Connection: upgrade",
            b"Upgrade: websocket",
            b"no colon",
            b": no name",
            b"X: " + b"y" * 9_000,
            b"X-Bytes: \xe9\xff",
        ]
    ),
    max_size=4,
)
replies = st.one_of(
    st.binary(max_size=60),
    st.builds(
        lambda status, lines, body: (
            b"HTTP/1.1 %d Said\r\n" % status
            + b"".join(li + b"\r\n" for li in lines)
            + b"\r\n"
            + body
        ),
        statuses,
        header_lines,
        st.one_of(st.binary(max_size=30), st.sampled_from(list(BODIES.values())[:10])),
    ),
)


@given(replies)
async def test_no_answer_whatever_gets_an_exception_out_of_the_tree(answer: bytes) -> None:
    """A single add ends in records or a CampaignsError, an upload in an account."""
    await outcome_of(answer, Timeout(connect=1.0, read=0.01, total=0.05))
