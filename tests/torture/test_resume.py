"""A second run of the same upload: what it takes over, and what it refuses."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from campaigns_async import Attribution, Journal, JournalError, Limits, Status
from campaigns_async.emulator import Fault
from campaigns_async.journal_file import Changes, JournalFile
from tests.torture.conftest import Desk, as_async, ids

FINAL = {Status.ADDED, Status.PRESENT, Status.DUPLICATE, Status.REJECTED}


def final_tellings(desk: Desk) -> list[int]:
    """The rows whose last word ``on_outcome`` was told, as often as it was."""
    return sorted(o.index for o in desk.told if o.status in FINAL)


class SourceError(Exception):
    """The input's own."""


def failing(records: list[Any], after: int) -> Iterator[Any]:
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
    assert final_tellings(desk) == list(range(25_000))


async def test_a_verdict_on_an_unproved_input_is_not_told_twice(desk: Desk) -> None:
    """A run that ends before it knows its input again tells nothing that it could not keep."""
    rows = [*ids(150), " ", *ids(149, 150)]
    crashed = desk.crash_at(1)
    await desk.upload(rows)
    desk.told.clear()
    # As if the crash had come before any verdict.
    file = JournalFile.open(crashed, create=False)
    file.write(Changes(state={**file.read_state(), "settled": []}))
    file.close()
    for _ in range(2):
        with pytest.raises(SourceError):
            await desk.upload(failing(rows, 200), journal=crashed)
    desk.mend()
    report = await desk.upload(rows, journal=crashed)
    assert (report.total, report.rejected) == (300, 1)
    assert final_tellings(desk) == list(range(300))


async def test_what_a_failed_journal_lacks_is_reported_and_not_told(desk: Desk) -> None:
    """It is in the report of that run; a resume asks again, and tells it then."""
    moved = desk.journal.with_name("moved")
    desk.after(3, lambda: desk.journal.rename(moved))
    one = {"limits": Limits(max_in_flight=1, initial_in_flight=1)}
    first = await desk.upload(ids(950), settings=one)
    assert isinstance(first.stopped_by, JournalError)
    assert "was moved or deleted while it was written" in str(first.stopped_by)
    assert first.added > 0
    assert len(final_tellings(desk)) < first.added
    moved.rename(desk.journal)
    second = await desk.upload(ids(950))
    assert (second.total, second.added + second.present) == (950, 950)
    assert {o.attribution for o in desk.told if o.status is Status.PRESENT} == {Attribution.UNCLEAR}
    assert final_tellings(desk) == list(range(950))


async def test_broken_text_is_a_verdict_like_another(desk: Desk) -> None:
    """An id that cannot even be encoded is REJECTED, and the journal keeps that."""
    rows = [*ids(120), "lone \ud800 surrogate", *ids(5, 120)]
    for _ in range(2):
        report = await desk.upload(rows)
        assert (report.total, report.added, report.rejected) == (126, 125, 1)
    with Journal.open(desk.journal) as journal:
        assert journal.report().rejected == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"order": "server"}, "order was 'input' and is now 'server'"),
        ({"rank_start": 5}, "rank_start was 1 and is now 5"),
        ({"on_duplicate": "error"}, "on_duplicate was 'first' and is now 'error'"),
        ({"settings": {"tenant": "other"}}, "tenant was 'demo-tenant' and is now 'other'"),
        ({"settings": {"base_url": None, "site": "UK3"}}, "address was 'http://127.0.0.1:"),
    ],
    ids=["order", "rank_start", "on_duplicate", "tenant", "address"],
)
async def test_another_call_is_refused(desk: Desk, changes: dict[str, Any], sentence: str) -> None:
    """What shapes the requests must be as before; the sentence says what is not."""
    desk.after(2, desk.refuse_all)
    await desk.upload(ids(450))
    desk.mend()
    content, requests = desk.content, desk.emulator.request_count
    with pytest.raises(JournalError, match=sentence):
        await desk.upload(ids(450), **changes)
    assert (desk.content, desk.emulator.request_count) == (content, requests)
    report = await desk.upload(ids(450))
    assert (report.total, report.added) == (450, 450)


async def test_another_campaign_is_refused(desk: Desk) -> None:
    """A journal belongs to one."""
    await desk.upload(ids(3))
    desk.campaign = desk.emulator.create_campaign()
    with pytest.raises(JournalError, match=r"campaign was '/.*/records' and is now"):
        await desk.upload(ids(3))
    assert len(desk.campaign.ledger) == 0


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 200, 300])
@pytest.mark.parametrize("kind", ["list", "async"])
async def test_a_complete_upload_is_not_sent_again(desk: Desk, size: int, kind: str) -> None:
    """A rerun reads the input, sends nothing, and returns the same counts."""

    def source() -> Any:
        return as_async(ids(size)) if kind == "async" else ids(size)

    first = await desk.upload(source())
    requests = desk.emulator.request_count
    second = await desk.upload(source())
    assert (first.total, first.added) == (size, size)
    assert (second.counts, second.total, second.requests) == (
        first.counts,
        first.total,
        first.requests,
    )
    assert desk.emulator.request_count == requests
    assert final_tellings(desk) == list(range(size))


