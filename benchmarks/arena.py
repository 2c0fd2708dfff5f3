"""Where arms meet: the client's core, the server's core, and a fresh process for each run."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
from server import compile_server

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent


@attrs.frozen
class Arena:
    """``folder``: for what lives as long as the benchmark; generated clients are imported from it.

    ``client``, ``server``: the cores. They are one and the same on a machine that has no second,
    and then no figure says much.
    """

    folder: Path
    program: Path
    client: int
    server: int

    def run(
        self, script: str, *arguments: object, tree: Path = ROOT, before: tuple[str, ...] = ()
    ) -> str:
        """What a script of this folder prints, run with the package as it is in ``tree``."""
        path = os.pathsep.join([str(tree), str(self.folder)])
        done = subprocess.run(
            [*before, sys.executable, HERE / script, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{script} {' '.join(map(str, arguments))} failed, see above")
        return done.stdout

    def run_arm(
        self,
        key: str,
        root: str,
        *,
        rows: int,
        in_flight: int = 32,
        uvloop: bool = False,
        tree: Path = ROOT,
    ) -> dict[str, float]:
        """One arm once, see ``run_arm.py``; ``root``: the server's URL."""
        options = ("--root", root, "--rows", rows, "--in-flight", in_flight, "--core", self.client)
        loop = ("--uvloop",) if uvloop else ()
        result: dict[str, Any] = json.loads(self.run("run_arm.py", key, *options, *loop, tree=tree))
        return result


@contextmanager
def open_arena() -> Iterator[Arena]:
    """With the server compiled."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="campaigns-bench-") as name:
        folder = Path(name)
        yield Arena(folder, compile_server(folder), client=cores[0], server=cores[-1])
