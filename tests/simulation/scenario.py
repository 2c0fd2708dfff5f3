"""What one world is like: everything that is drawn from its seed before its clock starts."""

import math
from collections.abc import Sequence
from typing import Any

import attrs

from tests.simulation.faults import Weather
from tests.simulation.server import Habits


@attrs.frozen
class Scenario:
    """One world before it starts. Times are seconds from its start; None and empty mean never.

    - ``records``: the input, as a caller may give it. ``arrivals``: when each of its parts can be
      had; empty: all at once. ``linger``: as in the chunker.
    - ``seeded``, ``invalid``, ``states``, ``habits``: the server. ``rivals``: a competitor's adds.
    - ``weather``: faults. ``settled_by``: when the last thing happens that is not our own doing.
    - the rest: what the caller asks for.
    """

    seed: int
    family: str
    records: Sequence[Any]
    size: int
    weather: Weather = attrs.Factory(Weather)
    habits: Habits = attrs.Factory(Habits)
    seeded: Sequence[str] = ()
    invalid: Sequence[str] = ()
    states: Sequence[tuple[float, str]] = ()
    rivals: Sequence[tuple[float, Sequence[str]]] = ()
    linger: float | None = None
    arrivals: Sequence[float] = ()
    exclusive: bool = False
    promise_broken: bool = False
    gateway_resends: bool = False
    repeats_are_errors: bool = False
    deadline: float = math.inf
    cancel_at: float = math.inf
    stop_after_rejects: float = math.inf
    ceiling: int = 16
    initial: int = 4
    requests_per_second: float | None = None
    budget: float = 50.0
    latency: float = 0.2

    @property
    def settled_by(self) -> float:
        """When the last thing happens that is not our own doing; infinity for never."""
        last = [self.weather.until if self.weather.rate else 0.0]
        last += [at for at, _ in self.states] + [at for at, _ in self.rivals] + [*self.arrivals]
        return max(last)
