"""The moving line of an upload, on stderr and only on a terminal."""

from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from campaigns_async.cli import terminal
from campaigns_async.cli.report import count
from campaigns_async.report import Progress as UploadProgress

_DETAILS = "{task.fields[done]} rows  {task.fields[rate]} rows/s  {task.fields[details]}"

_NOTEWORTHY: Final = 5.0
"""Seconds in which nothing gets on that are worth a word; a single failure is not."""

_UNSENT_AFTER: Final = 3
"""Retries without a single request that left this machine."""

_UNSENT: Final = (
    "No request could be sent yet. Check the address (--site or --base-url) and the way to it: "
    "network, proxy, TLS. It goes on trying; Ctrl-C stops."
)
_SILENT: Final = (
    "The service gives no answer, or errors of its own. It goes on trying, and no row is lost; "
    "Ctrl-C stops."
)
_ANSWERS: Final = "The service answers again."
_CLOSED: Final = "The campaign {}. The upload goes on when it takes records again; Ctrl-C stops."
_OPEN: Final = "The campaign takes records again."


class Holdups:
    """What is to be said of a service that does not answer and a campaign that takes no records.

    Once each time: without a deadline an upload would otherwise wait in silence for ever.
    """

    def __init__(self) -> None:
        self._unsent = False
        self._silent = False
        # Since when the campaign takes no records, by the upload's own seconds; None if it does.
        self._closed_at: float | None = None
        self._closed = False

    def look_at(self, now: UploadProgress) -> str | None:
        """A sentence if there is news, else None."""
        return self._look_at_campaign(now) or self._look_at_service(now)

    def _look_at_campaign(self, now: UploadProgress) -> str | None:
        if now.waiting != "campaign":
            was, self._closed, self._closed_at = self._closed, False, None
            return _OPEN if was else None
        if self._closed_at is None:
            self._closed_at = now.elapsed
        if self._closed or now.elapsed - self._closed_at < _NOTEWORTHY:
            return None
        self._closed = True
        return _CLOSED.format(_say_state(now))

    def _look_at_service(self, now: UploadProgress) -> str | None:
        if not now.requests:
            news = now.retries >= _UNSENT_AFTER and not self._unsent
            self._unsent = self._unsent or news
            return _UNSENT if news else None
        if (self._silent and now.silence > 0) or (not self._silent and now.silence < _NOTEWORTHY):
            return None
        self._silent = not self._silent
        return _SILENT if self._silent else _ANSWERS


class UploadBar:
    """Shows how far an upload is; does nothing where stderr is no terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or terminal.stderr()
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._progress = Progress(
                TextColumn("Uploading"), BarColumn(), TextColumn(_DETAILS), console=self._console
            )
            self._task = self._progress.add_task("", total=None, done="0", rate="-", details="")
            self._progress.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, now: UploadProgress, total: float | None) -> None:
        """How far it is. ``total``: rows in the file as far as one can tell; None: no idea."""
        if self._progress is None:
            return
        settled, rate, details = describe(now, total)
        self._progress.update(
            self._task, completed=now.settled, total=total, done=settled, rate=rate, details=details
        )

    def say(self, sentence: str) -> None:
        """A line of its own, above the bar where there is one."""
        self._console.print(terminal.line(sentence))


def describe(now: UploadProgress, total: float | None = None) -> tuple[str, str, str]:
    """Settled rows, rows per second, and what goes on at the moment and for how long yet."""
    details = [f"{now.in_flight} in flight"]
    if now.retries:
        details.append(count(now.retries, "retry"))
    if now.waiting == "campaign":
        # For how long, only the campaign knows.
        details.append(f"waiting: the campaign {_say_state(now)}")
    elif now.silence >= _NOTEWORTHY:
        details.append(f"no answer for {now.silence:.0f} s")
    elif total is not None and now.settled and now.elapsed > 0:
        details.append(say_left(max(total - now.settled, 0.0) * now.elapsed / now.settled))
    rate = f"{now.settled / now.elapsed:,.0f}" if now.elapsed > 0 else "-"
    return f"{now.settled:,}", rate, "  ".join(details)


def _say_state(now: UploadProgress) -> str:
    return f"is {now.campaign_state}" if now.campaign_state else "takes no records now"


def say_left(seconds: float) -> str:
    """``45 s left``, ``6 min left``, ``2 h 10 min left``: no finer than anybody can know."""
    if seconds < 90:
        return f"{seconds:.0f} s left"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min left"
    hours, rest = divmod(round(minutes, -1), 60)
    return f"{hours:,} h {rest} min left"
