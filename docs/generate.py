"""Writes what the pages take from the code: tables between markers, and the pictures.

``python docs/generate.py`` after a change of the code; a test holds the pages to it. They are kept
in the repository so that the pages read the same with and without Sphinx.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import attrs
import draw

from campaigns_async import errors
from campaigns_async._core.hints import hint_for_status
from campaigns_async._core.verdicts import MEANING, Proof
from campaigns_async.cli.failures import EXIT_CODES
from campaigns_async.emulator.faults import CONDUCT, Commit, Wire
from campaigns_async.lifecycle import (
    BUILD_ON_START_FROM,
    FINAL,
    REFUSES_RECORDS,
    TAKEN_WHILE_DISABLED,
    TRANSIENT,
    TRANSITIONS,
    display_status,
)
from campaigns_async.models import CampaignAction, CampaignState
from campaigns_async.settings import ENVIRONMENT, SITE_URL, SITES, Limits, RetryPolicy, Timeout

DOCS: Final = Path(__file__).parent

_BLOCK: Final = re.compile(r"(<!-- from the code: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _states(states: Iterable[CampaignState]) -> str:
    """In the order of their definition, so that the table is the same every time."""
    chosen = set(states)
    return ", ".join(f"`{state}`" for state in CampaignState if state in chosen) or "-"


# --- the tables


def build_verdicts() -> str:
    """What one answer proves about a request, and what follows."""
    landed = {True: "yes", False: "no", None: "perhaps"}
    return _table(
        ["seen", "did this request put the batch in?", "then"],
        [
            [proof.value, landed[MEANING[proof].landed], MEANING[proof].step.value]
            for proof in Proof
        ],
    )


def build_actions() -> str:
    """What each action needs and does."""
    rows = []
    for action, transition in TRANSITIONS.items():
        needs = _states(transition.valid_from)
        if action is CampaignAction.START:
            needs += f"; with `build_on_start` also {_states(BUILD_ON_START_FROM)}"
        rows.append(
            [
                f"`{action}`",
                needs,
                f"`{transition.becomes}`" if transition.becomes else "the state it was in",
                " or ".join(f"`{state}`" for state in transition.then) or "-",
                "yes" if action in TAKEN_WHILE_DISABLED else "no",
            ]
        )
    head = ["action", "taken from", "the reply says", "then, by itself", "taken while disabled"]
    return _table(head, rows)


def build_states() -> str:
    """What each state takes."""
    rows = []
    for state in CampaignState:
        actions = [
            f"`{action}`" for action, found in TRANSITIONS.items() if state in found.valid_from
        ]
        if state in BUILD_ON_START_FROM:
            actions.append("`START` with `build_on_start`")
        kind = "passes by itself" if state in TRANSIENT else "final" if state in FINAL else "stays"
        rows.append(
            [
                f"`{state}`",
                kind,
                "no" if state in REFUSES_RECORDS else "yes",
                ", ".join(actions) or "-",
                f"`{display_status(state)}`",
            ]
        )
    return _table(["state", "", "takes records", "takes actions", "shown on screens as"], rows)


def build_environment() -> str:
    """Arguments of a session and their environment variables."""
    says = {
        "api_key": "the Key value of the app in Admin Console; begins with `eght_`",
        "tenant": "the tenant's name, from Home > Profile in Configuration Manager",
        "site": f"the tenant's site: {', '.join(f'`{s}` ({where})' for s, where in SITES.items())}",
        "base_url": f"instead of a site: replaces `{SITE_URL}`",
    }
    return _table(
        ["argument", "variable", "is"],
        [[f"`{name}`", f"`{variable}`", says[name]] for name, variable in ENVIRONMENT.items()],
    )


def build_defaults() -> str:
    """The policies' settings with their defaults."""
    rows = [
        [f"`{cls.__name__}.{field.name}`", f"`{field.default!r}`"]
        for cls in (Timeout, RetryPolicy, Limits)
        for field in attrs.fields(cls)
    ]
    return _table(["setting", "default"], rows)


def build_hints() -> str:
    """The hint that goes with a status when nothing but the status is clear."""
    statuses = (401, 403, 404, 405, 408, 413, 415, 429)
    return _table(
        ["status", "`hint`"],
        [[str(status), hint_for_status(status, errors.Problem())] for status in statuses],
    )


def build_error_tree() -> str:
    """Every error under the one it derives from."""

    def lines(cls: type[Exception], depth: int) -> list[str]:
        first = (inspect.getdoc(cls) or "").partition("\n")[0]
        found = [f"{'  ' * depth}- [`{cls.__name__}`](#{cls.__name__.lower()}): {first}"]
        for child in cls.__subclasses__():
            if child.__module__ == errors.__name__:
                found += lines(child, depth + 1)
        return found

    return re.sub(r":\w+:`([^`]+)`", r"`\1`", "\n".join(lines(errors.CampaignsError, 0)))


def build_faults() -> str:
    """What each fault of the local service does."""
    commits = {
        Commit.NEVER: "no",
        Commit.NOW: "yes",
        Commit.LATE: "yes, but later",
        Commit.TWICE: "twice, as by a gateway that resends",
    }
    wires = {
        Wire.WHOLE: "arrives",
        Wire.RESET: "no byte of it: the connection is reset",
        Wire.FIN: "no byte of it: the connection ends in an orderly way",
        Wire.HANG: "no byte of it: the connection stays open",
        Wire.CUT: "breaks off in the body",
        Wire.DRIP: "arrives a few bytes at a time",
    }
    return _table(
        ["fault", "the request is carried out", "the reply"],
        [[f"`{f}`", commits[c.commit], wires[c.wire]] for f, c in CONDUCT.items()],
    )


def build_exit_codes() -> str:
    """What the exit code of a command says."""
    return _table(
        ["exit code", "says"], [[str(int(code)), says] for code, says in EXIT_CODES.items()]
    )


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "verdicts": build_verdicts,
    "actions": build_actions,
    "states": build_states,
    "environment": build_environment,
    "defaults": build_defaults,
    "hints": build_hints,
    "error-tree": build_error_tree,
    "faults": build_faults,
    "exit-codes": build_exit_codes,
}
PICTURES: Final[dict[str, Callable[[], str]]] = {
    "states.svg": draw.draw_states,
    "architecture.svg": draw.draw_architecture,
}


def fill(page: str) -> str:
    """The page with each of its blocks as the code has it now."""
    return _BLOCK.sub(lambda m: f"{m[1]}\n{BLOCKS[m[2]]()}\n\n{m[3]}", page)


def find_stale(*, write: bool) -> list[str]:
    """Paths of what is not as the code has it now, below ``docs``; mended if ``write``."""
    wanted = {path: fill(path.read_text()) for path in sorted(DOCS.rglob("*.md"))}
    wanted |= {DOCS / "pictures" / name: make() for name, make in PICTURES.items()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if write:
        for path in stale:
            path.write_text(wanted[path])
    return [str(path.relative_to(DOCS)) for path in stale]


def main() -> int:
    """The exit code: 1 if something was stale and is not mended."""
    parser = argparse.ArgumentParser(prog="python docs/generate.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args()
    stale = find_stale(write=not options.check)
    for path in stale:
        print(f"{path} {'is stale: run python docs/generate.py' if options.check else 'written'}")
    return bool(stale and options.check)


if __name__ == "__main__":
    sys.exit(main())
