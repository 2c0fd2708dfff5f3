"""The wall clock, read once and carried on by the event loop's own time."""

import asyncio
from datetime import UTC, datetime, timedelta


class LoopClock:
    """Tells UTC as the loop's time passes, so that a loop with virtual time has a virtual date.

    The first call reads the wall clock, inside a running loop. For a date that is the same in
    every run give the emulator a ``now`` of your own.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._origin = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        """Now, in UTC."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._origin = datetime.now(UTC) - timedelta(seconds=self._loop.time())
        return self._origin + timedelta(seconds=self._loop.time())
