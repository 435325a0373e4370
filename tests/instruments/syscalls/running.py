"""Puts the points of some scenarios to a few injectors and counts what they say."""

import logging
import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.instruments.counts import Count, Share, say
from tests.instruments.syscalls.injecting import (
    KILL,
    Calls,
    Injector,
    Point,
    opened,
    points_of,
    removed,
)

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
    cores = sorted(os.sched_getaffinity(0))
    # What is traced and strace take turns: on one core neither wakes the other up on another.
    os.sched_setaffinity(0, {cores[job % len(cores)]})
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


def _points(name: str, calls: Calls, share: Share, wanted: Wanted) -> list[Point]:
    """Return what to try of a scenario; of the share's errors, each call gets one in its turn."""
    by_kind = [[*points_of(name, calls, kind, whole=wanted.whole)] for kind in wanted.kinds]
    if wanted.whole or wanted.kinds != KINDS:
        return [point for points in by_kind for point in points]
    killed, *failed = by_kind
    at: dict[tuple[str, int], list[Point]] = {}
    for point in (point for points in failed for point in points):
        at.setdefault((point.call, point.count), []).append(point)
    turns = enumerate(at.values(), share.seed)
    return [*killed, *(points[turn % len(points)] for turn, points in turns)]


def _chosen(
    injector: Injector, share: Share, wanted: Wanted, part: tuple[int, int]
) -> Iterator[Point]:
    name = injector.scenario.name
    points = _points(name, injector.count(), share, wanted)
    random.Random(share.seed).shuffle(points)
    if share.amount:
        points = points[: share.amount]
    job, jobs = part
    yield from points[job::jobs]
