"""Engines with one plausible mistake each: a simulation that lets one of them pass proves nothing.

Each is the real engine but for one part. The mistakes are those that clients written by hand make,
or that were near at hand while this one was written.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from campaigns_async._core.exchange import Response
from campaigns_async._core.gate import Gate
from campaigns_async._core.resolver import Piece, Resolution, Resolver
from campaigns_async._core.rows import Rows
from campaigns_async._core.verdicts import Proof, Verdict, decide_verdict
from campaigns_async.errors import APIError, CampaignsError, TransportError
from campaigns_async.outcomes import Status
from tests.simulation.driver import Parts
from tests.simulation.invariants import BrokenPromiseError
from tests.simulation.world import World

Seen = Response | TransportError


class _InfersAlways(Resolver):
    """A conflict after a retry means that it all landed, whoever else adds records."""

    def __init__(self, **promises: Any) -> None:
        super().__init__(**{**promises, "exclusive": True})

    def resolve(self, piece: Piece, verdict: Verdict) -> Resolution:
        self._exclusive = True
        return super().resolve(piece, verdict)


class _Forgets(Resolver):
    """Only the last attempt counts: that an earlier one may have landed is forgotten."""

    def resolve(self, piece: Piece, verdict: Verdict) -> Resolution:
        piece.open = ()
        return super().resolve(piece, verdict)


class _TrustsTheGateway(Resolver):
    """A refusal always proves that the request did not land, resent or not."""

    def __init__(self, **promises: Any) -> None:
        super().__init__(**{**promises, "gateway_resends": False})


class _RejectsInDoubt(Resolver):
    """A vague refusal of a single record is REJECTED, although an attempt of ours is open."""

    def _hold(
        self,
        piece: Piece,
        rows: Rows,
        proved: Status,
        doubtful: Status,
        error: CampaignsError | None,
    ) -> None:
        super()._hold(piece, rows, proved, proved if proved is Status.REJECTED else doubtful, error)


class _SendsAgain(Resolver):
    """A refused batch is worth another try as it is."""

    def _take_apart(self, piece: Piece, verdict: Verdict) -> Resolution:
        if piece.attempts < 3 and len(piece.rows) > 1:
            return Resolution([], [piece])
        return super()._take_apart(piece, verdict)


class _OpenGate(Gate):
    """While the campaign is BUILDING, everybody may ask."""

    def close(self, batch: object, *, sure: bool, now: float) -> bool:
        goes_on = super().close(batch, sure=sure, now=now)
        self.canary = None
        return goes_on

    def is_canary(self, batch: object) -> bool:
        del batch
        return True


def _reads_prefixes(ids: Sequence[str], seen: Seen, now: datetime) -> Verdict:
    """An id counts as named wherever it occurs: CRM-1 in CRM-12."""
    verdict = decide_verdict(ids, seen, now)
    if verdict.proof is not Proof.DUPLICATE or not isinstance(verdict.error, APIError):
        return verdict
    text = verdict.error.problem.detail or ""
    return attrs.evolve(verdict, named=tuple(i for i in ids if i in text), suspects=())


def _takes_409_for_present(ids: Sequence[str], seen: Seen, now: datetime) -> Verdict:
    """A 409 without a text says that the records are there."""
    verdict = decide_verdict(ids, seen, now)
    if verdict.proof is Proof.UNCLEAR and isinstance(seen, Response) and seen.status == 409:
        return attrs.evolve(verdict, proof=Proof.DUPLICATE, named=tuple(ids))
    return verdict


def _takes_5xx_for_refused(ids: Sequence[str], seen: Seen, now: datetime) -> Verdict:
    """A 5xx says that the request was not carried out."""
    verdict = decide_verdict(ids, seen, now)
    if verdict.proof is Proof.OPEN and isinstance(seen, Response):
        return attrs.evolve(verdict, proof=Proof.THROTTLED)
    return verdict


def _takes_any_2xx(ids: Sequence[str], seen: Seen, now: datetime) -> Verdict:
    """A 2xx says that the records were added, whomever it is meant for."""
    if isinstance(seen, Response) and 200 <= seen.status < 300:
        return Verdict(Proof.ADDED, body=seen.body)
    return decide_verdict(ids, seen, now)


def _wants_the_body(ids: Sequence[str], seen: Seen, now: datetime) -> Verdict:
    """A success that cannot be read is a refusal."""
    verdict = decide_verdict(ids, seen, now)
    if verdict.proof is Proof.ADDED and not verdict.records():
        return Verdict(Proof.UNCLEAR)
    return verdict


WRONG_ENGINES: Final[Mapping[str, Parts]] = {
    "a conflict after a retry means it all landed": Parts(resolver=_InfersAlways),
    "forgets that the first attempt was ambiguous": Parts(resolver=_Forgets),
    "trusts refusals behind a gateway that resends": Parts(resolver=_TrustsTheGateway),
    "rejects in doubt": Parts(resolver=_RejectsInDoubt),
    "sends a refused batch again": Parts(resolver=_SendsAgain),
    "opens the gate for everybody": Parts(gate=_OpenGate),
    "takes a prefix for a name": Parts(decide=_reads_prefixes),
    "takes a 409 without text for present": Parts(decide=_takes_409_for_present),
    "takes a 5xx for a refusal": Parts(decide=_takes_5xx_for_refused),
    "takes any 2xx for ours": Parts(decide=_takes_any_2xx),
    "takes a broken success for a refusal": Parts(decide=_wants_the_body),
}


def find_broken_seed(parts: Parts, seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first seed whose world catches the mistake, and the promise that it breaks."""
    for seed in seeds:
        try:
            World(seed, parts).run()
        except BrokenPromiseError as broken:
            return seed, str(broken)
    return None
