"""The crashes of ``make torture``, as many as there is time for here."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.torture import scenarios
from tests.torture.case import Nursery


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    """A process to fork from."""
    async with Nursery() as nursery:
        yield nursery


@pytest.mark.parametrize("variant", ["plain", "exclusive", "copies"])
async def test_a_kill_at_a_write_costs_no_account(
    nursery: Nursery, tmp_path: Path, variant: str
) -> None:
    """Killed twice at a write of the journal, an upload ends with the account of a whole one."""
    kills = 0
    for point in {"plain": (9, 21, 40, 64), "exclusive": (23, 47), "copies": (29, 58, 87)}[variant]:
        found = await scenarios.die_at_write(
            nursery,
            tmp_path / str(point),
            point,
            exclusive=variant == "exclusive",
            copies=variant == "copies",
        )
        assert found.faults == []
        kills += found.kills
    assert kills > 0


async def test_a_write_cut_in_the_middle_costs_no_account(nursery: Nursery, tmp_path: Path) -> None:
    """Killed by a write of which a part is on disk, it is resumed like any other."""
    found = await scenarios.die_at_size(nursery, tmp_path / "case", 30_000)
    assert found.faults == []
    assert found.kills > 0


async def test_a_torn_log_is_read_up_to_the_last_whole_commit(
    nursery: Nursery, tmp_path: Path
) -> None:
    """Cut or spoilt anywhere in its last page, it reads as before that commit or after it."""
    found, torn = await scenarios.tear(nursery, tmp_path / "case", 5, every=103)
    assert found.faults == []
    assert torn > 60


async def test_a_full_disk_stops_the_upload(nursery: Nursery, tmp_path: Path) -> None:
    """It says so in ``stopped_by``, and completes when there is room."""
    found = await scenarios.run_out_of_room(nursery, tmp_path / "case", 45_000)
    assert found.faults == []


async def test_kills_at_random_requests_cost_no_account(nursery: Nursery, tmp_path: Path) -> None:
    """10,000 rows with lost replies and four kills: the ledger is the input, nothing told twice."""
    found = await scenarios.die_at_requests(
        nursery, tmp_path / "case", rows=10_000, kills=4, seed=1
    )
    assert (found.faults, found.kills) == ([], 4)
