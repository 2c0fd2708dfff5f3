"""Several rows settled at once and alike; outcomes are made of it only when somebody looks."""

from collections.abc import Iterator, Sequence

import attrs

from campaigns_async._core.dedupe import Repeat
from campaigns_async._core.rows import Row
from campaigns_async._core.verdicts import Verdict
from campaigns_async.errors import CampaignsError
from campaigns_async.outcomes import Attribution, Evidence, RecordOutcome, Status


@attrs.frozen(eq=False)
class Settlement:
    """What became of ``rows``: the same for each of them. The other fields are as in RecordOutcome.

    ``reply``: the verdict whose body may hold the service's records. ``recalled``: an earlier run
    of the same upload settled them.
    """

    rows: Sequence[Row]
    status: Status
    error: CampaignsError | None = None
    evidence: Evidence | None = None
    attribution: Attribution | None = None
    attempts: int = 0
    reply: Verdict | None = None
    repeat: Repeat | None = None
    recalled: bool = False

    def outcomes(self) -> Iterator[RecordOutcome]:
        """One for each row; decodes the reply's records."""
        records = self.reply.records() if self.reply else {}
        for row in self.rows:
            yield RecordOutcome(
                row.index,
                row.given,
                self.status,
                records.get(row.id),
                self.error,
                self.evidence,
                self.attribution,
                self.attempts,
                self.repeat.first if self.repeat else None,
                self.repeat.differs if self.repeat else None,
                row.id or None,
            )
