"""Connections in memory, and the network between a client and the `Emulator`."""

import asyncio
from collections.abc import Callable
from typing import Any

from campaigns_async.emulator import Emulator
from tests.stack.loop import VirtualLoop


class MemoryTransport(asyncio.Transport):
    """One end of a connection; what is written comes out of the other end, soon and in order.

    ``allowance``: bytes that this end may still write; then the connection breaks off, in an
    orderly way (FIN). None: no such end. There is no limit to what is under way. ``tape``: what
    this end wrote, if somebody put one in.
    """

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._closing = False
        self._lost = False
        self._reading = True
        self.inbox: list[bytes | None] = []  # None: the other end has closed
        self.peer: MemoryTransport = self
        self.allowance: int | None = None
        self.tape: bytearray | None = None

    # --- this end

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send it on its way; nothing once this end is closing."""
        if self._closing:
            return
        sent = bytes(data)[: self.allowance]
        if self.tape is not None:
            self.tape += sent
        if sent:
            self.peer.arrive(sent)
        if self.allowance is not None:
            self.allowance -= len(sent)
            if not self.allowance:
                self.close()

    def close(self) -> None:
        """What was written arrives, then the end."""
        if not self._closing:
            self._closing = True
            self.peer.arrive(None)
            self._loop.call_soon(self.lose, None)

    def abort(self) -> None:
        """At once; the other end sees a reset, and no byte of what is under way."""
        self._closing = True
        self._loop.call_soon(self.lose, None)
        self.peer.inbox.clear()
        self._loop.call_soon(self.peer.lose, ConnectionResetError(104, "Connection reset by peer"))

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._closing

    def pause_reading(self) -> None:
        """Let what arrives wait."""
        self._reading = False

    def resume_reading(self) -> None:
        """Hand over what has waited."""
        self._reading = True
        self._loop.call_soon(self._hand_over)

    def is_reading(self) -> bool:
        """Whether what arrives is handed over."""
        return self._reading

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """From now on hand it to this one."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Whom it is handed to."""
        return self._protocol

    def get_write_buffer_size(self) -> int:
        """Nothing waits at this end."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Not needed, for nothing waits."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """An address, for logs; no socket."""
        return ("127.0.0.1", 1) if name in {"peername", "sockname"} else default

    # --- from the other end

    def arrive(self, data: bytes | None) -> None:
        """Data came; None: the end."""
        self.inbox.append(data)
        self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        assert isinstance(self._protocol, asyncio.Protocol)
        while self.inbox and self._reading and not self._lost:
            data = self.inbox.pop(0)
            if data is not None:
                self._protocol.data_received(data)
            elif not self._protocol.eof_received():
                self.close()

    def lose(self, reason: Exception | None) -> None:
        """The connection is over."""
        if not self._lost:
            self._closing = self._lost = True
            self._protocol.connection_lost(reason)


class Network:
    """The way from all clients on this loop to one emulator; it can fail.

    - ``up``: whether somebody listens; connections are refused otherwise.
    - ``answers``: whether connecting comes to an end; it hangs otherwise, as behind a firewall.
    - ``takes``: gives the seconds that the next connecting takes.
    - ``on_connection``: called with the server's end of each new connection.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._open: list[MemoryTransport] = []
        self.up = True
        self.answers = True
        self.takes: Callable[[], float] = lambda: 0.0
        self.on_connection: Callable[[MemoryTransport], None] = lambda _: None
        self.connections = 0
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.listener = self

    async def connect(self) -> None:
        """Return when a connection may stand."""
        if not self.answers:
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(self.takes())
        if not self.up:
            raise ConnectionRefusedError(111, "Connection refused")

    def join(self, client: asyncio.Protocol) -> MemoryTransport:
        """The client's end of a new connection to the emulator."""
        server = self._emulator.protocol()
        ours, theirs = MemoryTransport(client), MemoryTransport(server)
        ours.peer, theirs.peer = theirs, ours
        self._open = [end for end in self._open if not end.is_closing()]
        self._open.append(theirs)
        self.connections += 1
        self.on_connection(theirs)
        client.connection_made(ours)
        server.connection_made(theirs)
        return ours

    def go_down(self) -> None:
        """The listener dies: connections are reset, new ones refused."""
        self.up = False
        for end in self._open:
            end.abort()
        self._open.clear()

    def come_up(self) -> None:
        """Listen again."""
        self.up = True
