"""A local service that runs beside the test, for commands that have an event loop of their own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Self

import pytest
from click.testing import CliRunner, Result

from campaigns_async.cli.app import app
from campaigns_async.emulator import EmulatedCampaign, Emulator
from campaigns_async.emulator.traffic import ReceivedRequest

FULL: Final = Path("/dev/full")
"""A file that takes nothing, where the system has one."""


class Beside:
    """An Emulator on a thread. Look into it, and call `on_loop` for what changes it."""

    def __init__(self, **settings: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.before_each: Callable[[ReceivedRequest], None] = lambda _: None
        self._settings = settings

    def _hook(self, request: ReceivedRequest) -> None:
        self.before_each(request)

    async def _start(self) -> Emulator:
        emulator = Emulator(before_each=self._hook, **self._settings)
        await emulator.start()
        return emulator

    def on_loop(self, call: Callable[[], Any]) -> Any:
        """The result of a call on the service's own loop."""

        async def run() -> Any:
            result = call()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def __enter__(self) -> Self:
        self._thread.start()
        self.emulator: Emulator = self.on_loop(self._start)
        self.campaign: EmulatedCampaign = self.on_loop(self.emulator.create_campaign)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.on_loop(self.emulator.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def create_campaign(self, **setup: Any) -> EmulatedCampaign:
        """Another one, which the environment names from now on."""
        self.campaign = self.on_loop(lambda: self.emulator.create_campaign(**setup))
        return self.campaign

    @property
    def env(self) -> dict[str, str]:
        """The environment that points the command line here."""
        return {
            "EGHT_API_KEY": self.emulator.api_key,
            "EGHT_TENANT": self.emulator.tenant,
            "EGHT_BASE_URL": self.emulator.base_url,
            "EGHT_CAMPAIGN": self.campaign.id,
        }

    def run(self, *arguments: str, stdin: str | bytes | None = None, **env: str) -> Result:
        """The command line with these arguments, in this process."""
        return run(*arguments, stdin=stdin, **{**self.env, **env})


def run(*arguments: str, stdin: str | bytes | None = None, **env: str) -> Result:
    """The command line in this process; no terminal, and nothing of the caller's environment."""
    cleared: dict[str, str | None] = dict.fromkeys(
        ("EGHT_API_KEY", "EGHT_TENANT", "EGHT_SITE", "EGHT_BASE_URL", "EGHT_CAMPAIGN")
    )
    return CliRunner().invoke(app, arguments, input=stdin, env={**cleared, **env})


@pytest.fixture
def service() -> Iterator[Beside]:
    """A service with a running campaign."""
    with Beside() as beside:
        yield beside
