from pathlib import Path

from campaigns_async.cli.contacts import ROWS, build_contacts

_EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "contacts.csv"


def test_the_example_is_what_the_generator_gives() -> None:
    """docs/examples/contacts.csv is its output, byte by byte; make_contacts.py writes it."""
    assert build_contacts().content == _EXAMPLE.read_bytes()


def test_it_is_a_spreadsheets_export() -> None:
    """A byte order mark, semicolons, and as many rows with content as it says."""
    contacts = build_contacts()

    assert contacts.content.startswith(b"\xef\xbb\xbfCRM Record ID;First name;")
    assert sum(bool(row.strip(";")) for row in contacts.text.split("\r\n")) == ROWS + 1


def test_what_is_held_or_unknown_is_in_the_file() -> None:
    """So that the demo has something to show of each, and never of one id both."""
    contacts = build_contacts()

    assert all(id_ in contacts.text for id_ in (*contacts.held, *contacts.unknown))
    assert not set(contacts.held) & set(contacts.unknown)


def test_no_phone_rings() -> None:
    """Each number is from the range that is kept free for drama."""
    rows = [row.split(";") for row in build_contacts().text.split("\r\n")[1:] if row.strip(";")]

    assert {row[3][:13] for row in rows if '"' not in row[2]} == {"+44 20 7946 0"}
