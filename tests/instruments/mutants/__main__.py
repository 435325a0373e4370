"""`python -m tests.instruments.mutants`: see the README beside it."""

import argparse
import random
import sys

from tests.instruments.counts import Share, arguments, conclude, say
from tests.instruments.mutants.applying import Mutant, Verdict
from tests.instruments.mutants.catalogue import MUTANTS
from tests.instruments.mutants.running import JOBS, hunt, table

PART = 20  # bugs of one round


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", action="append", metavar="ID", help="this bug alone")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--verbose", action="store_true", help="what the catcher said")


def _for_so_long(chosen: list[Mutant], share: Share) -> list[tuple[Mutant, Verdict]]:
    """Put bugs in another order again and again; each round looks first that the suite is sound."""
    drawn, found = random.Random(share.seed), []
    while not share.is_done(len(found)):
        some = drawn.sample(chosen, min(PART, len(chosen)))
        found += hunt(some, share.options.jobs, lambda: share.is_done(1))
    return found


def main() -> int:
    """Put the bugs to the suite."""
    share = arguments("mutants", "mutants", len(MUTANTS), extend=_more)
    only = share.options.only
    chosen = [m for m in MUTANTS if only is None or m.id in only][: share.amount]
    if share.seconds is None:
        found = hunt(chosen, share.options.jobs)
    else:
        found = _for_so_long(chosen, share)
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
