"""May we send now: the campaign's state, and errors that no request can survive."""

from campaigns_async.errors import CampaignsError


class Gate:
    """Open, closed but for one canary, or stopped for good.

    A campaign that is BUILDING or STARTING takes no records and leaves that state by itself. Its
    refusal closes the gate; the batch that was refused becomes the canary and asks again, alone.
    """

    def __init__(self, *, patience: float) -> None:
        self._patience = patience
        self._canary: object = None
        self._unsure_since: float | None = None
        self.stopped_by: CampaignsError | None = None

    @property
    def closed(self) -> bool:
        """Whether only the canary may go."""
        return self._canary is not None

    def close(self, batch: object, *, sure: bool, now: float) -> bool:
        """A reply said "not now". Whether to go on waiting.

        ``sure``: whether it named a state that passes by itself. Without that the wait has an end,
        after ``patience`` seconds: nobody said that the state will ever change.
        """
        if self._canary is None:
            self._canary = batch
        if sure:
            self._unsure_since = None
        elif self._unsure_since is None:
            self._unsure_since = now
        elif now - self._unsure_since >= self._patience:
            return False
        return True

    def is_canary(self, batch: object) -> bool:
        """Whether this batch is the one that asks."""
        return batch is self._canary

    def open(self, batch: object) -> None:
        """A reply showed that records are taken again, if it answered the canary."""
        if batch is self._canary:
            self._canary = None
            self._unsure_since = None

    def stop(self, error: CampaignsError) -> None:
        """Nothing more is sent. The first reason stays."""
        if self.stopped_by is None:
            self.stopped_by = error
