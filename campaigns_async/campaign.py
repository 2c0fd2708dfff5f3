"""CampaignHandle: what can be done with one campaign."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Unpack
from uuid import UUID

from campaigns_async._core.exchange import Request
from campaigns_async._core.parsing import parse_batch
from campaigns_async._core.problems import unreadable_error
from campaigns_async._core.ranks import Order
from campaigns_async._core.retry import may_repeat
from campaigns_async._core.wire import UnreadableBodyError, decode_records, encode_records
from campaigns_async.actions import ActionOptions, Actions, StartOptions
from campaigns_async.batcher import RecordBatcher
from campaigns_async.batcher_options import BatcherOptions
from campaigns_async.dispatch import Dispatcher
from campaigns_async.errors import ConfigurationError, escape
from campaigns_async.models import (
    MAX_RECORDS_PER_REQUEST,
    Campaign,
    CampaignAction,
    NewRecord,
    Record,
)
from campaigns_async.outcomes import Status
from campaigns_async.report import UploadReport
from campaigns_async.stream import OutcomeStream
from campaigns_async.teller import Tell
from campaigns_async.upload import Records, Upload
from campaigns_async.upload_options import OnOutcome, OnProgress, StreamOptions, UploadOptions


class CampaignHandle:
    """One campaign; made by :meth:`CampaignsSession.campaign`.

    The actions return the campaign as it is right after the service accepted them, so a build gives
    BUILDING; its end cannot be asked for, see :meth:`start_when_ready`. ``enabled`` also enables or
    disables the campaign; None leaves that alone.

    Every call raises :exc:`APIError` for a refusal, :exc:`NotSentError` or
    :exc:`OutcomeUnknownError` where there was no reply, and :exc:`ConfigurationError` when the
    session is closed or belongs to another event loop.

    Source: the vendor's pages "Modify campaign" and "Add records".
    """

    def __init__(self, dispatcher: Dispatcher, campaign_id: str | UUID) -> None:
        self._dispatcher = dispatcher
        self.id = _parse_campaign_id(campaign_id)
        self._actions = Actions(dispatcher, f"/{self.id}")

    def __repr__(self) -> str:
        return f"<CampaignHandle {self.id}>"

    # --- actions

    async def build(self, *, enabled: bool | None = None) -> Campaign:
        """Build the call list; from CREATED, READY or BUILD_ERROR."""
        return await self.modify(CampaignAction.BUILD, enabled=enabled)

    async def reset(self, *, enabled: bool | None = None) -> Campaign:
        """Back to CREATED; from READY or BUILD_ERROR."""
        return await self.modify(CampaignAction.RESET, enabled=enabled)

    async def start(
        self,
        build_on_start: bool | None = None,  # noqa: FBT001 - the only thing START takes
        *,
        enabled: bool | None = None,
    ) -> Campaign:
        """Start dialing, or schedule it if the start time lies ahead; from READY.

        ``build_on_start`` True builds first, and starts from CREATED too; None leaves it to the
        campaign's own setting.
        """
        return await self.modify(
            CampaignAction.START, enabled=enabled, build_on_start=build_on_start
        )

    async def pause(self, *, enabled: bool | None = None) -> Campaign:
        """Stop dialing, but for what is queued already; from RUNNING."""
        return await self.modify(CampaignAction.PAUSE, enabled=enabled)

    async def resume(self, *, enabled: bool | None = None) -> Campaign:
        """Dial again; from PAUSED."""
        return await self.modify(CampaignAction.RESUME, enabled=enabled)

    async def retry(self, *, enabled: bool | None = None) -> Campaign:
        """Run again; from RUN_ERROR."""
        return await self.modify(CampaignAction.RETRY, enabled=enabled)

    async def cancel(self, *, enabled: bool | None = None) -> Campaign:
        """End it for good; from PENDING, RUNNING, PAUSED or RUN_ERROR."""
        return await self.modify(CampaignAction.CANCEL, enabled=enabled)

    async def purge(self, *, enabled: bool | None = None) -> Campaign:
        """Clear what is queued, the state stays; from PAUSED, RUN_ERROR or COMPLETE."""
        return await self.modify(CampaignAction.PURGE, enabled=enabled)

    async def modify(
        self,
        action: CampaignAction | str,
        *,
        enabled: bool | None = None,
        build_on_start: bool | None = None,
    ) -> Campaign:
        """Ask for an action by its name.

        Repeated where that is safe: if it was never sent, after 429, and after a 5xx for the
        actions that the state guards (START PAUSE RESUME CANCEL). A refusal after an attempt that
        had no clear end has ``after_ambiguous_attempt`` set: that one may have been carried out.
        """
        options = ActionOptions(enabled=enabled, build_on_start=build_on_start)
        return await self._actions.modify(action, options)

    async def start_when_ready(
        self,
        *,
        deadline: float,
        enabled: bool | None = None,
        build_on_start: bool | None = None,
    ) -> Campaign:
        """START, again and again while the campaign is BUILDING; never by BUILD.

        The end of a build cannot be asked for, but START is refused until then and harmless. A
        reply that names another state is raised at once, and the last refusal after ``deadline``
        seconds (infinity: never); :exc:`OutcomeUnknownError` if that cut a START short.
        """
        options = StartOptions(enabled=enabled, build_on_start=build_on_start, deadline=deadline)
        return await self._actions.start_when_ready(options)

    # --- records

    async def add_records(
        self, records: Iterable[NewRecord | Mapping[str, Any] | str]
    ) -> list[Record]:
        """Add 1 to 100 records in one request: all of them, or none and an exception.

        For more, or where some may be on the campaign already, use :meth:`upload`.

        Raises :exc:`InvalidRecordError` before anything is sent: blank or over-long id, id
        repeated among the records, time without a zone, rank that is no number, none or more than
        100 of them. Not repeated after an attempt that may have been executed; after
        :exc:`OutcomeUnknownError` or :exc:`ServerError` an :meth:`upload` of the same records
        finds out.
        """
        rows = parse_batch(records)
        request = Request("POST", self._records_path, encode_records(rows))
        with self._dispatcher.new_call("add_records", self._records_path) as call:
            reply = await self._dispatcher.call(
                request, may_repeat=may_repeat, ids=tuple(rows.ids), call=call
            )
            call.settle([(Status.ADDED, len(rows))])
            try:
                return list(decode_records(reply.body))
            except UnreadableBodyError as error:
                unreadable = unreadable_error(reply, error)
            raise unreadable

    async def upload(
        self,
        records: Records,
        *,
        order: Order = "input",
        rank_start: int = 1,
        exclusive: bool = False,
        on_duplicate: Literal["first", "error"] = "first",
        journal: str | os.PathLike[str] | None = None,
        on_outcome: OnOutcome | None = None,
        on_progress: OnProgress | None = None,
        deadline: float | None = None,
        stop_after_rejects: int | None = None,
    ) -> UploadReport:
        """Put every record in, and give an account of each that is never a guess.

        ``records``: any iterable or async iterable of :class:`NewRecord`, mappings or ids, 1 to
        millions; read as far ahead as requests need and never whole, so each must be an object of
        its own: a generator must not fill one mapping again and again. They go 100 at a time, fewer
        at their end, and where one of an async iterable has waited a second for more; with a
        journal at their end alone. Empty: a report of nothing.

        - ``order``: "input" gives every record without a rank of its own ``rank_start`` + its
          position, so that it is dialed in input order; "server" leaves ranks to the service, which
          gives them by arrival.
        - ``exclusive``: your word that none of the ids was on the campaign before and nobody else
          adds them meanwhile; of ids that differ in case only, that the service tells them apart.
          Then a batch whose reply was lost is settled by one request and
          counts as ADDED (``inferred``). As soon as a reply proves the word wrong, it is not relied
          on any more.
        - ``on_duplicate``: a repeated id in the input is DUPLICATE ("first"), or REJECTED
          ("error").
        - ``journal``: path of a file that outlives a crash; made if it is missing. The same call
          with the same input and journal goes on where the last one ended, and its report covers
          all of it. A final outcome is on disk before ``on_outcome`` is told, and told at most once
          over all runs. One that was kept right before a crash or a second cancellation is in the
          report alone; so is one that came when the journal could not be written any more, and a
          later run asks again. See :class:`Journal`.
        - ``on_outcome``: called, and awaited if it is async, with each :class:`RecordOutcome`, in
          order of settling. ``on_progress``: with a :class:`Progress`, up to ten times a second and
          at the end. One that raises is logged and listed in the report; the upload goes on. They
          are waited for, past the deadline too.
        - ``deadline``: seconds; what is not settled by then is NOT_ADDED or UNKNOWN. None: it goes
          on, through outages and builds, until every record is settled or the service refuses for
          good.
        - ``stop_after_rejects``: stop once this many records were REJECTED. None: never.

        Refusals never raise, they are in the report (:meth:`UploadReport.raise_for_errors`). What
        does: the iterable's own exception, after all that was read is settled, and a cancellation;
        both carry the account in their attribute ``report``.
        """
        options = UploadOptions(
            order=order,
            rank_start=rank_start,
            exclusive=exclusive,
            on_duplicate=on_duplicate,
            journal=journal,
            on_outcome=on_outcome,
            on_progress=on_progress,
            deadline=deadline,
            stop_after_rejects=stop_after_rejects,
        )
        return await Upload(self._dispatcher, self._records_path, records, options=options).run()

    def stream(self, records: Records, **options: Unpack[StreamOptions]) -> OutcomeStream:
        """Like :meth:`upload`, but gives each outcome as it settles, in order of settling.

        Takes the same options, but for ``on_outcome``. Its ``report`` is the account so far::

            async with campaign.stream(records) as outcomes:
                async for outcome in outcomes: ...
        """
        if "on_outcome" in options:
            msg = "stream gives the outcomes itself; on_outcome goes with upload"
            raise ConfigurationError(msg)
        checked = UploadOptions(**options)

        def make(tell: Tell) -> Upload:
            return Upload(self._dispatcher, self._records_path, records, options=checked, tell=tell)

        return OutcomeStream(make)

    def batcher(
        self,
        *,
        linger: float = 0.05,
        max_batch_size: int = MAX_RECORDS_PER_REQUEST,
        max_in_flight: int | None = None,
        max_buffered: int = 10_000,
        when_full: Literal["wait", "error"] = "wait",
        order: Order = "server",
        exclusive: bool = False,
    ) -> RecordBatcher:
        """A :class:`RecordBatcher`, for services and workers that get one record at a time.

        - ``linger``: seconds that a batch waits for more, from its first record. A full one goes at
          once; 0 sends what there is.
        - ``max_batch_size``: records in one request, 1 to 100.
        - ``max_in_flight``: requests of this batcher at once, below the session's own limit.
        - ``max_buffered``: records that are not settled, at most. Then ``when_full``: "wait" for
          room, or "error": :exc:`BatcherFullError`.
        - ``order``, ``exclusive``: as for :meth:`upload`; ranks count the submits, from 1.
        """
        options = BatcherOptions(
            linger=linger,
            max_batch_size=max_batch_size,
            max_in_flight=max_in_flight,
            max_buffered=max_buffered,
            when_full=when_full,
            order=order,
            exclusive=exclusive,
        )
        return RecordBatcher(self._dispatcher, self._records_path, options)

    @property
    def _records_path(self) -> str:
        return f"/{self.id}/records"


def _parse_campaign_id(campaign_id: str | UUID) -> str:
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        # Its canonical form, so that nothing else can reach the path.
        return str(campaign_id if isinstance(campaign_id, UUID) else UUID(campaign_id))
    msg = (
        f"the campaign id {escape(repr(campaign_id), 60)} is no UUID; "
        "it looks like 123e4567-e89b-12d3-a456-426614174000"
    )
    raise ConfigurationError(msg)
