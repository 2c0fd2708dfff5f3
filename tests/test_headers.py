import pickle

import pytest

from campaigns_async.headers import Headers

HEADERS = Headers({"Retry-After": "7", "x-request-id": "r1"})


@pytest.mark.parametrize("name", ["Retry-After", "retry-after", "RETRY-AFTER"])
def test_a_name_is_found_in_any_case(name: str) -> None:
    """Whoever reads one need not know how the service wrote it."""
    assert (HEADERS[name], HEADERS.get(name), name in HEADERS) == ("7", "7", True)


def test_what_is_not_there_is_told_as_by_a_dict() -> None:
    """KeyError with the name, or the default."""
    with pytest.raises(KeyError, match="age"):
        HEADERS["Age"]
    assert (HEADERS.get("Age"), HEADERS.get("Age", "0"), "Age" in HEADERS) == (None, "0", False)


def test_they_are_listed_in_lower_case() -> None:
    """And show and equal what a dict of them does."""
    as_dict = {"retry-after": "7", "x-request-id": "r1"}
    assert (dict(HEADERS), len(HEADERS), repr(HEADERS)) == (as_dict, 2, repr(as_dict))
    assert as_dict == HEADERS


def test_they_pickle() -> None:
    """As the errors do that have them."""
    assert pickle.loads(pickle.dumps(HEADERS)) == HEADERS  # noqa: S301 - our own bytes
