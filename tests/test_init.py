import ast
import inspect
import subprocess
import sys

import pytest

import campaigns_async

# The public names that the design fixes.
DESIGNED = """
    CampaignsSession CampaignHandle RecordBatcher Delivery Timeout RetryPolicy Limits
    NewRecord RecordOutcome Status UploadReport Campaign Record RecordCount
    CampaignAction CampaignState CampaignDisplayStatus
    RecordType RecordPriority RecordState RecordResult
    CampaignsError ConfigurationError InvalidRecordError
    TransportError NotSentError OutcomeUnknownError
    APIError Problem FieldError ValidationError AuthenticationError PermissionDeniedError
    NotFoundError ConflictError DuplicateRecordError CampaignStateError RateLimitError
    ServerError UnexpectedResponseError
"""


def test_the_designed_names_are_public() -> None:
    """All that the documentation speaks of can be imported from the package itself."""
    assert set(DESIGNED.split()) <= set(campaigns_async.__all__)


def test_all_is_complete() -> None:
    """``__all__`` is what checkers see in the package, each name once, and each can be had."""
    source = ast.parse(inspect.getsource(campaigns_async))
    seen = {
        alias.name
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("campaigns_async.")
        for alias in node.names
    }
    assert seen | {"__version__"} == set(campaigns_async.__all__)
    assert len(campaigns_async.__all__) == len(set(campaigns_async.__all__))
    assert {name for name in seen if getattr(campaigns_async, name).__name__ != name} == set()
    assert set(campaigns_async.__all__) <= set(dir(campaigns_async))


def test_a_name_is_looked_for_at_its_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is an attribute like any other from then on."""
    names = vars(campaigns_async)
    for name in campaigns_async.__all__:
        monkeypatch.delitem(names, name, raising=False)
        found = getattr(campaigns_async, name)
        assert name == "__version__" or names[name] is found


def test_what_is_not_there_is_said_as_usual() -> None:
    """An AttributeError for a misspelt name, also for one that a module has for itself."""
    for name in ("CampaignSession", "asyncio", "MAX_ID_LENGTH"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(campaigns_async, name)


def test_its_modules_are_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are where everything is loaded at once."""
    monkeypatch.delattr(campaigns_async, "errors")
    assert campaigns_async.errors.ConflictError is campaigns_async.ConflictError
    assert getattr(campaigns_async, "emulator").__name__ == "campaigns_async.emulator"  # noqa: B009 - unseen by checkers


def test_every_error_is_public() -> None:
    """Whatever the package raises of its own can be caught by a name of the package itself."""
    errors = {
        name
        for name, value in vars(campaigns_async.errors).items()
        if inspect.isclass(value) and issubclass(value, campaigns_async.CampaignsError)
    }
    assert errors <= set(campaigns_async.__all__)


def test_importing_it_loads_no_more_than_it_needs() -> None:
    """A program that uses the client alone imports none of what stands around it.

    And one that uses the values alone no connections.
    """
    heavy = {"click", "rich", "pytest", "opentelemetry", "aiohttp.web"} | {
        f"campaigns_async.{name}" for name in ("cli", "contrib", "emulator", "testing")
    }
    client = loaded_by("from campaigns_async import CampaignsSession")
    assert "campaigns_async.session" in client
    assert {"sqlite3", "campaigns_async.journal"} & client == set()
    assert heavy & client == set()
    assert {"aiohttp", "cattrs"} & loaded_by("from campaigns_async import NewRecord") == set()


def loaded_by(statement: str) -> set[str]:
    """The modules that are there after this, in a process of its own."""
    script = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())