@pytest.mark.parametrize("how", ["deadline", "cancelled", "rejects", "refused"])
@pytest.mark.parametrize("kind", ["list", "async"])
async def test_a_stopped_upload_ends_like_an_uninterrupted_one(
    desk: Desk, how: str, kind: str
) -> None:
    """However a run was stopped, the next one makes the account whole, and tells each row once."""
    desk.campaign.unknown_to_crm = ["CRM-77"]
    desk.campaign.hold(["CRM-210", "CRM-211"])
    rows: list[Any] = [*ids(150), " ", *ids(170, 150)]

    def source() -> Any:
        return as_async(rows) if kind == "async" else rows

    desk.emulator.inject(Fault.DROP_AFTER_COMMIT)
    match how:
        case "deadline":
            desk.emulator.inject(Fault.HANG)
            first = await desk.upload(source(), deadline=0.3)
        case "cancelled":
            task = asyncio.ensure_future(desk.upload(source()))
            desk.after(3, task.cancel)
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await task
            first = cancelled.value.report  # type: ignore[attr-defined]
        case "rejects":
            first = await desk.upload(source(), stop_after_rejects=1)
        case _:
            desk.after(2, desk.refuse_all)
            first = await desk.upload(source())
    assert first.stopped_by is not None
    with Journal.open(desk.journal) as journal:
        kept = journal.report()
        assert (kept.added, kept.present) == (first.added, first.present)
        assert sum(kept.counts.values()) == kept.total
    desk.mend()
    report = await desk.upload(source())
    assert (report.total, report.rejected, report.added + report.present) == (321, 2, 319)
    assert desk.campaign.ledger.keys() == set(ids(320)) - {"CRM-77"}
    assert final_tellings(desk) == list(range(321))
    ours = set(desk.campaign.added_by(None))
    with Journal.open(desk.journal) as journal:
        assert journal.complete
        for outcome in journal.outcomes():
            row = rows[outcome.index]
            if outcome.status is Status.ADDED:
                assert row in ours
            elif outcome.attribution is Attribution.THEIRS:
                assert row in {"CRM-210", "CRM-211"}


async def test_the_clock_may_go_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the journal depends on what time it is."""
    desk.after(2, desk.refuse_all)
    await desk.upload(ids(450))
    desk.mend()
    monkeypatch.setattr("time.time", lambda: 0.0)
    report = await desk.upload(ids(450))
    assert (report.total, report.added) == (450, 450)


async def test_no_key_and_no_record_is_in_the_file(desk: Desk) -> None:
    """Positions and verdicts alone: neither the key nor an id that was added."""
    desk.copy_journal(desk.journal)
    copy = desk.crash_at(3)
    await desk.upload(ids(450))
    for path in copy.parent.iterdir():
        content = path.read_bytes()
        assert desk.emulator.api_key.encode() not in content
        assert b"CRM-" not in content


async def test_the_second_upload_is_refused_while_the_first_runs(desk: Desk) -> None:
    """The first goes on as if nothing had happened."""
    seen: list[BaseException | None] = []

    async def second() -> None:
        with pytest.raises(JournalError, match="is open in another process; let that one end"):
            await desk.upload(ids(450))
        with pytest.raises(JournalError, match="is open in another process"):
            Journal.open(desk.journal)
        seen.append(None)

    tasks: list[asyncio.Task[None]] = []
    desk.after(2, lambda: tasks.append(asyncio.ensure_future(second())))
    desk.emulator.inject(Fault.UNAVAILABLE, retry_after=1)
    report = await desk.upload(ids(450))
    await asyncio.gather(*tasks)
    assert (report.total, report.added, seen) == (450, 450, [None])


async def test_a_taken_apart_batch_is_never_inferred(desk: Desk) -> None:
    """With ``exclusive``, half a batch that landed before a crash proves nothing of the rest."""
    desk.campaign.unknown_to_crm = ["CRM-90"]
    one = {"limits": Limits(max_in_flight=1, initial_in_flight=1)}
    for crash_at in (1, 2, 3):
        desk.journal = desk.journal.with_name(f"journal-{crash_at}")
        desk.campaign = desk.emulator.create_campaign(unknown_to_crm=["CRM-90"])
        crashed = desk.journal.with_name(f"crashed-{crash_at}")

        def crash(crashed: Any = crashed) -> None:
            desk.copy_journal(crashed)
            desk.refuse_all()

        desk.after(crash_at, crash)
        await desk.upload(ids(100), exclusive=True, settings=one)
        desk.mend()
        report = await desk.upload(ids(100), exclusive=True, settings=one, journal=crashed)
        ours = set(desk.campaign.added_by(None))
        assert (report.total, report.rejected, report.unknown) == (100, 1, 0)
        assert len(ours) == 99
        with Journal.open(crashed) as journal:
            assert all(
                f"CRM-{o.index}" in ours for o in journal.outcomes() if o.status is Status.ADDED
            )
