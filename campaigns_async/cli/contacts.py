"""The demo's call list: a file as it comes out of a CRM by way of a spreadsheet.

Every row follows from a fixed seed. The people are made up; the numbers are from the range that
Ofcom keeps free for drama (020 7946 0000 to 0999).
"""

from collections.abc import Sequence
from random import Random
from typing import Final

import attrs

ROWS: Final = 2_500
"""Rows with content, the header not among them."""

_HEADER: Final = "CRM Record ID;First name;Last name;Phone;Priority;Schedule at;Rank"
_FIRST_NAMES: Final = """
    Amelia Björn Charlotte Dilip Esmé Fatima George Hannah Iain Jürgen Käthe Liam Małgorzata
    Noor Oliver Priya Quentin Róisín Sebastian Thandiwe Uwe Violet William Ximena Yusuf Zoë
"""
_LAST_NAMES: Final = """
    Achterberg Brückner Carmichael Doyle Evans Fitzgerald Groß Hughes Iqbal Jänicke Kowalski
    Lindström Müller Nowak O'Brien Patel Quayle Richter Schäfer Taylor Usman Vogel Weiß Young
"""
_PRIORITIES: Final = ("", "", "", "", "", "High", "high", "MEDIUM", "Medium", "Low")
_SCHEDULES: Final = (
    "2026-12-01T09:00:00+00:00",
    "2026-12-01T09:00:00+01:00",
    "2026-12-01T13:30:00Z",
    "2026-12-02 10:15:00+01:00",
)
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@attrs.frozen
class Contacts:
    """A file, and what a campaign must be like for it to show what it is made for.

    ``text``: the file, to be written in UTF-8 with a byte order mark. ``held``: ids of it that the
    campaign holds before. ``unknown``: ids that the CRM does not know.
    """

    text: str
    held: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def content(self) -> bytes:
        """The file as bytes."""
        return self.text.encode("utf-8-sig")


def build_contacts() -> Contacts:  # noqa: C901 - one step for each kind of dirt
    """Always the same."""
    rng = Random(8)  # noqa: S311 - a repeatable file, no secret
    ids = _draw_ids(rng, ROWS)
    names = _FIRST_NAMES.split(), _LAST_NAMES.split()
    rows = [_draw_row(rng, crm_record_id, *names) for crm_record_id in ids]
    # What is spoilt must not spoil the rest: each row has one fault at most.
    free = rng.sample(range(50, ROWS), k=140)

    def pick(number: int) -> list[int]:
        return [free.pop() for _ in range(number)]

    held = sorted(pick(36))
    unknown = sorted(pick(3))
    for at in pick(28):
        rows[at] = list(rows[rng.randrange(40)])
    for at in pick(9):
        rows[at] = [*rows[rng.randrange(40)][:4], "Low", "2026-12-03T08:00:00Z", ""]
    for at in pick(6):
        rows[at][0] = ""
    for at in pick(2):
        rows[at][0] = f"https://crm.example.com/contacts/{rows[at][0]}/view"
    for at in pick(2):
        rows[at][0] = f"{rows[at][0]} / {rows[rng.randrange(40)][0]}"
    for at in pick(12):
        rows[at][0] = f"  {rows[at][0]} "
    for at in pick(3):
        rows[at][4] = "Urgent"
    rows[pick(1)[0]][5] = "2026-12-01 09:00"
    rows[pick(1)[0]][5] = "01.12.2026 9 Uhr"
    rows[pick(1)[0]][6] = "NaN"
    for at in pick(3):
        rows[at][2] = f'{rows[at][2]}; "priority client"'
    lines = [_HEADER, *(";".join(map(_quote, row)) for row in rows)]
    for at in sorted(pick(4), reverse=True):
        lines.insert(at, "" if at % 2 else ";" * _HEADER.count(";"))
    return Contacts(
        "\r\n".join([*lines, ""]),
        tuple(ids[at] for at in held),
        tuple(ids[at] for at in unknown),
    )


def _draw_ids(rng: Random, number: int) -> list[str]:
    """Ids that look like a CRM's: 18 characters, upper and lower case apart."""
    found: dict[str, None] = {}
    while len(found) < number:
        found["0035f00000" + "".join(rng.choices(_ALPHABET, k=5)) + "QAC"] = None
    return list(found)


def _draw_row(
    rng: Random, crm_record_id: str, first_names: Sequence[str], last_names: Sequence[str]
) -> list[str]:
    return [
        crm_record_id,
        rng.choice(first_names),
        rng.choice(last_names),
        f"+44 20 7946 0{rng.randrange(1000):03}",
        rng.choice(_PRIORITIES),
        rng.choice(_SCHEDULES) if rng.random() < 0.2 else "",
        str(rng.randrange(1, 100)) if rng.random() < 0.03 else "",
    ]


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(';"\r\n') else cell
