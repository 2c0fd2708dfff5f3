from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.fingerprints import Fingerprints


@given(st.lists(st.text(min_size=1, max_size=32), max_size=200))
def test_it_answers_as_a_dictionary_does(ids: list[str]) -> None:
    """For every id it tells the position and digest that came first, and None for a new one."""
    seen: dict[str, tuple[int, int]] = {}
    fingerprints = Fingerprints()
    for position, crm_record_id in enumerate(ids):
        expected = seen.get(crm_record_id)
        assert fingerprints.claim(crm_record_id, position, position * 7) == expected
        seen.setdefault(crm_record_id, (position, position * 7))


def test_ids_that_share_a_bucket_are_told_apart() -> None:
    """With many more ids than buckets, each is found again with what it came with."""
    fingerprints = Fingerprints()
    count = 200_000
    for position in range(count):
        assert fingerprints.claim(f"CRM-{position}", position, 0) is None
    for position in range(0, count, 997):
        assert fingerprints.claim(f"CRM-{position}", count, 1) == (position, 0)


def test_bytes_that_agree_across_two_entries_are_no_match() -> None:
    """Only where an entry begins does an agreement count: here a key stands inside of another's."""

    class Chosen(str):
        """An id whose hash is chosen."""

        __slots__ = ("chosen",)
        chosen: int

        def __hash__(self) -> int:
            return self.chosen

        def __add__(self, other: str) -> "Chosen":
            return chosen(0, str(self) + other)

    def chosen(number: int, text: str) -> Chosen:
        made = Chosen(text)
        made.chosen = number
        return made

    fingerprints = Fingerprints()
    # The position and digest of the first entry, as bytes, are the key of the second id.
    assert fingerprints.claim(chosen(5, "a"), 0x01020304, 0x05060708) is None
    assert fingerprints.claim(chosen(0x0506070801020304, "b"), 1, 1) is None
    assert fingerprints.claim(chosen(0x0506070801020304, "b"), 2, 2) == (1, 1)
