"""Values that nobody changes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as value
else:
    # The type checkers see to it. To have it seen to at run time takes some three times as long to
    # make one, and of some there are several for each request.
    from attrs import define as value

__all__ = ["value"]
