"""One emulated campaign: its life, its ledger, and the rules by which records get in."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

import attrs

from campaigns_async.emulator.ledger import Ledger, LedgerEntry
from campaigns_async.emulator.life import Life
from campaigns_async.emulator.quirks import Quirks
from campaigns_async.emulator.refusals import Reason, Refusal
from campaigns_async.lifecycle import REFUSES_RECORDS
from campaigns_async.models import (
    Campaign,
    CampaignAction,
    CampaignDisplayStatus,
    CampaignState,
    NewRecord,
    Record,
)

CrmLookup = Collection[str] | Callable[[str], bool]
"""The ids that the CRM does not know: a collection of them, or a predicate true for them."""


@attrs.frozen(kw_only=True)
class CampaignSetup:
    """How a campaign is configured; what the vendor's Configuration Manager would hold.

    Seconds may be ``math.inf``: the transient state then stays until `EmulatedCampaign.force`.
    ``end_time`` is merely shown: no page says what it does to the state.
    """

    id: str
    tenant: str
    state: CampaignState = CampaignState.RUNNING
    dynamic: bool = True
    enabled: bool = True
    holds: Sequence[str] = ()
    unknown_to_crm: CrmLookup = ()
    start_time: datetime | None = None
    end_time: datetime | None = None
    build_on_start: bool = False
    build_seconds: float = 0.05
    start_seconds: float = 0.05
    record_id_prefix: str = "00000000-0000-4000-8000-"
    """The first 24 characters of every record's UUID; the rest is its position."""


