"""A file's bytes as lines of text, whatever wrote them."""

import codecs
import io
import re
import sys
from collections.abc import Iterator
from typing import Final, cast

from campaigns_async.cli.failures import Failure

_NO_TEXT: Final = (
    (b"PK\x03\x04", "an Excel workbook or a zip file", "save it as CSV UTF-8 and upload that"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save it as CSV UTF-8 and upload that"),
    (b"\x1f\x8b", "a compressed file", "unpack it: gunzip -c FILE | campaigns-async upload -"),
    (b"PAR1", "a Parquet file", "name it .parquet; from stdin give CSV or JSON lines"),
    (b"%PDF", "a PDF", "export the list as CSV UTF-8 and upload that"),
    (b"\x89PNG", "a picture", "export the list as CSV UTF-8 and upload that"),
)
_NEVER_IN_TEXT: Final = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1a\x1b")
_ANY_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


class Lines:
    """The lines of a file with their ends, decoded as they are read.

    UTF-8 with or without a BOM, or UTF-16 with one. A line that is neither is taken for
    Windows-1252, what Excel writes by default in Western Europe; `fallback` tells the number of
    the first such line.
    """

    def __init__(self, binary: io.BufferedIOBase, name: str) -> None:
        self.fallback: int | None = None
        first = binary.readline()
        for magic, what, next_step in _NO_TEXT:
            if first.startswith(magic):
                raise Failure(f"the file {name} is {what} and no text", next_step=next_step)
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self._lines = _decode_utf16(first, binary, name)
        elif _NEVER_IN_TEXT.intersection(first[:200]):
            raise Failure(
                f"the file {name} is no text, or UTF-16 without a byte order mark",
                next_step="save it as CSV UTF-8",
            )
        else:
            self._lines = self._decode(first.removeprefix(codecs.BOM_UTF8), binary)

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def _decode(self, line: bytes, binary: io.BufferedIOBase) -> Iterator[str]:
        number = 0
        while line:
            number += 1
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                self.fallback = self.fallback or number
                text = line.decode("cp1252", "replace")
            if "\r" in text.rstrip("\r\n"):
                # Lines of an old Mac, or inside quotes.
                yield from _ANY_LINE.findall(text)
            else:
                yield text
            line = binary.readline()


def open_stdin() -> io.BufferedIOBase:
    """Stdin as bytes, whoever else has it."""
    if sys.stdin is None:
        raise Failure("stdin is closed", next_step="give the name of a file")
    stdin = sys.stdin.buffer
    try:
        # A reader of our own: the interpreter waits for its own one at exit.
        return open(stdin.fileno(), "rb", closefd=False)
    except OSError:
        return cast("io.BufferedIOBase", stdin)


def _decode_utf16(first: bytes, binary: io.BufferedIOBase, name: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-16")()
    begun, piece = list[str](), first
    try:
        while piece:
            # readline ends in the middle of a character: the decoder waits for the other half. Or
            # in one that merely has such a byte, so that there may be no end of a line.
            text = decoder.decode(piece)
            begun.append(text)
            if "\n" in text or "\r" in text:
                *lines, rest = _split("".join(begun))
                yield from lines
                begun = [rest]
            piece = binary.readline()
        begun.append(decoder.decode(b"", final=True))
    except UnicodeDecodeError as error:
        raise Failure(
            f"the file {name} is not the UTF-16 that it begins as: {error.reason}"
        ) from None
    if rest := "".join(begun):
        yield rest


def _split(text: str) -> list[str]:
    """Whole lines, then what has no end yet (perhaps empty)."""
    lines = _ANY_LINE.findall(text)
    return lines if lines and not lines[-1].endswith("\n") else [*lines, ""]
