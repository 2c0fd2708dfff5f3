"""The answering server, compiled when a benchmark starts, in a process and on a core of its own."""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import attrs

SOURCE = Path(__file__).with_name("server.c")


@attrs.frozen
class Account:
    """What the server has done so far; ``cpu``: processor seconds."""

    requests: int
    records: int
    cpu: float

    def __sub__(self, earlier: Self) -> "Account":
        return Account(
            self.requests - earlier.requests, self.records - earlier.records, self.cpu - earlier.cpu
        )


def read_account(url: str) -> Account:
    """The account of the server at this URL."""
    with urllib.request.urlopen(url) as reply:  # noqa: S310 - ours, on the loopback
        return Account(**json.load(reply))


def compile_server(folder: Path) -> Path:
    """The program, in ``folder``. Raises :exc:`SystemExit` where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit("The answering server is a C program, and there is no C compiler here.")
    program = folder / "server"
    subprocess.run([compiler, "-O2", "-o", program, SOURCE], check=True)
    return program


@contextmanager
def serve(program: Path, *, core: int, delay: float = 0.0) -> Iterator[str]:
    """The URL of a server on this core, each of whose replies comes after ``delay`` seconds."""
    with subprocess.Popen(
        [program, str(core), str(round(delay * 1e6))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        # Leaving closes its standard input, at which it ends.
        yield f"http://127.0.0.1:{port}/cc/US1/campaigns/v1"
