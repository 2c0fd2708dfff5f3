import copy
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from campaigns_async.errors import InvalidRecordError
from campaigns_async.models import NewRecord, Record
from campaigns_async.outcomes import (
    FAILED,
    IN_CAMPAIGN,
    Attribution,
    Evidence,
    RecordOutcome,
    Status,
)


def test_the_statuses_are_the_documented_ones() -> None:
    """An outcome is one of six."""
    assert " ".join(Status) == "ADDED PRESENT DUPLICATE REJECTED NOT_ADDED UNKNOWN"
    assert " ".join(Evidence) == "confirmed inferred"
    assert " ".join(Attribution) == "theirs unclear"


@pytest.mark.parametrize("status", Status)
def test_only_proof_counts_as_in_the_campaign(status: Status) -> None:
    """ADDED and PRESENT alone are in the campaign; in doubt it is not a success."""
    assert RecordOutcome(0, "a", status).in_campaign == (status in {"ADDED", "PRESENT"})


def test_every_status_but_duplicate_is_a_success_or_a_failure() -> None:
    """A DUPLICATE is neither: the row that came first says what became of the id."""
    assert (IN_CAMPAIGN | FAILED) ^ set(Status) == {Status.DUPLICATE}
    assert not IN_CAMPAIGN & FAILED


def test_an_outcome_is_a_value() -> None:
    """An outcome cannot be changed, and comes back from pickle with all its facts."""
    outcome = RecordOutcome(
        3,
        NewRecord("a"),
        Status.ADDED,
        record=Record(id="1"),
        evidence=Evidence.INFERRED,
        attempts=2,
    )
    assert pickle.loads(pickle.dumps(outcome)) == outcome  # noqa: S301 - our own bytes
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        outcome.status = Status.UNKNOWN  # type: ignore[misc]


def test_a_refused_rows_outcome_pickles_with_its_error() -> None:
    """The error of an outcome is there after pickling."""
    error = InvalidRecordError("blank", index=3, field="crm_record_id")
    outcome = RecordOutcome(3, "", Status.REJECTED, error=error)
    back = pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own bytes
    assert str(back.error) == "record 3: blank"
    assert (back.error.index, back.error.field) == (3, "crm_record_id")


def lazy(find: Callable[[str | None], Record | None]) -> RecordOutcome:
    """One whose record is found when it is looked at."""
    [outcome] = RecordOutcome.lazy([(0, "a", "a")], Status.ADDED, find, attempts=1)
    return outcome


def test_a_record_is_found_when_it_is_looked_at() -> None:
    """Once, and as if it had been there: the outcome is equal to one made with it."""
    asked: list[str | None] = []

    def find(crm_record_id: str | None) -> Record:
        asked.append(crm_record_id)
        return Record(id="1", crm_record_id=crm_record_id)

    outcome = lazy(find)
    assert (outcome.in_campaign, asked) == (True, [])
    assert outcome.record is outcome.record
    assert asked == ["a"]
    record = Record(id="1", crm_record_id="a")
    whole = RecordOutcome(0, "a", Status.ADDED, record, attempts=1, crm_record_id="a")
    assert lazy(find) == whole
    assert repr(lazy(find)) == repr(whole)


@pytest.mark.parametrize("way", [copy.copy, lambda o: pickle.loads(pickle.dumps(o))])  # noqa: S301
def test_a_record_comes_along(way: Callable[[RecordOutcome], RecordOutcome]) -> None:
    """Into a copy and through a pickle, looked at or not."""
    taken = way(lazy(lambda i: Record(crm_record_id=i)))
    assert taken.record == Record(crm_record_id="a")


def test_a_misspelt_name_is_told_as_usual() -> None:
    """That there is something to be found makes no difference."""
    for outcome in (lazy(lambda _: None), RecordOutcome(0, "a", Status.ADDED)):
        with pytest.raises(AttributeError, match="recrd"):
            getattr(outcome, "recrd")  # noqa: B009 - checkers would see it


def test_threads_may_look_at_the_same_time() -> None:
    """Each gets the record, whoever finds it first."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(200):
                outcome = lazy(lambda i: Record(crm_record_id=i))
                names = ("record", "attempts", "record", "evidence")
                found = pool.map(lambda name, o=outcome: getattr(o, name), names)
                assert [*found] == [Record(crm_record_id="a"), 1, Record(crm_record_id="a"), None]
    finally:
        sys.setswitchinterval(before)
