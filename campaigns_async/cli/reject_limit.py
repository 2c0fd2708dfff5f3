"""``--stop-after-rejects``: so many rows, or such a share of them."""

from collections.abc import Mapping
from typing import Final

import attrs
import click

from campaigns_async.outcomes import Status
from campaigns_async.report import Progress

_ENOUGH: Final = 1_000
"""Rows read from which on a share says something."""


@attrs.frozen
class RejectLimit:
    """``rows``: a number, None where ``share`` (0 to 1) of the rows read is the limit."""

    rows: int | None = None
    share: float | None = None

    def judge(self, now: Progress) -> str | None:
        """Why to stop, in a sentence; None to go on. A number is for the upload to look after."""
        if self.share is None or now.read < _ENOUGH:
            return None
        counts: Mapping[Status, int] = now.counts
        rejected = counts.get(Status.REJECTED, 0)
        if rejected <= self.share * now.read:
            return None
        limit = f"{self.share:.2%} was the limit"
        return f"{rejected:,} of {now.read:,} records were rejected, and {limit}"


NO_LIMIT: Final = RejectLimit()


def reject_limit(text: str) -> RejectLimit:
    """The type of the option: ``500`` or ``5%``."""
    number, percent, rest = text.strip().partition("%")
    try:
        value = float(number) if percent else int(number)
    except ValueError:
        value = 0
    if rest or not 0 < value < (100 if percent else float("inf")):
        msg = f"{text!r} is no limit; write 500, or 5% for a share of the rows"
        raise click.BadParameter(msg)
    return RejectLimit(share=value / 100) if percent else RejectLimit(rows=int(value))
