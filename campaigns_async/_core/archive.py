"""Errors as text, for a journal that outlives the process."""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from campaigns_async import errors
from campaigns_async.errors import (
    APIError,
    CampaignsError,
    FieldError,
    InvalidRecordError,
    Problem,
    TransportError,
)


def encode_error(error: CampaignsError | None) -> str | None:
    """The error's class and facts as JSON text; None for None."""
    if error is None:
        return None
    facts: dict[str, Any] = {"class": type(error).__name__}
    if isinstance(error, APIError):
        problem = attrs.asdict(error.problem)
        facts |= {"status": error.status, "problem": problem, "hint": error.hint}
    elif isinstance(error, InvalidRecordError):
        facts |= {"reason": error.reason, "index": error.index, "field": error.field}
    elif isinstance(error, TransportError):
        facts |= {"reason": error.reason}
    else:
        facts |= {"message": str(error)}
    if isinstance(error, APIError | TransportError):
        facts["attempts"] = error.attempts
    # In ASCII: what a reply said may be text that no encoding takes (lone surrogates).
    return json.dumps(facts, separators=(",", ":"))


def decode_error(text: str | None) -> CampaignsError | None:
    """The error that :func:`encode_error` wrote. Raises :exc:`ValueError` for anything else."""
    if text is None:
        return None
    try:
        return _build_error(json.loads(text))
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"no error that was kept here: {error!r}"
        raise ValueError(msg) from None


def _build_error(facts: Mapping[str, Any]) -> CampaignsError:
    cls: Any = getattr(errors, facts["class"], CampaignsError)
    if "problem" in facts:
        problem = dict(facts["problem"])
        problem["errors"] = [FieldError(**field) for field in problem["errors"]]
        found = cls(Problem(**problem), facts["status"], hint=facts["hint"])
    elif "index" in facts:
        found = cls(facts["reason"], index=facts["index"], field=facts["field"])
    else:
        found = cls(facts.get("reason") or facts["message"])
    if not isinstance(found, CampaignsError):
        msg = f"{facts['class']} is no error of this library"
        raise TypeError(msg)
    if isinstance(found, APIError | TransportError):
        found.attempts = int(facts.get("attempts", 1))
    return found
