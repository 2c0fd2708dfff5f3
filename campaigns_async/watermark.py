"""How far everything is settled, where things settle in any order."""

import asyncio


class Watermark:
    """``position``: everything below it is settled."""

    def __init__(self) -> None:
        self.position = 0
        self._beyond: set[int] = set()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def add(self, position: int) -> None:
        """Note that it is settled; :meth:`advance` looks what follows from that."""
        self._beyond.add(position)

    def advance(self) -> None:
        """Go as far as everything is settled, and tell those who wait for it."""
        beyond, position = self._beyond, self.position
        while position in beyond:
            beyond.remove(position)
            position += 1
        self.position = position
        for target, reached in self._waiting:
            if position >= target and not reached.done():
                reached.set_result(None)

    async def wait(self, target: int) -> None:
        """Return when everything below ``target`` is settled."""
        if self.position >= target:
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((target, reached))
        try:
            await reached
        finally:
            self._waiting = [entry for entry in self._waiting if entry[1] is not reached]
