from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns_async._core.parsing import parse_rows
from campaigns_async._core.resolver import Piece, Resolution, Resolver
from campaigns_async._core.rows import Row
from campaigns_async._core.settlement import Settlement
from campaigns_async._core.verdicts import Proof, Verdict
from campaigns_async.errors import (
    AuthenticationError,
    CampaignsError,
    NotSentError,
    OutcomeUnknownError,
    Problem,
    ValidationError,
)
from campaigns_async.outcomes import Attribution, Evidence, Status

LOST = OutcomeUnknownError("lost")
REFUSED = ValidationError(Problem(), 400)
STOPPED = AuthenticationError(Problem(), 401)

ADDED = Verdict(Proof.ADDED)
OPEN = Verdict(Proof.OPEN, LOST)
NOT_SENT = Verdict(Proof.NOT_SENT, NotSentError("x"))
DUPLICATE = Verdict(Proof.DUPLICATE, REFUSED)
INVALID = Verdict(Proof.INVALID, REFUSED)
UNCLEAR = Verdict(Proof.UNCLEAR, REFUSED)
BUSY = Verdict(Proof.BUSY, REFUSED)
THROTTLED = Verdict(Proof.THROTTLED, REFUSED)
FATAL = Verdict(Proof.FATAL, STOPPED)


def there(*ids: str) -> Verdict:
    """A duplicate that names these."""
    return Verdict(Proof.DUPLICATE, REFUSED, named=ids)


def suspected(proof: Proof, *ids: str) -> Verdict:
    """A refusal that perhaps names these."""
    return Verdict(proof, REFUSED, suspects=ids)


def batch(ids: str) -> Piece:
    """A batch of rows with one-letter ids."""
    return Piece(parse_rows(list(ids), range(len(ids))))


def ids_of(rows: Iterable[Row]) -> str:
    """The ids as one text."""
    return "".join(row.id for row in rows)


def sent(resolution: Resolution) -> list[str]:
    """What is to be sent next, a text for each request."""
    return [ids_of(piece.rows) for piece in resolution.pieces]


def words(settled: Iterable[Settlement]) -> dict[str, str]:
    """What became of each id, in one word."""
    return {
        row.id: (s.attribution or s.evidence or s.status).value for s in settled for row in s.rows
    }


Answer = Callable[[Piece], Verdict]


def run(resolver: Resolver, first: Piece, answer: Answer) -> list[Settlement]:
    """Everything that is settled when each piece is sent until none is left."""
    pieces = deque([first])
    settled: list[Settlement] = []
    for _ in range(1_000):
        if not pieces:
            return settled
        piece = pieces.popleft()
        resolution = resolver.resolve(piece, answer(piece))
        settled += resolution.settled
        pieces.extend(resolution.pieces)
    raise AssertionError


def script(*steps: tuple[str, Verdict]) -> Answer:
    """Answers that expect just these requests, in this order."""
    left: Iterator[tuple[str, Verdict]] = iter(steps)

    def answer(piece: Piece) -> Verdict:
        ids, verdict = next(left)
        assert ids_of(piece.rows) == ids
        return verdict

    return answer


def settle(*steps: tuple[str, Verdict], resolver: Resolver | None = None) -> dict[str, str]:
    """What became of each id of a batch, the first of the requests, after these answers."""
    return words(run(resolver or Resolver(), batch(steps[0][0]), script(*steps)))


# --- one verdict at a time


def test_an_added_batch_is_settled_whole() -> None:
    """A 2xx settles all rows as ADDED and confirmed, with the reply and the requests it took."""
    piece = batch("abc")
    resolver = Resolver()
    resolver.resolve(piece, NOT_SENT)
    resolver.resolve(piece, THROTTLED)
    [settlement] = resolver.resolve(piece, ADDED).settled
    assert (settlement.status, settlement.evidence) == (Status.ADDED, Evidence.CONFIRMED)
    assert (ids_of(settlement.rows), settlement.reply) == ("abc", ADDED)
    # The one that was never sent is no request.
    assert settlement.attempts == 2


