import inspect

import attrs
import pytest

from campaigns_async import events
from campaigns_async.events import (
    AttemptBegun,
    AttemptEnded,
    CallBegun,
    CallEnded,
    Event,
    RecordsSettled,
)
from campaigns_async.outcomes import Status

BEGUN = CallBegun("modify", "START")


def test_names_are_those_that_dashboards_know() -> None:
    """They are stable: a changed one breaks somebody's filter."""
    kinds = [k for k in vars(events).values() if inspect.isclass(k) and issubclass(k, Event)]
    assert {kind.name for kind in kinds if kind is not Event} == {
        "call.begun",
        "attempt.begun",
        "attempt.ended",
        "retry.scheduled",
        "gate.closed",
        "gate.opened",
        "records.settled",
        "call.ended",
    }


def test_facts_are_flat_and_tell_what_it_belongs_to() -> None:
    """Those of the attempt and of its call are among them; what is None is left out."""
    ended = AttemptEnded(AttemptBegun(BEGUN), 0.5, 503, "503")
    assert ended.facts() == {
        "call": "modify",
        "action": "START",
        "seconds": 0.5,
        "status": 503,
        "error": "503",
    }
    assert CallEnded(BEGUN, 1.0).facts() == {"call": "modify", "action": "START", "seconds": 1.0}


def test_counts_are_facts_of_their_own() -> None:
    """One for each status, in words that no attribute of a log record has."""
    settled = RecordsSettled(CallBegun("upload"), {Status.ADDED: 99, Status.NOT_ADDED: 1})
    assert settled.facts() == {"call": "upload", "records_added": 99, "records_not_added": 1}


def test_an_event_is_itself() -> None:
    """Two alike are two: the identity of what began is what its end points to. None changes."""
    assert CallBegun("upload") != CallBegun("upload")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        BEGUN.call = "upload"  # type: ignore[misc]
