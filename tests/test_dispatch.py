import asyncio
import time
from functools import partial

import attrs
import pytest

from campaigns_async._core.exchange import Request, Response
from campaigns_async._core.retry import may_repeat
from campaigns_async.dispatch import Dispatcher
from campaigns_async.errors import (
    APIError,
    ConflictError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
)
from campaigns_async.events import Event, RetryScheduled
from campaigns_async.settings import Limits, RetryPolicy, Timeout
from campaigns_async.transport import Connections
from tests.servers import (
    CAMPAIGN_ID,
    ONE_AT_A_TIME,
    PATIENT,
    QUICK,
    Converse,
    OneTurn,
    RawServer,
    Received,
    hang,
    http,
    reset,
    say,
    settings_for,
)

REQUEST = Request("POST", "/x", b"{}")
UNLIMITED = Limits()
THROTTLED = http(429, headers={"Retry-After": "0"})


class Wait:
    """A Retry-After that is as short as a test wants: seconds, told as a date's difference."""

    @staticmethod
    def reply(status: int) -> bytes:
        """Asks for one second, the smallest whole number there is."""
        return http(status, headers={"Retry-After": "1"})


@attrs.define
class Limiter:
    """Counts, and fails if asked to."""

    fails: bool = False
    asked: int = 0

    async def acquire(self) -> None:
        """One more."""
        self.asked += 1
        if self.fails:
            msg = "the other side is gone"
            raise ConnectionError(msg)


async def call(
    answer: bytes | Converse,
    *,
    repeat: object = may_repeat,
    deadline: float | None = None,
    retry: RetryPolicy = QUICK,
    limits: Limits = UNLIMITED,
    timeout: Timeout = PATIENT,
) -> tuple[Response | Exception, int]:
    """How a call ends, and how many requests it took; no turn may be left taken."""
    async with RawServer(answer) as server:
        connections = Connections()
        dispatcher = Dispatcher(
            settings_for(server.url, retry=retry, limits=limits, timeout=timeout), connections
        )
        try:
            ended: Response | Exception = await dispatcher.call(
                REQUEST,
                may_repeat=repeat,  # type: ignore[arg-type]
                deadline=deadline,
            )
        except Exception as error:  # noqa: BLE001 - the test says which it should be
            ended = error
        await connections.close()
        assert dispatcher.slots.in_flight == 0
        return ended, len(server.requests)


# --- repeating


async def test_a_success_takes_one_request() -> None:
    """And gives the reply."""
    ended, requests = await call(say(http(204)))
    assert isinstance(ended, Response)
    assert (ended.status, requests) == (204, 1)


@pytest.mark.parametrize("failures", range(6))
async def test_what_may_be_repeated_is_repeated_up_to_max_attempts(failures: int) -> None:
    """The error that comes out counts the requests."""
    replies = [THROTTLED] * failures + [http(200)]
    ended, requests = await call(say(*replies), retry=attrs.evolve(QUICK, max_attempts=4))
    assert requests == min(failures + 1, 4)
    if failures < 4:
        assert isinstance(ended, Response)
    else:
        assert isinstance(ended, RateLimitError)
        assert ended.attempts == 4


async def test_what_may_not_be_repeated_is_not() -> None:
    """One request, whatever the policy allows."""
    ended, requests = await call(say(http(500), http(200)))
    assert isinstance(ended, ServerError)
    assert requests == 1


async def test_the_budget_ends_repeats_for_the_whole_session() -> None:
    """Then a call fails at once, so that an outage does not multiply the load."""
    async with RawServer(say(http(500))) as server:
        connections = Connections()
        retry = attrs.evolve(QUICK, budget=3, max_attempts=3)
        dispatcher = Dispatcher(settings_for(server.url, retry=retry), connections)
        attempts = []
        for _ in range(3):
            with pytest.raises(ServerError) as caught:
                await dispatcher.call(REQUEST, may_repeat=lambda _: True)
            attempts.append(caught.value.attempts)
        await connections.close()
    assert attempts == [3, 2, 1]


async def test_a_conflict_remembers_an_ambiguous_attempt_before_it() -> None:
    """And only such a one: after 429 it is certain that nothing was done."""

    def always(_: object) -> bool:
        return True

    ambiguous, _ = await call(say(http(500), THROTTLED, http(409)), repeat=always)
    certain, _ = await call(say(THROTTLED, http(409)), repeat=lambda e: e.status == 429)
    assert isinstance(ambiguous, ConflictError)
    assert isinstance(certain, ConflictError)
    assert (ambiguous.after_ambiguous_attempt, certain.after_ambiguous_attempt) == (True, False)


