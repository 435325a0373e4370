"""`python -m tests.instruments.torture [--seed N] [--kills N] [--seconds N] [--database ...]`."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.instruments.counts import Share, arguments, conclude, say
from tests.instruments.torture.torture import torture
from tests.support.postgres import Postgres

KILLS = 60
KILLS_A_RUN = 30
DATABASES = ("sqlite", "postgresql")


def run(share: Share) -> int:
    """Torture on one database after the other until the share is done; return the exit code."""
    wanted = getattr(share.options, "database", None)
    counts: Counter[str] = Counter()
    violations = 0
    number = 0
    while not share.is_done(counts["kills"]) and not violations:
        database = wanted or DATABASES[number % 2]
        kills = min(KILLS_A_RUN, share.amount) if share.seconds is None else KILLS_A_RUN
        outcome = _one(share.seed + number, kills, database)
        counts += outcome.counts
        violations += len(outcome.violations)
        if outcome.violations:
            say(
                f"python -m tests.instruments.torture --seed {share.seed + number}"
                f" --kills {kills} --database {database}"
            )
        number += 1
    return conclude("torture", share, {**counts, "runs": number, "violations": violations})


def _one(seed, kills, database):
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        if database == "sqlite":
            return torture(Path(folder), seed, kills, None)
        with Postgres() as postgres:
            return torture(Path(folder), seed, kills, postgres)


if __name__ == "__main__":
    sys.exit(
        run(
            arguments(
                "torture",
                "kills",
                KILLS,
                extend=lambda parser: parser.add_argument("--database", choices=DATABASES),
            )
        )
    )
