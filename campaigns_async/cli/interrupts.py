"""Ctrl-C in steps: first finish, then stop; and a SIGTERM, which leaves no time for the first."""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def on_interrupts(*steps: Callable[[], None]) -> Generator[None]:
    """The first Ctrl-C calls the first step, the next one the next; after the last, as ever.

    A SIGTERM calls the last step, and another one changes nothing. Where the platform's event loop
    has no signal handlers, both do what they always do.
    """
    loop = asyncio.get_running_loop()
    waiting = list(steps)

    def step() -> None:
        now = waiting.pop(0)
        if not waiting:
            loop.remove_signal_handler(signal.SIGINT)
        now()

    def skip() -> None:
        if waiting:
            del waiting[:-1]
            step()

    try:
        loop.add_signal_handler(signal.SIGINT, step)
        loop.add_signal_handler(signal.SIGTERM, skip)
    except (NotImplementedError, RuntimeError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
