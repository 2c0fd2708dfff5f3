"""Sets of positions as sorted ranges: millions of them in a few numbers."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence


class Spans:
    """A set of whole numbers, kept as disjoint ranges with both ends in them."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def __contains__(self, position: int) -> bool:
        at = bisect_right(self._firsts, position) - 1
        return at >= 0 and position <= self._lasts[at]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._firsts, self._lasts, strict=True)

    def __len__(self) -> int:
        """How many positions there are, not how many ranges."""
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)

    def gaps(self, below: int) -> Iterator[tuple[int, int]]:
        """The ranges of what is not in it, from 0 to before ``below``."""
        begin = 0
        for first, last in self:
            if first >= below:
                break
            if first > begin:
                yield begin, first - 1
            begin = last + 1
        if begin < below:
            yield begin, below - 1

    def count(self, first: int, last: int) -> int:
        """How many of the positions from ``first`` to ``last`` are in it."""
        found, at = 0, bisect_left(self._lasts, first)
        while at < len(self._firsts) and self._firsts[at] <= last:
            found += min(last, self._lasts[at]) - max(first, self._firsts[at]) + 1
            at += 1
        return found

    def add(self, first: int, last: int) -> None:
        """All from ``first`` to ``last``; what touches becomes one range."""
        start = bisect_left(self._lasts, first - 1)
        end = bisect_right(self._firsts, last + 1)
        if start < end:
            first = min(first, self._firsts[start])
            last = max(last, self._lasts[end - 1])
        self._firsts[start:end] = [first]
        self._lasts[start:end] = [last]

    def add_all(self, positions: Sequence[int]) -> None:
        """Each of these, in ascending order."""
        if positions and positions[-1] - positions[0] + 1 == len(positions):
            if self._lasts and positions[0] == self._lasts[-1] + 1:
                # As mostly.
                self._lasts[-1] = positions[-1]
            else:
                self.add(positions[0], positions[-1])
            return
        first = last = None
        for position in positions:
            if first is None or last is None:
                first = last = position
            elif position == last + 1:
                last = position
            else:
                self.add(first, last)
                first = last = position
        if first is not None and last is not None:
            self.add(first, last)
