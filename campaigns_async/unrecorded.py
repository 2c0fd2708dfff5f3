"""What stands in a recorder's place where there is no journal: nothing is to be waited for."""

from collections.abc import Mapping

from campaigns_async._core.rows import AT_ONCE, NO_ROWS, Rows
from campaigns_async._core.settlement import Settlement
from campaigns_async.errors import JournalError


class Unrecorded:
    """As much of a :class:`Recorder` as an upload asks for in any case."""

    may_send = True
    refused: JournalError | None = None

    def __init__(self) -> None:
        self.earlier: Mapping[str, float] = {}
        self.complete = False
        self._rows = NO_ROWS

    def most(self, room: int) -> int:
        """As many as the engine has room for, some at a time."""
        return min(AT_ONCE, room)

    def put(self, rows: Rows, *, exhausted: bool, failed: bool = False) -> None:  # noqa: ARG002
        """They can be taken at once."""
        # As a rule there are none; but none must ever be lost.
        self._rows = Rows.join([self._rows, rows]) if self._rows else rows
        self.complete = exhausted

    def take(self) -> Rows:
        """All of them."""
        rows, self._rows = self._rows, NO_ROWS
        return rows

    def rest(self) -> Rows:
        """What was not taken."""
        return self.take()

    def settle(self, settlement: Settlement) -> float:  # noqa: ARG002 - as in Recorder
        """Nothing is kept."""
        return 0

    def is_kept(self, mark: float) -> bool:  # noqa: ARG002 - as in Recorder
        """So nothing is to be waited for."""
        return True

    def hurry(self) -> None:
        """Nothing is written."""

    async def close(self, stopped: str | None) -> None:
        """Nothing is open."""

    def release(self) -> None:
        """Nothing is held."""
