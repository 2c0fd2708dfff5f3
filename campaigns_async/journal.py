"""Journal: the durable account of an upload, for reading."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from types import TracebackType
from typing import Any, Final, Self

from campaigns_async._core.history import Kept
from campaigns_async._core.spans import Spans
from campaigns_async.errors import UploadStoppedError
from campaigns_async.journal_file import JournalFile
from campaigns_async.journal_state import JournalState
from campaigns_async.outcomes import FAILED, Evidence, RecordOutcome, Status
from campaigns_async.report import MAX_FAILED, UploadReport

_UNFINISHED: Final = "the upload did not come to its end; resume it with its journal"


class Journal:
    """An upload's journal, opened to be read; a context manager.

    It is written by ``upload(..., journal=path)``. It holds positions and verdicts and not the
    records, so the outcomes it gives have no ``record_in``, ``record`` or ``crm_record_id``.
    """

    def __init__(self, file: JournalFile) -> None:
        self._file = file
        state = JournalState.parse(file.read_state())
        self._state = state
        self._settled = Spans(state.settled)
        self._open = state.may_be_open()
        self._stopped = UploadStoppedError(state.stopped) if state.stopped else None
        self._unfinished = self._stopped or UploadStoppedError(_UNFINISHED)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """The journal at ``path``.

        Raises :exc:`JournalError` where there is none, where it is damaged, or while an upload is
        writing it.
        """
        file = JournalFile.open(path, create=False)
        try:
            return cls(file)
        except BaseException:
            file.close()
            raise

    @property
    def identity(self) -> Mapping[str, Any]:
        """Which upload this is: campaign, tenant, address, and the options that shape it."""
        return dict(self._file.read_fact("identity") or {})

    @property
    def total(self) -> int | None:
        """Rows of the input; None while its end has not been seen."""
        return self._state.total

    @property
    def read(self) -> int:
        """Rows that were read so far; 0 where no upload has begun."""
        return self._state.read

    @property
    def settled(self) -> int:
        """Rows that have their final verdict; told at once, however many they are."""
        return len(self._settled)

    @property
    def complete(self) -> bool:
        """Whether every row of the input has its final verdict."""
        return self.total is not None and self.settled == self.total

    def report(self) -> UploadReport:
        """The account of the whole upload, all runs together, as it stands.

        It goes by ranges, and not by rows: what is plainly ADDED takes no time.
        """
        counts = Counter(dict.fromkeys(Status, 0))
        rejected: list[RecordOutcome] = []
        for kept in self._exceptions():
            counts[kept.status] += 1
            if kept.status in FAILED and len(rejected) < MAX_FAILED:
                rejected.append(_outcome(kept))
        gaps = list(self._settled.gaps(self.read))
        counts[Status.ADDED] += self._settled.count(0, self.read - 1) - counts.total()
        left = sum(last - first + 1 for first, last in gaps)
        counts[Status.UNKNOWN] = sum(self._open.count(first, last) for first, last in gaps)
        counts[Status.NOT_ADDED] = left - counts[Status.UNKNOWN]
        positions = chain.from_iterable(range(first, last + 1) for first, last in gaps)
        unsettled = [self._unsettled(position) for position in islice(positions, MAX_FAILED)]
        failed = sorted([*rejected, *unsettled], key=lambda outcome: outcome.index)[:MAX_FAILED]
        state = self._state
        return UploadReport(
            total=counts.total(),
            counts=dict(counts),
            failed=tuple(failed),
            requests=state.requests,
            retries=state.retries,
            elapsed=state.elapsed,
            stopped_by=self._stopped,
            exhausted=self.total is not None,
        )

    def outcomes(self) -> Iterator[RecordOutcome]:
        """One for each row that was read, in input order.

        What is not settled is UNKNOWN if it may have been sent, else NOT_ADDED; a resume settles
        it.
        """
        exceptions = self._exceptions()
        kept = next(exceptions, None)
        for position in range(self.read):
            if kept is not None and kept.position == position:
                yield _outcome(kept)
                kept = next(exceptions, None)
            elif position in self._settled:
                yield RecordOutcome(position, None, Status.ADDED, evidence=Evidence.CONFIRMED)
            else:
                yield self._unsettled(position)

    def _exceptions(self) -> Iterator[Kept]:
        """The verdicts that are not a plain ADDED, in input order."""
        for kept in self._file.read_exceptions():
            if kept.position in self._settled and kept.position < self.read:
                yield kept

    def _unsettled(self, position: int) -> RecordOutcome:
        status = Status.UNKNOWN if position in self._open else Status.NOT_ADDED
        return RecordOutcome(position, None, status, error=self._unfinished)

    def close(self) -> None:
        """Close the file, so that an upload can go on with it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _outcome(kept: Kept) -> RecordOutcome:
    return RecordOutcome(
        kept.position,
        None,
        kept.status,
        error=kept.error,
        evidence=kept.evidence,
        attribution=kept.attribution,
        attempts=kept.attempts,
        duplicate_of=kept.duplicate_of,
        differs=kept.differs,
    )
