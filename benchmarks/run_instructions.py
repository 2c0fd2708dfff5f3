"""An upload whose requests are answered in this process: what valgrind counts instructions of.

The caller's own aiohttp session stands in for the network, so all of ours runs, and none of theirs.
The reply to a request is its own body, which is a document about the very records sent.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import arms
from arms_ours import make_new_records

from campaigns_async import CampaignsSession, Limits

INPUTS: dict[str, Any] = {
    "ids": arms.make_ids,
    "mappings": arms.make_mappings,
    "new": make_new_records,
}


class AnsweringSession(aiohttp.ClientSession):
    """One that answers by itself."""

    # As much of it as an upload needs.
    @asynccontextmanager
    async def request(  # type: ignore[override]
        self, *_: Any, data: bytes, **__: Any
    ) -> AsyncIterator[Any]:
        """A 201 after one turn of the loop."""
        left = [b"", data]

        async def readany() -> bytes:
            return left.pop()

        await asyncio.sleep(0)
        content = SimpleNamespace(readany=readany)
        headers = {"Content-Type": arms.HEADERS["Content-Type"]}
        yield SimpleNamespace(status=201, headers=headers, content=content)


async def measure(kind: str, rows: int, *, stream: bool) -> None:
    """One upload, or the stream of its outcomes."""
    limits = Limits(max_in_flight=32, initial_in_flight=32)
    records = INPUTS[kind](range(rows))
    async with (
        AnsweringSession() as answering,
        CampaignsSession(
            api_key=arms.KEY, tenant=arms.TENANT, site="US1", session=answering, limits=limits
        ) as session,
    ):
        campaign = session.campaign(arms.CAMPAIGN)
        if stream:
            async with campaign.stream(records) as outcomes:
                added = sum([outcome.in_campaign async for outcome in outcomes])
        else:
            added = (await campaign.upload(records)).added
    arms.check(added=added, wanted=rows)


def main() -> None:
    """Upload."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=INPUTS)
    parser.add_argument("rows", type=int)
    parser.add_argument("--stream", action="store_true")
    options = parser.parse_args()
    asyncio.run(measure(options.kind, options.rows, stream=options.stream))


if __name__ == "__main__":
    main()
