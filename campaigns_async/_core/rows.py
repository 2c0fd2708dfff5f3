"""Input rows on their way through the core, kept by column.

A chunk of input goes through parsing, dedupe, chunking and sending as a few lists: an object for
each of millions of rows would cost more than all the rest. A :class:`Row` is made when somebody
looks at one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain, compress, repeat
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, TypeVar, overload

import attrs

from campaigns_async._core.values import value
from campaigns_async.errors import InvalidRecordError

_T = TypeVar("_T")

AT_ONCE: Final = 500
"""Rows that are read and parsed together, at most: what is done once for all of them is cheap."""


@attrs.frozen(eq=False)
class Row:
    """A record on its way.

    ``index``: its position in the input. ``given``: what the caller gave. ``id``: its crmRecordId.
    ``said``: what else the caller said, as JSON text with commas in front: two rows with the same
    id differ if this does. ``rank``: given it for its position; None if it has its own or none.
    ``error``: why it cannot be sent, else None.
    """

    index: int
    given: Any
    id: str
    said: str
    rank: float | None = None
    error: InvalidRecordError | None = None


_NO_ERRORS: Final[Mapping[int, InvalidRecordError]] = MappingProxyType({})


@value(eq=False)
class Columns:
    """A column for each attribute of :class:`Row`, of many rows.

    ``ranks``: None if no row has one. ``errors``: by position, of those that cannot be sent; may
    hold those of other rows too. ``plain``: whether all ids are known to be plain, see
    :func:`is_plain`.
    """

    positions: Sequence[int]
    given: Sequence[Any]
    # Tuples: once it has seen that one holds only texts, the garbage collector leaves it alone.
    ids: tuple[str, ...]
    said: tuple[str, ...]
    ranks: range | Sequence[float | None] | None = None
    errors: Mapping[int, InvalidRecordError] = _NO_ERRORS
    plain: bool = False


class Rows(Sequence[Row]):
    """Some rows in input order: a stretch of some columns, which others may have a part of too."""

    __slots__ = ("_begin", "_columns", "_end")

    def __init__(self, columns: Columns, begin: int = 0, end: int | None = None) -> None:
        self._columns = columns
        self._begin = begin
        self._end = len(columns.ids) if end is None else end

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Rows":
        """Single rows as columns."""
        rows = list(rows)
        return Rows(
            Columns(
                [row.index for row in rows],
                [row.given for row in rows],
                tuple([row.id for row in rows]),
                tuple([row.said for row in rows]),
                [row.rank for row in rows],
                {row.index: row.error for row in rows if row.error is not None},
            )
        )

    @classmethod
    def join(cls, parts: "Sequence[Rows]") -> "Rows":
        """All rows of the parts, one after the other."""
        if len(parts) == 1:
            return parts[0]
        chained = chain.from_iterable
        return Rows(
            Columns(
                list(chained(part.positions for part in parts)),
                list(chained(part.given for part in parts)),
                tuple(chained(part.ids for part in parts)),
                tuple(chained(part.said for part in parts)),
                list(chained(part.ranks or repeat(None, len(part)) for part in parts)),
                {at: error for part in parts for at, error in part.errors.items()},
                all(part.plain for part in parts),
            )
        )

    @property
    def positions(self) -> Sequence[int]:
        """Where they stand in the input."""
        return self._columns.positions[self._begin : self._end]

    @property
    def first(self) -> int:
        """Where the first of them stands."""
        return self._columns.positions[self._begin]

    @property
    def given(self) -> Sequence[Any]:
        """What the caller gave for each."""
        return self._columns.given[self._begin : self._end]

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each."""
        return self._columns.ids[self._begin : self._end]

    @property
    def said(self) -> tuple[str, ...]:
        """What else each says."""
        return self._columns.said[self._begin : self._end]

    @property
    def ranks(self) -> range | Sequence[float | None] | None:
        """The rank given to each; None if there are none."""
        ranks = self._columns.ranks
        return None if ranks is None else ranks[self._begin : self._end]

    @property
    def errors(self) -> Mapping[int, InvalidRecordError]:
        """What is wrong, by position; may hold that of other rows too."""
        return self._columns.errors

    @property
    def plain(self) -> bool:
        """Whether all ids are known to be plain, see :func:`is_plain`."""
        return self._columns.plain

    def __len__(self) -> int:
        return self._end - self._begin

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> "Rows": ...
    def __getitem__(self, at: int | slice) -> "Row | Rows":
        if isinstance(at, slice):
            begin, end, step = at.indices(len(self))
            assert step == 1  # noqa: S101 - rows stay in input order, and together
            return self.stretch(begin, max(begin, end)).cut_out()
        columns, at = self._columns, range(self._begin, self._end)[at]
        index = columns.positions[at]
        return Row(
            index,
            columns.given[at],
            columns.ids[at],
            columns.said[at],
            None if columns.ranks is None else columns.ranks[at],
            columns.errors.get(index),
        )

    def stretch(self, begin: int, end: int) -> "Rows":
        """Rows ``begin`` to ``end``, both within: as a slice, but without copies.

        In return all that was read together with them is kept as long as they are.
        """
        return Rows(self._columns, self._begin + begin, self._begin + end)

    def cut_out(self) -> "Rows":
        """The same rows with columns of their own."""
        return self._pick(itemgetter(slice(None)))

    def where(self, wanted: Sequence[bool]) -> "Rows":
        """The rows at which ``wanted`` is true."""

        def pick(column: Sequence[_T]) -> tuple[_T, ...]:
            return tuple(compress(column, wanted))

        return self._pick(pick)

    def split(self, wanted: Sequence[bool]) -> "tuple[Rows, Rows]":
        """Those at which ``wanted`` is true, and the others."""
        return self.where(wanted), self.where([not one for one in wanted])

    def with_ids(self, ids: Collection[str]) -> "tuple[Rows, Rows]":
        """Those that have one of these ids, and the others."""
        return self.split([i in ids for i in self.ids])

    def singles(self) -> "list[Rows]":
        """Each row for itself."""
        return [self[at : at + 1] for at in range(len(self))]

    def _pick(self, pick: Callable[[Any], Any]) -> "Rows":
        ranks = self.ranks
        return Rows(
            Columns(
                pick(self.positions),
                pick(self.given),
                pick(self.ids),
                pick(self.said),
                None if ranks is None else pick(ranks),
                self.errors,
                self.plain,
            )
        )


_SPECIAL: Final = bytes(range(32)) + b'\x7f"\\'


def is_plain(ids: str) -> bool:
    """Whether ids with these characters can be written, in JSON or a line each, as they are."""
    return ids.isascii() and len(ids.encode().translate(None, _SPECIAL)) == len(ids)


NO_ROWS: Final = Rows(Columns((), (), (), ()))
