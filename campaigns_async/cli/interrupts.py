"""Ctrl-C in steps: first finish, then stop."""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def on_interrupts(*steps: Callable[[], None]) -> Generator[None]:
    """The first Ctrl-C calls the first step, the next one the next; after the last, as ever.

    Where the platform's event loop has no signal handlers, Ctrl-C does what it always does.
    """
    loop = asyncio.get_running_loop()
    waiting = list(steps)

    def step() -> None:
        now = waiting.pop(0)
        if not waiting:
            loop.remove_signal_handler(signal.SIGINT)
        now()

    try:
        loop.add_signal_handler(signal.SIGINT, step)
    except (NotImplementedError, RuntimeError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
