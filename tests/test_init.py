import inspect
import subprocess
import sys

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
    """``__all__`` is what the package has without an underscore, each name once."""
    public = {
        name
        for name, value in vars(campaigns_async).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public | {"__version__"} == set(campaigns_async.__all__)
    assert len(campaigns_async.__all__) == len(set(campaigns_async.__all__))


def test_every_error_is_public() -> None:
    """Whatever the package raises of its own can be caught by a name of the package itself."""
    errors = {
        name
        for name, value in vars(campaigns_async.errors).items()
        if inspect.isclass(value) and issubclass(value, campaigns_async.CampaignsError)
    }
    assert errors <= set(campaigns_async.__all__)


def test_importing_it_loads_no_more_than_it_needs() -> None:
    """A program that uses the client alone imports none of what stands around it."""
    heavy = {"click", "rich", "pytest", "opentelemetry", "aiohttp.web"} | {
        f"campaigns_async.{name}" for name in ("cli", "contrib", "emulator", "testing")
    }
    script = "import sys, campaigns_async; print(*sys.modules)"
    loaded = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "campaigns_async.session" in loaded
    assert heavy & set(loaded) == set()
