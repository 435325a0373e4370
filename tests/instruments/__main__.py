"""`./run soak [--hours N]`: every instrument in turn, with fresh seeds, until told to stop.

Prints what each turn did and, at the end, what all of them did together; exit code 1 if any of
them found a violation.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from tests.instruments.counts import FOLDER, say

HERE = Path(__file__).parent
TURN_SECONDS = 300.0


def instruments() -> list[str]:
    """Return the instruments' names."""
    return sorted(file.parent.name for file in HERE.glob("*/__main__.py"))


def soak(names: list[str], hours: float | None, turn_seconds: float) -> Iterator[Counter[str]]:
    """Run one instrument after the other; yield what each turn counted, by `instrument.count`."""
    until = None if hours is None else time.monotonic() + hours * 3600
    for name in cycle(names):
        left = turn_seconds if until is None else min(turn_seconds, until - time.monotonic())
        if left <= 0:
            return
        yield _turn(name, left)


def _turn(name: str, seconds: float) -> Counter[str]:
    result = FOLDER / f"{name}.json"
    result.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"tests.instruments.{name}", "--seconds", f"{seconds:.0f}"]
    code = subprocess.run(command, check=False).returncode
    if not result.exists():
        say(f"{name}: ended with {code} and said nothing")
        return Counter({f"{name}.violations": 1})
    said = json.loads(result.read_text("utf-8"))
    counts = {key: value for key, value in said.items() if isinstance(value, int) and key != "seed"}
    return Counter({f"{name}.{key}": value for key, value in counts.items()})


def main(argv: list[str] | None = None) -> int:
    """Soak; return the exit code."""
    parser = argparse.ArgumentParser(prog="./run soak")
    parser.add_argument("--hours", type=float, help="end after so long; without it, never")
    parser.add_argument("--turn", type=float, default=TURN_SECONDS, help="seconds of each turn")
    parser.add_argument("--only", action="append", choices=instruments(), help="these alone")
    options = parser.parse_args(argv)
    total: Counter[str] = Counter()
    try:
        for counted in soak(options.only or instruments(), options.hours, options.turn):
            total += counted
    except KeyboardInterrupt:
        say("")
    for key, value in sorted(total.items()):
        say(f"{key}: {value}")
    return 1 if any(value for key, value in total.items() if key.endswith(".violations")) else 0


if __name__ == "__main__":
    sys.exit(main())
