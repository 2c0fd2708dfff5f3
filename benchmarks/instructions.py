"""Instructions per record, counted by valgrind, whatever else the machine does meanwhile."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from arena import HERE, ROOT

WAYS: Final = {
    "upload of mappings": ("mappings",),
    "upload of NewRecords": ("new",),
    "upload of ids": ("ids",),
    "stream of mappings": ("mappings", "--stream"),
}
FEW, MANY = 1_000, 4_000
"""Rows of the two runs; their difference is free of what starting up takes."""

TOOL: Final = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")


def find_reason_against() -> str | None:
    """Why nothing can be counted here; None if it can."""
    return None if shutil.which(TOOL[0]) else "valgrind is not installed"


def count(way: str, *, tree: Path = ROOT) -> float:
    """Instructions for each row on this way; making the row as a value is part of it."""
    few, many = (_run(rows, *WAYS[way], tree=tree) for rows in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def _run(rows: int, kind: str, *options: str, tree: Path) -> int:
    done = subprocess.run(
        [*TOOL, sys.executable, HERE / "run_instructions.py", kind, str(rows), *options],
        # The same hashes, and so the same collisions, each time.
        env={**os.environ, "PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"valgrind failed: {done.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


def table(counts: Mapping[str, float]) -> list[list[Any]]:
    """Rows for people, the header first."""
    return [
        ["", "instructions a record"],
        *([way, f"{number:,.0f}"] for way, number in counts.items()),
    ]
