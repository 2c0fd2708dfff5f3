"""What one may ask of a batcher."""

import math
from typing import Literal

import attrs
from attrs.validators import optional

from campaigns_async._core.ranks import Order
from campaigns_async.checks import Arguments, at_least, at_most, one_of, whole, yes_or_no
from campaigns_async.models import MAX_RECORDS_PER_REQUEST


@attrs.frozen(kw_only=True)
class BatcherOptions(Arguments):
    """Those of :meth:`CampaignHandle.batcher`, which says what they do."""

    linger: float = attrs.field(validator=at_least(0, finite=False))
    max_batch_size: int = attrs.field(
        validator=[whole, at_least(1), at_most(MAX_RECORDS_PER_REQUEST)]
    )
    max_in_flight: int | None = attrs.field(validator=optional([whole, at_least(1)]))
    max_buffered: int = attrs.field(validator=[whole, at_least(1)])
    when_full: Literal["wait", "error"] = attrs.field(validator=one_of("wait", "error"))
    order: Order
    exclusive: bool = attrs.field(validator=yes_or_no)


@attrs.frozen
class Patience(Arguments):
    """How long :meth:`RecordBatcher.flush` and ``aclose`` wait: seconds, None for no limit.

    What is left of some other time may be below 0 by now.
    """

    timeout: float | None = attrs.field(validator=optional(at_least(-math.inf, finite=False)))
