"""Puts every bug to its catcher, two at a time, and prints what caught which."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from queue import SimpleQueue

from tests.instruments.counts import say
from tests.instruments.mutants.applying import (
    Copy,
    Mutant,
    MutantError,
    Verdict,
    check,
    mutated,
    tree,
)

JOBS = 2


def hunt(
    mutants: Sequence[Mutant], jobs: int = JOBS, is_over: Callable[[], bool] = lambda: False
) -> list[tuple[Mutant, Verdict]]:
    """Return each bug with what the suite said of it; those not begun when it `is_over` are left.

    Raises:
        MutantError: a bug cannot be applied, or a catcher fails without one.
    """
    with ExitStack() as stack:
        roots = [stack.enter_context(tree()) for _ in range(jobs)]
        for mutant in mutants:
            check(mutant, roots[0])
        free: SimpleQueue[Copy] = SimpleQueue()
        for root in roots:
            free.put(stack.enter_context(Copy(root)))
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda catcher: _sound(catcher, free), _catchers(mutants)))
            verdicts = pool.map(lambda m: None if is_over() else _judge(m, free), mutants)
            found = zip(mutants, verdicts, strict=True)
            return [(mutant, verdict) for mutant, verdict in found if verdict is not None]


def table(found: Iterable[tuple[Mutant, Verdict]]) -> None:
    """Print every bug and what caught it."""
    say("| bug | what it breaks | caught by | s |\n|---|---|---|---|")
    for mutant, verdict in found:
        by = verdict.by if verdict.caught else "**NOT CAUGHT**"
        say(f"| {mutant.id} | {mutant.breaks} | {by} | {verdict.seconds:.1f} |")


def _catchers(mutants: Sequence[Mutant]) -> list[tuple[str, ...]]:
    """Return what must pass without any bug: a file's tests at once, an instrument's command."""
    names = {name for m in mutants for name in m.caught_by if m.caught_by[0].startswith("tests/")}
    others = {m.caught_by for m in mutants if not m.caught_by[0].startswith("tests/")}
    by_file = groupby(sorted(names), lambda name: name.partition("::")[0])
    return [*sorted(others), *(tuple(tests) for _, tests in by_file)]


def _sound(catcher: tuple[str, ...], free: "SimpleQueue[Copy]") -> None:
    copy = free.get()
    try:
        verdict = copy.ask(catcher)
        is_done = "passed" in verdict.output or '"violations": 0' in verdict.output
        if verdict.by or not is_done:
            raise MutantError(f"fails without any bug: {' '.join(catcher)}\n{verdict.output}")
    finally:
        free.put(copy)


def _judge(mutant: Mutant, free: "SimpleQueue[Copy]") -> Verdict:
    copy = free.get()
    try:
        with mutated(mutant, copy.root):
            return copy.ask(mutant.caught_by)
    finally:
        free.put(copy)
