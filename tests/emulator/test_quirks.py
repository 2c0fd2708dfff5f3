import pytest

from campaigns_async.emulator.quirks import (
    ErrorMedia,
    Naming,
    Quirks,
    Wording,
    choose_named,
    duplicate_text,
)
from tests.emulator.conftest import chance

REQUESTED = ("CRM-1", "CRM-12", "CRM-123", "CRM-1234")
OFFENDERS = ("CRM-12", "CRM-123")


@pytest.mark.parametrize(
    ("naming", "expected"),
    [
        (Naming.FIRST, ("CRM-12",)),
        (Naming.LAST, ("CRM-123",)),
        (Naming.ALL, ("CRM-12", "CRM-123")),
        (Naming.NONE, ()),
        (Naming.WRONG, ("ELSEWHERE-1",)),
        (Naming.EXTENDED, ("CRM-120",)),
        (Naming.PREFIX, ("CRM-",)),
    ],
)
def test_naming(naming: Naming, expected: tuple[str, ...]) -> None:
    """Each way of naming picks from the offenders, or makes up what it says it makes up."""
    assert expected == choose_named(naming, OFFENDERS, REQUESTED, chance(0))


def test_random_naming_repeats_with_its_seed() -> None:
    """Equal seeds name equal offenders, and every offender gets its turn."""
    chosen = [choose_named(Naming.RANDOM, OFFENDERS, REQUESTED, chance(s)) for s in range(20)]
    again = [choose_named(Naming.RANDOM, OFFENDERS, REQUESTED, chance(s)) for s in range(20)]
    assert chosen == again
    assert {("CRM-12",), ("CRM-123",)} == set(chosen)


@pytest.mark.parametrize("naming", Naming)
def test_naming_without_offenders_names_nothing(naming: Naming) -> None:
    """Where nobody offends, nobody is named."""
    assert choose_named(naming, (), REQUESTED, chance(0)) == ()


@pytest.mark.parametrize("naming", [Naming.WRONG, Naming.EXTENDED, Naming.PREFIX])
def test_misnaming_never_accuses_another_row(naming: Naming) -> None:
    """A name that is not an offender's is never that of an innocent row either."""
    requested = ("A", "AB", "AB0", "AB00", "ELSEWHERE-1", "ELSEWHERE-10")
    named = choose_named(naming, ("AB",), requested, chance(0))
    assert set() == set(named) & set(requested)


def test_the_documented_wording() -> None:
    """The default text of a duplicate is that of the guide's sample."""
    assert duplicate_text(Quirks().duplicate_wording, ("CRM-12345",)) == (
        "Campaign already contains record for Id: CRM-12345"
    )


@pytest.mark.parametrize("wording", Wording)
def test_wordings_name_all_or_nothing(wording: Wording) -> None:
    """Every wording but the vague one says the ids it is given, and none has a gap without them."""
    told = duplicate_text(wording, ("CRM-1", "CRM-2"))
    assert (wording is not Wording.VAGUE) == ("CRM-1, CRM-2" in told)
    assert "{" not in duplicate_text(wording, ())


def test_quirks_take_plain_text() -> None:
    """The settings may be written as text, and a misspelled one is refused."""
    quirks = Quirks(names_duplicate="last", error_media="html", duplicate_wording="vague")
    assert (
        quirks.names_duplicate,
        quirks.error_media,
        quirks.duplicate_wording,
    ) == (Naming.LAST, ErrorMedia.HTML, Wording.VAGUE)
    with pytest.raises(ValueError, match="lasst"):
        Quirks(names_duplicate="lasst")
