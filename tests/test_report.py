import pickle
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.settlement import Settlement
from campaigns_async.errors import CampaignsError, UploadError, UploadStoppedError
from campaigns_async.outcomes import FAILED, RecordOutcome, Status
from campaigns_async.report import MAX_FAILED, Account, Progress, UploadReport


def settlement(status: Status, *indices: int, error: CampaignsError | None = None) -> Settlement:
    """Rows with these positions, settled alike."""
    return Settlement(parse_rows([f"r{n}" for n in indices], indices), status, error=error)


def report_of(*statuses: Status, **facts: object) -> UploadReport:
    """The report of an upload whose rows came out so."""
    account = Account()
    for index, status in enumerate(statuses):
        account.add(settlement(status, index, error=CampaignsError(f"why {index}")))
    return account.report(**facts)


@given(st.lists(st.tuples(st.sampled_from(Status), st.integers(0, 5))))
def test_the_counts_add_up(batches: list[tuple[Status, int]]) -> None:
    """Each settled row is counted once, under its status; every status has a count."""
    account = Account()
    for status, rows in batches:
        account.add(settlement(status, *range(rows)))
    report = account.report()
    wanted = Counter[Status]()
    for status, rows in batches:
        wanted[status] += rows
    assert report.counts == {status: wanted[status] for status in Status}
    assert report.total == sum(rows for _, rows in batches)
    named = [report.added, report.present, report.duplicate]
    named += [report.rejected, report.not_added, report.unknown]
    assert named == [report.counts[status] for status in Status]
    assert len(report.failed) == report.rejected + report.not_added + report.unknown
    assert report.has_errors == bool(report.failed)


def test_failed_outcomes_are_kept_as_they_settled() -> None:
    """Those that are not in the campaign are kept in full; successes and duplicates are counted."""
    report = report_of(*Status)
    assert [outcome.status for outcome in report.failed] == [s for s in Status if s in FAILED]
    assert [str(outcome.error) for outcome in report.failed] == ["why 3", "why 4", "why 5"]


def test_few_of_many_failures_are_kept() -> None:
    """A report keeps the first thousand failed outcomes, and counts them all."""
    account = Account()
    account.add(settlement(Status.REJECTED, *range(MAX_FAILED - 1)))
    account.add(settlement(Status.UNKNOWN, *range(MAX_FAILED, MAX_FAILED + 50)))
    account.add(settlement(Status.UNKNOWN, 5_000))
    report = account.report()
    assert [outcome.index for outcome in report.failed] == [*range(MAX_FAILED - 1), MAX_FAILED]
    assert report.unknown == 51


def test_an_account_goes_on_after_a_report() -> None:
    """A report does not change when more is settled."""
    account = Account()
    before = account.report()
    account.add(settlement(Status.UNKNOWN, 0))
    assert (before.total, before.unknown, before.failed) == (0, 0, ())
    assert account.report().unknown == 1


@pytest.mark.parametrize("status", Status)
def test_errors_are_rows_that_are_not_in(status: Status) -> None:
    """REJECTED, NOT_ADDED and UNKNOWN are errors; a DUPLICATE is none."""
    report = report_of(status)
    assert report.has_errors == (status in {"REJECTED", "NOT_ADDED", "UNKNOWN"})
    if not report.has_errors:
        report.raise_for_errors()


def test_an_input_that_was_not_read_to_its_end_is_an_error() -> None:
    """Rows that nobody counted may be missing, so it is no success."""
    report = report_of(Status.ADDED, exhausted=False)
    assert report.has_errors
    with pytest.raises(UploadError, match=r"of 1, the input was not read to its end$"):
        report.raise_for_errors()


def test_the_error_of_a_report_says_how_many_and_why() -> None:
    """The raised error has counts, the first reason, and the report."""
    report = report_of(Status.ADDED, Status.UNKNOWN, Status.REJECTED, Status.REJECTED)
    with pytest.raises(UploadError) as caught:
        report.raise_for_errors()
    assert str(caught.value) == (
        "not every record is in the campaign: of 4, 2 REJECTED, 1 UNKNOWN; the first: why 1"
    )
    assert caught.value.report is report
    assert caught.value.__cause__ is None


def test_the_error_of_a_stopped_upload_has_its_cause() -> None:
    """What stopped the upload is in the text, and is the cause."""
    stop = UploadStoppedError("the deadline of 60 s is over")
    report = report_of(*[Status.NOT_ADDED] * 1_234, stopped_by=stop)
    with pytest.raises(UploadError) as caught:
        report.raise_for_errors()
    assert str(caught.value) == (
        "not every record is in the campaign: of 1,234, 1,234 NOT_ADDED; "
        "stopped by: the deadline of 60 s is over"
    )
    assert caught.value.__cause__ is stop


def test_a_report_pickles() -> None:
    """A report can be handed to another process, and so can the error that it raises."""
    report = report_of(Status.ADDED, Status.UNKNOWN, requests=3, retries=1, elapsed=1.5)
    back = pickle.loads(pickle.dumps(report))  # noqa: S301 - our own bytes
    assert (back.total, back.counts, back.requests) == (2, report.counts, 3)
    with pytest.raises(UploadError) as caught:
        report.raise_for_errors()
    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert str(error) == str(caught.value)
    assert error.report.unknown == 1


def test_progress_counts_what_is_settled() -> None:
    """Settled rows are those of all counts together."""
    counts = {Status.ADDED: 3, Status.UNKNOWN: 1}
    progress = Progress(read=9, counts=counts, requests=2, retries=0, in_flight=1, elapsed=0.5)
    assert progress.settled == 4
    assert progress.waiting is None


def test_of_many_failures_a_thousand_become_outcomes() -> None:
    """The rest is counted alone: nothing else runs meanwhile."""
    made = 0

    class Counting(Settlement):
        def outcomes(self) -> Iterator[RecordOutcome]:
            nonlocal made
            for outcome in super().outcomes():
                made += 1
                yield outcome

    account = Account()
    rows = parse_rows(["a"] * 5_000, range(5_000))
    account.add(Counting(rows, Status.NOT_ADDED, error=UploadStoppedError("x")))
    assert (account.counts[Status.NOT_ADDED], len(account.failed), made) == (5_000, 1_000, 1_000)
