"""A campaign, and uploads to it with a journal, in this process."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from campaigns_async import CampaignsSession, Limits, RecordOutcome, RetryPolicy, UploadReport
from campaigns_async.emulator import Emulator, ReceivedRequest
from campaigns_async.emulator.campaign import EmulatedCampaign


class Desk:
    """Uploads with one journal; ``after`` makes something happen at a request."""

    def __init__(self, emulator: Emulator, journal: Path) -> None:
        self.emulator = emulator
        self.journal = journal
        self.told: list[RecordOutcome] = []
        self.campaign: EmulatedCampaign = emulator.create_campaign()
        self._events: dict[int, Callable[[], object]] = {}

    def note(self, request: ReceivedRequest) -> None:
        """The emulator's ``before_each``."""
        self._events.pop(request.number, lambda: None)()

    def after(self, requests: int, event: Callable[[], object]) -> None:
        """``event`` happens as the service gets that many more requests."""
        self._events[self.emulator.request_count + requests] = event

    def refuse_all(self) -> None:
        """Stop any upload: the key is no good."""
        self.emulator.revoke_key()

    def crash_at(self, requests: int) -> Path:
        """Where the journal will be as it is at that request; everything after it is refused."""
        copy = self.journal.with_name("crashed")

        def crash() -> None:
            self.copy_journal(copy)
            self.refuse_all()

        self.after(requests, crash)
        return copy

    def copy_journal(self, to: Path) -> None:
        """The files as they are now, which is what a killed process leaves."""
        for suffix in ("", "-wal"):
            found = self.journal.with_name(self.journal.name + suffix)
            if found.exists():
                shutil.copyfile(found, to.with_name(to.name + suffix))

    def mend(self) -> None:
        """Let the next upload succeed."""
        self.emulator.service.doors.key_revoked = False
        self.emulator.clear_faults()

    def session(self, **settings: Any) -> CampaignsSession:
        """One that does not wait long."""
        settings = {
            "api_key": self.emulator.api_key,
            "tenant": self.emulator.tenant,
            "base_url": self.emulator.base_url,
            "retry": RetryPolicy(base=0.001, cap=0.01),
            "limits": Limits(max_in_flight=2, initial_in_flight=2),
            **settings,
        }
        return CampaignsSession(**settings)

    async def upload(
        self, records: Any, *, settings: dict[str, Any] | None = None, **options: Any
    ) -> UploadReport:
        """Upload once."""
        async with self.session(**(settings or {})) as session:
            options = {"journal": self.journal, "on_outcome": self.told.append, **options}
            return await session.campaign(self.campaign.id).upload(records, **options)

    @property
    def content(self) -> list[str]:
        """What stands in the journal."""
        return read_content(self.journal)


def read_content(path: Path) -> list[str]:
    """All that an SQLite file says, as the statements that make it."""
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk at a running, empty campaign."""

    def note(request: ReceivedRequest) -> None:
        opened.note(request)

    async with Emulator(before_each=note) as emulator:
        opened = Desk(emulator, tmp_path / "journal")
        yield opened


def ids(count: int, start: int = 0) -> list[str]:
    """Some ids."""
    return [f"CRM-{i}" for i in range(start, start + count)]


async def as_async(records: Iterable[Any], *, pause_every: int = 30) -> AsyncIterator[Any]:
    """The same records from an async generator."""
    for i, record in enumerate(records):
        if i % pause_every == 0:
            await asyncio.sleep(0)
        yield record
