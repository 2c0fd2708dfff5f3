"""The general check of an upload: what it says against what the service holds."""

from collections import Counter
from collections.abc import Iterable, Sequence

from campaigns_async.emulator import EmulatedCampaign
from campaigns_async.outcomes import RecordOutcome, Status
from campaigns_async.report import UploadReport


def check_account(
    outcomes: Sequence[RecordOutcome],
    campaign: EmulatedCampaign,
    *,
    preloaded: Iterable[str] = (),
    report: UploadReport | None = None,
) -> None:
    """Fail unless the outcomes are true of the ledger, and each row has exactly one.

    ``preloaded``: ids that were there before. ``report``: must count as the outcomes do.
    """
    indices = [outcome.index for outcome in outcomes]
    assert sorted(indices) == sorted(set(indices)), "a row has two outcomes"
    held = set(campaign.ledger)
    by_status: dict[Status, set[str]] = {status: set() for status in Status}
    for outcome in outcomes:
        by_status[outcome.status].add(outcome.crm_record_id or "")
    assert by_status[Status.ADDED] | by_status[Status.PRESENT] <= held
    # What is there and was not before, we put there: said so, or said that we do not know.
    arrived = held - set(preloaded)
    assert by_status[Status.ADDED] <= arrived
    unsure = by_status[Status.UNKNOWN] | {
        o.crm_record_id or "" for o in outcomes if o.attribution == "unclear"
    }
    assert arrived - by_status[Status.ADDED] <= unsure
    theirs = {o.crm_record_id for o in outcomes if o.attribution == "theirs"}
    assert theirs <= set(preloaded)
    assert not (by_status[Status.NOT_ADDED] & arrived)
    if report is not None:
        assert len(outcomes) == report.total
        counted = Counter(outcome.status for outcome in outcomes)
        assert {status: counted[status] for status in Status} == dict(report.counts)
