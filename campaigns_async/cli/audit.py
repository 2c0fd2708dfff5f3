"""The audit file: a line for each outcome, written as it settles."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from campaigns_async.cli.outputs import OutputFile
from campaigns_async.cli.rejects import facts_of
from campaigns_async.cli.rows import AnyRow, FileRecord
from campaigns_async.errors import CampaignsError
from campaigns_async.outcomes import RecordOutcome, Status


class AuditFile(OutputFile):
    """JSON lines, added to what is there; only the owner may read a file that is new."""

    def __init__(self, path: Path) -> None:
        with suppress(OSError):
            # Opening it says what is wrong.
            path.touch(mode=0o600)
        # By the line: what has settled is there even if this process is killed.
        super().__init__(path, "the audit file", by_line=True)

    def add(self, outcome: RecordOutcome, row: AnyRow, repeats: int | None = None) -> None:
        """One settled row. ``repeats``: the row that has its id, of a DUPLICATE."""
        self._add(
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
        self._add(row, Status.NOT_ADDED, error)

    def _add(
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
        self.write(json.dumps(told) + "\n")
