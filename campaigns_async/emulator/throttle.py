"""A limit on requests, as a bucket of tokens: pure, with the time as argument."""

import attrs


@attrs.define
class Throttle:
    """``per_minute`` requests on average, ``burst`` at once from rest. Times in seconds."""

    per_minute: float
    burst: int
    _tokens: float = attrs.field(init=False)
    _at: float | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Begin at rest."""
        self._tokens = float(self.burst)

    def take(self, at: float) -> float:
        """Take a token: 0 if there was one, else the seconds until there will be."""
        rate = self.per_minute / 60
        elapsed = 0.0 if self._at is None else at - self._at
        self._tokens = min(float(self.burst), self._tokens + elapsed * rate)
        self._at = at
        # A hair below 1 is 1: what was waited for exactly must not fail on rounding.
        if self._tokens >= 1 - 1e-9:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / rate