async def test_whatever_refusal_comes_last_remembers_an_ambiguous_attempt() -> None:
    """A 429 at the end says nothing of the attempt that failed before it."""
    retry = attrs.evolve(QUICK, max_attempts=2)
    ended, _ = await call(say(http(500), THROTTLED), repeat=lambda _: True, retry=retry)
    assert isinstance(ended, RateLimitError)
    assert ended.after_ambiguous_attempt


@pytest.mark.parametrize("server_does", [hang, reset], ids=["silence", "reset"])
async def test_a_lost_reply_makes_later_conflicts_ambiguous(server_does: Converse) -> None:
    """No reply is the most ambiguous end of all."""
    left = [server_does, say(http(409))]

    async def converse(request: Received, writer: asyncio.StreamWriter) -> None:
        await left.pop(0)(request, writer)

    ended, requests = await call(
        converse,
        repeat=lambda e: isinstance(e, OutcomeUnknownError),
        timeout=Timeout(read=1),
    )
    assert isinstance(ended, ConflictError)
    assert (ended.after_ambiguous_attempt, requests) == (True, 2)


# --- deadlines


async def test_the_deadline_cuts_an_attempt_short() -> None:
    """OutcomeUnknownError, because it may have been executed."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    ended, _ = await call(hang, deadline=0.5, timeout=Timeout())
    assert isinstance(ended, OutcomeUnknownError)
    assert (ended.timed_out, loop.time() - began < 2) == (True, True)


async def test_no_repeat_begins_that_could_only_end_after_the_deadline() -> None:
    """The error comes out instead of a vain wait."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    ended, requests = await call(say(Wait.reply(429)), deadline=0.5)
    assert isinstance(ended, RateLimitError)
    assert (requests, loop.time() - began < 0.5) == (1, True)


async def test_no_turn_before_the_deadline_means_that_nothing_was_sent() -> None:
    """NotSentError, permanent: it was no failure of the network."""
    async with RawServer(say(http(200))) as server:
        connections = Connections()
        dispatcher = Dispatcher(settings_for(server.url, limits=ONE_AT_A_TIME), connections)
        ticket = await dispatcher.slots.acquire()
        with pytest.raises(NotSentError) as caught:
            await dispatcher.call(REQUEST, may_repeat=may_repeat, deadline=0.02)
        dispatcher.slots.release(ticket, congested=None)
        reply = await dispatcher.call(REQUEST, may_repeat=may_repeat)
        await connections.close()
    assert (caught.value.permanent, reply.status, len(server.requests)) == (True, 200, 1)


async def test_a_repeat_without_a_turn_leaves_the_error_of_what_was_sent() -> None:
    """Not "nothing was sent": that would be untrue of the call."""
    ended, requests = await call(
        say(http(500)),
        repeat=lambda _: True,
        deadline=2,
        limits=Limits(limiter=OneTurn()),
        timeout=Timeout(),
    )
    assert isinstance(ended, ServerError)
    assert (ended.attempts, requests) == (1, 1)


# --- what the service asks for


async def test_retry_after_holds_every_task_of_the_session() -> None:
    """Those who already wait for their turn too: nobody sends before the time is over."""
    loop = asyncio.get_running_loop()
    arrivals: list[float] = []
    answer = say(Wait.reply(429), http(200))

    async def converse(request: Received, writer: asyncio.StreamWriter) -> None:
        arrivals.append(loop.time())
        await answer(request, writer)

    async with RawServer(converse) as server:
        connections = Connections()
        dispatcher = Dispatcher(settings_for(server.url, limits=ONE_AT_A_TIME), connections)
        send = partial(dispatcher.call, REQUEST, may_repeat=may_repeat)
        replies = await asyncio.gather(send(), send(), send())
        await connections.close()
    assert [reply.status for reply in replies] == [200] * 3
    assert min(arrivals[1:]) - arrivals[0] >= 1.0


async def test_who_has_a_turn_waits_for_the_end_of_a_hold() -> None:
    """Though there is a connection: it is asked for once, and not until it may be used."""
    loop = asyncio.get_running_loop()
    async with RawServer(say(http(200))) as server:
        connections = Connections()
        dispatcher = Dispatcher(settings_for(server.url), connections)
        await dispatcher.attempt(REQUEST)
        dispatcher.slots.hold(0.2)
        began, asked = loop.time(), 0

        def wanted() -> bool:
            nonlocal asked
            asked += 1
            return True

        attempt = asyncio.create_task(dispatcher.attempt(REQUEST, wanted=wanted))
        turns = 0
        while not attempt.done():
            turns += 1
            await asyncio.sleep(0.01)
        await connections.close()
    assert (asked, len(server.requests)) == (1, 2)
    assert (loop.time() - began >= 0.2, turns > 5) == (True, True)


