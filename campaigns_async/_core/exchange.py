"""One request and one reply as plain values: all that passes between the transport and the core."""

from collections.abc import Mapping
from typing import Final

import attrs

from campaigns_async.errors import TransportError

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

    ``headers``: names in lower case. ``broken_off``: the connection ended before the body did.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    broken_off: bool = False


Seen = Response | TransportError
"""How an attempt ended, as far as it was seen: a reply, or why there is none."""
