"""The two generated clients, used as their own documentation shows; see ``generated.py``."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any
from uuid import UUID

from arms import BATCH, CAMPAIGN, KEY, TENANT, Send, Target, arm, make_vendor_mappings


@arm("openapi-generator", "openapi-generator, asyncio", load=0.06, make=make_vendor_mappings)
@asynccontextmanager
async def openapi_generator(target: Target) -> AsyncIterator[Send]:
    """Pydantic models both ways."""
    client: Any = import_module("openapi_client")
    configuration = client.Configuration(host=target.root)
    async with client.ApiClient(configuration) as api_client:
        api = client.ExternalCampaignAPIApi(api_client)

        async def work(batches: Iterator[list[Any]]) -> int:
            added = 0
            for batch in batches:
                records = [client.AddRecordRequest(**record) for record in batch]
                body = client.AddRecordsRequest(records=records)
                reply = await api.add_records(KEY, TENANT, UUID(CAMPAIGN), body)
                added += len(reply.records)
            return added

        yield _sender(work, target)


@arm("opc", "openapi-python-client", load=0.04, make=make_vendor_mappings)
@asynccontextmanager
async def openapi_python_client(target: Target) -> AsyncIterator[Send]:
    """Attrs models both ways, over httpx."""
    package: Any = import_module("opc_client")
    models: Any = import_module("opc_client.models")
    call: Any = import_module("opc_client.api.external_campaign_api.add_records").asyncio
    async with package.Client(base_url=target.root) as client:

        async def work(batches: Iterator[list[Any]]) -> int:
            added = 0
            for batch in batches:
                records = [
                    models.AddRecordRequest(
                        crm_record_id=record["crmRecordId"],
                        priority=models.AddRecordRequestPriority(record["priority"]),
                    )
                    for record in batch
                ]
                body = models.AddRecordsRequest(records=records)
                reply = await call(
                    UUID(CAMPAIGN), client=client, body=body, x_api_key=KEY, x_8_x_8_tenant=TENANT
                )
                added += len(reply.records)
            return added

        yield _sender(work, target)


def _sender(work: Any, target: Target) -> Send:
    async def send(records: list[Any]) -> None:
        batches = (records[i : i + BATCH] for i in range(0, len(records), BATCH))
        added = await asyncio.gather(*(work(batches) for _ in range(target.in_flight)))
        assert sum(added) == len(records)

    return send
