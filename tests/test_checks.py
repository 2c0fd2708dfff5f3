import asyncio
import math
from typing import Any

import attrs
import pytest

from campaigns_async.checks import (
    Arguments,
    Check,
    at_least,
    at_most,
    has_method,
    is_a,
    one_of,
    something_to_call,
    whole,
    yes_or_no,
)
from campaigns_async.errors import ConfigurationError


def complain(value: Any, *checks: Check) -> str | None:
    """What the checks have against it, without the value itself; None for nothing."""
    made = attrs.make_class("Some", {"setting": attrs.field(validator=list(checks))})
    try:
        made(value)
    except ConfigurationError as error:
        said = str(error)
        assert said.endswith(f", not {value!r}")
        return said.removesuffix(f", not {value!r}").removeprefix("Some.setting must be ")
    return None


@pytest.mark.parametrize(
    ("value", "checks", "wanted"),
    [
        (1, [at_least(1)], None),
        (0.5, [at_least(0, above=True)], None),
        (0, [at_least(0, above=True)], "above 0"),
        (0, [at_least(1)], "at least 1"),
        (math.nan, [at_least(1)], "a finite number"),
        (math.inf, [at_least(1)], "a finite number"),
        (True, [at_least(1)], "a finite number"),
        ("1", [at_least(1)], "a finite number"),
        (None, [at_least(1)], "a finite number"),
        (math.inf, [at_least(0, finite=False)], None),
        (-math.inf, [at_least(0, finite=False)], "at least 0"),
        (math.nan, [at_least(0, finite=False)], "a number"),
        (100, [at_least(1), at_most(100)], None),
        (101, [at_least(1), at_most(100)], "at most 100"),
        (2, [whole], None),
        (2.0, [whole], "a whole number"),
        ("wait", [one_of("wait", "error")], None),
        ("", [one_of("wait", "error")], "'wait' or 'error'"),
        (["wait"], [one_of("wait", "error")], "'wait' or 'error'"),
        (None, [something_to_call], None),
        (print, [something_to_call], None),
        (5, [something_to_call], "something to call, or None"),
        (False, [yes_or_no], None),
        ("no", [yes_or_no], "True or False"),
        (0, [yes_or_no], "True or False"),
        (None, [yes_or_no], "True or False"),
        (None, [has_method("acquire")], None),
        (asyncio.Lock(), [has_method("acquire")], None),
        (5, [has_method("acquire")], "an object with acquire(), or None"),
        (1j, [has_method("real")], "an object with real(), or None"),
        (5, [is_a(int)], None),
        (5, [is_a(str)], "a str"),
    ],
)
def test_each_says_what_it_wants(value: Any, checks: list[Check], wanted: str | None) -> None:
    """Of a sound value nothing; else where it stands, what it must be, and what it is."""
    assert complain(value, *checks) == wanted


def test_an_argument_goes_by_its_name_alone() -> None:
    """Whoever passed it never saw the class that it went into."""
    made = attrs.make_class("Some", {"linger": attrs.field(validator=whole)}, bases=(Arguments,))
    with pytest.raises(ConfigurationError, match=r"^linger must be a whole number, not 0\.5$"):
        made(0.5)
