"""`python -m tests.instruments.syscalls`: see the README beside it."""

import argparse
import sys

from tests.instruments.counts import arguments, conclude
from tests.instruments.syscalls.injecting import Point
from tests.instruments.syscalls.running import (
    EVERY_KIND,
    JOBS,
    KINDS,
    NAME,
    SHARE,
    Wanted,
    counts_of,
    inject_all,
    inject_one,
)
from tests.instruments.syscalls.scenarios import SCENARIOS


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    parser.add_argument("--kind", action="append", help="KILL or the name of an error: EIO")
    parser.add_argument("--all", action="store_true", help="all scenarios, calls and errors")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--point", type=Point.parse, help="one point, as it was printed")


def main() -> int:
    """Run what the command line asks for."""
    share = arguments(NAME, "points", 0, extend=_more)
    options = share.options
    is_whole = options.all or share.seconds is not None
    scenarios = tuple(SCENARIOS) if is_whole else SHARE
    kinds = EVERY_KIND if is_whole else KINDS
    wanted = Wanted(
        tuple(options.scenario or scenarios), tuple(options.kind or kinds), whole=is_whole
    )
    if options.point:
        tally = inject_one(options.point)
        for point, wrong in tally.violations:
            sys.stdout.write(f"{point}: {wrong}\n")
    else:
        tally = inject_all(share, wanted, options.jobs)
    counts = counts_of(tally, wanted)
    return conclude(NAME, share, counts)


sys.exit(main())
