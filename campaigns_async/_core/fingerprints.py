"""A compact exact-enough memory of millions of ids: 16 bytes each, and no object for any of them.

80 bits of two keyed hashes stand for an id (16 choose the bucket, 64 are kept), so the chance that
any two of 5,000,000 different ids are taken for one is about 1 in 10**11. The key is the
interpreter's own, new in each process, so nobody can prepare ids that collide.
"""

from struct import Struct
from typing import Final

_BUCKETS: Final = 1 << 16
_ENTRY: Final = Struct("<qQ")
_KEY: Final = 8
"""Bytes of an entry that stand for the id; the rest are its mark."""

_SALT: Final = "\x1f"
"""Makes the second hash; no other id becomes this one by it, as the first hash has to agree too."""


class Fingerprints:
    """Ids, each with a mark of 64 bits."""

    def __init__(self) -> None:
        # Short byte strings, searched by the interpreter's own substring search.
        self._buckets: list[bytes] = [b""] * _BUCKETS

    def claim(self, crm_record_id: str, mark: int) -> int:
        """The mark that the id has: this one if the id is new, else the one that it came with."""
        entry = _ENTRY.pack(hash(crm_record_id), mark)
        key = entry[:_KEY]
        number = hash(crm_record_id + _SALT) % _BUCKETS
        bucket = self._buckets[number]
        at = bucket.find(key)
        while at >= 0:
            # Only where an entry begins; elsewhere the bytes agree by accident.
            if at % _ENTRY.size == 0:
                _, first = _ENTRY.unpack_from(bucket, at)
                return int(first)
            at = bucket.find(key, at + 1)
        self._buckets[number] = bucket + entry
        return mark
