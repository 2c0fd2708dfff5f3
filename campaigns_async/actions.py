"""Changes a campaign's state: one PATCH for each action, repeated where that is safe."""

import asyncio
import contextlib
from functools import partial
from typing import Final

import attrs
from attrs.validators import optional

from campaigns_async._core.exchange import Request
from campaigns_async._core.hints import hint_for_action
from campaigns_async._core.problems import unreadable_error
from campaigns_async._core.retry import may_repeat_action
from campaigns_async._core.wire import UnreadableBodyError, decode_campaign, encode_action
from campaigns_async._core.wording import says_disabled
from campaigns_async.call import Call
from campaigns_async.checks import Arguments, at_least, yes_or_no
from campaigns_async.dispatch import Dispatcher
from campaigns_async.errors import (
    CampaignStateError,
    ConfigurationError,
    ConflictError,
    NotSentError,
)
from campaigns_async.lifecycle import TRANSIENT
from campaigns_async.models import Campaign, CampaignAction

_LONGEST_POLL: Final = 5.0
"""Seconds between two STARTs while a campaign builds, at most."""


@attrs.frozen(kw_only=True)
class ActionOptions(Arguments):
    """What may go with an action; see :meth:`CampaignHandle.modify`."""

    enabled: bool | None = attrs.field(default=None, validator=optional(yes_or_no))
    build_on_start: bool | None = attrs.field(default=None, validator=optional(yes_or_no))


@attrs.frozen(kw_only=True)
class StartOptions(ActionOptions):
    """Those of :meth:`CampaignHandle.start_when_ready`. ``deadline``: seconds, may be infinity."""

    deadline: float = attrs.field(validator=at_least(0, finite=False))


class Actions:
    """Those of one campaign, which is at this path; see :class:`CampaignHandle`."""

    def __init__(self, dispatcher: Dispatcher, path: str) -> None:
        self._dispatcher = dispatcher
        self._path = path

    async def modify(self, action: CampaignAction | str, options: ActionOptions) -> Campaign:
        """The campaign as it is once the service accepted the action."""
        action = _parse_action(action)
        if options.build_on_start is not None and action is not CampaignAction.START:
            msg = f"build_on_start goes with START and not with {action}"
            raise ConfigurationError(msg)
        with self._dispatcher.new_call("modify", self._path, action.value) as call:
            return await self._modify(call, action, options)

    async def _modify(
        self,
        call: Call,
        action: CampaignAction,
        options: ActionOptions,
        *,
        deadline: float | None = None,
    ) -> Campaign:
        body = encode_action(action, enabled=options.enabled, build_on_start=options.build_on_start)
        asked = self._dispatcher.settings.retry.repeat_ambiguous_actions
        try:
            reply = await self._dispatcher.call(
                Request("PATCH", self._path, body),
                may_repeat=partial(may_repeat_action, action, asked=asked),
                deadline=deadline,
                call=call,
            )
        except CampaignStateError as error:
            if not says_disabled(error.problem):
                error.hint = hint_for_action(action)
            raise
        try:
            return decode_campaign(reply.body)
        except UnreadableBodyError as error:
            unreadable = unreadable_error(reply, error)
        raise unreadable

    async def start_when_ready(self, options: StartOptions) -> Campaign:
        """START until it is taken, or refused for another reason than a build, or the deadline."""
        start = CampaignAction.START
        with self._dispatcher.new_call("start_when_ready", self._path, start.value) as call:
            return await self._start_when_ready(call, options)

    async def _start_when_ready(self, call: Call, options: StartOptions) -> Campaign:
        loop = asyncio.get_running_loop()
        limit = loop.time() + options.deadline
        retry = self._dispatcher.settings.retry
        waits = self._dispatcher.new_backoff(cap=min(retry.cap, _LONGEST_POLL))
        ambiguous = False
        refusal: ConflictError | None = None
        while True:
            try:
                return await self._modify(
                    call, CampaignAction.START, options, deadline=limit - loop.time()
                )
            except NotSentError:
                # Of a START that had no time left; the one before it tells more.
                if refusal is None:
                    raise
                raise refusal from None
            except ConflictError as error:
                refusal = error
                ambiguous = error.after_ambiguous_attempt = (
                    ambiguous or error.after_ambiguous_attempt
                )
                wait = waits.next_wait(error.retry_after)
                if not _may_be_the_build(error) or loop.time() + wait >= limit:
                    raise
            await asyncio.sleep(wait)


def _may_be_the_build(error: ConflictError) -> bool:
    state = error.state if isinstance(error, CampaignStateError) else None
    return state in TRANSIENT or (state is None and not says_disabled(error.problem))


def _parse_action(action: CampaignAction | str) -> CampaignAction:
    with contextlib.suppress(ValueError, AttributeError):
        return CampaignAction(action.upper())
    msg = f"{action!r} is no action; the actions are {', '.join(CampaignAction)}"
    raise ConfigurationError(msg)
