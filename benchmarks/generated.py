"""Clients generated from the vendor's OpenAPI file, when the benchmark starts.

Both generators fail on the file as published, on enum values that are given twice and on a
discriminator without a mapping; so they get a copy, mended in memory. Both clients take 201 alone
for a success.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = ("openapi_client", "opc_client")


def find_openapi_file() -> Path | None:
    """The vendor's file; None where it is not at hand."""
    root = Path(__file__).resolve().parents[1]
    shared = Path(os.environ.get("CAMPAIGNS_SHARED") or root.parent / "shared")
    path = shared / "vendor" / "openapi.json"
    return path if path.exists() else None


def mend(node: Any) -> Any:
    """The document without repeated enum values and discriminators."""
    if isinstance(node, list):
        return [mend(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    mended = {key: mend(value) for key, value in node.items() if key != "discriminator"}
    if isinstance(mended.get("enum"), list):
        mended["enum"] = list(dict.fromkeys(mended["enum"]))
    return mended


def generate(folder: Path) -> dict[str, str]:
    """Write both clients to ``folder``. Of each that is not there, by its arm's key: why not."""
    source = find_openapi_file()
    if source is None:
        reason = "no vendor/openapi.json under CAMPAIGNS_SHARED or ../shared"
        return dict.fromkeys(("opc", "openapi-generator"), reason)
    document = folder / "openapi.json"
    document.write_text(json.dumps(mend(json.loads(source.read_text()))))
    scripts = Path(sys.executable).parent
    commands = {
        "opc": (
            ("openapi_python_client", "httpx"),
            [
                *(scripts / "openapi-python-client", "generate", "--meta", "none"),
                *("--path", document, "--output-path", folder / "opc_client"),
            ],
        ),
        "openapi-generator": (
            ("openapi_generator_cli", "pydantic", "aiohttp_retry", "dateutil"),
            [
                *(scripts / "openapi-generator-cli", "generate", "-g", "python"),
                *("--library", "asyncio", "--package-name", "openapi_client"),
                *("-i", document, "-o", folder),
            ],
        ),
    }
    reasons = {key: _run(modules, command) for key, (modules, command) in commands.items()}
    return {key: reason for key, reason in reasons.items() if reason}


def _run(modules: tuple[str, ...], command: list[Any]) -> str | None:
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"the generator failed: {(done.stderr or done.stdout).strip()[-200:]}"
    return None
