from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.settlement import Settlement
from campaigns_async.outcomes import Status
from campaigns_async.unrecorded import Unrecorded


async def test_without_a_journal_nothing_waits() -> None:
    """Rows can be taken at once, and outcomes told at once."""
    none = Unrecorded()
    assert (none.may_send, none.earlier) == (True, {})
    assert [none.most(room) for room in (0, 7, 10_000)] == [0, 7, 500]
    some = parse_rows(["a", "b", "c"], range(3))
    none.put(some, exhausted=True)
    assert none.complete
    assert none.take() is some
    assert not none.rest()
    none.put(some[:1], exhausted=False)
    none.put(some[1:], exhausted=False)
    assert list(none.rest().ids) == list(some.ids)
    assert none.is_kept(none.settle(Settlement(some, Status.ADDED)))
    none.hurry()
    await none.close(None)
    none.release()
