"""Fixtures for pytest: a local Campaigns API for each test that asks for one.

Opt in, in the ``conftest.py`` at the top of your tests::

    pytest_plugins = ["campaigns_async.testing"]

and then::

    async def test_adds_a_record(emulator, emulated_campaign):
        ...  # emulator.base_url, emulator.api_key, emulator.tenant; emulated_campaign.id
        assert "CRM-1" in emulated_campaign.ledger

The fixtures live on the event loop of the test, so something must run async fixtures:
pytest-asyncio (in either mode) or, where that is not installed, anyio's own plugin. With neither,
importing this module raises `pytest.UsageError`.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from importlib.util import find_spec
from typing import Any, cast

import pytest

from campaigns_async.emulator import EmulatedCampaign, Emulator

__all__ = ["emulated_campaign", "emulator", "emulator_settings"]

_Fixture = Callable[[Mapping[str, Any]], AsyncIterator[Emulator]]
async_fixture: Callable[[_Fixture], _Fixture]
if find_spec("pytest_asyncio"):
    # Its own decorator, for in strict mode it overlooks fixtures made with pytest's.
    from pytest_asyncio import fixture

    async_fixture = fixture
elif find_spec("anyio"):
    async_fixture = cast("Callable[[_Fixture], _Fixture]", pytest.fixture)
else:
    raise pytest.UsageError(
        "campaigns_async.testing has async fixtures, and nothing here runs them:"
        " install pytest-asyncio (or anyio)."
    )


@pytest.fixture
def emulator_settings() -> Mapping[str, Any]:
    """What `Emulator` is made with. Override it to have quirks, faults or other names."""
    return {}


@async_fixture
async def emulator(emulator_settings: Mapping[str, Any]) -> AsyncIterator[Emulator]:
    """A local service of the test's own, listening on a free port; closed behind the test."""
    async with Emulator(**emulator_settings) as running:
        yield running


@pytest.fixture
def emulated_campaign(emulator: Emulator) -> EmulatedCampaign:
    """A running, dynamic, empty campaign on the `emulator`."""
    return emulator.create_campaign()
