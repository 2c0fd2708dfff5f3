"""A second run of the same upload: what it takes over, and what it refuses."""

from collections.abc import Iterator

import pytest

from campaigns_async import Attribution, Journal, JournalError, Limits, Status
from campaigns_async.emulator import Fault
from tests.torture.conftest import Desk, as_async, ids

FINAL = {Status.ADDED, Status.PRESENT, Status.DUPLICATE, Status.REJECTED}


def final_tellings(desk: Desk) -> list[int]:
    """The rows whose last word ``on_outcome`` was told, as often as it was."""
    return sorted(o.index for o in desk.told if o.status in FINAL)


class SourceError(Exception):
    """The input's own."""


def failing(records: list[str], after: int) -> Iterator[str]:
    """So many of the records, then an exception."""
    yield from records[:after]
    raise SourceError


@pytest.mark.parametrize("after", [0, 99, 100, 150])
async def test_an_input_that_failed_is_resumed_whole(desk: Desk, after: int) -> None:
    """After the input's own exception the same upload, with an input that holds, completes."""
    with pytest.raises(SourceError):
        await desk.upload(failing(ids(250), after))
    report = await desk.upload(ids(250))
    assert (report.total, report.added, report.unknown) == (250, 250, 0)
    assert set(desk.campaign.ledger) == set(ids(250))
    assert final_tellings(desk) == list(range(250))


async def test_the_last_rows_before_a_failure_stay_ours(desk: Desk) -> None:
    """A batch cut short by the input's exception is not taken for a full one after a crash."""
    desk.emulator.inject(Fault.DROP_AFTER_COMMIT)
    crashed = desk.crash_at(2)
    with pytest.raises(SourceError):
        await desk.upload(failing(ids(150), 50))
    desk.mend()
    report = await desk.upload(ids(150), journal=crashed)
    assert report.total == 150
    assert not [o for o in desk.told if o.attribution is Attribution.THEIRS]


def change(rows: list[str], position: int) -> list[str]:
    """The same rows but for one."""
    return [*rows[:position], "OTHER", *rows[position + 1 :]]


OTHER_INPUTS = {
    "first": change(ids(950), 0),
    "second batch": change(ids(950), 150),
    "last of what was read": change(ids(950), 350),
    "shorter": ids(320),
    "empty": [],
    "swapped": [*ids(50, 50), *ids(50), *ids(850, 100)],
}


@pytest.mark.parametrize("name", OTHER_INPUTS)
@pytest.mark.parametrize("how", ["stopped", "crashed"])
async def test_another_input_is_refused_before_anything_is_sent(
    desk: Desk, name: str, how: str
) -> None:
    """Where the input differs from what was read of it, nothing is sent, and the journal stays."""
    crashed = desk.crash_at(3)
    first = await desk.upload(ids(950), settings={"limits": Limits(max_in_flight=1)})
    assert first.stopped_by is not None
    desk.mend()
    if how == "crashed":
        desk.journal = crashed
    content, requests = desk.content, desk.emulator.request_count
    with pytest.raises(JournalError, match=r"another input: .* Nothing was sent"):
        await desk.upload(OTHER_INPUTS[name])
    assert (desk.content, desk.emulator.request_count) == (content, requests)
    report = await desk.upload(ids(950))
    assert (report.total, report.added + report.present) == (
        950,
        950,
    )


@pytest.mark.parametrize("size", [0, 50, 100, 250])
@pytest.mark.parametrize("how", ["complete", "open"])
async def test_a_longer_input_is_refused(desk: Desk, size: int, how: str) -> None:
    """Where the end of the input was seen, more rows are another input; nothing is sent."""
    if how == "open":
        desk.after(1, desk.refuse_all)
        desk.emulator.inject(Fault.DROP_AFTER_COMMIT)
    await desk.upload(ids(size))
    desk.mend()
    content, requests = desk.content, desk.emulator.request_count
    for longer in (ids(size + 1), ids(size + 500), as_async(ids(size + 1))):
        with pytest.raises(JournalError, match=r"it has more than the .* Nothing was sent"):
            await desk.upload(longer)
        assert (desk.content, desk.emulator.request_count) == (content, requests)
    report = await desk.upload(ids(size))
    assert (report.total, report.unknown, report.not_added) == (size, 0, 0)


async def test_what_may_have_landed_is_never_called_not_added(desk: Desk) -> None:
    """A resume that is stopped before it can ask leaves open rows UNKNOWN."""
    desk.emulator.inject(Fault.DROP_AFTER_COMMIT)
    crashed = desk.crash_at(2)
    await desk.upload(ids(50))
    assert len(desk.campaign.ledger) == 50
    desk.journal = crashed
    for _ in range(2):
        report = await desk.upload(ids(50), deadline=0.000_001)
        assert (report.unknown, report.not_added) == (50, 0)
        with Journal.open(crashed) as journal:
            assert journal.report().unknown == 50
    desk.mend()
    report = await desk.upload(ids(50))
    assert (report.total, report.present) == (50, 50)
    assert {o.attribution for o in desk.told if o.status is Status.PRESENT} == {Attribution.UNCLEAR}


async def test_a_stopped_upload_believes_only_what_it_read(desk: Desk) -> None:
    """Verdicts about rows after the last one sent are not carried over to a corrected input."""
    bad = [*ids(24_500), " ", *ids(499, 24_501)]
    desk.after(2, desk.refuse_all)
    first = await desk.upload(bad, settings={"limits": Limits(max_in_flight=1)})
    assert (first.total, first.stopped_by is None) == (25_000, False)
    desk.mend()
    report = await desk.upload(ids(25_000))
    assert (report.total, report.rejected, report.added) == (25_000, 0, 25_000)
    assert len(desk.campaign.ledger) == 25_000


async def test_broken_text_is_a_verdict_like_another(desk: Desk) -> None:
    """An id that cannot even be encoded is REJECTED, and the journal keeps that."""
    rows = [*ids(120), "lone \ud800 surrogate", *ids(5, 120)]
    for _ in range(2):
        report = await desk.upload(rows)
        assert (report.total, report.added, report.rejected) == (126, 125, 1)
    with Journal.open(desk.journal) as journal:
        assert journal.report().rejected == 1
