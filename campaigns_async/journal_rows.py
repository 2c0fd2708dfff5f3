"""Rows of the journal's tables: values that SQLite takes, with a checksum of them behind."""

import zlib
from collections.abc import Iterable
from typing import Any

from campaigns_async._core.archive import decode_error, encode_error
from campaigns_async._core.history import Kept
from campaigns_async.outcomes import Attribution, Evidence, Status


def read_kept(row: tuple[Any, ...]) -> Kept:
    """A verdict from its row; ValueError where that is not as it was written."""
    position, status, evidence, attribution, attempts, duplicate_of, differs, error = checked(row)
    return Kept(
        position=position,
        status=Status(status),
        evidence=Evidence(evidence) if evidence else None,
        attribution=Attribution(attribution) if attribution else None,
        attempts=attempts,
        duplicate_of=duplicate_of,
        differs=None if differs is None else bool(differs),
        error=decode_error(error),
    )


def write_kept(kept: Kept) -> tuple[Any, ...]:
    """The row of a verdict."""
    return with_crc(
        kept.position,
        kept.status.value,
        kept.evidence and kept.evidence.value,
        kept.attribution and kept.attribution.value,
        kept.attempts,
        kept.duplicate_of,
        None if kept.differs is None else int(kept.differs),
        encode_error(kept.error),
    )


def with_crc(*values: Any) -> tuple[Any, ...]:
    """The values and their checksum: SQLite does not notice a flipped bit inside of a value."""
    return (*values, _crc(values))


def checked(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of a row without their checksum; ValueError if that does not match."""
    *values, crc = row
    if crc != _crc(values):
        msg = "a checksum does not match"
        raise ValueError(msg)
    return tuple(values)


def _crc(values: Iterable[Any]) -> int:
    text = "\n".join("" if value is None else str(value) for value in values)
    return zlib.crc32(text.encode(errors="surrogatepass"))
