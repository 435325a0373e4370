"""`python -m tests.instruments.simulation [--seed N] [--seeds N] [--seconds N]`."""

import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path

from tests.instruments.counts import Share, arguments, conclude, say
from tests.instruments.simulation.simulation import Outcome, be_quiet, simulate

SEEDS = 5_000
_SOME = 100


def run(share: Share) -> int:
    """Simulate seed after seed, on every core; return the exit code."""
    counts: Counter[str] = Counter()
    seeds = violations = 0
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm", prefix="simulation-") as scratch,
        ProcessPoolExecutor(os.cpu_count(), get_context("forkserver"), be_quiet) as pool,
    ):
        numbers = count(share.seed)
        while not share.is_done(seeds):
            some = list(islice(numbers, min(_SOME, max(1, share.amount - seeds))))
            for seed, outcome in zip(
                some, pool.map(simulate, some, [Path(scratch)] * len(some)), strict=True
            ):
                counts += outcome.counts
                violations += bool(outcome.violations)
                _tell(seed, outcome)
            seeds += len(some)
    return conclude("simulation", share, {"seeds": seeds, **counts, "violations": violations})


def _tell(seed: int, outcome: Outcome) -> None:
    for violation in outcome.violations:
        say(f"seed {seed}: {violation}")
    if outcome.violations:
        say(f"python -m tests.instruments.simulation --seeds 1 --seed {seed}")


if __name__ == "__main__":
    sys.exit(run(arguments("simulation", "seeds", SEEDS)))
