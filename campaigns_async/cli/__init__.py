"""The command line, ``campaigns-async``; needs the extra ``cli`` (click and rich)."""

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
    app()
