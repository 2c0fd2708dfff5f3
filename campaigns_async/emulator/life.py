"""A campaign's state over time: the shared table of transitions, plus a clock given as argument.

Nothing here waits. A transient state carries the time at which it ends, and `settle` moves on to
wherever the campaign has got by then.
"""

import math
from collections import deque
from datetime import datetime, timedelta

from campaigns_async.emulator.refusals import Reason, Refusal
from campaigns_async.lifecycle import TAKEN_WHILE_DISABLED, TRANSITIONS, display_status, valid_from
from campaigns_async.models import CampaignAction, CampaignDisplayStatus, CampaignState

_A = CampaignAction
_S = CampaignState


class Life:
    """The state machine of one campaign. Three verbs: `take` an action, `settle`, `force`.

    ``build_seconds`` and ``start_seconds`` are how long BUILDING and STARTING last; ``math.inf``
    for ever, 0 not at all. ``start_time`` None: the campaign starts as soon as it is asked to.
    """

    def __init__(
        self,
        state: CampaignState,
        *,
        now: datetime,
        enabled: bool = True,
        build_on_start: bool = False,
        start_time: datetime | None = None,
        build_seconds: float = 0.0,
        start_seconds: float = 0.0,
        cancel_from_ready: bool = False,
    ) -> None:
        self.state = state
        self.enabled = enabled
        self.build_on_start = build_on_start
        self.start_time = start_time
        self.build_seconds = build_seconds
        self.start_seconds = start_seconds
        self.build_fails = False
        self.start_fails = False
        self.purged = False
        self.cancelled = False
        self.last_build_time: datetime | None = None
        self.last_purged_time: datetime | None = None
        self.started_time: datetime | None = None
        self.completed_time: datetime | None = None
        self._cancel_from_ready = cancel_from_ready
        self._ahead: deque[tuple[datetime, CampaignState]] = deque()
        self.force(state, now)

    @property
    def display_status(self) -> CampaignDisplayStatus | None:
        """What the vendor's screens would show for the state last settled."""
        return display_status(
            self.state, enabled=self.enabled, purged=self.purged, cancelled=self.cancelled
        )

    def take(
        self,
        action: CampaignAction,
        *,
        now: datetime,
        enabled: bool | None = None,
        build_on_start: bool | None = None,
    ) -> Refusal | None:
        """Carry out the action, or say why not; a refusal leaves everything as it was.

        ``enabled`` None leaves the flag alone. A request that enables the campaign is judged as
        if it were enabled (a guess: otherwise BUILD and RESET alone could ever enable one).
        """
        self.settle(now)
        if not (self.enabled or enabled) and action not in TAKEN_WHILE_DISABLED:
            return Refusal(reason=Reason.DISABLED, action=action, state=self.state)
        builds = self.build_on_start if build_on_start is None else build_on_start
        if not self._allows(action, builds=builds):
            return Refusal(reason=Reason.ILLEGAL_ACTION, action=action, state=self.state)
        if enabled is not None:
            self.enabled = enabled
        self._ahead.clear()
        match action:
            case _A.BUILD:
                self._plan_build(now)
            case _A.START if builds:
                if self._plan_build(now):
                    self._plan_start(now + timedelta(seconds=self.build_seconds))
            case _A.START:
                self._plan_start(now)
            case _A.PURGE:
                self.purged = True
                self.last_purged_time = now
            case _:
                self.cancelled = action is _A.CANCEL
                self._enter(TRANSITIONS[action].becomes or self.state, now)
        self.settle(now)
        return None

    def settle(self, now: datetime) -> None:
        """Go through every state that has ended by ``now``."""
        while self._ahead and self._ahead[0][0] <= now:
            at, state = self._ahead.popleft()
            if self.state is _S.BUILDING and state is not _S.BUILD_ERROR:
                self.last_build_time = at
            self._enter(state, at)

    def force(self, state: CampaignState, now: datetime) -> None:
        """Put the campaign into a state, table or no table: RUN_ERROR say, or DELETED.

        BUILDING and STARTING end by themselves as ever, PENDING at the start time if there is one.
        """
        self._ahead.clear()
        self._enter(state, now)
        if state is _S.BUILDING:
            self._plan_build(now)
        elif state is _S.STARTING:
            self._plan_opening(now)
        elif state is _S.PENDING and self.start_time is not None:
            self._plan_opening(max(now, self.start_time))
        self.settle(now)

    def _allows(self, action: CampaignAction, *, builds: bool) -> bool:
        if self.state in valid_from(action, build_on_start=builds):
            return True
        return action is _A.CANCEL and self.state is _S.READY and self._cancel_from_ready

    def _plan_build(self, at: datetime) -> bool:
        """BUILDING at ``at``, then its end; whether that end is a good one that ever comes."""
        build = TRANSITIONS[_A.BUILD]
        good, failure = build.then
        self._ahead.append((at, build.becomes or self.state))
        if not math.isfinite(self.build_seconds):
            return False
        end = failure if self.build_fails else good
        self._ahead.append((at + timedelta(seconds=self.build_seconds), end))
        return end is good

    def _plan_start(self, at: datetime) -> None:
        """STARTING, and PENDING before it where the start time lies ahead of ``at``."""
        if self.start_time is not None and self.start_time > at:
            self._ahead.append((at, _S.PENDING))
            at = self.start_time
        self._plan_opening(at)

    def _plan_opening(self, at: datetime) -> None:
        start = TRANSITIONS[_A.START]
        good, failure = start.then
        self._ahead.append((at, start.becomes or self.state))
        if math.isfinite(self.start_seconds):
            end = failure if self.start_fails else good
            self._ahead.append((at + timedelta(seconds=self.start_seconds), end))

    def _enter(self, state: CampaignState, at: datetime) -> None:
        self.state = state
        if state is _S.RUNNING:
            self.purged = False
            self.started_time = self.started_time or at
        elif state is _S.COMPLETE:
            self.completed_time = at