@pytest.mark.parametrize("verdict", [NOT_SENT, THROTTLED, OPEN, BUSY], ids=lambda v: v.proof.name)
def test_what_settles_nothing_is_sent_again_as_it_is(verdict: Verdict) -> None:
    """After a failure or "not now" the very same piece goes again."""
    piece = batch("abc")
    resolution = Resolver().resolve(piece, verdict)
    assert resolution.settled == []
    assert resolution.pieces == [piece]


@pytest.mark.parametrize(
    ("ids", "verdict", "next_requests", "outcomes"),
    [
        # Duplicates: the named are settled, the rest goes again; none named: halves.
        ("abcd", there("b"), ["acd"], {"b": "theirs"}),
        ("abcd", there("b", "d"), ["ac"], {"b": "theirs", "d": "theirs"}),
        ("ab", there("a", "b"), [], {"a": "theirs", "b": "theirs"}),
        ("abcd", DUPLICATE, ["ab", "cd"], {}),
        ("abcde", DUPLICATE, ["abc", "de"], {}),
        ("abcd", suspected(Proof.DUPLICATE, "c"), ["c", "abd"], {}),
        (
            "abcd",
            Verdict(Proof.DUPLICATE, REFUSED, named=("a",), suspects=("c",)),
            ["c", "bd"],
            {"a": "theirs"},
        ),
        # Refused for the content: those named alone; none named: halves; a single: REJECTED.
        ("abcd", suspected(Proof.INVALID, "b"), ["b", "acd"], {}),
        ("ab", suspected(Proof.INVALID, "a", "b"), ["a", "b"], {}),
        ("abcd", INVALID, ["ab", "cd"], {}),
        ("a", INVALID, [], {"a": "REJECTED"}),
        ("a", suspected(Proof.INVALID, "a"), [], {"a": "REJECTED"}),
        # Refused for an unclear reason: the same, and never PRESENT.
        ("abcd", UNCLEAR, ["ab", "cd"], {}),
        ("a", UNCLEAR, [], {"a": "REJECTED"}),
        # Nothing can succeed any more.
        ("abc", FATAL, [], {"a": "NOT_ADDED", "b": "NOT_ADDED", "c": "NOT_ADDED"}),
    ],
)
def test_what_follows_from_a_first_refusal(
    ids: str, verdict: Verdict, next_requests: list[str], outcomes: dict[str, str]
) -> None:
    """A refusal removes ids from the batch or takes it apart, in as few requests as can be."""
    resolution = Resolver().resolve(batch(ids), verdict)
    assert sent(resolution) == next_requests
    assert words(resolution.settled) == outcomes


def test_a_refusal_is_on_the_outcome() -> None:
    """A REJECTED row has the reply's error, and a NOT_ADDED one what stopped the upload."""
    [rejected] = Resolver().resolve(batch("a"), INVALID).settled
    assert (rejected.error, rejected.attempts) == (REFUSED, 1)
    [not_added] = Resolver().resolve(batch("a"), FATAL).settled
    assert (not_added.error, not_added.attempts) == (STOPPED, 1)


def test_an_error_tells_how_many_attempts_led_to_it() -> None:
    """Those that were sent, and itself."""
    piece, resolver = batch("a"), Resolver()
    failures = [OutcomeUnknownError("x"), NotSentError("x"), OutcomeUnknownError("x")]
    for error in failures:
        proof = Proof.NOT_SENT if isinstance(error, NotSentError) else Proof.OPEN
        resolver.resolve(piece, Verdict(proof, error))
    assert [error.attempts for error in failures] == [1, 2, 2]
    refusal = ValidationError(Problem(), 400)
    [unknown] = resolver.resolve(piece, Verdict(Proof.UNCLEAR, refusal)).settled
    assert (refusal.attempts, unknown.attempts) == (3, 3)


# --- attempts that may have landed unseen


def test_a_duplicate_after_a_lost_reply_is_unclear() -> None:
    """Whether it was our lost attempt or somebody else, nobody can tell."""
    assert settle(("a", OPEN), ("a", there("a"))) == {"a": "unclear"}