@pytest.mark.parametrize("status", [408, 502, 503])
async def test_retry_after_holds_others_even_if_the_call_itself_gives_up(status: int) -> None:
    """The service asked all of us."""
    loop = asyncio.get_running_loop()
    once = RetryPolicy(max_attempts=1)
    async with RawServer(say(Wait.reply(status), http(200))) as server:
        connections = Connections()
        dispatcher = Dispatcher(
            settings_for(server.url, limits=ONE_AT_A_TIME, retry=once), connections
        )
        began = loop.time()
        with pytest.raises(APIError):
            await dispatcher.call(REQUEST, may_repeat=may_repeat)
        await dispatcher.call(REQUEST, may_repeat=may_repeat)
        await connections.close()
    assert loop.time() - began >= 1.0


async def test_a_reset_counts_only_where_a_limit_is_reached() -> None:
    """Some send ``x-ratelimit-reset`` with every reply, a 502 too."""
    reset = {"x-ratelimit-reset": str(int(time.time()) + 3_000)}
    async with RawServer(say(http(502, headers=reset), http(200))) as server:
        connections = Connections()
        dispatcher = Dispatcher(settings_for(server.url), connections)
        with pytest.raises(ServerError):
            await dispatcher.call(REQUEST, may_repeat=may_repeat)
        assert dispatcher.slots.is_open()
        await connections.close()


# --- a limiter of the caller's


async def test_a_shared_limiter_is_asked_before_each_request() -> None:
    """Repeats included."""
    limiter = Limiter()
    ended, requests = await call(say(THROTTLED, http(200)), limits=Limits(limiter=limiter))
    assert isinstance(ended, Response)
    assert (limiter.asked, requests) == (2, 2)


async def test_a_limiter_that_raises_sends_nothing() -> None:
    """NotSentError tells of it, and is permanent."""
    ended, requests = await call(say(http(200)), limits=Limits(limiter=Limiter(fails=True)))
    assert isinstance(ended, NotSentError)
    assert (ended.permanent, requests) == (True, 0)
    assert "ConnectionError: the other side is gone" in str(ended)


# --- sharing


def test_other_settings_share_turns_and_budget_unless_they_change_them() -> None:
    """Connections always."""
    one = Dispatcher(settings_for("https://host"), Connections())
    same = one.with_settings(settings_for("https://host", tenant="other"))
    other = one.with_settings(
        settings_for("https://host", limits=ONE_AT_A_TIME, retry=attrs.evolve(QUICK, budget=1))
    )
    assert (same.slots is one.slots, same.budget is one.budget) == (True, True)
    assert (other.slots is one.slots, other.budget is one.budget) == (False, False)
    assert same.connections is other.connections is one.connections


def test_equal_seeds_wait_alike() -> None:
    """The jitter can be repeated."""
    waits = [
        [
            Dispatcher(settings_for("https://host"), Connections(), seed=7)
            .new_backoff(cap=9)
            .next_wait()
        ]
        for _ in range(2)
    ]
    assert waits[0] == waits[1]


async def test_a_status_of_no_class_is_an_unexpected_response() -> None:
    """And not repeated."""
    ended, requests = await call(say(http(302)))
    assert isinstance(ended, UnexpectedResponseError)
    assert requests == 1


async def test_attempts_and_retries_of_a_call_are_told() -> None:
    """With how long it waits, and whether all others wait as well."""
    told: list[Event] = []
    replies = [http(503), http(429), http(200)]
    async with RawServer(say(*replies)) as server:
        connections = Connections()
        settings = settings_for(server.url, retry=QUICK, on_event=told.append)
        dispatcher = Dispatcher(settings, connections)
        call = dispatcher.new_call("modify", f"/{CAMPAIGN_ID}", "START")
        await dispatcher.call(REQUEST, may_repeat=lambda _: True, call=call)
        await connections.close()
    attempt = ["attempt.begun", "attempt.ended"]
    retry = [*attempt, "retry.scheduled"]
    assert [event.name for event in told] == [*retry, *retry, *attempt]
    retries = [event for event in told if isinstance(event, RetryScheduled)]
    assert [(event.status, event.held) for event in retries] == [(503, False), (429, True)]
    assert all(event.wait is not None and event.wait <= QUICK.cap for event in retries)
    assert told[0].facts() == {"call": "modify", "action": "START"}


def test_a_call_names_its_campaign_only_if_asked() -> None:
    """``event_ids`` does."""
    told: list[Event] = []
    for asked in (False, True):
        settings = settings_for("https://host", on_event=told.append, event_ids=asked)
        call = Dispatcher(settings, Connections()).new_call("upload", f"/{CAMPAIGN_ID}/records")
        call.retry(NotSentError("no way"), wait=None, held=False)
    assert [event.facts().get("campaign_id") for event in told] == [None, CAMPAIGN_ID]
