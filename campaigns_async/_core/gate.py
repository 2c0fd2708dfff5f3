"""May we send now: the campaign's state, as far as the answers tell it."""


class Gate:
    """Open, or closed but for one canary.

    A campaign that is BUILDING or STARTING takes no records and leaves that state by itself. Its
    refusal closes the gate; the batch that was refused becomes the canary and asks again, alone.
    """

    def __init__(self, *, patience: float) -> None:
        self._patience = patience
        # The one batch that may go; None while the gate is open.
        self.canary: object = None
        self._unsure_since: float | None = None

    def close(self, batch: object, *, sure: bool, now: float) -> bool:
        """A reply said "not now". Whether to go on waiting.

        ``sure``: whether it named a state that passes by itself. Without that the wait has an end,
        after ``patience`` seconds: nobody said that the state will ever change.
        """
        if self.canary is None:
            self.canary = batch
        if sure:
            self._unsure_since = None
        elif self._unsure_since is None:
            self._unsure_since = now
        elif now - self._unsure_since >= self._patience:
            return False
        return True

    def is_canary(self, batch: object) -> bool:
        """Whether this batch is the one that asks."""
        return batch is self.canary

    def open(self, batch: object) -> None:
        """A reply showed that records are taken again, if it answered the canary."""
        if self.is_canary(batch):
            self.canary = None
            self._unsure_since = None
