"""How far everything is settled, where things settle in any order."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence


class Watermark:
    """``position``: everything below it is settled."""

    def __init__(self) -> None:
        self.position = 0
        # What is settled beyond, as ranges: there may be no end to it while one thing is not. The
        # end of each by its begin, and the other way round; an end is the position after the last.
        self._ends: dict[int, int] = {}
        self._begins: dict[int, int] = {}
        # Those who wait, and for what: the lowest first.
        self._waiting: OrderedDict[asyncio.Future[None], int] = OrderedDict()

    def add_all(self, positions: Sequence[int]) -> None:
        """These are settled, in ascending order; :meth:`advance` tells those who wait for that."""
        if positions and positions[-1] - positions[0] + 1 == len(positions):
            self._add(positions[0], positions[-1] + 1)
        else:
            for position in positions:
                self._add(position, position + 1)

    def _add(self, begin: int, end: int) -> None:
        begin = self._begins.pop(begin, begin)
        end = self._ends.pop(end, end)
        if begin == self.position:
            self.position = end
            self._begins.pop(end, None)
        else:
            self._ends[begin], self._begins[end] = end, begin

    def advance(self) -> None:
        """Tell those who wait for what is settled by now."""
        while self._waiting:
            reached, target = next(iter(self._waiting.items()))
            if target > self.position:
                return
            del self._waiting[reached]
            if not reached.done():
                reached.set_result(None)

    async def wait(self, target: int) -> None:
        """Return when everything below ``target`` is settled; no lower than one before."""
        if self.position >= target:
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[reached] = target
        try:
            await reached
        finally:
            self._waiting.pop(reached, None)
