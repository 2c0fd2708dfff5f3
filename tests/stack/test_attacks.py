"""What once broke a promise, told as the shortest story that showed it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns_async import RecordOutcome, Status
from campaigns_async._core.exchange import Response
from campaigns_async._core.verdicts import Proof, decide_verdict
from campaigns_async.emulator import EmulatedCampaign, Emulator
from campaigns_async.journal_file import Changes, JournalFile
from tests.servers import connect

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Duplicate check failed for record CRM-0007: CRM timed out",
        "Record CRM-0007 has a duplicate phone number",
        "CRM-0007 is not already on the campaign",
        "Unable to check CRM-0007 for duplicates",
    ],
)
@pytest.mark.parametrize("status", [400, 409])
def test_a_refusal_that_speaks_of_other_duplicates_is_no_proof(text: str, status: int) -> None:
    """A record is PRESENT only where the text says that it is on the campaign."""
    body = json.dumps({"title": "Refused", "detail": text}).encode()
    verdict = decide_verdict(["CRM-0007"], Response(status, {}, body), NOW)
    assert verdict.proof is not Proof.DUPLICATE


def test_a_long_refusal_is_read_in_no_time() -> None:
    """The reading of a text made to be slow is bounded."""
    body = json.dumps({"detail": "is " * 20_000}).encode()
    started = time.process_time()
    decide_verdict([f"CRM-{i}" for i in range(100)], Response(400, {}, body), NOW)
    # It was 100 seconds; the bound leaves a slow machine all the room it wants.
    assert time.process_time() - started < 10


async def test_a_waiting_source_writes_nothing_to_its_journal(
    emulator: Emulator, emulated_campaign: EmulatedCampaign, tmp_path: Path
) -> None:
    """An upload whose async source waits is idle, and so is its journal."""
    read = asyncio.Event()

    async def source() -> AsyncIterator[str]:
        yield "CRM-1"
        read.set()
        await asyncio.Event().wait()

    written: list[Changes] = []
    write = JournalFile.write

    def note(file: JournalFile, changes: Changes) -> None:
        written.append(changes)
        write(file, changes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JournalFile, "write", note)
        async with connect(emulator) as session:
            upload = asyncio.create_task(
                session.campaign(emulated_campaign.id).upload(source(), journal=tmp_path / "j")
            )
            await read.wait()
            for _ in range(2_000):
                await asyncio.sleep(0)
            assert len(written) < 5
            upload.cancel()
            await asyncio.wait([upload])


async def test_a_resume_gets_past_many_repeats(
    emulator: Emulator, emulated_campaign: EmulatedCampaign, tmp_path: Path
) -> None:
    """Rows that need no request do not hold up the reading of what an earlier run had read."""
    rows = ["CRM-1"] * 9_000 + ["CRM-2"]
    journal = tmp_path / "j"
    file = JournalFile.open(journal, create=True)
    file.close()
    async with connect(emulator) as session:
        handle = session.campaign(emulated_campaign.id)
        await handle.upload(rows, journal=journal)
        # As a crash leaves it: all of it was due, and no verdict was kept.
        file = JournalFile.open(journal, create=False)
        state = file.read_state() | {"settled": [], "reserved": len(rows), "open": []}
        file.write(Changes(state=state))
        file.close()
        told: list[RecordOutcome] = []
        async with asyncio.timeout(60):
            report = await handle.upload(rows, journal=journal, on_outcome=told.append)
    assert (report.present, report.duplicate, len(told)) == (2, 8_999, 9_001)


async def test_a_callback_that_raises_what_is_no_exception_ends_the_upload(
    emulator: Emulator, emulated_campaign: EmulatedCampaign
) -> None:
    """A test that fails in a callback, say, comes out and does not hang."""

    class Failed(BaseException):
        """As pytest's."""

    def fail(outcome: RecordOutcome) -> None:
        if outcome.status is Status.ADDED:
            raise Failed

    async with connect(emulator) as session:
        upload = session.campaign(emulated_campaign.id).upload(
            [f"CRM-{i}" for i in range(20_000)], on_outcome=fail
        )
        async with asyncio.timeout(30):
            with pytest.raises(Failed):
                await upload
