from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.fingerprints import Fingerprints


@given(st.lists(st.text(min_size=1, max_size=32), max_size=200))
def test_it_answers_as_a_dictionary_does(ids: list[str]) -> None:
    """For every id it tells the mark that came first, which for a new one is its own."""
    seen: dict[str, int] = {}
    fingerprints = Fingerprints()
    for number, crm_record_id in enumerate(ids):
        mark = number << 40 | number
        assert fingerprints.claim(crm_record_id, mark) == seen.setdefault(crm_record_id, mark)


def test_ids_that_share_a_bucket_are_told_apart() -> None:
    """With many more ids than buckets, each is found again with what it came with."""
    fingerprints = Fingerprints()
    count = 200_000
    for position in range(count):
        assert fingerprints.claim(f"CRM-{position}", position) == position
    for position in range(0, count, 997):
        assert fingerprints.claim(f"CRM-{position}", count) == position


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
    # The mark of the first entry is, as bytes, the key of the second id.
    mark = 0x0506070801020304
    assert fingerprints.claim(chosen(5, "a"), mark) == mark
    assert fingerprints.claim(chosen(mark, "b"), 1) == 1
    assert fingerprints.claim(chosen(mark, "b"), 2) == 1
