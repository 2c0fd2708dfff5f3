"""The account of an upload: every input row counted once, and what stands out kept in full."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final, Literal

import attrs

from campaigns_async._core.settlement import Settlement
from campaigns_async.errors import CampaignsError, UploadError
from campaigns_async.models import CampaignState
from campaigns_async.outcomes import FAILED, RecordOutcome, Status

MAX_FAILED: Final = 1_000
"""Outcomes kept in :attr:`UploadReport.failed`; ``on_outcome`` and ``stream`` give all."""


MAX_CALLBACK_ERRORS: Final = 10
"""Exceptions kept in :attr:`UploadReport.callback_errors`."""


@attrs.frozen(kw_only=True)
class UploadReport:
    """What became of an upload's rows.

    - ``total``: rows read from the input; the counts add up to it.
    - ``counts``: rows by :class:`Status`, every status present.
    - ``failed``: the first 1,000 outcomes that are REJECTED, NOT_ADDED or UNKNOWN.
    - ``requests``: POSTs that may have left this machine. ``retries``: batches tried
      once more as they were, after 429, 5xx, no reply, a refusal without words, or where nothing
      could leave.
    - ``elapsed``: seconds.
    - ``stopped_by``: why the upload ended before its input did; None if it did not.
    - ``exhausted``: whether the input was read to its end. After a stop a list is still counted to
      its end (NOT_ADDED), but no more is asked of an iterator, which may have none.
    - ``callback_errors``: what ``on_outcome`` and ``on_progress`` raised, the first ten.
    """

    total: int
    counts: Mapping[Status, int]
    # A thousand of them in a log line would hide all else.
    failed: Sequence[RecordOutcome] = attrs.field(default=(), repr=lambda f: f"<{len(f):,}>")
    requests: int = 0
    retries: int = 0
    elapsed: float = 0.0
    stopped_by: CampaignsError | None = None
    exhausted: bool = True
    callback_errors: Sequence[BaseException] = ()

    @property
    def added(self) -> int:
        """Rows that we put in."""
        return self.counts[Status.ADDED]

    @property
    def present(self) -> int:
        """Rows whose id was on the campaign."""
        return self.counts[Status.PRESENT]

    @property
    def duplicate(self) -> int:
        """Rows that repeat an earlier one's id."""
        return self.counts[Status.DUPLICATE]

    @property
    def rejected(self) -> int:
        """Rows refused for themselves."""
        return self.counts[Status.REJECTED]

    @property
    def not_added(self) -> int:
        """Rows that were surely not taken, because the upload stopped first."""
        return self.counts[Status.NOT_ADDED]

    @property
    def unknown(self) -> int:
        """Rows that may or may not be in."""
        return self.counts[Status.UNKNOWN]

    @property
    def has_errors(self) -> bool:
        """Whether a row is REJECTED, NOT_ADDED or UNKNOWN, or some of the input was not read."""
        return not self.exhausted or any(self.counts[status] for status in FAILED)

    def raise_for_errors(self) -> None:
        """Raise :exc:`UploadError` with this report if :attr:`has_errors`."""
        if not self.has_errors:
            return
        parts = [f"{self.counts[s]:,} {s.value}" for s in Status if s in FAILED and self.counts[s]]
        if not self.exhausted:
            parts.append("the input was not read to its end")
        msg = f"not every record is in the campaign: of {self.total:,}, {', '.join(parts)}"
        if self.stopped_by is not None:
            msg += f"; stopped by: {self.stopped_by}"
        elif self.failed:
            msg += f"; the first: {self.failed[0].error}"
        raise UploadError(msg, report=self) from self.stopped_by


@attrs.frozen(kw_only=True)
class Progress:
    """How far an upload is.

    ``read``: rows taken from the input. ``counts``: settled rows by status. ``in_flight``: requests
    under way on the session. ``waiting``: what it waits for at the moment: "campaign" (its state
    takes no records now) or None. ``campaign_state``: what the refusals name as its state while it
    waits for that; else None, for it cannot be asked. ``elapsed``: seconds. ``silence``: seconds
    since every attempt failed, without a reply or with 408 or 5xx; 0 as long as there are answers.
    """

    read: int
    counts: Mapping[Status, int]
    requests: int
    retries: int
    in_flight: int
    elapsed: float
    waiting: Literal["campaign"] | None = None
    campaign_state: CampaignState | None = None
    silence: float = 0.0

    @property
    def settled(self) -> int:
        """Rows that have their outcome."""
        return sum(self.counts.values())


class Account:
    """Counts settlements as they come."""

    def __init__(self) -> None:
        self.counts: Counter[Status] = Counter(dict.fromkeys(Status, 0))
        self.failed: list[RecordOutcome] = []

    def add(self, settlement: Settlement) -> None:
        """These rows are settled."""
        self.counts[settlement.status] += len(settlement.rows)
        if settlement.status in FAILED and len(self.failed) < MAX_FAILED:
            self.failed += islice(settlement.outcomes(), MAX_FAILED - len(self.failed))

    def report(self, **facts: Any) -> UploadReport:
        """The account so far; ``facts`` are the report's other fields."""
        return UploadReport(
            total=sum(self.counts.values()),
            counts=dict(self.counts),
            failed=tuple(self.failed),
            **facts,
        )
