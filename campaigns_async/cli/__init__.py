"""The command line, ``campaigns-async``; needs the extra ``cli`` (click and rich)."""

import io
import sys

_MISSING = "The command line needs click and rich. Install them: pip install 'campaigns-async[cli]'"


def main() -> None:
    """Run the command line and exit with its code; see `failures.Exit`."""
    try:
        # Not at the top: without the extra there is nothing but a sentence to say.
        from campaigns_async.cli.app import app  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"click", "rich"}:
            raise
        sys.exit(_MISSING)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no ł shows \u0142.
            stream.reconfigure(errors="backslashreplace")
    app()
