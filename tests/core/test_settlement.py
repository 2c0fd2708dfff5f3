import pytest

from campaigns_async._core.dedupe import Repeat
from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.verdicts import Proof, Verdict
from campaigns_async.errors import CampaignsError
from campaigns_async.models import NewRecord, Record
from campaigns_async.outcomes import Attribution, Evidence, RecordOutcome, Status

ROWS = parse_rows([NewRecord("A"), "B"], [4, 7])


def test_each_row_has_its_outcome() -> None:
    """A settlement gives one outcome for each row, in order, with the row as it was given."""
    error = CampaignsError("x")
    settlement = Settlement(ROWS, Status.REJECTED, error=error, attempts=3)
    assert list(settlement.outcomes()) == [
        RecordOutcome(
            4, NewRecord("A"), Status.REJECTED, error=error, attempts=3, crm_record_id="A"
        ),
        RecordOutcome(7, "B", Status.REJECTED, error=error, attempts=3, crm_record_id="B"),
    ]


def test_outcomes_can_be_made_again() -> None:
    """Looking twice gives equal outcomes."""
    settlement = Settlement(ROWS, Status.PRESENT, attribution=Attribution.THEIRS, attempts=1)
    first, second = settlement.outcomes()
    assert list(settlement.outcomes()) == [first, second]
    assert first.attribution is Attribution.THEIRS


def test_the_services_records_are_found_by_id() -> None:
    """An ADDED has the service's record of its own id, in whatever order the reply has them."""
    body = b'{"records": [{"crmRecordId": "B", "id": "2"}, {"crmRecordId": "A", "id": "1"}]}'
    settlement = Settlement(
        ROWS, Status.ADDED, evidence=Evidence.CONFIRMED, reply=Verdict(Proof.ADDED, body=body)
    )
    assert [outcome.record for outcome in settlement.outcomes()] == [
        Record(crm_record_id="A", id="1"),
        Record(crm_record_id="B", id="2"),
    ]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"records": [{"id": "1"}]}', b'{"records": []}']
)
def test_a_reply_that_cannot_be_read_leaves_the_record_out(body: bytes) -> None:
    """An ADDED whose reply is broken is an ADDED without the service's record."""
    reply = Verdict(Proof.ADDED, body=body)
    outcomes = list(Settlement(ROWS, Status.ADDED, reply=reply).outcomes())
    assert [(outcome.status, outcome.record) for outcome in outcomes] == [(Status.ADDED, None)] * 2


def test_a_repeat_points_to_the_first_row() -> None:
    """A DUPLICATE says which row came first and whether it differs; others say neither."""
    repeat = Settlement(ROWS[:1], Status.DUPLICATE, repeat=Repeat(2, differs=True))
    [outcome] = repeat.outcomes()
    assert (outcome.duplicate_of, outcome.differs) == (2, True)
    [outcome] = Settlement(ROWS[:1], Status.ADDED).outcomes()
    assert (outcome.duplicate_of, outcome.differs) == (None, None)
