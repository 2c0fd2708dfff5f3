import asyncio
import signal

import pytest

from campaigns_async.cli.interrupts import on_interrupts


async def test_each_interrupt_takes_the_next_step() -> None:
    """The first Ctrl-C calls the first step, the second the second."""
    first, second = asyncio.Event(), asyncio.Event()
    with on_interrupts(first.set, second.set):
        signal.raise_signal(signal.SIGINT)
        await first.wait()
        assert not second.is_set()
        signal.raise_signal(signal.SIGINT)
        await second.wait()


async def test_after_the_last_step_it_is_as_ever() -> None:
    """So that nobody has to kill the program."""
    done = asyncio.Event()
    with on_interrupts(done.set):
        signal.raise_signal(signal.SIGINT)
        await done.wait()
        assert not asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)


@pytest.mark.parametrize("interrupts", [0, 1])
async def test_a_sigterm_takes_the_last_step(interrupts: int) -> None:
    """What sends it does not wait long. Another one changes nothing, and Ctrl-C is as ever."""
    first, last = asyncio.Event(), asyncio.Event()
    with on_interrupts(first.set, last.set):
        for _ in range(interrupts):
            signal.raise_signal(signal.SIGINT)
            await first.wait()
        signal.raise_signal(signal.SIGTERM)
        await last.wait()
        assert first.is_set() == bool(interrupts)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0)
        assert not asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)


async def test_a_loop_without_signals_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has none; the block runs all the same."""

    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuse)
    with on_interrupts(lambda: None):
        ran = True
    assert ran
