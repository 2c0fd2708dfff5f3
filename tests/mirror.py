"""The mirror check: each module has a test file of its own, and is covered by that file alone.

``campaigns_async/_core/wire.py`` is mirrored by ``tests/core/test_wire.py``. A reader who wants to
know what a module promises opens one file, and a module tested only in passing is found out.

``python -m tests.mirror`` compares the two trees. With ``--measured`` it reads what the last run
with ``--cov --cov-context=test`` recorded of each test, and asks how much of a module its own
tests reach. What runs at import runs for every test, so it counts for each.
"""

import argparse
import ast
import io
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from coverage import Coverage

PACKAGE: Final = "campaigns_async"

FLOOR: Final = 85
"""Percent of a module's lines and branches that its own test file reaches, at least."""

CROSS_CUTTING: Final[Mapping[str, str]] = {
    "docs": "runs the code blocks of the README and the docs",
    "simulation": "the engine against a model server, over millions of uploads",
    "stack": "claims about the whole, from the session down to a real socket",
    "torture": "uploads with a journal that are killed and resumed, at any moment",
    "test_mirror.py": "this check, which is no part of the package",
}
"""What mirrors no module, right under ``tests/``, and why."""


def mirror_of(module: str) -> str:
    """The path of the test file that mirrors the module at this path."""
    folders = (folder.strip("_") for folder in PurePosixPath(module).parts[1:-1])
    name = PurePosixPath(module).stem.strip("_")
    return str(PurePosixPath("tests", *folders, f"test_{name}.py"))


def needs_tests(source: str) -> bool:
    """Whether a module does anything beyond a docstring, imports and ``__all__``."""
    return not all(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        for node in ast.parse(source).body
    )


def find_broken_pairs(modules: Iterable[str], test_files: Iterable[str]) -> list[str]:
    """A sentence for each module without its test file, and each test file without its module."""
    expected = {mirror_of(module): module for module in modules}
    present = {f for f in test_files if PurePosixPath(f).parts[1] not in CROSS_CUTTING}
    return [
        f"{expected[test]} has no test file: write {test}."
        for test in sorted(expected.keys() - present)
    ] + [
        f"{test} mirrors no module: move it, remove it, or name its folder in CROSS_CUTTING."
        for test in sorted(present - expected.keys())
    ]


def describe_gap(module: str, *, percent: float, missing: str, floor: float) -> str | None:
    """A sentence on what the module's own tests miss; None if they reach the floor."""
    if percent >= floor:
        return None
    return (
        f"{mirror_of(module)} by itself reaches {percent:.0f} % of {module}, not {floor:g} %:"
        f" {missing} never run."
    )


def measure(module: str) -> tuple[float, str]:
    """How much of a module its own tests reached in the last run, in percent, and what not."""
    coverage = Coverage()
    coverage.load()
    table = io.StringIO()
    percent = coverage.report(
        [module],
        contexts=[f"^{re.escape(mirror_of(module))}::", "^$"],  # its tests; at import
        file=table,
        show_missing=True,
        skip_covered=False,
    )
    row = next(row for row in table.getvalue().splitlines() if row.startswith(module))
    return percent, row.partition("%")[2].strip()


def main() -> int:
    """The exit code: 0 if the mirror is whole."""
    parser = argparse.ArgumentParser(prog="python -m tests.mirror", description=__doc__)
    parser.add_argument("--measured", action="store_true", help="read the last run's coverage too")
    parser.add_argument("--floor", type=float, default=FLOOR, help="percent (default: %(default)s)")
    options = parser.parse_args()

    modules = [
        str(path) for path in sorted(Path(PACKAGE).rglob("*.py")) if needs_tests(path.read_text())
    ]
    faults = find_broken_pairs(modules, map(str, Path("tests").rglob("test_*.py")))
    if options.measured and not faults:
        for module in modules:
            percent, missing = measure(module)
            gap = describe_gap(module, percent=percent, missing=missing, floor=options.floor)
            faults += [gap] if gap else []
    reach = f", which reaches {options.floor:g} % of it by itself" if options.measured else ""
    print(*faults or [f"Each of {len(modules)} modules has its test file{reach}."], sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
