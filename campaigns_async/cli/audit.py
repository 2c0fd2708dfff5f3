"""The audit file: a line for each outcome, written as it settles."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.rejects import facts_of
from campaigns_async.cli.rows import AnyRow, FileRecord
from campaigns_async.errors import CampaignsError
from campaigns_async.outcomes import RecordOutcome, Status


class AuditFile:
    """JSON lines, added to what is there; only the owner may read a file that is new."""

    def __init__(self, path: Path) -> None:
        try:
            path.touch(mode=0o600)
            # By the line: what has settled is there even if this process is killed.
            self._file: IO[str] = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise Failure(f"the audit file {path} cannot be written: {error.strerror}") from None

    def add(self, outcome: RecordOutcome, row: AnyRow, repeats: int | None = None) -> None:
        """One settled row. ``repeats``: the row that has its id, of a DUPLICATE."""
        self._write(
            row,
            outcome.status,
            outcome.error,
            evidence=outcome.evidence,
            attribution=outcome.attribution,
            attempts=outcome.attempts,
            duplicate_of=repeats,
        )

    def add_unread(self, row: AnyRow, error: CampaignsError) -> None:
        """One row that the upload never came to."""
        self._write(row, Status.NOT_ADDED, error)

    def _write(
        self, row: AnyRow, status: Status, error: CampaignsError | None, **facts: object
    ) -> None:
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "row": row.row,
            "crm_record_id": row.crm_record_id if isinstance(row, FileRecord) else None,
            "status": status,
            **facts,
            "error": None if error is None else type(error).__name__,
            **facts_of(error),
        }
        # What does not apply is left out: this is the longest of all the files.
        told = {name: value for name, value in line.items() if value is not None}
        self._file.write(json.dumps(told) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
