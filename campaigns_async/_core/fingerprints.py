"""A compact exact-enough memory of millions of ids: 16 bytes each, and no object for any of them.

80 bits of two keyed hashes stand for an id (16 choose the bucket, 64 are kept), so the chance that
any two of 5,000,000 different ids are taken for one is about 1 in 10**11. The key is the
interpreter's own, new in each process, so nobody can prepare ids that collide.
"""

from struct import Struct
from typing import Final

_BUCKETS: Final = 1 << 16
_ENTRY: Final = Struct("<QII")
_KEY: Final = 8
"""Bytes of an entry that stand for the id; the rest are its position and digest."""

_WORD: Final = (1 << 64) - 1
_HALF: Final = (1 << 32) - 1
_SALT: Final = "\x1f"
"""Makes the second hash; no other id becomes this one by it, as the first hash has to agree too."""


class Fingerprints:
    """Ids with a position and a digest of the rest of their row."""

    def __init__(self) -> None:
        # Short byte strings, searched by the interpreter's own substring search.
        self._buckets: list[bytes] = [b""] * _BUCKETS

    def claim(self, crm_record_id: str, position: int, digest: int) -> tuple[int, int] | None:
        """None for an id that is new, which is kept; else the position and digest it came with.

        ``position`` and ``digest``: 32 bits.
        """
        entry = _ENTRY.pack(hash(crm_record_id) & _WORD, position & _HALF, digest & _HALF)
        key = entry[:_KEY]
        number = hash(crm_record_id + _SALT) % _BUCKETS
        bucket = self._buckets[number]
        at = bucket.find(key)
        while at >= 0:
            # Only where an entry begins; elsewhere the bytes agree by accident.
            if at % _ENTRY.size == 0:
                _, first, said = _ENTRY.unpack_from(bucket, at)
                return first, said
            at = bucket.find(key, at + 1)
        self._buckets[number] = bucket + entry
        return None
