"""The engine keeps its promises in every world that its faults can make; see ``invariants.py``."""

import io
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.simulation.__main__ import replay, run_chunk
from tests.simulation.families import FAMILIES, build_scenario
from tests.simulation.world import World
from tests.simulation.wrong_engines import WRONG_ENGINES, find_broken_seed

_WORLDS = 400
_BULK_WORLDS = 40
_SAMPLE = range(2 * len(FAMILIES))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_promise_is_kept(family: str) -> None:
    """In many worlds of each family all outcomes are true, and no late request makes them false."""
    count = _BULK_WORLDS if family == "bulk" else _WORLDS
    place = FAMILIES.index(family)
    for seed in range(place, place + count * len(FAMILIES), len(FAMILIES)):
        world = World(seed)
        result = world.run()
        assert result.rows == len(world.scenario.records)


def test_the_same_seed_gives_the_same_trace() -> None:
    """Nothing but the seed decides what happens: neither a clock nor the order of a set."""
    here = " ".join(_digest(seed) for seed in _SAMPLE)
    code = (
        "from tests.simulation.test_simulation import _SAMPLE, _digest\n"
        "print(' '.join(_digest(seed) for seed in _SAMPLE))"
    )
    for hash_seed in ("1", "2"):
        there = subprocess.run(  # noqa: S603 - this interpreter, and our own words
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        )
        assert there.stdout.strip() == here


def _digest(seed: int) -> str:
    world = World(seed)
    world.run()
    return world.digest()


def test_other_seeds_give_other_worlds() -> None:
    """No two seeds of the sample have the same trace."""
    assert len({_digest(seed) for seed in _SAMPLE}) == len(_SAMPLE)


def test_a_broken_promise_by_the_caller_is_the_only_way_to_a_wrong_inference() -> None:
    """``exclusive`` with a competitor can make an inferred ADDED wrong, and that is counted."""
    place = FAMILIES.index("broken promise")
    seeds = range(place, 100 * len(FAMILIES), len(FAMILIES))
    assert all(build_scenario(seed).promise_broken for seed in seeds)
    assert sum(World(seed).run().wrong_inferences for seed in seeds) > 0


@pytest.mark.parametrize("mistake", WRONG_ENGINES)
def test_a_wrong_engine_is_caught(
    mistake: str, record_property: Callable[[str, object], None]
) -> None:
    """An engine with one plausible mistake breaks a promise within 1,000 seeds."""
    found = find_broken_seed(WRONG_ENGINES[mistake], range(1_000))
    assert found is not None
    record_property("seed", found[0])


def test_a_tally_counts_what_was_simulated() -> None:
    """A chunk of seeds comes back with its worlds, records and requests."""
    tally = run_chunk(range(11))
    assert tally.failed_seed is None
    assert tally.worlds == 11
    assert tally.rows.total() == sum(len(build_scenario(seed).records) for seed in range(11))
    assert str(tally).startswith(f"11 seeds, {tally.rows.total():,} records")


def test_a_replay_shows_the_end_of_the_trace() -> None:
    """The last lines of what happened, and the verdict, are printed for one seed."""
    out = io.StringIO()
    assert replay(1, 3, out)
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[-1] == "seed 1 (faults): all promises kept"
