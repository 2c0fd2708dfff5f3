"""What a result depends on: the machine, the versions, the commit."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Final

from arena import ROOT

PACKAGES: Final = (
    *("campaigns-async", "aiohttp", "attrs", "cattrs", "uvloop", "httpx", "pydantic"),
    *("openapi-python-client", "openapi-generator-cli"),
)


def describe() -> dict[str, Any]:
    """As JSON has it."""
    return {
        "commit": describe_commit("HEAD"),
        "changed": bool(_git("status", "--porcelain", "--", "campaigns_async", "benchmarks")),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _read_processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": [round(load, 1) for load in os.getloadavg()],
        "versions": {name: v for name in PACKAGES if (v := _read_version(name))},
    }


def describe_commit(revision: str) -> str:
    """Its short hash and its subject."""
    return _git("log", "-1", "--format=%h %s", revision)


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", ROOT, *arguments],  # noqa: S607 - the one on the path
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def _read_processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or "unknown")


def _read_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
