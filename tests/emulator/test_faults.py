from collections import Counter

import pytest

from campaigns_async.emulator.faults import (
    CONDUCT,
    Blow,
    Commit,
    Fault,
    FaultDetails,
    Faults,
    FaultSource,
)


def draw(faults: Faults, count: int, *, seed: int = 0, method: str = "POST") -> list[Fault | None]:
    """What hits so many requests."""
    source = FaultSource(faults, seed=seed)
    blows = [source.next_blow(method) for _ in range(count)]
    return [blow.fault if blow else None for blow in blows]


def test_every_fault_has_its_row() -> None:
    """The table says of each fault what it does."""
    assert set(Fault) == CONDUCT.keys()


@pytest.mark.parametrize("fault", Fault)
def test_names_say_when_the_commit_is(fault: Fault) -> None:
    """A fault named before commit never commits, one named after does, a late one does late."""
    commit = CONDUCT[fault].commit
    if "before_commit" in fault or "throttle" in fault:
        assert commit is Commit.NEVER
    elif "after_commit" in fault or "body" in fault:
        assert commit is Commit.NOW
    elif "late" in fault:
        assert commit is Commit.LATE


def test_nothing_goes_wrong_by_default() -> None:
    """Without settings there is no fault and no latency."""
    source = FaultSource(Faults())
    assert [source.next_blow("POST"), source.next_blow("PATCH")] == [None, None]
    assert source.latency() == 0.0


def test_a_script_goes_first() -> None:
    """Scripted faults hit the first requests in order, sparing those of None; then it is over."""
    faults = Faults(script=["hang", None, Fault.REDIRECT])
    assert draw(faults, 4) == [Fault.HANG, None, Fault.REDIRECT, None]


def test_injected_faults_queue_up() -> None:
    """Injected faults follow in the order of injecting, with measures of their own."""
    source = FaultSource(Faults(details=FaultDetails(retry_after=9.0)))
    source.inject("unavailable", times=2, status=502)
    source.inject(Fault.HANG)
    unavailable = Blow(Fault.UNAVAILABLE, FaultDetails(retry_after=9.0, status=502))
    hang = Blow(Fault.HANG, FaultDetails(retry_after=9.0))
    assert [unavailable, unavailable, hang, None] == [source.next_blow("POST") for _ in range(4)]


def test_injected_faults_can_be_forgotten() -> None:
    """After `clear` nothing injected happens any more."""
    source = FaultSource(Faults())
    source.inject(Fault.HANG, times=5)
    source.clear()
    assert source.next_blow("POST") is None


def test_misspelled_faults_are_refused() -> None:
    """A fault or a measure that does not exist is an error at once."""
    source = FaultSource(Faults())
    with pytest.raises(ValueError, match="explode"):
        source.inject("explode")
    with pytest.raises(TypeError, match="loudness"):
        source.inject(Fault.HANG, loudness=11)
    with pytest.raises(ValueError, match="explode"):
        Faults(rates={"explode": 1.0})


@pytest.mark.parametrize("rates", [{"hang": 1.5}, {"hang": 0.6, "redirect": 0.6}, {"hang": -0.1}])
def test_rates_are_probabilities(rates: dict[str, float]) -> None:
    """Rates below 0, or above 1 together, are refused."""
    with pytest.raises(ValueError, match="probabilities"):
        Faults(rates=rates)


def test_rates_hold_in_the_long_run() -> None:
    """Each fault comes about as often as its rate says."""
    seen = Counter(draw(Faults(rates={"hang": 0.1, "redirect": 0.3}), 10_000))
    assert seen[Fault.HANG] == pytest.approx(1_000, rel=0.15)
    assert seen[Fault.REDIRECT] == pytest.approx(3_000, rel=0.15)


def test_equal_seeds_make_equal_faults() -> None:
    """The seed decides, and nothing else."""
    faults = Faults(rates={"hang": 0.5})
    assert draw(faults, 50, seed=3) == draw(faults, 50, seed=3)
    assert draw(faults, 50, seed=3) != draw(faults, 50, seed=4)


def test_faults_are_for_their_methods() -> None:
    """Requests of another method are spared, and use up nothing of the script."""
    source = FaultSource(Faults(script=("hang",), methods={"POST"}))
    assert source.next_blow("PATCH") is None
    blow = source.next_blow("POST")
    assert blow is not None
    assert blow.fault is Fault.HANG


def test_latency_is_drawn_from_its_range() -> None:
    """A fixed latency is fixed; one from a range lies in it, and varies."""
    assert FaultSource(Faults(latency=0.5)).latency() == 0.5
    source = FaultSource(Faults(latency=(0.1, 0.2)))
    drawn = [source.latency() for _ in range(10)]
    assert all(0.1 <= latency <= 0.2 for latency in drawn)
    assert len(set[float](drawn)) == 10
