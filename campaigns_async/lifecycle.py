"""The campaign's state machine, once, as data for the client, the local service and the docs.

Source: the vendor's page "State machine". Where its table and its diagram differ (the diagram
draws CANCEL from READY too), the table counts and the difference stands in
``CANCEL_FROM_READY_IS_DISPUTED``.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

import attrs

from campaigns_async.models import CampaignAction, CampaignDisplayStatus, CampaignState

_A = CampaignAction
_S = CampaignState
_D = CampaignDisplayStatus


@attrs.frozen
class Transition:
    """What one action needs and does.

    ``becomes`` is the state in the reply, ``then`` the states that follow without us: first the
    good one, then the failure. Empty ``becomes``: the state does not change (PURGE).
    """

    action: CampaignAction
    valid_from: frozenset[CampaignState]
    becomes: CampaignState | None
    then: tuple[CampaignState, ...] = ()


TRANSITIONS: Final[Mapping[CampaignAction, Transition]] = MappingProxyType(
    {
        t.action: t
        for t in (
            Transition(
                _A.BUILD,
                frozenset({_S.CREATED, _S.READY, _S.BUILD_ERROR}),
                _S.BUILDING,
                (_S.READY, _S.BUILD_ERROR),
            ),
            Transition(_A.RESET, frozenset({_S.READY, _S.BUILD_ERROR}), _S.CREATED),
            # PENDING instead of STARTING where the campaign's start time lies ahead.
            Transition(_A.START, frozenset({_S.READY}), _S.STARTING, (_S.RUNNING, _S.BUILD_ERROR)),
            Transition(_A.PAUSE, frozenset({_S.RUNNING}), _S.PAUSED),
            Transition(_A.RESUME, frozenset({_S.PAUSED}), _S.RUNNING),
            Transition(_A.RETRY, frozenset({_S.RUN_ERROR}), _S.RUNNING),
            Transition(
                _A.CANCEL,
                frozenset({_S.PENDING, _S.RUNNING, _S.PAUSED, _S.RUN_ERROR}),
                _S.COMPLETE,
            ),
            Transition(_A.PURGE, frozenset({_S.PAUSED, _S.RUN_ERROR, _S.COMPLETE}), None),
        )
    }
)

BUILD_ON_START_FROM: Final = frozenset({_S.CREATED})
"""START with ``build_on_start`` is taken from these too."""

CANCEL_FROM_READY_IS_DISPUTED: Final = True
"""The guide's diagram shows CANCEL from READY, its table does not. Nothing here depends on it."""

TAKEN_WHILE_DISABLED: Final = frozenset({_A.BUILD, _A.RESET})
"""A campaign with ``enabled`` false takes these actions alone."""

GUARDED_BY_STATE: Final = frozenset({_A.START, _A.PAUSE, _A.RESUME, _A.CANCEL})
"""Actions that the state machine refuses the second time, so that repeating one cannot do harm."""

TRANSIENT: Final = frozenset({_S.BUILDING, _S.STARTING})
"""The campaign leaves these by itself. No record is taken meanwhile."""

FINAL: Final = frozenset({_S.COMPLETE, _S.DELETED})
"""No way back, and no record is taken any more."""

REFUSES_RECORDS: Final = TRANSIENT | FINAL
"""States in which a POST of records is refused (vendor: Troubleshooting, 409)."""


def valid_from(
    action: CampaignAction, *, build_on_start: bool | None = None
) -> frozenset[CampaignState]:
    """The states from which the service takes the action."""
    states = TRANSITIONS[action].valid_from
    if action is _A.START and build_on_start:
        return states | BUILD_ON_START_FROM
    return states


def name_states(states: Collection[CampaignState]) -> str:
    """Their names in a sentence, in the vendor's order: ``READY, PAUSED or COMPLETE``."""
    names = [state.value for state in CampaignState if state in states]
    return " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


_DISPLAY: Final[Mapping[CampaignState, CampaignDisplayStatus]] = MappingProxyType(
    {
        _S.CREATED: _D.NEW,
        _S.BUILDING: _D.BUILDING,
        _S.STARTING: _D.BUILDING,
        _S.BUILD_ERROR: _D.BUILD_FAILED,
        _S.READY: _D.READY_TO_RUN,
        _S.PENDING: _D.SCHEDULED,
        _S.RUNNING: _D.RUNNING,
        _S.PAUSED: _D.PAUSED,
        _S.RUN_ERROR: _D.ERROR,
        _S.COMPLETE: _D.COMPLETED,
        _S.DELETED: _D.COMPLETED,
    }
)


def display_status(
    state: CampaignState, *, enabled: bool = True, purged: bool = False, cancelled: bool = False
) -> CampaignDisplayStatus | None:
    """What the vendor's screens show for this state; None for a state this table does not know."""
    if not enabled:
        return _D.DISABLED
    if purged and state is _S.PAUSED:
        return _D.PURGED
    if purged and state is _S.RUN_ERROR:
        return _D.ERROR_PURGED
    if cancelled and state in FINAL:
        return _D.STOPPED
    return _DISPLAY.get(state)
