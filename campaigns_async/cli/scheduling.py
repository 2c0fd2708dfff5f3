"""Times as people write them in a file, without an offset, and the zone that makes them moments.

Where the clocks go back, a time that they show twice is the first of the two. Where they go
forward, a time that they skip is read as if they had not yet been changed: 01:30 becomes 02:30.
"""

from collections.abc import Container
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from campaigns_async.cli.failures import Failure


class Scheduling:
    """What a row's time is.

    - ``default``: the time of rows without one; None for none.
    - ``zone``: of times without an offset, in rows that name no zone themselves.

    Raises `Failure` for a time or zone that cannot be read.
    """

    def __init__(self, default: str | None = None, zone: str | None = None) -> None:
        self._default = default
        self._zone = zone
        try:
            if zone is not None:
                _find_zone(zone)
            naive = default is not None and datetime.fromisoformat(default.strip()).tzinfo is None
        except UnknownZoneError as error:
            raise Failure(str(error)) from None
        except ValueError:
            raise Failure(
                f"the time {default!r} cannot be read", next_step="write it as 2026-12-01 09:00"
            ) from None
        self._needs_zone = naive and zone is None

    def check(self, columns: Container[str]) -> None:
        """Raise `Failure` where each row has to name the zone of the default and cannot."""
        if self._needs_zone and "time_zone" not in columns:
            raise Failure(
                "the time given for the rows has no zone",
                next_step="give --time-zone Europe/London, or a column of zones",
            )

    def place(self, moment: Any, zone: Any = None) -> Any:
        """The row's time with its offset; as it was where that cannot be told.

        Raises `UnknownZoneError` for a zone that is needed and not known.
        """
        text = moment.strip() if isinstance(moment, str) else moment
        if text is None or text == "":
            text = self._default
        name = zone.strip() if isinstance(zone, str) else None
        name = name or self._zone
        if name is None or not isinstance(text, str | datetime):
            return text
        try:
            read = datetime.fromisoformat(text.strip()) if isinstance(text, str) else text
        except ValueError:
            # It is refused for that, in better words than ours.
            return text
        if read.tzinfo is not None:
            return text
        return read.replace(tzinfo=_find_zone(name), fold=0).isoformat()


class UnknownZoneError(Exception):
    """No such time zone, or no data of any."""


@lru_cache
def _find_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        msg = (
            f"the time zone {name!r} is not known; write it as Europe/London "
            "(where the system has no zones: pip install tzdata)"
        )
        raise UnknownZoneError(msg) from None
