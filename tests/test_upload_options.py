import math
from pathlib import Path
from typing import Any

import pytest

from campaigns_async.errors import ConfigurationError
from campaigns_async.upload_options import StreamOptions, UploadOptions


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("exclusive", "no", "True or False"),
        ("on_duplicate", "ignore", "'first' or 'error'"),
        ("journal", 7, "the path of a file"),
        ("journal", True, "the path of a file"),
        ("on_outcome", "print", "something to call, or None"),
        ("on_progress", 1, "something to call, or None"),
        ("deadline", 0, "above 0"),
        ("deadline", -1.5, "above 0"),
        ("deadline", math.nan, "a number"),
        ("deadline", True, "a number"),
        ("deadline", "60", "a number"),
        ("stop_after_rejects", 0, "at least 1"),
        ("stop_after_rejects", 1.5, "a whole number"),
        ("stop_after_rejects", "3", "a whole number"),
        ("stop_after_rejects", True, "a finite number"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(name: str, value: Any, wanted: str) -> None:
    """By its name, with what it must be and what it is."""
    with pytest.raises(ConfigurationError) as caught:
        UploadOptions(**{name: value})
    assert str(caught.value) == f"{name} must be {wanted}, not {value!r}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal", "upload.journal"),
        ("journal", Path("upload.journal")),
        ("on_outcome", print),
        ("deadline", math.inf),
        ("deadline", 0.5),
        ("stop_after_rejects", 1),
        *((name, None) for name in ("journal", "on_outcome", "on_progress", "deadline")),
    ],
)
def test_what_can_be_meant_is_taken(name: str, value: Any) -> None:
    """A deadline may be as far away as one likes, and most may be left out by None."""
    assert getattr(UploadOptions(**{name: value}), name) == value


def test_a_stream_takes_what_an_upload_takes() -> None:
    """But for ``on_outcome``: it gives the outcomes itself."""
    upload = UploadOptions.__init__.__annotations__
    assert {*StreamOptions.__annotations__, "on_outcome"} == set(upload) - {"return"}
