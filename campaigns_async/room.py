"""How many may be on their way, and the wait for a place among them."""

import asyncio
from collections import OrderedDict


class Room:
    """Places, ``most`` of them. Who waits for one is told in order, and takes it then.

    ``taken``: those in use, counted by whoever takes one or gives it back; the latter calls
    :meth:`tell` afterwards.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self._closed = False
        # An ordered set: who gives up its wait leaves at once, for there may be no end to the wait.
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()

    @property
    def full(self) -> bool:
        """Whether no place is free."""
        return self.taken >= self.most

    async def wait(self) -> None:
        """Return when there may be a place, or none are given any more: look again."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[place] = None
        try:
            await place
        except asyncio.CancelledError:
            self._waiting.pop(place, None)
            # It may have been told meanwhile; the next one shall be.
            self.tell()
            raise

    def tell(self) -> None:
        """Tell as many as there are places, after some were given back."""
        free = len(self._waiting) if self._closed else self.most - self.taken
        while self._waiting and free > 0:
            place, _ = self._waiting.popitem(last=False)
            if not place.done():
                place.set_result(None)
                free -= 1

    def close(self) -> None:
        """Nobody is to wait any more."""
        self._closed = True
        self.tell()
