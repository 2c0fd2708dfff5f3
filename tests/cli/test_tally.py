import pytest

from campaigns_async.cli import tally as tally_module
from campaigns_async.cli.rows import FileRecord, RowNumbers
from campaigns_async.cli.tally import Reason, Tally
from campaigns_async.errors import InvalidRecordError, UploadStoppedError
from campaigns_async.outcomes import Attribution, Evidence, RecordOutcome, Status


def _tally() -> Tally:
    numbers = RowNumbers()
    for row in range(2, 30):
        numbers.append(row)
    return Tally(numbers)


def _add(tally: Tally, row: int, status: Status, id_: str = "C-1", **facts: object) -> None:
    record = FileRecord(id_, row=row)
    tally.add(RecordOutcome(row - 2, record, status, crm_record_id=id_, **facts), record)  # type: ignore[arg-type]


def _told(tally: Tally) -> list[tuple[Status, str, int, list[str]]]:
    return [(r.status, r.text, r.count, r.rows) for r in tally.reasons]


def test_every_row_is_counted_once() -> None:
    """By status, the rows that were never read among them."""
    tally = _tally()
    _add(tally, 2, Status.ADDED)
    _add(tally, 3, Status.PRESENT)
    tally.add_unread(FileRecord("x", row=4), UploadStoppedError("too late"))

    assert (tally.total, tally.counts[Status.NOT_ADDED]) == (3, 1)
    assert _told(tally) == [
        (Status.PRESENT, "on the campaign already", 1, ["3"]),
        (Status.NOT_ADDED, "too late", 1, ["4"]),
    ]


def test_rows_with_one_reason_stand_together() -> None:
    """What differs between them is left out of the text, what they share stays."""
    tally = _tally()
    for row, id_, length in ((9, "a", 40), (5, "bb", 33)):
        reason = f"the id '{id_}' has {length} characters; 32 is the limit"
        _add(tally, row, Status.REJECTED, id_, error=InvalidRecordError(reason))

    assert _told(tally) == [
        (Status.REJECTED, "the id … has … characters; 32 is the limit", 2, ["5", "9"])
    ]


def test_an_id_in_the_services_words_does_not_part_rows() -> None:
    """It is taken for a value although nothing quotes it."""
    tally = _tally()
    for row, id_ in ((2, "CRM-A"), (3, "CRM-B")):
        error = InvalidRecordError(f"not found: {id_}")
        _add(tally, row, Status.REJECTED, id_, error=error)

    assert _told(tally) == [(Status.REJECTED, "not found: …", 2, ["2", "3"])]


def test_an_id_within_a_word_is_none() -> None:
    """The row with the id D has its reason in words that are whole."""
    tally = _tally()
    _add(tally, 2, Status.REJECTED, "D", error=InvalidRecordError("not one of HIGH, MEDIUM: D"))

    assert _told(tally)[0][1] == "not one of HIGH, MEDIUM: 'D'"


def test_the_first_rows_are_named_whatever_settles_first() -> None:
    """Five of them, by number."""
    tally = _tally()
    for row in (20, 3, 12, 5, 25, 4, 9):
        _add(tally, row, Status.PRESENT)

    assert _told(tally)[0][2:] == (7, ["3", "4", "5", "9", "12"])


def test_a_repeat_names_the_row_it_repeats() -> None:
    """By its row in the file, and whether anything else differs."""
    tally = _tally()
    _add(tally, 7, Status.DUPLICATE, duplicate_of=1, differs=False)
    _add(tally, 8, Status.DUPLICATE, duplicate_of=1, differs=True)

    assert [(text, rows) for _, text, _, rows in _told(tally)] == [
        ("the same as an earlier row", ["7 (as 3)"]),
        ("the id of an earlier row, with other values: only the first row counts", ["8 (as 3)"]),
    ]


def test_what_is_less_than_certain_is_said() -> None:
    """An addition that is inferred, and a presence that may be our own doing."""
    tally = _tally()
    _add(tally, 2, Status.ADDED, evidence=Evidence.INFERRED)
    _add(tally, 3, Status.PRESENT, attribution=Attribution.UNCLEAR)

    assert [text.partition(":")[0] for _, text, _, _ in _told(tally)] == [
        "taken for ours by --exclusive",
        "on the campaign; perhaps by an attempt of this upload whose reply was lost",
    ]


def test_reasons_without_end_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a thousand different ones the rest goes together."""
    monkeypatch.setattr(tally_module, "_MAX_REASONS", 1)
    tally = _tally()
    for row, word in ((2, "one"), (3, "two"), (4, "three")):
        _add(tally, row, Status.REJECTED, error=InvalidRecordError(word))
    _add(tally, 5, Status.UNKNOWN)

    assert [reason.count for reason in tally.reasons] == [2, 1]
    assert Reason(Status.ADDED, ["a"]).text == "a"
