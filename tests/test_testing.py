import runpy
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from campaigns_async import testing

pytest_plugins = ["pytester"]

USES_IT = """
import asyncio

async def test_it(emulator, emulated_campaign):
    _, writer = await asyncio.open_connection(emulator.host, emulator.port)
    writer.close()
    await writer.wait_closed()
    assert emulated_campaign.state == "RUNNING"
"""

HERE = ("-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function")


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_the_fixtures_serve_in_both_modes(pytester: pytest.Pytester, mode: str) -> None:
    """A test that asks for the fixtures has a service and a campaign, in either mode."""
    pytester.makeconftest('pytest_plugins = ["campaigns_async.testing"]')
    mark = "import pytest\npytestmark = pytest.mark.asyncio\n" if mode == "strict" else ""
    pytester.makepyfile(mark + USES_IT)
    pytester.inline_run(*HERE, f"--asyncio-mode={mode}").assertoutcome(passed=1)


def test_the_settings_can_be_overridden(pytester: pytest.Pytester) -> None:
    """Whoever overrides `emulator_settings` gets the service made with them."""
    pytester.makeconftest(
        """
        import pytest
        pytest_plugins = ["campaigns_async.testing"]

        @pytest.fixture
        def emulator_settings():
            return {"site": "UK3"}
        """
    )
    pytester.makepyfile("async def test_it(emulator):\n    assert emulator.site == 'UK3'\n")
    pytester.inline_run(*HERE, "--asyncio-mode=auto").assertoutcome(passed=1)


def test_anyio_serves_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pytest-asyncio the fixtures are plain ones, which anyio's plugin runs."""
    monkeypatch.setitem(sys.modules, "pytest_asyncio", None)
    anyio = ModuleType("anyio")
    anyio.__spec__ = ModuleSpec("anyio", None)
    monkeypatch.setitem(sys.modules, "anyio", anyio)
    assert pytest.fixture is runpy.run_path(testing.__file__)["async_fixture"]


def test_something_must_run_async_fixtures(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing to run the fixtures, the import says what to install."""
    for name in ("pytest_asyncio", "anyio"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(pytest.UsageError, match="install pytest-asyncio"):
        runpy.run_path(testing.__file__)
