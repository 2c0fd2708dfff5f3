"""Several rows settled at once and alike; outcomes are made of it only when somebody looks."""

from collections.abc import Iterator

from campaigns_async._core.dedupe import Repeat
from campaigns_async._core.rows import Rows
from campaigns_async._core.values import value
from campaigns_async._core.verdicts import Verdict
from campaigns_async.errors import CampaignsError
from campaigns_async.models import Record
from campaigns_async.outcomes import Attribution, Evidence, RecordOutcome, Status


@value(eq=False)
class Settlement:
    """What became of ``rows``, one or more: the same for each. The others are as in RecordOutcome.

    ``reply``: the verdict whose body may hold the service's records. ``recalled``: an earlier run
    of the same upload settled them. ``unexplained``: whether a refusal does not say why.
    """

    rows: Rows
    status: Status
    error: CampaignsError | None = None
    evidence: Evidence | None = None
    attribution: Attribution | None = None
    attempts: int = 0
    reply: Verdict | None = None
    repeat: Repeat | None = None
    recalled: bool = False
    unexplained: bool = False

    def outcomes(self) -> Iterator[RecordOutcome]:
        """One for each row. The reply's records are decoded when the first of them is looked at."""
        rows, repeat = self.rows, self.repeat
        return RecordOutcome.lazy(
            zip(rows.positions, rows.given, [i or None for i in rows.ids], strict=True),
            self.status,
            _Reply(self.reply).find_record,
            error=self.error,
            evidence=self.evidence,
            attribution=self.attribution,
            attempts=self.attempts,
            duplicate_of=repeat.first if repeat else None,
            differs=repeat.differs if repeat else None,
        )


class _Reply:
    """The service's records in a reply, decoded when one is asked for."""

    def __init__(self, reply: Verdict | None) -> None:
        self._reply = reply
        self._records: dict[str, Record] = {}

    def find_record(self, crm_record_id: str | None) -> Record | None:
        """The record with this id; None if the reply has none that can be read."""
        # Decoded first and forgotten then: another thread may look at the same time.
        if (reply := self._reply) is not None:
            self._records = reply.records()
            self._reply = None
        return self._records.get(crm_record_id or "")
