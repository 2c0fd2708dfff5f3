"""A Parquet file of records; needs the extra ``parquet`` (pyarrow)."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

from campaigns_async.cli.columns import map_columns
from campaigns_async.cli.failures import Failure
from campaigns_async.cli.files import RecordFile
from campaigns_async.cli.rows import AnyRow

_AT_A_TIME: Final = 1_000
"""Rows that are in memory at once, besides what pyarrow keeps of a page."""


class ParquetFile(RecordFile):
    """Like any `RecordFile`; its rows are numbered from 1, and its reject file is CSV."""

    def _open(self, chosen: Mapping[str, str | None], delimiter: str | None) -> None:
        del delimiter
        try:
            parquet = import_module("pyarrow.parquet")
        except ModuleNotFoundError:
            raise Failure(
                f"the file {self.name} is Parquet, and reading it needs pyarrow",
                next_step="pip install 'campaigns-async[parquet]', or export it as CSV",
            ) from None
        # Of pyarrow there are no types, and its errors have no root but ValueError and OSError.
        try:
            self._table: Any = parquet.ParquetFile(self._binary)
        except (ValueError, OSError) as error:
            raise Failure(f"the file {self.name} is no Parquet file: {error}") from None
        self.header = tuple(self._table.schema_arrow.names)
        self.columns = map_columns(self.header, chosen)
        self._scheduling.check(self.columns)
        self._rows = self._read_table()

    def _read_table(self) -> Iterator[AnyRow]:
        number = 0
        try:
            for batch in self._table.iter_batches(batch_size=_AT_A_TIME):
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    values = {field: cells[at] for field, at in self.columns.items()}
                    shown = ["" if cell is None else str(cell) for cell in cells]
                    yield self._build(values, number, shown)
        except (ValueError, OSError) as error:
            raise Failure(f"it cannot be read after row {number:,}: {error}") from None

    @property
    def decoding_note(self) -> str | None:
        """Its text is UTF-8 always."""
        return None

    def estimate_rows(self) -> float | None:
        """How many there are, but for those that are suppressed."""
        rows: int = self._table.metadata.num_rows
        return rows - self.suppressed.count
