import pytest

from campaigns_async import Delivery, RecordOutcome, Status
from campaigns_async.errors import CampaignsError, InvalidRecordError
from campaigns_async.unseen import Unseen


def fail(first: int, count: int, error: CampaignsError | None = None) -> list[Delivery]:
    """Deliveries that failed."""
    deliveries = [Delivery(position, None) for position in range(first, first + count)]
    for delivery in deliveries:
        delivery.settle(RecordOutcome(delivery.position, "", Status.REJECTED, error=error))
    return deliveries


def test_where_nothing_failed_nothing_is_raised() -> None:
    """Nor where all was looked at."""
    unseen = Unseen()
    unseen.raise_them()
    failed = fail(0, 3)
    unseen.add(failed)
    assert len(unseen) == 3
    for delivery in failed:
        assert delivery.outcome
    assert len(unseen) == 0
    unseen.raise_them()


def test_what_nobody_looked_at_comes_out_with_its_error() -> None:
    """Of each the error of its outcome, and words of our own where it has none."""
    unseen = Unseen()
    error = InvalidRecordError("blank", index=0)
    unseen.add([*fail(0, 1, error), *fail(1, 1)])
    with pytest.raises(ExceptionGroup, match="2 records are not in the campaign") as caught:
        unseen.raise_them()
    first, second = caught.value.exceptions
    assert first is error
    assert (type(second), str(second)) == (CampaignsError, "not in the campaign")


def test_the_first_thousand_are_kept() -> None:
    """What was looked at makes room for others; and it is said that there may be more."""
    unseen = Unseen()
    unseen.add(fail(0, 1))
    for turn in range(5):
        failed = fail(1 + 1_000 * turn, 1_000)
        unseen.add(failed)
        assert all(delivery.outcome for delivery in failed)
    assert len(unseen) == 1
    unseen.add(fail(9_000, 2_500))
    assert len(unseen) == 1_000
    with pytest.raises(ExceptionGroup, match="1,000 or more records") as caught:
        unseen.raise_them()
    assert len(caught.value.exceptions) == 1_000
