import logging

import pytest

from campaigns_async.events import (
    AttemptBegun,
    AttemptEnded,
    CallBegun,
    CallEnded,
    Event,
    GateClosed,
    GateOpened,
    RecordsSettled,
    RetryScheduled,
)
from campaigns_async.logs import log_event, logger
from campaigns_async.outcomes import Status

BEGUN = CallBegun("upload", campaign_id="123")
COURSE: list[Event] = [
    RetryScheduled(BEGUN, 429, "429", 1.5, held=True),
    GateClosed(BEGUN),
    GateOpened(BEGUN),
    CallEnded(BEGUN, 2.0, counts={Status.ADDED: 5}),
]
DETAIL: list[Event] = [
    BEGUN,
    AttemptBegun(BEGUN),
    AttemptEnded(AttemptBegun(BEGUN), 0.1, 201),
    RecordsSettled(BEGUN, {Status.ADDED: 5}),
]


@pytest.mark.parametrize("event", COURSE + DETAIL, ids=lambda event: event.name)
def test_an_event_is_one_record(event: Event, caplog: pytest.LogCaptureFixture) -> None:
    """With its name in ``event``, and each fact an attribute of its own and in the text."""
    caplog.set_level(logging.DEBUG)
    log_event(event)
    (record,) = caplog.records
    assert record.name == "campaigns_async.events"
    assert vars(record)["event"] == event.name
    assert event.facts().items() <= vars(record).items()
    for name, fact in event.facts().items():
        assert f"{name}={fact}" in record.getMessage()


def test_info_tells_the_course_and_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """Each attempt only at DEBUG, and nothing as a warning."""
    caplog.set_level(logging.INFO)
    for event in COURSE + DETAIL:
        log_event(event)
    assert [vars(record)["event"] for record in caplog.records] == [e.name for e in COURSE]
    assert {record.levelno for record in caplog.records} == {logging.INFO}


def test_it_is_quiet_by_default(caplog: pytest.LogCaptureFixture) -> None:
    """A program that sets up no logging sees none of it."""
    caplog.set_level(logging.WARNING)
    for event in COURSE + DETAIL:
        log_event(event)
    assert caplog.records == []
    assert logger.level == logging.NOTSET
