import io

import pytest

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.text import Lines, open_stdin

_TEXT = "id;Name\r\n1;Müller\r\n2;Zoë Ł\r\n"


def _read(content: bytes) -> list[str]:
    return list(Lines(io.BytesIO(content), "f.csv"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encoding_is_found(encoding: str) -> None:
    """UTF-8 with or without its mark, and UTF-16 with it, give the same lines with their ends."""
    assert _read(_TEXT.encode(encoding)) == _TEXT.splitlines(keepends=True)


def test_big_endian_utf_16_is_read_too() -> None:
    """The mark tells the order of the bytes."""
    assert _read(b"\xfe\xff" + "a\r\nbö".encode("utf-16-be")) == ["a\r\n", "bö"]


def test_what_is_no_utf_8_is_windows_1252() -> None:
    """A line that is no UTF-8 is read as Excel writes it in Western Europe, and that is told."""
    lines = Lines(io.BytesIO("id\nMüller €\n".encode("cp1252")), "f.csv")

    assert list(lines) == ["id\n", "Müller €\n"]
    assert lines.fallback == 2


def test_pure_utf_8_needs_no_note() -> None:
    """Nothing is told where nothing was assumed."""
    lines = Lines(io.BytesIO(_TEXT.encode()), "f.csv")
    list(lines)

    assert lines.fallback is None


def test_lines_of_an_old_mac_end_with_cr() -> None:
    """A CR alone ends a line too."""
    assert _read(b"id\rA\rB") == ["id\r", "A\r", "B"]


def test_a_file_may_be_empty() -> None:
    """No bytes, no lines."""
    assert _read(b"") == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04rest", "an Excel workbook or a zip file"),
        (b"\xd0\xcf\x11\xe0rest", "an old Excel workbook"),
        (b"\x1f\x8brest", "a compressed file"),
        (b"PAR1rest", "a Parquet file"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\x89PNG\r\n", "a picture"),
        (b"\x01\x02\x03\n", "no text"),
        ("id\n1\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
    ],
)
def test_what_is_no_text_is_named(content: bytes, told: str) -> None:
    """A file that is no text is refused by what it is, with what to do instead."""
    with pytest.raises(Failure, match=told) as failed:
        _read(content)

    assert failed.value.next_step


def test_a_closed_stdin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is where a job runs without one."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(Failure, match="stdin is closed"):
        open_stdin()


def test_broken_utf_16_is_told() -> None:
    """Half a character at the end is an error and no lost row."""
    with pytest.raises(Failure, match="not the UTF-16 that it begins as"):
        _read("id\n1".encode("utf-16") + b"\x00")


def test_a_character_may_look_like_the_end_of_a_line() -> None:
    """In UTF-16 its bytes may be those of one; many of them take no longer than others."""
    text = "\u0a0a" * 200_000
    lines = Lines(io.BytesIO(f"{text}\r\nB\r\n{text}".encode("utf-16")), "f")
    assert list(lines) == [f"{text}\r\n", "B\r\n", text]
