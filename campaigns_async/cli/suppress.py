"""Ids that must never be sent, from a file."""

from collections.abc import Set as AbstractSet
from pathlib import Path

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.rows import AnyRow, FileRecord
from campaigns_async.cli.tally import FIRST_ROWS
from campaigns_async.cli.text import Lines


class Suppressed:
    """Rows that are held back for their ids. ``count``, and ``rows``: the first few."""

    def __init__(self, ids: AbstractSet[str] = frozenset()) -> None:
        self._ids = ids
        self.count = 0
        self.rows: list[int] = []

    def holds(self, row: AnyRow) -> bool:
        """Whether this row is not to be sent; it is counted then."""
        id_ = row.crm_record_id if isinstance(row, FileRecord) else None
        # What is no text, in a JSON line, is no id; the upload refuses it.
        if not (isinstance(id_, str) and id_ in self._ids):
            return False
        self.count += 1
        if self.count <= FIRST_ROWS:
            self.rows.append(row.row)
        return True

    @property
    def note(self) -> str | None:
        """A sentence for the report; None where no row was held back."""
        if not self.count:
            return None
        rows = ", ".join(map(str, self.rows)) + ("" if self.count <= FIRST_ROWS else ", ..")
        if self.count == 1:
            return f"1 row was not sent, as its id is on the suppress list: {rows}."
        return f"{self.count:,} rows were not sent, as their ids are on the suppress list: {rows}."


def read_ids(path: Path) -> frozenset[str]:
    """One id a line, spaces around it and blank lines left out. Raises `Failure`."""
    try:
        with path.open("rb") as binary:
            ids = frozenset(line.strip() for line in Lines(binary, str(path))) - {""}
    except OSError as error:
        raise Failure(f"the suppress list {path} cannot be read: {error.strerror}") from None
    # A table would suppress nothing, and nobody would see it.
    for id_ in ids:
        if any(sign in id_ for sign in ",;\t|"):
            raise Failure(
                f"the suppress list {path} has a line that is no id: {id_[:60]!r}",
                next_step="give one id a line and nothing else",
            )
    return ids
