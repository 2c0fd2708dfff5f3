from datetime import UTC, datetime

import pytest

from campaigns_async.cli.rows import FileRecord
from campaigns_async.cli.suspicions import Suspicions

_NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


def _found(
    *ids: str, schedule_at: datetime | str | None = None
) -> list[tuple[str, int, list[int]]]:
    suspicions = Suspicions(_NOW)
    for row, id_ in enumerate(ids, 2):
        suspicions.look_at(FileRecord(id_, row=row, schedule_at=schedule_at))
    return [(s.what, s.count, s.rows) for s in suspicions]


@pytest.mark.parametrize(
    ("id_", "told"),
    [
        ("1.23E+05", "shortened"),
        ("4,47946E+11", "shortened"),
        ("10442.0", "decimals"),
        ("#N/A", "spreadsheet's error"),
        ("#REF!", "spreadsheet's error"),
        ("C\x001", "control character"),
    ],
)
def test_a_spreadsheets_damage_is_seen(id_: str, told: str) -> None:
    """By the shape of the id."""
    ((what, count, rows),) = _found("CRM-1", id_)

    assert told in what
    assert (count, rows) == (1, [3])


@pytest.mark.parametrize("id_", ["CRM-1", "0035f00000ABCDEQAC", "12E", "E12", "#1", "1.5", "12"])
def test_an_ordinary_id_is_left_in_peace(id_: str) -> None:
    """Letters, digits, a number of few digits among few."""
    assert _found(id_) == []


def test_ids_shorter_than_the_rest_may_have_lost_zeros() -> None:
    """Where most of ten or more have one length; longer ones have lost nothing."""
    usual = [f"{n:06}" for n in range(100_000, 100_040)]

    assert _found(*usual, "4711", "12345", "1234567") == [
        ("the id has 4 digits and most have 6: lost leading zeros?", 1, [42]),
        ("the id has 5 digits and most have 6: lost leading zeros?", 1, [43]),
    ]
    assert _found(*(str(n) for n in range(1, 2_000))) == []


def test_times_in_the_past_are_seen() -> None:
    """As text or as a datetime; what is no time with a zone is refused elsewhere."""
    assert _found("A", schedule_at="2026-12-01T09:59:00+01:00")[0][1:] == (1, [2])
    assert _found("A", schedule_at=datetime(2020, 1, 1, tzinfo=UTC))[0][1:] == (1, [2])
    for moment in ("2026-12-01T09:00:00Z", "soon", "2020-01-01", None):
        assert _found("A", schedule_at=moment) == []


def test_only_the_first_rows_are_kept() -> None:
    """Five of them, however many there are."""
    assert _found(*["#N/A"] * 9)[0][1:] == (9, [2, 3, 4, 5, 6])
