import pytest

from campaigns_async.emulator.problems import build_problem
from campaigns_async.emulator.quirks import Quirks
from campaigns_async.emulator.refusals import FieldProblem, Reason, Refusal
from tests.emulator.conftest import T0, chance


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_can_be_told(reason: Reason) -> None:
    """There is no refusal for which the service has no words."""
    problem = build_problem(
        Refusal(reason=reason), quirks=Quirks(), rng=chance(0), instance="/x", time=T0
    )
    assert 400 <= problem.status < 500
    assert problem.title
    assert problem.detail


def test_a_refusal_is_a_value() -> None:
    """Equal facts are equal refusals."""
    error = FieldProblem("rank", "Number", "must be a number")
    assert Refusal(reason=Reason.INVALID, errors=(error,)) == Refusal(
        reason=Reason.INVALID, errors=(FieldProblem("rank", "Number", "must be a number"),)
    )