def test_a_later_addition_refutes_the_lost_attempt() -> None:
    """Once a record of the batch is added later, the lost attempt did not land: it was theirs."""
    outcomes = settle(("ab", OPEN), ("ab", there("a")), ("b", ADDED))
    assert outcomes == {"a": "theirs", "b": "confirmed"}


def test_who_is_present_is_told_when_it_is_known() -> None:
    """A PRESENT that hangs on a lost attempt is held until that is refuted, or never can be."""
    resolver, piece = Resolver(), batch("abc")
    resolver.resolve(piece, OPEN)
    resolution = resolver.resolve(piece, there("a"))
    assert resolution.settled == []
    [rest] = resolution.pieces
    resolution = resolver.resolve(rest, there("b"))
    assert resolution.settled == []
    [last] = resolution.pieces
    assert words(resolver.resolve(last, there("c")).settled) == dict.fromkeys("abc", "unclear")


def test_after_a_lost_attempt_one_record_is_asked_first() -> None:
    """When the retry is a duplicate without names, one single tells whether the attempt landed."""
    landed = settle(
        ("abc", OPEN), ("abc", DUPLICATE), ("a", there("a")), ("b", there("b")), ("c", there("c"))
    )
    assert landed == dict.fromkeys("abc", "unclear")
    not_landed = settle(
        ("abcde", OPEN),
        ("abcde", DUPLICATE),
        ("a", ADDED),
        ("bc", ADDED),
        ("de", DUPLICATE),
        ("d", there("d")),
        ("e", ADDED),
    )
    assert not_landed == {"d": "theirs"} | dict.fromkeys("abce", "confirmed")


def test_the_rest_waits_whatever_the_single_meets() -> None:
    """The rest goes on when its single is settled, however long that takes."""
    outcomes = settle(
        ("abc", OPEN), ("abc", DUPLICATE), ("a", OPEN), ("a", INVALID), ("b", ADDED), ("c", ADDED)
    )
    assert outcomes == {"a": "REJECTED", "b": "confirmed", "c": "confirmed"}
    outcomes = settle(
        ("abc", OPEN), ("abc", DUPLICATE), ("a", UNCLEAR), ("b", there("b")), ("c", there("c"))
    )
    assert outcomes == {"a": "UNKNOWN", "b": "unclear", "c": "unclear"}


def test_an_unclear_refusal_after_a_lost_attempt_is_unknown() -> None:
    """A badly worded "already there" may be about our own attempt, unless that is refuted."""
    assert settle(("a", OPEN), ("a", UNCLEAR)) == {"a": "UNKNOWN"}
    refuted = settle(("ab", OPEN), ("ab", UNCLEAR), ("a", UNCLEAR), ("b", ADDED))
    assert refuted == {"a": "REJECTED", "b": "confirmed"}


def test_a_stop_leaves_unknown_what_may_have_landed() -> None:
    """A stop is NOT_ADDED where nothing of ours can have landed, else UNKNOWN with the failure."""
    resolver, piece = Resolver(), batch("ab")
    resolver.resolve(piece, OPEN)
    [settlement] = resolver.resolve(piece, FATAL).settled
    assert (settlement.status, settlement.error) == (Status.UNKNOWN, LOST)
    assert settle(("ab", OPEN), ("ab", DUPLICATE), ("a", ADDED), ("b", FATAL)) == {
        "a": "confirmed",
        "b": "NOT_ADDED",
    }


def test_abandoning_settles_a_single_and_what_waits_for_it() -> None:
    """What is abandoned includes the rows that waited for the answer to a single."""
    resolver, piece = Resolver(), batch("abc")
    resolver.resolve(piece, OPEN)
    [single] = resolver.resolve(piece, DUPLICATE).pieces
    settled = resolver.abandon(single, STOPPED)
    assert words(settled) == dict.fromkeys("abc", "UNKNOWN")
    assert words(Resolver().abandon(batch("ab"), STOPPED)) == dict.fromkeys("ab", "NOT_ADDED")


