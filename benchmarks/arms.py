"""What runs against what: an arm is a client with its own way of putting records in."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import attrs

BATCH: Final = 100
CAMPAIGN: Final = "123e4567-e89b-12d3-a456-426614174000"
KEY: Final = "eght_benchmark"
TENANT: Final = "benchmark"
HEADERS: Final = {
    "X-API-Key": KEY,
    "X-8x8-Tenant": TENANT,
    "Content-Type": "application/vnd.campaigns.v1+json",
}

Send = Callable[[Any], Awaitable[None]]


@attrs.frozen
class Target:
    """Where to, and how many requests at once."""

    root: str
    in_flight: int

    @property
    def url(self) -> str:
        """Of the campaign's records."""
        return f"{self.root}/{CAMPAIGN}/records"


@attrs.frozen
class Arm:
    """One contender.

    - ``load``: of the rows that the fastest arm gets, the share for this one, so that each round
      takes about the same time.
    - ``make``: its input from the rows, before the clock starts.
    - ``open``: the client, ready; sends the input, and raises unless all of it was taken.
    """

    name: str
    load: float
    make: Callable[[Sequence[int]], Any]
    open: Callable[[Target], AbstractAsyncContextManager[Send]]


ARMS: Final[dict[str, Arm]] = {}


def arm(
    key: str, name: str, *, load: float, make: Callable[[Sequence[int]], Any]
) -> Callable[[Callable[[Target], AbstractAsyncContextManager[Send]]], None]:
    """Register the decorated context manager as an arm."""

    def register(open_client: Callable[[Target], AbstractAsyncContextManager[Send]]) -> None:
        ARMS[key] = Arm(name, load, make, open_client)

    return register


def identify(row: int) -> str:
    """The id of the row, as long as such ids are."""
    return f"CRM-{row:010d}"


def make_ids(rows: Sequence[int]) -> list[str]:
    """Ids alone."""
    return [identify(row) for row in rows]


def make_mappings(rows: Sequence[int]) -> list[dict[str, str]]:
    """Mappings as a CSV reader gives them: an id and a priority."""
    return [{"crm_record_id": identify(row), "priority": "HIGH"} for row in rows]


def make_vendor_mappings(rows: Sequence[int]) -> list[dict[str, str]]:
    """The same in the vendor's spelling, for the clients that send them as they are."""
    return [{"crmRecordId": identify(row), "priority": "HIGH"} for row in rows]


def check(*, added: int, wanted: int) -> None:
    """A client that loses records is fast, but no contender."""
    if added != wanted:
        raise SystemExit(f"{added} of {wanted} records were added")
