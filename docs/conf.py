"""How Sphinx builds these pages: offline, with nothing fetched, and warnings as errors."""

import os
import sys
import zlib
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "campaigns_async"
author = "the campaigns_async authors"
project_copyright = "the campaigns_async authors"
release = installed_version("campaigns-async")
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "command_line",
]
exclude_patterns = ["_build", "examples"]
nitpicky = True
# Of other projects only what is linked on purpose has a target, see ELSEWHERE.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!campaigns_async\.|aiohttp\.[A-Z]|attrs\.|cattrs\.).*"),
    (r"py:.*", r"campaigns_async\.(_core|emulator|upload|upload_options|transport)\..*"),
]
default_role = "py:obj"
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 120
toc_object_entries_show_parents = "hide"

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "campaigns_async"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sphinx = False

# --- links to other projects

ELSEWHERE: Final = {
    "python": (
        "https://docs.python.org/3/",
        {
            "asyncio.TaskGroup": ("py:class", "library/asyncio-task.html#$"),
            "ssl.SSLContext": ("py:class", "library/ssl.html#$"),
            "ssl.create_default_context": ("py:function", "library/ssl.html#$"),
            "ExceptionGroup": ("py:exception", "library/exceptions.html#$"),
            "ValueError": ("py:exception", "library/exceptions.html#$"),
            "ConnectionResetError": ("py:exception", "library/exceptions.html#$"),
        },
    ),
    "aiohttp": (
        "https://docs.aiohttp.org/en/stable/",
        {
            "aiohttp.ClientSession": ("py:class", "client_reference.html#$"),
            "aiohttp.ClientTimeout": ("py:class", "client_reference.html#$"),
            "aiohttp.TCPConnector": ("py:class", "client_reference.html#$"),
            "aiohttp.DummyCookieJar": ("py:class", "client_reference.html#$"),
        },
    ),
    "attrs": (
        "https://www.attrs.org/en/stable/",
        {
            "attrs.evolve": ("py:function", "api.html#$"),
            "attrs.frozen": ("py:function", "api.html#$"),
        },
    ),
    "cattrs": (
        "https://catt.rs/en/stable/",
        {"cattrs.Converter": ("py:class", "cattrs.html#cattrs.Converter")},
    ),
}
"""What these pages link to in other projects. With DOCS_ONLINE set, the real inventories decide."""


def _write_inventory(name: str, targets: dict[str, tuple[str, str]]) -> str:
    """A file in the format of Sphinx's objects.inv, version 2, with these targets alone."""
    lines = [f"{target} {kind} 1 {page} -" for target, (kind, page) in targets.items()]
    head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    path = HERE / "_build" / "inventories" / f"{name}.inv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head.encode() + zlib.compress("\n".join(lines).encode() + b"\n"))
    return str(path)


intersphinx_mapping = {
    name: (url, None if os.environ.get("DOCS_ONLINE") else _write_inventory(name, targets))
    for name, (url, targets) in ELSEWHERE.items()
}
