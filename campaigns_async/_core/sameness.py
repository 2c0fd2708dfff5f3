"""Is this the input of the earlier run? Told by digests of what was read of it."""

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise

from campaigns_async._core.rows import Rows


class SameInput:
    """Follows an input row by row, and compares it with what is known of it.

    ``checks``: (position, digest of all rows before it), in order. ``total``: the rows there are in
    all; None as long as the end was not reached. ``base``: up to which position the earlier run had
    read; 0 for none. ``read``: how far this one has. ``proved``: whether all that is known of the
    input was found again.
    """

    def __init__(self, checks: Iterable[tuple[int, str]] = (), total: int | None = None) -> None:
        self._known = list(checks)
        self._open = deque(self._known)
        self.total = total
        self.base = self._known[-1][0] if self._known else 0
        self._ids, self._said = hashlib.sha256(), hashlib.sha256()
        self._last_said = ""
        self.read = 0
        self.proved = not self._open

    def next_check(self) -> int | None:
        """Rows to the next position at which something is known; None if there is none."""
        # At the end of the input as it was: is there more now?
        return max(1, self._open[0][0] - self.read) if self._open else None

    def follow(self, rows: Rows, *, exhausted: bool) -> str | None:
        """The next rows, not across a check. What differs, in a sentence; None for nothing.

        ``exhausted``: these were the last. Not where the input failed: it may have more next time.
        """
        if rows:
            self._add(rows)
            self.read += len(rows)
        while self._open and self.read == self._open[0][0]:
            if self._fingerprint() != self._open[0][1]:
                return f"its first {self.read:,} records are not the same"
            if self.read == self.total and not exhausted:
                break
            self._open.popleft()
        self.proved = not self._open
        if self.total is not None and self.read > self.total:
            return f"it has more than the {self.total:,} records of before"
        if exhausted and self._open:
            return f"it has {self.read:,} records, and {self.base:,} were read before"
        if exhausted:
            self.total = self.read
        return None

    def _add(self, rows: Rows) -> None:
        """To the digests: each id, and what else the rows say where it is not as the row before.

        So the portions in which they come make no difference.
        """
        ids = rows.ids if rows.plain else map(_escape, rows.ids)
        self._ids.update(("\n".join(ids) + "\n").encode(errors="surrogatepass"))
        said: Sequence[str] = rows.said
        if rows.errors:
            said = [
                "!" if at in rows.errors else text
                for at, text in zip(rows.positions, said, strict=True)
            ]
        if said.count(self._last_said) < len(said):
            pairs = enumerate(pairwise((self._last_said, *said)), self.read)
            changes = [f"{at} {text}\n" for at, (last, text) in pairs if text != last]
            self._said.update("".join(changes).encode())
            self._last_said = said[-1]

    def _fingerprint(self) -> str:
        return "".join(digest.hexdigest()[:32] for digest in (self._ids, self._said))

    def checks(self) -> list[tuple[int, str]]:
        """What is known of it now: the first check, to find out soon, and the last, to be sure."""
        # Of an empty input there is its end to be checked.
        last = self._known[-1][0] if self._known else 0
        if self.read > last or (self.total == 0 and not self._known):
            self._known[1:] = [(self.read, self._fingerprint())]
        return list(self._known)


def _escape(crm_record_id: str) -> str:
    """The id in one line, and none like that of another."""
    return crm_record_id.replace("\\", "\\\\").replace("\n", "\\n")
