"""Imports modules and prints the processor seconds it took, and what else came along."""

import argparse
import importlib
import json
import sys
import time


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("modules", nargs="+")
    options = parser.parse_args()
    begin = time.process_time()
    for module in options.modules:
        importlib.import_module(module)
    seconds = time.process_time() - begin
    unwanted = ("campaigns_async.cli", "campaigns_async.emulator", "click", "rich", "sqlite3")
    print(json.dumps({"seconds": seconds, "along": [m for m in unwanted if m in sys.modules]}))


if __name__ == "__main__":
    main()
