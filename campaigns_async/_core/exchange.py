"""One request and one reply as plain values: all that passes between the transport and the core."""

from collections.abc import Mapping
from typing import Final

import attrs

MEDIA_TYPE: Final = "application/vnd.campaigns.v1+json"
"""Of every request with a body, and of the replies (vendor: Overview)."""


@attrs.frozen
class Request:
    """A request, without credentials: ``path`` follows the base URL and begins with a slash."""

    method: str
    path: str
    body: bytes


@attrs.frozen
class Response:
    """A reply: at least its status line arrived.

    ``headers``: names in lower case. ``complete``: whether the whole body arrived and fits the cap.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True
