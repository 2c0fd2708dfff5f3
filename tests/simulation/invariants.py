"""The promises of an upload, checked against the ledger at each settlement and at the very end.

The end is when the last late request has been carried out too.
The numbers are those of the design: 1 one outcome per row; 2 ADDED or PRESENT, so in the ledger;
3 ADDED, so by us; 4 PRESENT ``theirs``, so not by us; 5 REJECTED or NOT_ADDED, so never by us;
6 faults over and time left, so everything is known; 7 few requests, each of which brings
something; 8 a crash and a resume keep the rest (for the journal); 9 the same seed gives the same
trace (see ``test_simulation.py``).
"""

from collections.abc import Iterable
from itertools import chain

from campaigns_async._core.settlement import Settlement
from campaigns_async.outcomes import Attribution, Evidence, Status
from tests.simulation.scenario import Scenario
from tests.simulation.server import US, Entry, Server


class BrokenPromiseError(AssertionError):
    """``number``: of the invariant; the message is a sentence."""

    def __init__(self, number: int, sentence: str) -> None:
        super().__init__(f"invariant {number}: {sentence}")
        self.number = number


class Books:
    """What the caller was told, held against what is so.

    ``doubtful``: ids that went out in a request of which nobody saw how it ended.
    ``riddles``: ids whose own, single request got a refusal that does not say why.
    ``wrong_inferences``: rows wrongly ADDED by inference; only where the caller broke a promise.
    """

    def __init__(self, scenario: Scenario, server: Server) -> None:
        self._scenario = scenario
        self._server = server
        self._seen: set[int] = set()
        self._told: dict[Status, list[Settlement]] = {status: [] for status in Status}
        self.riddles: set[str] = set()
        self.doubtful: set[str] = set()
        self.wrong_inferences = 0
        self.rejected = 0

    @property
    def rows(self) -> int:
        """Rows that have their outcome."""
        return len(self._seen)

    def settle(self, settled: Iterable[Settlement]) -> None:
        """The caller is told this now, so it must be true now."""
        for settlement in settled:
            rows = settlement.rows
            before = len(self._seen)
            self._seen.update([row.index for row in rows])
            if len(self._seen) != before + len(rows):
                raise BrokenPromiseError(1, f"a row is settled twice: {_show(settlement)}")
            self._told[settlement.status].append(settlement)
            if settlement.status is Status.ADDED:
                self._check_added(settlement)
            elif settlement.status is Status.PRESENT:
                self._entries(settlement)
            elif settlement.status is Status.REJECTED:
                self.rejected += len(rows)

    def check_end(self, *, stopped: bool) -> None:
        """Everything has happened, late requests too."""
        expected = len(self._scenario.records)
        if self._seen != set(range(expected)):
            raise BrokenPromiseError(1, f"{expected} rows, but {len(self._seen)} outcomes")
        ids = [row.id for s in self._told[Status.ADDED] for row in s.rows]
        if len(set(ids)) != len(ids):
            raise BrokenPromiseError(3, "an id is ADDED twice")
        for settlement in self._told[Status.DUPLICATE]:
            if settlement.repeat is None or settlement.repeat.first >= settlement.rows[0].index:
                raise BrokenPromiseError(1, f"it comes before the first: {_show(settlement)}")
        self._check_attributions()
        self._check_doubts()
        if not stopped:
            self._check_all_known()

    def _check_attributions(self) -> None:
        for settlement in self._told[Status.PRESENT]:
            if settlement.attribution is Attribution.THEIRS:
                self._check_not_ours(4, settlement)
        for settlement in chain(self._told[Status.REJECTED], self._told[Status.NOT_ADDED]):
            # One refused here never went out, and another row may have its id.
            if settlement.attempts or settlement.status is Status.NOT_ADDED:
                self._check_not_ours(5, settlement)
            if settlement.error is None:
                raise BrokenPromiseError(5, f"no reason is given: {_show(settlement)}")

    def _check_doubts(self) -> None:
        """UNKNOWN and ``unclear`` need a cause: else an engine that knows nothing would pass."""
        unclear = (s for s in self._told[Status.PRESENT] if s.attribution is not Attribution.THEIRS)
        for settlement in chain(self._told[Status.UNKNOWN], unclear):
            for row in settlement.rows:
                if row.id not in self.doubtful:
                    raise BrokenPromiseError(6, f"doubt without a cause: {_show(settlement)}")

    def _check_added(self, settlement: Settlement) -> None:
        if self._scenario.promise_broken and settlement.evidence is Evidence.INFERRED:
            ledger = self._server.ledger
            self.wrong_inferences += sum(
                row.id not in ledger or ledger[row.id].by != US for row in settlement.rows
            )
            return
        for entry in self._entries(settlement):
            if entry.by != US:
                raise BrokenPromiseError(3, f"{entry.by} added them: {_show(settlement)}")

    def _entries(self, settlement: Settlement) -> set[Entry]:
        ledger = self._server.ledger
        ids = [row.id for row in settlement.rows]
        if not ledger.keys() >= set(ids):
            raise BrokenPromiseError(2, f"it is not in the ledger: {_show(settlement)}")
        return {ledger[crm_record_id] for crm_record_id in ids}

    def _check_not_ours(self, number: int, settlement: Settlement) -> None:
        for row in settlement.rows:
            entry = self._server.ledger.get(row.id)
            if entry is not None and entry.by == US:
                raise BrokenPromiseError(
                    number, f"request {entry.request} of ours added {row.id}: {_show(settlement)}"
                )

    def _check_all_known(self) -> None:
        """Faults over, nothing stopped: no UNKNOWN, no NOT_ADDED, and only the invalid REJECTED.

        The exception: an id that was asked alone and refused in words that do not say why. That is
        REJECTED, or UNKNOWN if an attempt of ours may have landed and nothing refutes it.
        """
        for status in (Status.UNKNOWN, Status.NOT_ADDED, Status.REJECTED):
            for settlement in self._told[status]:
                if status is Status.REJECTED and not settlement.attempts:
                    continue
                for row in settlement.rows:
                    excused = row.id in self.riddles or (
                        status is Status.REJECTED and row.id in self._server.invalid
                    )
                    if not excused:
                        raise BrokenPromiseError(
                            6, f"faults are over, time is left, and {_show(settlement)}"
                        )


def _show(settlement: Settlement) -> str:
    rows = ", ".join(f"{row.index} ({row.id})" for row in settlement.rows[:4])
    more = f" and {len(settlement.rows) - 4} more" if len(settlement.rows) > 4 else ""
    how = settlement.evidence or settlement.attribution or settlement.error or ""
    return f"row {rows}{more} is {settlement.status} {str(how)[:120]}"