def test_abandoning_the_last_piece_frees_what_was_held() -> None:
    """A PRESENT that was held comes out as unclear with the batch's last piece."""
    resolver, piece = Resolver(), batch("abc")
    resolver.resolve(piece, OPEN)
    [rest] = resolver.resolve(piece, there("a")).pieces
    left, right = resolver.resolve(rest, INVALID).pieces
    assert resolver.abandon(left, STOPPED) == []
    assert words(resolver.abandon(right, STOPPED)) == {
        "a": "unclear",
        "b": "UNKNOWN",
        "c": "UNKNOWN",
    }


# --- exclusive


def test_exclusive_infers_from_an_identical_retry() -> None:
    """With ``exclusive`` a duplicate on an identical retry proves that the lost one landed."""
    [settlement] = run(
        Resolver(exclusive=True), batch("ab"), script(("ab", OPEN), ("ab", DUPLICATE))
    )
    assert (settlement.status, settlement.evidence) == (Status.ADDED, Evidence.INFERRED)
    assert (ids_of(settlement.rows), settlement.attempts) == ("ab", 2)


def test_exclusive_infers_nothing_from_a_part() -> None:
    """Once the batch was split, a duplicate is PRESENT and not ours for sure."""
    outcomes = settle(
        ("ab", INVALID),
        ("a", OPEN),
        ("b", INVALID),
        ("a", there("a")),
        resolver=Resolver(exclusive=True),
    )
    assert outcomes == {"a": "unclear", "b": "REJECTED"}


def test_exclusive_infers_nothing_without_a_lost_attempt() -> None:
    """A duplicate at the first try is somebody else's, and ends the trust in ``exclusive``."""
    resolver = Resolver(exclusive=True)
    assert settle(("a", there("a")), resolver=resolver) == {"a": "theirs"}
    assert settle(("a", OPEN), ("a", there("a")), resolver=resolver) == {"a": "unclear"}


# --- a gateway that sends twice


def test_a_refusal_proves_nothing_where_a_gateway_resends() -> None:
    """A duplicate may be the echo of our own request: unclear, and UNKNOWN, not REJECTED."""
    resolver = Resolver(gateway_resends=True)
    assert settle(("a", there("a")), resolver=resolver) == {"a": "unclear"}
    assert settle(("a", UNCLEAR), resolver=resolver) == {"a": "UNKNOWN"}
    assert settle(("a", INVALID), resolver=resolver) == {"a": "REJECTED"}


def test_an_addition_refutes_the_echo_too() -> None:
    """A record of the batch that is added afterwards shows that no echo had landed."""
    resolver = Resolver(gateway_resends=True)
    outcomes = settle(("ab", there("a")), ("b", ADDED), resolver=resolver)
    assert outcomes == {"a": "theirs", "b": "confirmed"}


# --- properties, against a model of the service


class Server:
    """Adds all of a request's ids or none, and keeps who added what."""

    def __init__(self, theirs: Iterable[str], invalid: Iterable[str], named: int) -> None:
        self.ledger = dict.fromkeys(theirs, "them")
        self.invalid = set(invalid)
        self.named = named
        self.requests = 0

    def post(self, ids: Sequence[str], fault: str | None) -> Verdict:
        """What is seen of a request; ``fault``: what goes wrong with it."""
        if fault == "not sent":
            return NOT_SENT
        self.requests += 1
        if fault == "429":
            return THROTTLED
        if fault == "lost before":
            return OPEN
        seen = self._carry_out(ids)
        return OPEN if fault == "lost after" else seen

    def _carry_out(self, ids: Sequence[str]) -> Verdict:
        if invalid := [i for i in ids if i in self.invalid]:
            return suspected(Proof.INVALID, *invalid[: self.named])
        if present := [i for i in ids if i in self.ledger]:
            return there(*(ids if len(ids) == 1 else present[: self.named]))
        self.ledger |= dict.fromkeys(ids, "us")
        return ADDED


LETTERS = "abcdefghijklmnop"
FAULTS = ["not sent", "429", "lost before", "lost after"]
kinds = st.lists(st.sampled_from(["new", "new", "theirs", "invalid"]), min_size=1, max_size=16)
faults = st.lists(st.sampled_from([None, *FAULTS]), max_size=12)


