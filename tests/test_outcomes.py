import pickle

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
