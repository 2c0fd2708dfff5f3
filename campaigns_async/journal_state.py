"""How far an upload is, as its journal has it after each commit."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import attrs

from campaigns_async._core.spans import Spans

Ranges = Sequence[tuple[int, int]]


@attrs.frozen(kw_only=True)
class JournalState:
    """Written whole with each commit; that of a new journal is the default.

    ``read``: rows read so far. ``total``: those of the input; None while its end has not been seen.
    ``settled``: positions with their final verdict. ``open``: those that an earlier run may have
    sent without an answer. ``reserved``: all before it may have been sent by the run that wrote
    this; 0 when that came to its end. ``checks``: digests of the input, see :mod:`.sameness`.
    ``requests``, ``retries``, ``elapsed`` (seconds): of all runs. ``stopped``: why the last one
    ended early; None if it did not.
    """

    read: int = 0
    total: int | None = None
    settled: Ranges = ()
    open: Ranges = ()
    reserved: int = 0
    checks: Sequence[tuple[int, str]] = ()
    requests: int = 0
    retries: int = 0
    elapsed: float = 0.0
    stopped: str | None = None

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From what JSON gives, where a pair is a list."""
        known: dict[str, Any] = {
            field.name: document[field.name]
            for field in attrs.fields(cls)
            if field.name in document
        }
        for name in ("settled", "open", "checks"):
            known[name] = [tuple(pair) for pair in known.get(name, ())]
        return cls(**known)

    def build_document(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return {field.name: getattr(self, field.name) for field in attrs.fields(type(self))}

    def may_be_open(self) -> Spans:
        """Positions that may have been sent, settled since or not."""
        found = Spans(self.open)
        if self.reserved > 0:
            found.add(0, self.reserved - 1)
        return found
