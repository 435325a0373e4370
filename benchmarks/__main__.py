"""`./run bench`: every benchmark, one after the other, in one run on one machine."""

import subprocess
import sys

BENCHMARKS = ("offload", "agent", "ledger")


def main() -> int:
    """Run each benchmark in a process of its own; return 1 if one could not be run."""
    failed = 0
    for name in BENCHMARKS:
        print(f"\n== benchmarks.{name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        failed += subprocess.run(command, check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
