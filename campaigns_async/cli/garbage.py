"""The garbage collector, while millions of rows pass."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_SELDOM: Final = 3_000
"""Objects made and not freed again until it looks for garbage; Python's own is 700 to 2,000.

With 10,000 an upload is no faster, and five million rows take some ten MiB more."""


@contextmanager
def collect_seldom() -> Generator[None]:
    """Let it look less often: rows are no garbage, and it looked through them a tenth of the time.

    A library leaves such things to the process that it is in; this is for a command, which is one.
    """
    before = gc.get_threshold()
    # 0 is never, as somebody wanted it.
    gc.set_threshold(max(before[0], _SELDOM) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
