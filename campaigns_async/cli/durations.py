"""Durations as people write them."""

import math
import re
from typing import Final

import click

_SECONDS: Final = {
    "": 1.0,
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)\s*")


def parse_duration(text: str) -> float:
    """Seconds: ``90``, ``90s``, ``5m``, ``2h``, ``1h30m``; raises ValueError for anything else."""
    text = text.strip().lower()
    total, end = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != end or part[2] not in _SECONDS:
            break
        total += float(part[1]) * _SECONDS[part[2]]
        end = part.end()
    if end < len(text) or not 0 < total < math.inf:
        msg = f"{text!r} is no duration above 0; write 90, 90s, 5m or 2h"
        raise ValueError(msg)
    return total


def duration(text: str) -> float:
    """The type of an option that takes a duration; its value is in seconds."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
