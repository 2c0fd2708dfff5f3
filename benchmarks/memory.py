"""Memory over an upload of very many rows that are made as they are read."""

import json
from typing import Any

from arena import Arena
from server import serve


def measure(arena: Arena, *, rows: int) -> dict[str, Any]:
    """See ``run_memory.py``: MiB after import, at each tenth of the rows, and at the end."""
    with serve(arena.program, core=arena.server) as root:
        found: dict[str, Any] = json.loads(arena.run("run_memory.py", root, rows, arena.client))
    return found


def table(found: dict[str, Any]) -> list[list[Any]]:
    """Rows for people, the header first."""
    base, curve = found["imported"], found["curve"]
    each = (curve[-1] - curve[1]) / (found["rows"] * 0.9) * 2**20
    return [
        [f"upload of {found['rows']:,} mappings", "MiB over what the import took"],
        ["at each tenth", " ".join(f"{at - base:.0f}" for at in curve)],
        ["a row", f"{each:.0f} bytes"],
    ]
