"""Failures that nobody looked at, to come out at the end."""

from collections.abc import Iterable
from typing import Final

from campaigns_async.delivery import Delivery
from campaigns_async.errors import CampaignsError

_NAMED: Final = 1_000
"""That are kept, the first ones."""


class Unseen:
    """Keeps deliveries that failed, until somebody looks at their outcomes."""

    def __init__(self) -> None:
        self._failed: list[Delivery] = []

    def __len__(self) -> int:
        """How many are left, or the most that are kept."""
        return len(self._pick())

    def add(self, failed: Iterable[Delivery]) -> None:
        """These failed."""
        self._failed += failed
        if len(self._failed) > 2 * _NAMED:
            # Now and then: those that somebody looked at since must not push out the others.
            self._failed = self._pick()

    def raise_them(self) -> None:
        """Raise those that are left, if there are any."""
        errors = [_read_error(delivery) for delivery in self._pick()]
        if errors:
            more = " or more" if len(errors) == _NAMED else ""
            what = (
                f"{len(errors):,}{more} records are not in the campaign, and nobody looked at them"
            )
            raise ExceptionGroup(what, errors)

    def _pick(self) -> list[Delivery]:
        return [delivery for delivery in self._failed if not delivery.looked_at][:_NAMED]


def _read_error(delivery: Delivery) -> Exception:
    outcome = delivery.outcome
    return (outcome and outcome.error) or CampaignsError("not in the campaign")
