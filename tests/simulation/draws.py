"""The parts of a scenario, each drawn from a seeded random."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from campaigns_async.models import NewRecord
from tests.simulation.faults import Fault, Weather
from tests.simulation.server import Check, Habits

_WORDS: Final = (
    *("record", "Record", "Campaign", "Id", "ids", "already", "duplicate", "Duplicate-7", "exists"),
    *("BUILDING", "COMPLETE", "DELETED", "RUNNING", "state", "100", "409", "1", "12", "123", "7"),
    *(
        "CRM-1",
        "CRM-12",
        "CRM-123",
        "RM-12",
        "CRM-1.",
        "CRM 1",
        "CRM 12",
        "a",
        "A",
        "Größe-7",
        "O'Hara-1",
    ),
    *("present", "added", "not-found", "in", "the", "campaign", "valid", "dynamic", "isDynamic"),
    *("x:1", "x:12", "id:9", "(7)", '"q"', "already-added-1", "conflict", "request", "duplicate 3"),
)
"""Ids that are words of the sentences, or parts of one another."""


def draw_ids(random: Random, *, awkward: bool) -> list[str]:
    """The ids of the input, each once; ``awkward``: words, parts of one another, odd signs."""
    count = random.choice((1, 2, 3, 5, 8, 13, 30, 60, 150))
    if awkward:
        return random.sample(_WORDS, min(count, len(_WORDS)))
    style = random.choice(("CRM-{}", "{}", "00Q5g00000{:08}", "c{}@example.com"))
    first = random.choice((1, 95, 1_000, 40_000))
    ids = [style.format(first + number) for number in range(count)]
    random.shuffle(ids)
    return ids


def draw_records(random: Random, ids: list[str]) -> list[Any]:
    """The input: each id in one of the ways to give it, some again, and some that is no record."""
    records: list[Any] = []
    for crm_record_id in ids:
        kind = random.random()
        if kind < 0.8:
            records.append(crm_record_id)
        elif kind < 0.9:
            records.append(NewRecord(crm_record_id, rank=2.5))
        else:
            records.append({"crmRecordId": crm_record_id, "priority": "LOW"})
    for _ in range(random.choice((0, 0, 1, len(ids) // 10))):
        records.insert(random.randrange(len(records) + 1), random.choice(ids))
    for _ in range(random.choice((0, 0, 1))):
        broken = random.choice(("", "x" * 33, None, {"crmRecordId": "CRM-1", "schedule": "now"}))
        records.insert(random.randrange(len(records) + 1), broken)
    return records


def draw_habits(random: Random) -> Habits:
    """What this server does where the vendor's pages leave it open."""
    checks: list[Check] = ["state", "invalid", "duplicate"]
    random.shuffle(checks)
    return Habits(
        naming=random.choice(("first", "last", "random", "all", "none", "any")),
        duplicate_status=random.choice((400, 409)),
        documented=random.random() < 0.5,
        names_invalid=random.random() < 0.6,
        wrong=random.choice((0.0, 0.0, 0.0, 0.3)),
        most=random.choice((100, 100, 100, 100, 100, 7)),
        checks=tuple(checks),
    )


def draw_weather(random: Random, kinds: Mapping[Fault, float]) -> Weather:
    """Faults of these kinds, for a while."""
    rate = random.choice((0.05, 0.2, 0.5, 0.9))
    return Weather(rate, random.choice((2.0, 20.0, 120.0)), kinds)


def draw_timeline(random: Random) -> list[tuple[float, str]]:
    """States that the campaign goes through, at the end one that takes records, or a final one."""
    at = random.choice((0.0, random.uniform(0, 3)))
    states: list[tuple[float, str]] = []
    for _ in range(random.randrange(1, 4)):
        states.append((at, random.choice(("BUILDING", "STARTING"))))
        at += random.choice((0.5, random.uniform(0, 100)))
        states.append((at, random.choice(("READY", "RUNNING", "PAUSED", "RUN_ERROR"))))
        at += random.uniform(0, 10)
    if random.random() < 0.2:
        states.append((at, random.choice(("COMPLETE", "DELETED"))))
    return states


def draw_rivals(random: Random, ids: list[str]) -> list[tuple[float, Sequence[str]]]:
    """A competitor's adds, most of them while the upload begins."""
    span = random.choice((0.5, 5.0, 60.0))
    share = random.choice((0.02, 0.1, 0.5))
    return [
        (random.uniform(0, span), draw_some(random, ids, share))
        for _ in range(random.randrange(1, 9))
    ]


def draw_some(random: Random, ids: list[str], share: float) -> list[str]:
    """About this share of the ids."""
    if not share:
        return []
    if len(ids) > 1_000:
        return random.sample(ids, int(share * len(ids)))
    return [i for i in ids if random.random() < share]
