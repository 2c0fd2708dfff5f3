"""A big CSV file through the command line with a journal: time, memory, size of the journal.

    .venv/bin/python benchmarks/big_file.py --rows 5000000

The server answers from memory on the other core. "Over import" is what the process holds above what
``campaigns-async --help`` does, which imports the same.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from server import compile_server, read_account, serve

_CAMPAIGN = "123e4567-e89b-12d3-a456-426614174000"
_EVERY = 2.0


def read_rss(process: int) -> float:
    """MiB that a process has in memory; 0 if it has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def write_file(path: Path, rows: int) -> None:
    """Rows with ids of 18 characters, a priority, and a column that is not sent."""
    with path.open("w", encoding="utf-8") as file:
        file.write("crmRecordId,priority,name\n")
        file.writelines(
            f"0035f{row:013d},{('HIGH', 'MEDIUM', 'LOW')[row % 3]},Somebody {row}\n"
            for row in range(rows)
        )


def imported_rss() -> float:
    """MiB of a process that has imported the command line and does nothing."""
    script = "import campaigns_async.cli.app, time; print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = read_rss(process.pid)
        process.kill()
    return found


def main() -> None:
    """Upload it once, and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--no-journal", action="store_true")
    options = parser.parse_args()
    base = imported_rss()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, journal = folder / "contacts.csv", folder / "contacts.journal"
        write_file(source, options.rows)
        cores = sorted(os.sched_getaffinity(0))
        with serve(compile_server(folder), core=cores[-1]) as root:
            command = [str(Path(sys.executable).with_name("campaigns-async")), "upload"]
            command += [str(source), "--campaign", _CAMPAIGN, "--max-in-flight", "32"]
            command += [] if options.no_journal else ["--journal", str(journal)]
            command += ["--base-url", root, "--tenant", "acme"]
            environment = os.environ | {"EGHT_API_KEY": "eght_benchmark"}
            started, curve = time.monotonic(), []
            with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
                os.sched_setaffinity(process.pid, {cores[0]})
                largest = 0
                while process.poll() is None:
                    curve.append(read_rss(process.pid))
                    largest = max(
                        largest, *(f.stat().st_size for f in folder.glob("*.journal*")), 0
                    )
                    time.sleep(_EVERY)
                seconds = time.monotonic() - started
                print(process.stdout.read().decode() if process.stdout else "")
            account = read_account(root)
        kept = sum(f.stat().st_size for f in folder.glob("*.journal*"))
    shown = curve[:: max(1, len(curve) // 10)]
    print(f"{options.rows:,} rows in {seconds:.0f} s, exit code {process.returncode}")
    print(f"{account.requests:,} requests with {account.records:,} records at the server")
    print(f"memory: {base:.0f} MiB after import, at most {max(curve) - base:.0f} MiB over that")
    print(f"curve, MiB over import: {', '.join(f'{v - base:.0f}' for v in shown)}")
    print(f"journal: {largest / 1024:.0f} KiB at most, {kept / 1024:.0f} KiB at the end")


if __name__ == "__main__":
    main()
