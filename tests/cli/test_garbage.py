import gc
from collections.abc import Iterator

import pytest

from campaigns_async.cli.garbage import collect_seldom


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    ("given", "meanwhile"), [(700, 3_000), (50_000, 50_000), (0, 0)], ids=["often", "rare", "off"]
)
def test_the_collector_looks_less_often_for_a_while(given: int, meanwhile: int) -> None:
    """Never more often than before, and not at all where it is off; an error changes nothing."""
    gc.set_threshold(given, 7, 8)
    seen: list[tuple[int, int, int]] = []

    @collect_seldom()
    def work() -> None:
        seen.append(gc.get_threshold())
        raise KeyError

    with pytest.raises(KeyError):
        work()
    assert [*seen, gc.get_threshold()] == [(meanwhile, 7, 8), (given, 7, 8)]