@given(kinds, faults, st.integers(0, 2), st.booleans())
def test_every_row_is_settled_once_and_truly(
    kinds: list[str],
    faults: list[str | None],
    named: int,
    resends: bool,  # noqa: FBT001
) -> None:
    """Faults over, each row has one outcome, none is UNKNOWN, and the ledger bears it out.

    Requests: with k duplicates named k + 1, and one more for each invalid id; unnamed at most
    2n - 1; and one more for each fault. A lost attempt that landed makes duplicates of its batch.
    """
    ids = LETTERS[: len(kinds)]
    theirs = [i for i, kind in zip(ids, kinds, strict=True) if kind == "theirs"]
    invalid = [i for i, kind in zip(ids, kinds, strict=True) if kind == "invalid"]
    server = Server(theirs, invalid, named)
    left = list(faults)
    settled = run(
        Resolver(gateway_resends=resends),
        batch(ids),
        lambda piece: server.post(piece.ids, left.pop(0) if left else None),
    )

    assert sorted(row.id for s in settled for row in s.rows) == sorted(ids)
    for settlement in settled:
        for row in settlement.rows:
            who = server.ledger.get(row.id)
            match settlement.status:
                case Status.ADDED:
                    assert who == "us"
                case Status.PRESENT if settlement.attribution is Attribution.THEIRS:
                    assert who == "them"
                case Status.PRESENT:
                    assert who is not None
                    assert resends or any(faults)
                case status:
                    assert status is Status.REJECTED
                    assert row.id in invalid

    n, used = len(ids), faults[: len(faults) - len(left)]
    lost = sum(fault is not None and fault != "not sent" for fault in used)
    duplicates = n if "lost after" in used else len(theirs)
    bound = duplicates + 2 * len(invalid) + 1 if named else 2 * n - 1
    assert server.requests <= min(bound, 2 * n - 1) + lost


@given(st.integers(1, 16), faults)
def test_exclusive_takes_one_request_and_one_for_each_fault(
    n: int, faults: list[str | None]
) -> None:
    """Where nobody else adds, every row is ADDED in one request and one more for each fault."""
    server = Server((), (), named=1)
    left = list(faults)
    settled = run(
        Resolver(exclusive=True),
        batch(LETTERS[:n]),
        lambda piece: server.post(piece.ids, left.pop(0) if left else None),
    )
    assert {s.status for s in settled} == {Status.ADDED}
    assert set(server.ledger.values()) == {"us"}
    used = faults[: len(faults) - len(left)]
    assert server.requests == 1 + sum(fault not in {None, "not sent"} for fault in used)
    inferred = any(s.evidence is Evidence.INFERRED for s in settled)
    assert inferred == ("lost after" in used)


@given(kinds, faults, st.integers(0, 2), st.integers(0, 30))
def test_a_stop_is_never_a_guess(
    kinds: list[str], faults: list[str | None], named: int, patience: int
) -> None:
    """Stopped anywhere, each row has one outcome; NOT_ADDED and REJECTED are not in by us."""
    ids = LETTERS[: len(kinds)]
    by_kind = {k: [i for i, kind in zip(ids, kinds, strict=True) if kind == k] for k in kinds}
    server = Server(by_kind.get("theirs", ()), by_kind.get("invalid", ()), named)
    left = list(faults)
    resolver = Resolver()
    pieces = deque([batch(ids)])
    settled: list[Settlement] = []
    for _ in range(patience):
        if pieces:
            piece = pieces.popleft()
            verdict = server.post(piece.ids, left.pop(0) if left else None)
            resolution = resolver.resolve(piece, verdict)
            settled += resolution.settled
            pieces.extend(resolution.pieces)
    error = CampaignsError("stopped")
    for piece in pieces:
        settled += resolver.abandon(piece, error)

    assert sorted(row.id for s in settled for row in s.rows) == sorted(ids)
    for settlement in settled:
        for row in settlement.rows:
            who = server.ledger.get(row.id)
            if settlement.status in {Status.NOT_ADDED, Status.REJECTED}:
                assert who != "us"
            elif settlement.status is Status.ADDED:
                assert who == "us"
            elif settlement.status is Status.PRESENT:
                assert who is not None
