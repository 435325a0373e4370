"""`python -m tests.instruments.mutants`: see the README beside it."""

import argparse
import sys

from tests.instruments.counts import arguments, conclude, say
from tests.instruments.mutants.catalogue import MUTANTS
from tests.instruments.mutants.running import JOBS, hunt, table


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", action="append", metavar="ID", help="this bug alone")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--verbose", action="store_true", help="what the catcher said")


def main() -> int:
    """Put the bugs to the suite."""
    share = arguments("mutants", "mutants", len(MUTANTS), extend=_more)
    only = share.options.only
    chosen = [m for m in MUTANTS if only is None or m.id in only][: share.amount]
    found = hunt(chosen, share.options.jobs)
    table(found)
    missed = [mutant for mutant, verdict in found if not verdict.caught]
    for mutant, verdict in found:
        if share.options.verbose or mutant in missed:
            say(f"\n{mutant.id}: {' '.join(mutant.command)}\n{verdict.output}")
    for mutant in missed:
        say(f"python -m tests.instruments.mutants --only {mutant.id}")
    counts = {"mutants": len(found), "caught": len(found) - len(missed), "violations": len(missed)}
    return conclude("mutants", share, counts)


sys.exit(main())
