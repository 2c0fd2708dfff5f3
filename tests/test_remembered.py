import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.settlement import Settlement
from campaigns_async.outcomes import Attribution, Evidence, RecordOutcome, Status
from campaigns_async.remembered import Memory, Remembered

LOST = "LOST"


def outcome(number: int) -> RecordOutcome:
    """Some outcome."""
    return RecordOutcome(number, str(number), Status.ADDED, crm_record_id=str(number))


@given(st.integers(1, 5), st.lists(st.integers(1, 3), max_size=20))
def test_the_latest_are_remembered_and_not_many_more(most: int, sizes: list[int]) -> None:
    """At least as many as asked for, and some more than twice as many; it says when it forgets."""
    remembered = Remembered(most)
    count, forgot = 0, False
    for size in sizes:
        forgot |= remembered.add([outcome(number) for number in range(count, count + size)])
        count += size
    known = [n for n in range(count) if remembered.find(str(n)) is not None]
    assert known == list(range(count - len(known), count))
    assert min(most, count) <= len(known) < 2 * (most + 3)
    assert forgot == (len(known) < count)


def test_it_gives_the_outcome_of_the_id() -> None:
    """The very one; None for an id that it does not know. What has no id is not remembered."""
    remembered = Remembered(10)
    added = outcome(1)
    assert remembered.add([added, RecordOutcome(2, None, Status.REJECTED)]) is False
    assert (remembered.find("1"), remembered.find("2")) == (added, None)


class Watched:
    """A memory, and what it said of forgetting."""

    def __init__(self, most: int = 10) -> None:
        self.forgot = 0
        self.memory = Memory(self._note, most)

    def _note(self) -> None:
        self.forgot += 1

    def settle(self, *ids: str, **facts: object) -> list[tuple[Status, Attribution | None]]:
        """What became of these, as it is to be told."""
        settlement = Settlement(parse_rows(ids, range(len(ids))), **facts)  # type: ignore[arg-type]
        outcomes = self.memory.take_in(settlement)
        assert [outcome.crm_record_id for outcome in outcomes] == list(ids)
        return [(outcome.status, outcome.attribution) for outcome in outcomes]


def test_what_is_in_is_known() -> None:
    """Put there by whomever; nothing else is."""
    watched = Watched()
    watched.settle("a", status=Status.ADDED, evidence=Evidence.CONFIRMED)
    watched.settle("b", status=Status.PRESENT, attribution=Attribution.THEIRS)
    for number, status in enumerate((Status.REJECTED, Status.NOT_ADDED, Status.UNKNOWN)):
        watched.settle(str(number), status=status)
    known = {i: watched.memory.find(i) for i in ("a", "b", "0", "1", "2")}
    assert [i for i, found in known.items() if found is not None] == ["a", "b"]


def test_an_outcome_that_is_found_keeps_no_reply() -> None:
    """Its record is decoded, for it may be kept much longer than the others of its batch."""
    watched = Watched()
    watched.settle("a", status=Status.ADDED)
    found = watched.memory.find("a")
    assert found is not None
    assert found._alike is None  # noqa: SLF001 - what holds the reply


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.ADDED])
def test_who_may_forget_claims_nothing(status: Status) -> None:
    """After an UNKNOWN, or when the memory is full, "theirs" may be ours; it is said once."""
    watched = Watched(most=1)
    theirs = Status.PRESENT, Attribution.THEIRS
    assert watched.settle("a", status=theirs[0], attribution=theirs[1]) == [theirs]
    for lost in "xyz":
        watched.settle(lost, status=status)
    again = watched.settle("b", "c", status=theirs[0], attribution=theirs[1])
    assert again == [(Status.PRESENT, Attribution.UNCLEAR)] * 2
    assert watched.forgot == 1


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"status": Status.NOT_ADDED}, Status.UNKNOWN),
        ({"status": Status.REJECTED, "unexplained": True}, Status.UNKNOWN),
        ({"status": Status.REJECTED}, Status.REJECTED),
    ],
    ids=["not sent", "refused without a reason", "refused"],
)
def test_what_may_be_in_stays_in_doubt(facts: dict[str, object], told: Status) -> None:
    """An id that ended UNKNOWN is so again, unless the service says why it is not in."""
    watched = Watched()
    watched.settle(LOST, status=Status.UNKNOWN)
    for _ in range(2):
        statuses = [status for status, _ in watched.settle(LOST, "other", **facts)]
        assert statuses == [told, facts["status"]]
