"""The files that a command writes: none over another one, and a full disk costs no account."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from campaigns_async.cli.failures import Failure


class OutputFile:
    """Text that is added to as rows settle. Raises `Failure` if it cannot be opened.

    Once it cannot be written (a full disk) the rest is let go, for an upload must not end there.
    ``what``: what it is, for sentences. ``fault``: a sentence on what is missing, known for sure
    after :meth:`close`; None if nothing is.
    """

    def __init__(
        self, path: Path, what: str, *, encoding: str = "utf-8", by_line: bool = False
    ) -> None:
        self.path = path
        self.fault: str | None = None
        self._what = what
        try:
            self._file: IO[str] = path.open(
                "a", encoding=encoding, newline="", buffering=1 if by_line else -1
            )
        except OSError as error:
            raise Failure(f"{what} {path} cannot be written: {error.strerror}") from None

    def write(self, text: str) -> None:
        """Add this, if the file can still be written."""
        if self.fault is None:
            try:
                self._file.write(text)
            except OSError as error:
                self._note(error)

    def clear(self) -> None:
        """Begin anew; what is no file on a disk has nothing to be cleared."""
        if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            self._file.seek(0)
            self._file.truncate()

    def close(self) -> None:
        """Write what is still held back; a second time does nothing."""
        try:
            self._file.close()
        except OSError as error:
            self._note(error)

    def _note(self, error: OSError) -> None:
        self.fault = self.fault or f"{self._what} {self.path} lacks rows: {error.strerror}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def check_writable(path: Path, what: str) -> None:
    """Raise `Failure` where what is written at the end could not be written now either."""
    there = path.exists()
    if there and not (path.is_file() or path.is_dir()):
        # A pipe, say, whose reader would take this for the end.
        return
    try:
        with path.open("a"):
            pass
        if not there:
            path.unlink()
    except OSError as error:
        raise Failure(f"{what} {path} cannot be written: {error.strerror}") from None


def keep_apart(
    read: Mapping[str, Path | str | None], written: Mapping[str, Path | str | None]
) -> None:
    """Raise `Failure` where a file to be written is one that is read, or is written twice.

    Both: what it is, and its path, or None where there is none.
    """
    seen = [(what, Path(path)) for what, path in read.items() if path is not None]
    for what, path in written.items():
        if path is None:
            continue
        for other, there in seen:
            if _is_same(Path(path), there):
                raise Failure(f"{what} {path} is {other} too", next_step="name another file")
        seen.append((what, Path(path)))


def _is_same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        # Two may go to one terminal, pipe or /dev/null.
        return one.is_file() and one.samefile(other)
    return one.resolve() == other.resolve()
