"""Puts every bug to its catcher, two at a time, and prints what caught which."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from tests.instruments.counts import say
from tests.instruments.mutants.applying import (
    Mutant,
    MutantError,
    Verdict,
    ask,
    check,
    mutated,
    tree,
)

JOBS = 2


def hunt(mutants: Sequence[Mutant], jobs: int = JOBS) -> list[tuple[Mutant, Verdict]]:
    """Return each bug with what the suite said of it.

    Raises:
        MutantError: a bug cannot be applied, or a catcher fails without one.
    """
    with ExitStack() as stack:
        roots = [stack.enter_context(tree()) for _ in range(jobs)]
        for mutant in mutants:
            check(mutant, roots[0])
        free: SimpleQueue[Path] = SimpleQueue()
        for root in roots:
            free.put(root)
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda catcher: _sound(catcher, free), _catchers(mutants)))
            verdicts = list(pool.map(lambda mutant: _judge(mutant, free), mutants))
    return list(zip(mutants, verdicts, strict=True))


def table(found: Iterable[tuple[Mutant, Verdict]]) -> None:
    """Print every bug and what caught it."""
    say("| bug | what it breaks | caught by | s |\n|---|---|---|---|")
    for mutant, verdict in found:
        by = verdict.by if verdict.caught else "**NOT CAUGHT**"
        say(f"| {mutant.id} | {mutant.breaks} | {by} | {verdict.seconds:.1f} |")


def _catchers(mutants: Sequence[Mutant]) -> list[tuple[str, ...]]:
    """Return what must pass without any bug: all tests at once, and each instrument's command."""
    tests = {name for m in mutants for name in m.caught_by if m.caught_by[0].startswith("tests/")}
    others = {m.caught_by for m in mutants if not m.caught_by[0].startswith("tests/")}
    return [*([tuple(sorted(tests))] if tests else []), *sorted(others)]


def _sound(catcher: tuple[str, ...], free: "SimpleQueue[Path]") -> None:
    root = free.get()
    try:
        verdict = ask(catcher, root)
        is_done = "passed" in verdict.output or '"violations": 0' in verdict.output
        if verdict.by or not is_done:
            raise MutantError(f"fails without any bug: {' '.join(catcher)}\n{verdict.output}")
    finally:
        free.put(root)


def _judge(mutant: Mutant, free: "SimpleQueue[Path]") -> Verdict:
    root = free.get()
    try:
        with mutated(mutant, root):
            return ask(mutant.caught_by, root)
    finally:
        free.put(root)
