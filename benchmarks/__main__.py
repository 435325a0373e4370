"""`./run bench [NAME...]`: the named benchmarks, or all, one after the other on one machine."""

import argparse
import os
import signal
import subprocess
import sys
from functools import partial

from benchmarks.tidy import die_with

BENCHMARKS = ("offload", "throttled", "smallfiles", "agent", "ledger", "ingest")


def main() -> int:
    """Run each benchmark in a process of its own; return 1 if one could not be run.

    What is behind `--` goes to each: `./run bench smallfiles -- --files 2000`.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=", ".join(BENCHMARKS))
    own, _, more = " ".join(sys.argv[1:]).partition("-- ")
    names = parser.parse_args(own.split()).name or BENCHMARKS
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    failed = 0
    for name in names:
        print(f"\n== benchmarks.{name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *more.split()]
        end_with_us = partial(die_with, os.getpid(), signal.SIGTERM)
        done = subprocess.run(command, check=False, preexec_fn=end_with_us)
        failed += done.returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
