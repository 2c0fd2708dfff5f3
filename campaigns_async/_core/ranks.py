"""Dialing order under concurrency.

The service ranks a record without a rank by arrival (vendor: Add records), so parallel requests
scramble the input. A rank that follows from the row's position alone, given before any chunking,
retry or split, does not.
"""

from collections.abc import Sequence
from typing import Final, Literal

from campaigns_async.errors import ConfigurationError

Order = Literal["input", "server"]

MOST_RANK_START: Final = 2**52
"""Either way. From 2**53 on two ranks may be one number to who reads JSON as most do."""


class Ranks:
    """Gives the ranks of the rows at some positions: ``start`` + position, or None.

    Rows that turn out invalid or repeated leave a gap, which does no harm: only the order counts.
    """

    def __init__(self, order: Order, start: object = 1) -> None:
        if order not in {"input", "server"}:
            msg = f"order must be 'input' or 'server', not {order!r}"
            raise ConfigurationError(msg)
        if isinstance(start, bool) or not isinstance(start, int):
            msg = f"rank_start must be a whole number, not {start!r}"
            raise ConfigurationError(msg)
        if abs(start) > MOST_RANK_START:
            msg = f"rank_start must be {MOST_RANK_START:,} at most, above 0 or below"
            raise ConfigurationError(msg)
        self._start = start if order == "input" else None

    def of(self, positions: Sequence[int]) -> Sequence[int] | None:
        """For the rows at these positions, from 0."""
        start = self._start
        if start is None:
            return None
        if isinstance(positions, range):
            return range(start + positions.start, start + positions.stop, positions.step)
        return [start + at for at in positions]
