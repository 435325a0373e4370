"""Puts the points of some scenarios to a few injectors and counts what they say."""

import logging
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.instruments.counts import Count, Share, say
from tests.instruments.syscalls.injecting import KILL, Injector, Point, opened, points_of, removed

NAME = "syscalls"
SHARE = ("first", "resume", "signing")
KINDS = (KILL, "EIO", "ENOSPC", "EROFS")
EVERY_KIND = (KILL, "EIO", "ENOSPC", "EROFS", "EDQUOT", "EINTR", "EMFILE", "ENOMEM")
JOBS = 2


@dataclass
class Tally:
    """What came of some points."""

    points: int = 0
    killed: int = 0
    failed: int = 0
    missed: int = 0
    violations: list[tuple[str, str]] = field(default_factory=list)

    def add(self, point: Point, reached: bool, wrong: Sequence[str]) -> None:
        """Count a point."""
        self.points += 1
        self.killed += point.kind == KILL
        self.failed += point.kind != KILL
        self.missed += not reached
        self.violations += [(str(point), one) for one in wrong]

    def merge(self, other: "Tally") -> None:
        """Add what another process counted."""
        self.points += other.points
        self.killed += other.killed
        self.failed += other.failed
        self.missed += other.missed
        self.violations += other.violations


@dataclass(frozen=True)
class Wanted:
    """Which points."""

    scenarios: tuple[str, ...] = SHARE
    kinds: tuple[str, ...] = KINDS
    whole: bool = False


def inject_all(share: Share, wanted: Wanted, jobs: int = JOBS) -> Tally:
    """Inject at every point that is wanted, each with a command that repeats it if it fails."""
    whole = Tally()
    with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
        parts = [pool.submit(_part, share, wanted, job, jobs) for job in range(jobs)]
        for part in parts:
            whole.merge(part.result())
    for point, wrong in whole.violations:
        say(f"{point}: {wrong}\n  python -m tests.instruments.{NAME} --point {point}")
    return whole


def counts_of(tally: Tally, wanted: Wanted) -> dict[str, Count]:
    """Return what is printed of a run."""
    return {
        "scenarios": ",".join(wanted.scenarios),
        "points": tally.points,
        "killed": tally.killed,
        "failed": tally.failed,
        "missed": tally.missed,
        "violations": len(tally.violations),
    }


def inject_one(point: Point) -> Tally:
    """Inject at one point."""
    tally = Tally()
    logging.disable(logging.CRITICAL)
    injector, root = opened(point.scenario)
    try:
        injector.count()
        tally.add(point, *injector.inject(point))
    finally:
        removed(root)
    return tally


def _part(share: Share, wanted: Wanted, job: int, jobs: int) -> Tally:
    tally = Tally()
    logging.disable(logging.CRITICAL)
    for turn, name in enumerate(wanted.scenarios, 1):
        injector, root = opened(name)
        try:
            for point in _chosen(injector, share, wanted, (job, jobs)):
                tally.add(point, *injector.inject(point))
                if _is_over(share, turn / len(wanted.scenarios)):
                    break
        finally:
            removed(root)
    return tally


def _is_over(share: Share, part: float) -> bool:
    """Tell whether this part of the time has passed, where there is a time."""
    return share.seconds is not None and share.elapsed_seconds >= share.seconds * part


def _kinds(wanted: Wanted, name: str) -> tuple[str, ...]:
    """Return what to try: a disk that fills or turns read-only only through the first visit."""
    if wanted.whole or wanted.kinds != KINDS or name == SHARE[0]:
        return wanted.kinds
    return KINDS[:2]


def _chosen(
    injector: Injector, share: Share, wanted: Wanted, part: tuple[int, int]
) -> Iterator[Point]:
    name = injector.scenario.name
    calls = injector.count()
    points = [
        p for kind in _kinds(wanted, name) for p in points_of(name, calls, kind, whole=wanted.whole)
    ]
    random.Random(share.seed).shuffle(points)
    if share.amount:
        points = points[: share.amount]
    job, jobs = part
    yield from points[job::jobs]
