"""What one may ask of an upload."""

import os
from collections.abc import Awaitable, Callable
from typing import Literal, TypedDict

import attrs
from attrs.validators import optional

from campaigns_async._core.ranks import Order
from campaigns_async.checks import (
    Arguments,
    at_least,
    is_a,
    one_of,
    something_to_call,
    whole,
    yes_or_no,
)
from campaigns_async.outcomes import RecordOutcome
from campaigns_async.report import Progress

OnOutcome = Callable[[RecordOutcome], Awaitable[None] | None]
OnProgress = Callable[[Progress], Awaitable[None] | None]


class StreamOptions(TypedDict, total=False):
    """Those of :meth:`CampaignHandle.stream`, for type checkers."""

    order: Order
    rank_start: int
    exclusive: bool
    on_duplicate: Literal["first", "error"]
    journal: str | os.PathLike[str] | None
    on_progress: OnProgress | None
    deadline: float | None
    stop_after_rejects: int | None


@attrs.frozen(kw_only=True)
class UploadOptions(Arguments):
    """Those of :meth:`CampaignHandle.upload`, which says what they do."""

    order: Order = "input"
    rank_start: int = 1
    exclusive: bool = attrs.field(default=False, validator=yes_or_no)
    on_duplicate: Literal["first", "error"] = attrs.field(
        default="first", validator=one_of("first", "error")
    )
    journal: str | os.PathLike[str] | None = attrs.field(
        default=None, validator=optional(is_a(str, os.PathLike, name="the path of a file"))
    )
    on_outcome: OnOutcome | None = attrs.field(default=None, validator=something_to_call)
    on_progress: OnProgress | None = attrs.field(default=None, validator=something_to_call)
    deadline: float | None = attrs.field(
        default=None, validator=optional(at_least(0, above=True, finite=False))
    )
    stop_after_rejects: int | None = attrs.field(
        default=None, validator=optional([whole, at_least(1)])
    )
