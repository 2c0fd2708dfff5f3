import pytest

from campaigns_async._core import hints
from campaigns_async.errors import FieldError, Problem
from campaigns_async.models import CampaignAction

GIST = [
    # status, words of the vendor's advice (Troubleshooting) that the hint must contain
    (400, ["1 to 32 characters", "blank", "repeated", "1 to 100 records", "ISO 8601"]),
    (401, ["API key", "Admin Console", "eght_", "revoked", "app must still exist"]),
    (403, ["edit its app", "Admin Console", "add the Contact Center Campaigns product"]),
    (404, ["campaign id", "tenant", "site", "US1, US2 or UK3"]),
    (409, ["already", "state"]),
    (422, ["1 to 32 characters"]),
    (429, ["requests_per_second", "max_in_flight"]),
    (500, ["try again later", "support", "instance and time"]),
    (503, ["try again later", "support", "instance and time"]),
    # Not on the vendor's page: what lies between, or a wrong address.
    (301, ["redirect", "API key", "base_url"]),
    (307, ["redirect", "API key", "base_url"]),
    (405, ["base_url", "US1, US2 or UK3"]),
    (408, ["not known"]),
    (413, ["fewer records"]),
    (415, ["media type", "proxy"]),
    (418, ["base_url", "proxy"]),
    (999, ["support"]),
]


@pytest.mark.parametrize(("status", "gist"), GIST)
def test_a_hint_has_the_gist_of_the_vendors_advice(status: int, gist: list[str]) -> None:
    """Each status has a hint that contains what the vendor's page says to look at."""
    hint = hints.hint_for_status(status, Problem())
    assert [words for words in gist if words not in hint] == []


def test_every_status_has_a_printable_hint_without_a_full_stop() -> None:
    """A hint, whatever the status, is one line to be put into a sentence."""
    for status in (*range(99, 700), 999):
        hint = hints.hint_for_status(status, Problem())
        assert hint
        assert hint.isprintable()
        assert not hint.endswith(".")


def test_the_state_hint_tells_which_states_take_no_records() -> None:
    """A conflict with the campaign's state names the states of the vendor's page, and disabled."""
    state = hints.hint_for_state(disabled=False)
    for name in ("BUILDING", "STARTING", "COMPLETE", "DELETED"):
        assert name in state
    disabled = hints.hint_for_state(disabled=True)
    assert "only build and reset" in disabled
    assert "enabled=True" in disabled


def test_other_hints_say_where_to_change_what() -> None:
    """Not dynamic: in Configuration Manager; duplicate: use upload."""
    assert "Dynamic Campaign in Configuration Manager" in hints.NOT_DYNAMIC
    assert "use upload" in hints.DUPLICATE


def test_the_fields_at_fault_come_first() -> None:
    """A validation error's hint begins with the fields that the service named, each once."""
    problem = Problem(
        errors=[FieldError("rank"), FieldError(None), FieldError("scheduleAt"), FieldError("rank")]
    )
    assert hints.hint_for_fields(problem).startswith("Look at rank, scheduleAt. Look at the fields")
    assert hints.hint_for_status(400, problem) == hints.hint_for_fields(problem)


def test_a_field_from_outside_is_made_safe() -> None:
    """Names of fields go into the hint escaped and cut, however many and long they are."""
    hostile = [FieldError(f"\x1b[2J\n{n}" + "x" * 5_000) for n in range(1_000)]
    hint = hints.hint_for_fields(Problem(errors=hostile))
    assert hint.isprintable()
    assert len(hint) < 1_000


def test_the_hint_for_an_action_says_from_where_it_is_taken() -> None:
    """As the vendor's table has it."""
    assert hints.hint_for_action(CampaignAction.RESET) == "RESET is taken from READY or BUILD_ERROR"
    start = hints.hint_for_action(CampaignAction.START)
    assert start == "START is taken from READY, with build_on_start=True from CREATED too"
