"""The aiohttp application: takes requests off the network, lets faults happen, sends replies.

What is answered is for `service` to say; what goes wrong, for `faults`. Here is the order of it.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from email.utils import formatdate
from random import Random
from typing import cast

import attrs
from aiohttp import web

from campaigns_async.emulator.access import Admission
from campaigns_async.emulator.delivery import Patience, deliver, hang_up
from campaigns_async.emulator.faults import (
    CONDUCT,
    NO_FAULT,
    Blow,
    Commit,
    FaultDetails,
    FaultSource,
    Wire,
)
from campaigns_async.emulator.refusals import Refusal
from campaigns_async.emulator.replies import Reply
from campaigns_async.emulator.service import Service, ServiceRequest
from campaigns_async.emulator.stand_ins import Scene, stand_in
from campaigns_async.emulator.throttle import Throttle
from campaigns_async.emulator.traffic import ReceivedRequest, Traffic

_LARGEST_REQUEST = 8 * 1024 * 1024
_NOTHING = Reply(status=0)

RequestHook = Callable[[ReceivedRequest], None]
"""Called with each admitted request before it is carried out; may change campaigns."""


class Server:
    """One service on one loop. `app` can be served by any aiohttp runner, or in memory."""

    def __init__(
        self,
        service: Service,
        faults: FaultSource,
        *,
        now: Callable[[], datetime],
        keep_requests: int,
        before_each: RequestHook | None = None,
        seed: int = 0,
    ) -> None:
        self.traffic = Traffic(keep_requests)
        self.before_each = before_each
        self.app = web.Application(client_max_size=_LARGEST_REQUEST)
        self.app.router.add_route("*", "/{path:.*}", self._handle)
        self._service = service
        self._faults = faults
        self._now = now
        self._rng = Random(f"{seed}/stand-ins")  # noqa: S311 - a repeatable trace, no secret
        self._patience = Patience()
        self._dated = (-1, "")
        self._handling: set[asyncio.Task[object]] = set()
        self._late: set[asyncio.TimerHandle] = set()
        self._all_committed = asyncio.Event()
        self._all_committed.set()
        limit = faults.faults.requests_per_minute
        self._throttle = None if limit is None else Throttle(limit, faults.faults.burst)

    async def committed(self) -> None:
        """Return when no late commit is outstanding any more."""
        await self._all_committed.wait()

    async def close(self) -> None:
        """Wake all that waits, drop late commits, and return when no request is being handled."""
        self._patience.end()
        for timer in self._late:
            timer.cancel()
        self._late.clear()
        self._all_committed.set()
        handling = self._handling - {asyncio.current_task()}
        if handling:
            await asyncio.wait(handling)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._handling.add(task)
        try:
            return await self._converse(request)
        finally:
            self._handling.discard(task)

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read()
        except (ConnectionError, web.RequestPayloadError):
            return hang_up(request)
        if self._patience.over:
            return hang_up(request)
        asked = ServiceRequest(
            number=self.traffic.total + 1,
            method=request.method,
            path=request.path,
            headers=request.headers,
            body=body,
        )
        noted = self.traffic.note(asked, self._now())
        admission = self._service.admit(asked)
        if isinstance(admission, Refusal) and not self._faults.faults.before_auth:
            reply = self._service.refuse(asked, admission)
            return await self._send(request, noted, reply, Wire.WHOLE, self._faults.faults.details)
        wait = self._throttle.take(asyncio.get_running_loop().time()) if self._throttle else 0.0
        blow = self._limit(wait) if wait else self._faults.next_blow(asked.method)
        noted.fault = blow.fault if blow else None
        latency = self._faults.latency()
        if latency and not await self._patience.wait(latency):
            return hang_up(request)
        conduct = CONDUCT[blow.fault] if blow else NO_FAULT
        details = blow.details if blow else self._faults.faults.details
        true_reply = self._carry_out(asked, noted, admission, conduct.commit, details.late_seconds)
        seen = stand_in(blow, true_reply, self._scene(asked)) if blow else true_reply
        return await self._send(request, noted, seen or _NOTHING, conduct.wire, details)

    def _carry_out(
        self,
        asked: ServiceRequest,
        noted: ReceivedRequest,
        admission: Admission | Refusal,
        commit: Commit,
        late_seconds: float = 0.0,
    ) -> Reply | None:
        """Do what was asked, as often and as soon as the fault allows; None: not now."""
        if commit is Commit.NEVER:
            return None
        if isinstance(admission, Refusal):
            return self._service.refuse(asked, admission)
        if commit is Commit.LATE:
            self._carry_out_late(asked, noted, admission, late_seconds)
            return None
        if self.before_each is not None:
            self.before_each(noted)
        reply = self._service.execute(asked, admission)
        noted.committed = reply.committed
        if commit is Commit.TWICE:
            reply = self._service.execute(asked, admission)
            noted.committed |= reply.committed
        return reply

    def _carry_out_late(
        self, asked: ServiceRequest, noted: ReceivedRequest, admission: Admission, seconds: float
    ) -> None:
        def carry_out() -> None:
            self._late.discard(timer)
            self._carry_out(asked, noted, admission, Commit.NOW)
            if not self._late:
                self._all_committed.set()

        timer = asyncio.get_running_loop().call_later(seconds, carry_out)
        self._late.add(timer)
        self._all_committed.clear()

    async def _send(
        self,
        request: web.Request,
        noted: ReceivedRequest,
        reply: Reply,
        wire: Wire,
        details: FaultDetails,
    ) -> web.StreamResponse:
        if wire not in {Wire.RESET, Wire.FIN, Wire.HANG}:
            noted.status = reply.status
        try:
            return await deliver(
                request, reply, wire, details, date=self._date(), patience=self._patience
            )
        except ConnectionError:
            return hang_up(request)

    def _date(self) -> str:
        """The emulator's date; aiohttp's would be the wall clock's.

        With a virtual clock a Retry-After date must fit the Date beside it, and equal traces must
        have equal headers.
        """
        second = int(self._now().timestamp())
        if second != self._dated[0]:
            self._dated = (second, formatdate(second, usegmt=True))
        return self._dated[1]

    def _limit(self, wait: float) -> Blow:
        faults = self._faults.faults
        return Blow(faults.limit_hint, attrs.evolve(faults.details, retry_after=wait))

    def _scene(self, asked: ServiceRequest) -> Scene:
        return Scene(
            path=asked.path,
            now=self._now(),
            quirks=self._service.quirks,
            rng=self._rng,
            limit=self._faults.faults.requests_per_minute or 100.0,
        )
