"""What came in and what went out: the log a test or a person reads afterwards."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Final, cast

import attrs

from campaigns_async.emulator.faults import Fault
from campaigns_async.emulator.refusals import Refusal
from campaigns_async.emulator.service import ServiceRequest
from campaigns_async.emulator.validation import parse_json

_SECRET: Final = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie"})


@attrs.define(kw_only=True)
class ReceivedRequest:
    """One request and what became of it. Filled in as it happens, hence not frozen.

    - ``number``: from 1, in the order of arrival.
    - ``at``: when it arrived.
    - ``headers``: names in lower case; the key and other secrets are left out.
    - ``status``: what was answered; None as long as, or because, nothing was.
    - ``committed``: whether it changed the campaign, however late.
    - ``fault``: what was done to it; None: nothing.
    """

    number: int
    at: datetime
    method: str
    path: str
    headers: Mapping[str, str]
    raw_body: bytes = attrs.field(repr=False)
    status: int | None = None
    committed: bool = False
    fault: Fault | None = None

    @property
    def body(self) -> object:
        """The body as JSON (a dict, as a rule); None where it is not readable as such."""
        parsed = parse_json(self.raw_body)
        return None if isinstance(parsed, Refusal) else parsed

    @property
    def crm_record_ids(self) -> list[str]:
        """The ids that a POST carries, in its order; empty for anything else."""
        body = self.body
        rows = cast("dict[str, object]", body).get("records") if isinstance(body, dict) else None
        if not isinstance(rows, list):
            return []
        return [
            str(cast("dict[str, object]", row).get("crmRecordId"))
            for row in cast("list[object]", rows)
            if isinstance(row, dict)
        ]


class Traffic:
    """The last ``keep`` requests; the ones before are forgotten."""

    def __init__(self, keep: int) -> None:
        self._log: deque[ReceivedRequest] = deque(maxlen=keep)
        self.total = 0

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Those that are kept, oldest first."""
        return list(self._log)

    def note(self, request: ServiceRequest, at: datetime) -> ReceivedRequest:
        """Write down that a request came in; what becomes of it is filled in by the caller."""
        entry = ReceivedRequest(
            number=request.number,
            at=at,
            method=request.method,
            path=request.path,
            headers={
                name.lower(): value
                for name, value in request.headers.items()
                if name.lower() not in _SECRET
            },
            raw_body=request.body,
        )
        self._log.append(entry)
        self.total += 1
        return entry
