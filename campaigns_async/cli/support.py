"""``support-bundle``: what the vendor's support, or whoever helps, will ask for; no secrets."""

import csv
import json
import os
import platform
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import click

from campaigns_async.cli.failures import Failure
from campaigns_async.cli.files import guess_delimiter
from campaigns_async.cli.outputs import keep_apart
from campaigns_async.cli.rejects import is_reject_file
from campaigns_async.cli.report import encode
from campaigns_async.errors import APIError
from campaigns_async.journal import Journal
from campaigns_async.settings import ENVIRONMENT

_PACKAGES: Final = ("campaigns-async", "aiohttp", "attrs", "backoff", "cattrs", "click", "rich")
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE")
_KEY_SHAPE: Final = re.compile(r"eght_[^\s\"\\]*")
_MOST: Final = 100
"""References in one bundle, the first ones; support needs a few."""

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("support-bundle", short_help="Put together what support asks for.")
@click.option("--rejects", type=_FILE, metavar="FILE", help="A reject file, for its references.")
@click.option("--report", type=_FILE, metavar="FILE", help="A report that upload --report wrote.")
@click.option("--journal", type=_FILE, metavar="FILE", help="An upload's journal.")
@click.option("--output", type=_FILE, metavar="FILE", help="Write here instead of to stdout.")
@click.option("--json", "as_json", is_flag=True, help="Changes nothing: it is JSON always.")
def support_bundle(
    *,
    rejects: Path | None,
    report: Path | None,
    journal: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Put together what support asks for: references of refusals, versions, settings.

    The references (instance and time, no record ids) are taken from the files given. Of the
    settings in the environment, the key is never told, only whether there is one; of a proxy, only
    that it is set. Read it before you send it.

    \b
    Example:
      campaigns-async support-bundle --rejects rejects.csv --output bundle.json
    """  # noqa: D301 - \b is click's: do not rewrap
    del as_json
    read = {"the reject file": rejects, "the report": report, "the journal": journal}
    keep_apart(read, {"the bundle": output})
    references: Counter[tuple[str, str, str]] = Counter()
    outcome: dict[str, Any] = {}
    if rejects is not None:
        references.update(_read_rejects(rejects))
    if report is not None:
        outcome["report"], found = _read_report(report)
        references.update(found)
    if journal is not None:
        outcome["journal"], found = _read_journal(journal)
        references.update(found)
    bundle = {
        "versions": read_versions(),
        "settings": describe_settings(os.environ),
        "references": [
            {"code": code, "instance": instance, "time": time, "rows": rows}
            for (code, instance, time), rows in list(references.items())[:_MOST]
        ],
        "references_in_all": len(references),
        **outcome,
    }
    text = redact(encode(bundle), os.environ.get(ENVIRONMENT["api_key"]))
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror}") from None


def read_versions() -> dict[str, str | None]:
    """Of this program, what it stands on, Python and the system."""
    found: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            found[name] = version_of(name)
        except PackageNotFoundError:
            found[name] = None
    return {
        **found,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def describe_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """What the environment sets, without what is secret."""
    base_url = environ.get(ENVIRONMENT["base_url"]) or None
    key = environ.get(ENVIRONMENT["api_key"], "")
    return {
        "api_key": "set" if key else "not set",
        "tenant": environ.get(ENVIRONMENT["tenant"]) or None,
        "site": environ.get(ENVIRONMENT["site"]) or None,
        "base_url": None if base_url is None else _without_secrets(base_url),
        "campaign": environ.get("EGHT_CAMPAIGN") or None,
        "set_besides": [n for n in _PROXIES if environ.get(n) or environ.get(n.lower())],
    }


def redact(text: str, key: str | None) -> str:
    """The text without the key, and without anything that looks like one."""
    if key:
        # As JSON writes it, too.
        for shape in {key, key.strip(), json.dumps(key)[1:-1]} - {""}:
            text = text.replace(shape, "[API key]")
    return _KEY_SHAPE.sub("[API key]", text)


def _without_secrets(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "[cannot be read]"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


_References = Iterator[tuple[str, str, str]]


def _read_rejects(path: Path) -> _References:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            if header.lstrip("\ufeff").startswith("{"):
                rows: Iterator[Mapping[str, Any]] = (json.loads(line) for line in file)
            else:
                rows = reader = csv.DictReader(file, delimiter=guess_delimiter(header))
                if not is_reject_file(reader.fieldnames or ()):
                    raise Failure(
                        f"the file {path} is no reject file",
                        next_step="give what upload --rejects wrote",
                    )
            for row in rows:
                if row.get("instance") or row.get("time"):
                    yield tuple(str(row.get(name) or "") for name in ("code", "instance", "time"))  # type: ignore[misc]
    except OSError as error:
        raise Failure(f"the reject file {path} cannot be read: {error.strerror}") from None
    except (ValueError, AttributeError, csv.Error) as error:
        raise Failure(f"the reject file {path} cannot be read: {error}") from None


def _read_report(path: Path) -> tuple[dict[str, Any], _References]:
    try:
        report = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Failure(f"the report {path} cannot be read: {error.strerror}") from None
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise Failure(f"the file {path} is no report", next_step="give what upload --report wrote")
    document = cast("dict[str, Any]", report)
    # No reasons: their words may hold ids.
    names = ("campaign", "total", "counts", "requests", "retries", "elapsed", "exit_code")
    told = {name: document.get(name) for name in names}
    stopped = document.get("stopped_by")
    if isinstance(stopped, dict):
        facts = cast("dict[str, Any]", stopped)
        told["stopped_by"] = {"error": facts.get("error"), "reference": facts.get("reference")}
    return told, iter(())


def _read_journal(path: Path) -> tuple[dict[str, Any], _References]:
    with Journal.open(path) as journal:
        found: Counter[tuple[str, str, str]] = Counter()
        counts: Counter[str] = Counter()
        for outcome in journal.outcomes():
            counts[outcome.status.value] += 1
            error = outcome.error
            if isinstance(error, APIError) and error.support_reference:
                problem = error.problem
                found[str(error.status), problem.instance or "", problem.time or ""] += 1
        told = {
            "complete": journal.complete,
            "rows": journal.total,
            "settled": journal.settled,
            "counts": dict(counts),
        }
    return told, found.elements()
