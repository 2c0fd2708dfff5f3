"""Kinds of worlds, each of which stresses one thing."""

import math
from random import Random
from typing import Final

import attrs

from tests.simulation import faults
from tests.simulation.draws import (
    draw_habits,
    draw_ids,
    draw_records,
    draw_rivals,
    draw_some,
    draw_timeline,
    draw_weather,
)
from tests.simulation.faults import Weather
from tests.simulation.scenario import Scenario

FAMILIES: Final = (
    "calm",
    "faults",
    "late",
    "vague",
    "states",
    "competitors",
    "exclusive",
    "broken promise",
    "gateway",
    "stops",
    "words",
    "bulk",
)


def build_scenario(seed: int) -> Scenario:
    """The scenario of this seed; its family is ``seed % len(FAMILIES)``."""
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    family = FAMILIES[seed % len(FAMILIES)]
    if family == "bulk":
        return _bulk(seed, family, random)
    ids = draw_ids(random, awkward=family == "words")
    scenario = Scenario(
        seed=seed,
        family=family,
        records=draw_records(random, ids),
        size=random.choice((1, 2, 3, 4, 5, 6, 8, 10, 12, 100)),
        habits=draw_habits(random),
        invalid=draw_some(random, ids, random.choice((0.0, 0.0, 0.02, 0.2))),
        repeats_are_errors=random.random() < 0.3,
        ceiling=random.choice((1, 2, 4, 16)),
        initial=random.choice((1, 4)),
        requests_per_second=random.choice((None, None, None, 20.0)),
        budget=random.choice((0.0, 5.0, 50.0)),
        latency=random.choice((0.05, 0.2, 2.0)),
    )
    return _BUILD[family](scenario, random, ids)


# --- the families


def _calm(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    return attrs.evolve(
        scenario, seeded=draw_some(random, ids, random.choice((0.0, 0.05, 0.5, 1.0)))
    )


def _faults(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    seeded = draw_some(random, ids, random.choice((0.0, 0.0, 0.1)))
    scenario = attrs.evolve(scenario, seeded=seeded, weather=draw_weather(random, faults.EVEN))
    if random.random() < 0.3:
        times = sorted(random.uniform(0, 20) for _ in range(-(-len(ids) // 5) + 8))
        scenario = attrs.evolve(scenario, linger=random.choice((0.05, 1.0)), arrivals=times)
    return scenario


def _late(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    rivals = draw_rivals(random, ids) if random.random() < 0.3 else ()
    return attrs.evolve(scenario, weather=draw_weather(random, faults.LATE), rivals=rivals)


def _vague(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    habits = attrs.evolve(
        scenario.habits, vague=random.choice((0.1, 0.5, 1.0)), wrong=random.choice((0.0, 0.3))
    )
    return attrs.evolve(
        scenario,
        habits=habits,
        seeded=draw_some(random, ids, random.choice((0.0, 0.1))),
        rivals=draw_rivals(random, ids) if random.random() < 0.3 else (),
        weather=draw_weather(random, faults.EVEN),
    )


def _states(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    habits = attrs.evolve(
        scenario.habits,
        unsure_state=random.random() < 0.2,
        dynamic=random.random() < 0.97,
        state_status=random.choice((400, 409)),
    )
    return attrs.evolve(
        scenario,
        habits=habits,
        states=draw_timeline(random),
        weather=draw_weather(random, faults.EVEN) if random.random() < 0.7 else Weather(),
        seeded=draw_some(random, ids, random.choice((0.0, 0.1))),
    )


def _competitors(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    return attrs.evolve(
        scenario,
        rivals=draw_rivals(random, ids),
        seeded=draw_some(random, ids, random.choice((0.0, 0.1))),
        weather=draw_weather(random, faults.EVEN) if random.random() < 0.8 else Weather(),
    )


def _exclusive(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    del ids  # the world keeps the promise: nobody else adds them
    kinds = random.choice((faults.EVEN, faults.LATE))
    vague = random.choice((0.0, 0.0, 0.3))
    return attrs.evolve(
        scenario,
        exclusive=True,
        habits=attrs.evolve(scenario.habits, vague=vague),
        weather=draw_weather(random, kinds),
        states=draw_timeline(random) if random.random() < 0.2 else (),
    )


def _broken_promise(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    scenario = _competitors(scenario, random, ids)
    return attrs.evolve(scenario, exclusive=True, promise_broken=True)


def _gateway(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    exclusive = random.random() < 0.3
    vague = random.choice((0.0, 0.0, 0.3))
    return attrs.evolve(
        scenario,
        gateway_resends=True,
        exclusive=exclusive,
        habits=attrs.evolve(scenario.habits, vague=vague),
        seeded=() if exclusive else draw_some(random, ids, random.choice((0.0, 0.1))),
        rivals=draw_rivals(random, ids) if not exclusive and random.random() < 0.3 else (),
        states=draw_timeline(random) if random.random() < 0.3 else (),
        deadline=random.uniform(0.5, 30) if random.random() < 0.3 else math.inf,
        weather=draw_weather(random, faults.RESENDING),
    )


def _stops(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    scenario = attrs.evolve(
        scenario,
        weather=draw_weather(random, random.choice((faults.EVEN, faults.LATE, faults.DENYING))),
        seeded=draw_some(random, ids, random.choice((0.0, 0.1))),
        rivals=draw_rivals(random, ids) if random.random() < 0.3 else (),
        exclusive=False,
    )
    when = random.choice((random.uniform(0, 2), random.uniform(0, 60)))
    match random.randrange(4):
        case 0:
            return attrs.evolve(scenario, cancel_at=when)
        case 1:
            return attrs.evolve(
                scenario,
                deadline=when + 0.01,
                # The faults never end.
                weather=attrs.evolve(scenario.weather, until=math.inf),
            )
        case 2:
            return attrs.evolve(
                scenario,
                stop_after_rejects=random.randrange(1, 4),
                invalid=draw_some(random, ids, 0.2),
            )
        case _:
            return scenario


def _words(scenario: Scenario, random: Random, ids: list[str]) -> Scenario:
    return attrs.evolve(
        scenario,
        seeded=draw_some(random, ids, random.choice((0.05, 0.3))),
        weather=draw_weather(random, faults.EVEN) if random.random() < 0.5 else Weather(),
        habits=attrs.evolve(scenario.habits, wrong=random.choice((0.0, 0.2))),
    )


_BUILD: Final = {
    "calm": _calm,
    "faults": _faults,
    "late": _late,
    "vague": _vague,
    "states": _states,
    "competitors": _competitors,
    "exclusive": _exclusive,
    "broken promise": _broken_promise,
    "gateway": _gateway,
    "stops": _stops,
    "words": _words,
}


def _bulk(seed: int, family: str, random: Random) -> Scenario:
    """Thousands of rows in batches of 100: what an upload is mostly like."""
    count = random.randrange(1_000, 8_000)
    ids = [f"CRM-{seed}-{number}" for number in range(count)]
    rate = random.choice((0.0, 0.02, 0.1))
    return Scenario(
        seed=seed,
        family=family,
        records=ids,
        size=100,
        habits=attrs.evolve(draw_habits(random), most=100),
        seeded=draw_some(random, ids, random.choice((0.0, 0.0005))),
        invalid=draw_some(random, ids, random.choice((0.0, 0.0, 0.0005))),
        weather=Weather(rate, random.uniform(10, 300), faults.EVEN),
        states=draw_timeline(random) if random.random() < 0.1 else (),
        exclusive=False,
    )
