import click
import pytest

from campaigns_async.cli.reject_limit import NO_LIMIT, RejectLimit, reject_limit
from campaigns_async.outcomes import Status
from campaigns_async.report import Progress


def _progress(rejected: int, read: int) -> Progress:
    return Progress(
        read=read,
        counts={Status.REJECTED: rejected},
        requests=0,
        retries=0,
        in_flight=0,
        elapsed=1.0,
    )


def test_a_limit_is_a_number_or_a_share() -> None:
    """With a percent sign."""
    assert reject_limit("500") == RejectLimit(rows=500)
    assert reject_limit(" 2.5% ") == RejectLimit(share=0.025)


@pytest.mark.parametrize("text", ["0", "-1", "0%", "100%", "x", "5%%", "1.5", "nan%", ""])
def test_anything_else_is_usage(text: str) -> None:
    """With an example."""
    with pytest.raises(click.BadParameter, match="write 500, or 5%"):
        reject_limit(text)


def test_a_share_says_something_from_a_thousand_rows_on() -> None:
    """Then it is compared with the rows read; a number is not looked at here."""
    limit = RejectLimit(share=0.05)

    assert limit.judge(_progress(999, 999)) is None
    assert limit.judge(_progress(50, 1_000)) is None
    told = "51 of 1,000 records were rejected, and 5.00% was the limit"
    assert limit.judge(_progress(51, 1_000)) == told
    assert RejectLimit(rows=1).judge(_progress(51, 1_000)) is None
    assert NO_LIMIT.judge(_progress(51, 1_000)) is None
