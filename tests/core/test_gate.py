from campaigns_async._core.gate import Gate


def test_a_gate_is_open_at_first() -> None:
    """Nothing stands in the way until a reply says so."""
    gate = Gate(patience=10)
    assert gate.canary is None
    assert not gate.is_canary(object())


def test_the_refused_batch_becomes_the_canary() -> None:
    """The first batch that is told "not now" asks again, and no other does."""
    gate = Gate(patience=10)
    first, second = [1], [1]
    assert gate.close(first, sure=True, now=0)
    assert gate.close(second, sure=True, now=1)
    assert gate.canary is first
    assert gate.is_canary(first)
    assert not gate.is_canary(second)


def test_only_the_canary_opens_the_gate() -> None:
    """An answer to a batch that was sent before says nothing about the state now."""
    gate = Gate(patience=10)
    canary = object()
    gate.close(canary, sure=True, now=0)
    gate.open(object())
    assert gate.canary is canary
    gate.open(canary)
    assert gate.canary is None


def test_a_state_that_passes_is_waited_for_without_end() -> None:
    """As long as a reply names BUILDING or STARTING, the gate goes on waiting."""
    gate = Gate(patience=10)
    assert all(gate.close("batch", sure=True, now=now) for now in range(0, 10_000, 100))


def test_an_unclear_state_is_waited_for_as_long_as_patience_lasts() -> None:
    """Without a state that passes by itself the wait ends after ``patience`` seconds."""
    gate = Gate(patience=10)
    assert gate.close("batch", sure=False, now=100)
    assert gate.close("batch", sure=False, now=109.9)
    assert not gate.close("batch", sure=False, now=110)


def test_patience_begins_anew_after_a_sure_state_and_after_opening() -> None:
    """Unclear replies count from the first of their row."""
    gate = Gate(patience=10)
    gate.close("batch", sure=False, now=0)
    gate.close("batch", sure=True, now=9)
    assert gate.close("batch", sure=False, now=11)
    gate.open("batch")
    assert gate.close("batch", sure=False, now=1_000)


def test_no_patience_at_all() -> None:
    """With a patience of 0 the first unclear reply is waited for and the second is not."""
    gate = Gate(patience=0)
    assert gate.close("batch", sure=False, now=5)
    assert not gate.close("batch", sure=False, now=5)
