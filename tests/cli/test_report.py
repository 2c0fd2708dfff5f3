import json

import pytest

from campaigns_async.cli.failures import Exit
from campaigns_async.cli.report import Result, build_document, count, encode, render
from campaigns_async.cli.rows import FileRecord, RowNumbers
from campaigns_async.cli.tally import Tally
from campaigns_async.errors import (
    AuthenticationError,
    CampaignsError,
    InvalidRecordError,
    JournalError,
    Problem,
)
from campaigns_async.outcomes import RecordOutcome, Status

_DENIED = AuthenticationError(Problem(title="Unauthorized", instance="/x"), 401, hint="Check it")


def _result(*statuses: Status, stopped_by: CampaignsError | None = None, **facts: object) -> Result:
    tally = Tally(RowNumbers())
    for row, status in enumerate(statuses, 2):
        record = FileRecord("C", row=row)
        error = InvalidRecordError("bad") if status is Status.REJECTED else None
        tally.add(RecordOutcome(row - 2, record, status, error=error), record)
    settings = {"file": "f.csv", "campaign": "c", "requests": 1, "retries": 0, "elapsed": 0.25}
    return Result(**{**settings, "tally": tally, "stopped_by": stopped_by, **facts})  # type: ignore[arg-type]


def _text(result: Result) -> list[str]:
    return [line.plain for line in render(result)]


@pytest.mark.parametrize(
    ("statuses", "stopped_by", "code"),
    [
        ((), None, Exit.ALL_IN),
        ((Status.ADDED, Status.PRESENT, Status.DUPLICATE), None, Exit.ALL_IN),
        ((Status.ADDED, Status.REJECTED), None, Exit.NOT_ALL_IN),
        ((Status.NOT_ADDED,), _DENIED, Exit.ACCESS),
        ((Status.UNKNOWN, Status.NOT_ADDED), _DENIED, Exit.UNKNOWN),
    ],
)
def test_the_exit_code_follows_the_account(
    statuses: tuple[Status, ...], stopped_by: CampaignsError | None, code: Exit
) -> None:
    """Doubt counts before the reason of a stop, and that before what is not in."""
    assert _result(*statuses, stopped_by=stopped_by).exit_code is code


def test_a_file_that_was_not_read_whole_is_not_all_in() -> None:
    """Even if every row that was read is."""
    result = _result(Status.ADDED, faults=("cut short",))

    assert result.exit_code is Exit.NOT_ALL_IN
    assert _text(result)[-1] == "Not complete: cut short"


def test_people_read_counts_then_reasons_then_what_to_do() -> None:
    """Counts of what there is, why with row numbers, notes, and the file to mend."""
    result = _result(
        Status.ADDED, Status.REJECTED, retries=2, blank=1, remarks=("hm",), rejects="r.csv"
    )

    assert _text(result) == [
        "f.csv: 2 rows in 0.2 s, 1 request, 2 retries",
        "",
        "  ADDED      1  put on the campaign by this upload",
        "  REJECTED   1  refused for themselves",
        "",
        "Why, and which rows (the header is row 1):",
        "  REJECTED   1  bad",
        "                row 3",
        "",
        "Note: 1 blank row passed over.",
        "Note: hm",
        "",
        "Rows that are not in, with why, are in r.csv; mend it and upload it as it is.",
    ]


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    """All in: two lines."""
    assert _text(_result(Status.ADDED, rejects="r.csv")) == [
        "f.csv: 1 row in 0.2 s, 1 request",
        "",
        "  ADDED      1  put on the campaign by this upload",
    ]


def test_programs_read_the_same_as_json() -> None:
    """With the exit code, and why it was stopped."""
    document = json.loads(encode(build_document(_result(Status.REJECTED, stopped_by=_DENIED))))

    assert document["counts"]["REJECTED"] == 1
    assert document["reasons"] == [
        {"status": "REJECTED", "reason": "bad", "count": 1, "first_rows": ["2"]}
    ]
    assert document["stopped_by"] == {
        "error": "AuthenticationError",
        "what": "the service answered 401: Unauthorized",
        "next": "Check it",
        "reference": "instance /x",
    }
    assert document["exit_code"] == 4
    assert build_document(_result())["stopped_by"] is None


def test_one_is_not_plural() -> None:
    """And thousands have commas."""
    assert [count(1, "row"), count(2_500, "row")] == ["1 row", "2,500 rows"]


def test_a_journal_that_failed_under_way_is_no_fault_of_usage() -> None:
    """Some rows are not in; the same command goes on."""
    stopped_by = JournalError("the disk is full")
    result = _result(Status.NOT_ADDED, stopped_by=stopped_by, journal="f.journal")

    assert result.exit_code == Exit.NOT_ALL_IN
    assert _text(result)[-1].startswith("The same command goes on where this one ended")
