"""Replies that break off, at every byte, in every shape."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, TypeVar

import attrs
import pytest
from aiohttp import web

from campaigns_async import (
    Campaign,
    Limits,
    OutcomeUnknownError,
    RecordOutcome,
    RetryPolicy,
    UnexpectedResponseError,
    ValidationError,
)
from tests.stack.harness import VirtualStack, open_stack
from tests.stack.loop import turns, virtual
from tests.stack.memory import MemoryTransport

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Seen = TypeVar("Seen")
SHAPES = ["plain", "chunked", "gzip"]


@attrs.define
class Bench:
    """A stack, and the knife for its replies. ``setup``: of the campaigns."""

    stack: VirtualStack
    setup: Mapping[str, Any]
    server: MemoryTransport | None = None

    async def cuts(
        self, ask: Callable[[], Awaitable[Seen]]
    ) -> AsyncIterator[tuple[bool, bool, Seen]]:
        """Ask again and again, the reply cut a byte later each time, until it comes whole.

        Whether its headers got through, whether all of it did, and what was made of it.
        """
        for length in count():
            tape = bytearray()
            self.begin(length, tape)
            seen = await ask()
            await turns()
            whole = len(tape) < length
            yield b"\r\n\r\n" in tape, whole, seen
            if whole:
                return

    def begin(self, length: int, tape: bytearray) -> None:
        """Cut the next connection after so many bytes; what gets through is on the tape."""
        self.server = None

        def take(server: MemoryTransport) -> None:
            if self.server is None:
                self.server = server
                server.allowance, server.tape = length, tape

        self.stack.network.go_down()
        self.stack.network.come_up()
        self.stack.network.on_connection = take

    async def upload(self) -> tuple[RecordOutcome, int]:
        """The outcome of one record, found to agree with the ledger, and how many requests."""
        before = self.stack.emulator.request_count
        campaign, _ = self.stack.create_campaign(**self.setup)
        _, (outcome,) = await self.stack.upload(campaign, ["CRM-1"])
        return outcome, self.stack.emulator.request_count - before


@asynccontextmanager
async def open_bench(shape: str, **setup: Any) -> AsyncIterator[Bench]:
    """A stack whose service sends replies in this shape; ``setup``: of its campaigns."""

    @web.middleware
    async def encode(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if "gzip" in shape:
            response.enable_compression(web.ContentCoding.gzip)
        if "chunked" in shape:
            response.enable_chunked_encoding()
        return response

    client = {"limits": Limits(max_in_flight=1), "retry": RetryPolicy(base=0.001, cap=0.001)}
    async with open_stack(client=client, middlewares=[encode]) as stack:
        yield Bench(stack, setup)


@pytest.mark.parametrize("shape", SHAPES)
@virtual
async def test_an_add_that_breaks_off(shape: str) -> None:
    """With its headers here an add is ADDED, body or not; before that it is open, then proved."""
    async with open_bench(shape) as bench:
        async for head, whole, (outcome, requests) in bench.cuts(bench.upload):
            found = (outcome.status, outcome.attribution, requests)
            assert found == (("ADDED", None, 1) if head else ("PRESENT", "unclear", 2))
            assert outcome.record is not None or not whole


@pytest.mark.parametrize("shape", SHAPES)
@virtual
async def test_a_duplicate_that_breaks_off(shape: str) -> None:
    """A duplicate is PRESENT; one whose text breaks off is asked about once more."""
    async with open_bench(shape, holds=["CRM-1"]) as bench:
        async for head, whole, (outcome, requests) in bench.cuts(bench.upload):
            attribution = "theirs" if head else "unclear"
            assert (outcome.status, outcome.attribution) == ("PRESENT", attribution)
            assert requests == 1 if whole else requests <= 2


@pytest.mark.parametrize("shape", SHAPES)
@virtual
async def test_a_validation_that_breaks_off(shape: str) -> None:
    """A record that the service refuses is REJECTED, if need be after asking once more."""
    async with open_bench(shape, unknown_to_crm=["CRM-1"]) as bench:
        async for _, whole, (outcome, requests) in bench.cuts(bench.upload):
            assert outcome.status == "REJECTED"
            assert requests == 1 if whole else requests <= 2
            assert isinstance(outcome.error, ValidationError)


@pytest.mark.parametrize("shape", SHAPES)
@virtual
async def test_an_action_that_breaks_off(shape: str) -> None:
    """An action whose reply breaks off says that it was carried out, or that it may have been."""
    async with open_bench(shape) as bench:

        async def pause() -> Campaign | UnexpectedResponseError | OutcomeUnknownError:
            campaign, handle = bench.stack.create_campaign()
            try:
                return await handle.pause()
            except (UnexpectedResponseError, OutcomeUnknownError) as error:
                return error
            finally:
                assert campaign.state == "PAUSED"

        async for head, whole, seen in bench.cuts(pause):
            if not head:
                assert isinstance(seen, OutcomeUnknownError)
            elif isinstance(seen, UnexpectedResponseError):
                assert not whole
                assert "was executed" in str(seen)
            else:
                assert isinstance(seen, Campaign)
                assert seen.state == "PAUSED"