class EmulatedCampaign:
    """A campaign of the local service, as its owner sees it from behind the counter.

    Nothing here waits or knows a clock: ``now`` is asked for the time, and the state is worked
    out from it whenever somebody looks.
    """

    def __init__(
        self, setup: CampaignSetup, *, quirks: Quirks, now: Callable[[], datetime]
    ) -> None:
        self.setup = setup
        self.dynamic = setup.dynamic
        self.unknown_to_crm: CrmLookup = setup.unknown_to_crm
        self._quirks = quirks
        self._now = now
        self._life = Life(
            setup.state,
            now=now(),
            enabled=setup.enabled,
            build_on_start=setup.build_on_start,
            start_time=setup.start_time,
            build_seconds=setup.build_seconds,
            start_seconds=setup.start_seconds,
            cancel_from_ready=quirks.cancel_from_ready,
        )
        self._ledger = Ledger(
            id_prefix=setup.record_id_prefix,
            ignore_case=quirks.ids_ignore_case,
            removed_id_stays_taken=quirks.removed_id_stays_taken,
        )
        self.hold(setup.holds)

    def __repr__(self) -> str:
        return f"<EmulatedCampaign {self.id} {self.state} holding {len(self.ledger)} records>"

    @property
    def id(self) -> str:
        """The campaign's UUID, as it stands in the path."""
        return self.setup.id

    @property
    def state(self) -> CampaignState:
        """The state as of now; transient states that have ended meanwhile are left."""
        return self._settled().state

    @property
    def display_status(self) -> CampaignDisplayStatus | None:
        """What the vendor's screens would show now."""
        return self._settled().display_status

    @property
    def enabled(self) -> bool:
        """Whether the campaign takes more actions than BUILD and RESET."""
        return self._life.enabled

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self._life.enabled = enabled

    @property
    def ledger(self) -> Mapping[str, LedgerEntry]:
        """All that the campaign holds, by ``crmRecordId`` in the order of adding. A live view."""
        return self._ledger

    @property
    def removed(self) -> Sequence[LedgerEntry]:
        """What `remove` took off, in that order."""
        return self._ledger.removed

    def added_by(self, client: str | None) -> list[str]:
        """The ids that requests with this ``X-Emulator-Client`` header put in, in that order.

        None: those of requests without the header. Seeded records are nobody's.
        """
        return self._ledger.added_by(client)

    def hold(self, crm_record_ids: Iterable[str]) -> None:
        """Preload records (marked ``seeded``), whatever the state; those already held are left."""
        for crm_record_id in crm_record_ids:
            if not self._ledger.duplicates((crm_record_id,)):
                self._ledger.add((NewRecord(crm_record_id),), now=self._now(), seeded=True)

    def remove(self, crm_record_id: str) -> None:
        """Take a record off the campaign; KeyError when it is not there.

        Whether the id stays taken is a quirk: no page says.
        """
        self._ledger.remove(crm_record_id)

    def force(self, state: CampaignState) -> None:
        """Put the campaign into a state, table or no table: RUN_ERROR say, or DELETED."""
        self._life.force(state, self._now())

    def fail_builds(self, *, fails: bool = True) -> None:
        """From now on every build that begins ends in BUILD_ERROR; ``fails=False`` mends it."""
        self._life.build_fails = fails

    def fail_starts(self, *, fails: bool = True) -> None:
        """From now on every start that begins ends in BUILD_ERROR; ``fails=False`` mends it."""
        self._life.start_fails = fails

    def modify(
        self,
        action: CampaignAction,
        *,
        enabled: bool | None = None,
        build_on_start: bool | None = None,
    ) -> Campaign | Refusal:
        """Carry out an action: the campaign right after it was accepted, or why it was not."""
        now = self._now()
        refusal = self._life.take(action, now=now, enabled=enabled, build_on_start=build_on_start)
        return refusal if refusal is not None else self.view()

    def add(
        self,
        records: Sequence[NewRecord],
        *,
        request: int | None = None,
        client: str | None = None,
    ) -> list[Record] | Refusal:
        """Add all the records, or none and say why. They have passed `validation` before."""
        ids = tuple([record.crm_record_id for record in records])
        checks = [self._check_state, self._check_crm, self._check_duplicates]
        if self._quirks.check_first == "duplicates":
            checks.reverse()
        for check in checks:
            refusal = check(ids)
            if refusal is not None:
                return refusal
        return self._ledger.add(records, now=self._now(), request=request, client=client)

    def view(self) -> Campaign:
        """The campaign as a reply to PATCH would show it now."""
        life = self._settled()
        return Campaign(
            id=self.id,
            tenant_id=self.setup.tenant,
            integration_type="contactual",
            start_time=self.setup.start_time,
            end_time=self.setup.end_time,
            state=life.state,
            display_status=life.display_status,
            record_count=len(self._ledger),
            record_counts=self._ledger.counts(),
            last_build_time=life.last_build_time,
            last_purged_time=life.last_purged_time,
            started_time=life.started_time,
            completed_time=life.completed_time,
        )

    def _settled(self) -> Life:
        self._life.settle(self._now())
        return self._life

    def _check_state(self, _ids: tuple[str, ...]) -> Refusal | None:
        if not self.dynamic:
            return Refusal(reason=Reason.NOT_DYNAMIC)
        state = self.state
        if state in REFUSES_RECORDS:
            return Refusal(reason=Reason.TAKES_NO_RECORDS, state=state)
        if not self.enabled and not self._quirks.disabled_takes_records:
            return Refusal(reason=Reason.DISABLED, state=state)
        return None

    def _check_crm(self, ids: tuple[str, ...]) -> Refusal | None:
        unknown = self.unknown_to_crm
        if callable(unknown):
            offenders = tuple([i for i in ids if unknown(i)])
        else:
            offenders = tuple([i for i in ids if i in unknown]) if unknown else ()
        if offenders:
            return Refusal(reason=Reason.UNKNOWN_TO_CRM, ids=offenders, requested=ids)
        return None

    def _check_duplicates(self, ids: tuple[str, ...]) -> Refusal | None:
        offenders = self._ledger.duplicates(ids)
        if offenders:
            return Refusal(reason=Reason.DUPLICATE, ids=offenders, requested=ids)
        return None
