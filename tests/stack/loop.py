"""An event loop whose time is a number: when nothing is ready, it jumps to the next timer.

Hours pass in the time that their callbacks take, and in the same order every time, for nothing
depends on the machine: no real socket, thread or clock takes part.
"""

import asyncio
import functools
import selectors
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

_Result = TypeVar("_Result")


class DeadlockError(RuntimeError):
    """Nothing is ready, and no timer will ever make anything so."""


class Listener(Protocol):
    """What stands at the other end of every address."""

    async def connect(self) -> None:
        """Return when a connection stands; raise OSError as the system would, or wait."""

    def join(self, client: asyncio.Protocol) -> asyncio.Transport:
        """The client's end of a new connection."""
        ...


class _Jump(selectors.SelectSelector):
    """Waits for nothing: tells the loop that the time is up."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout > 0:
            self.loop.jump()
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with virtual time, which begins at ``start`` seconds.

    Connections lead to ``listener``, whatever their address: real clients (aiohttp's connector,
    say) find it by `create_connection`, as they would find a socket.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self.listener: Listener | None = None
        selector = _Jump()
        selector.loop = self
        super().__init__(selector)
        # Timers fire that are due before time() + resolution. Floats around 1e9 are 1.2e-7 apart,
        # so with the default of 1e-9 that sum would be time() itself: a timer due exactly now would
        # never fire, and the loop would turn for ever. 1e-6 holds up to 4e9 s, 120 years.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def jump(self) -> None:
        """To the next timer: to exactly its time, where a sum of differences would drift."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        if not timers:
            waiting = "\n".join(repr(task) for task in asyncio.all_tasks(self))
            msg = f"nothing is ready and no timer is set; these tasks wait for ever:\n{waiting}"
            raise DeadlockError(msg)
        self._now = max(self._now, timers[0].when())

    # --- the network

    async def getaddrinfo(self, _host: Any, port: Any, **_options: Any) -> list[Any]:  # type: ignore[override]
        """Every name stands for this machine."""
        family, kind = socket.AF_INET, socket.SOCK_STREAM
        return [(family, kind, socket.IPPROTO_TCP, "", ("127.0.0.1", port or 80))]

    async def sock_connect(self, _sock: socket.socket, _address: Any) -> None:
        """Connect, without the socket."""
        if self.listener is None:
            raise ConnectionRefusedError(111, "nobody listens")
        await self.listener.connect()

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.Protocol],
        *_address: Any,
        sock: socket.socket,
        **_options: Any,
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """A connection in memory, in the place of the socket."""
        sock.close()
        assert self.listener is not None
        protocol = protocol_factory()
        return self.listener.join(protocol), protocol


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """What ``main`` returns, run on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a test of a coroutine function: it runs in virtual time. Async fixtures do not."""

    @functools.wraps(test)
    def run_test(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return run_test


async def turns(count: int = 20) -> None:
    """Let everything happen that needs no time."""
    for _ in range(count):
        await asyncio.sleep(0)
