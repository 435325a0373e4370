"""`python -m tests.instruments.crash`: records every scenario, then explores its crash states."""

import argparse
import math
import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.instruments import counts
from tests.instruments.counts import Share, arguments, conclude, say
from tests.instruments.crash.exploring import Explorer, Tally, Violation, rebuild
from tests.instruments.crash.scenarios import Scenario, named
from tests.instruments.crash.trace import Trace

STATES = 100_000
_SHOWN = 5
_STATES_A_POINT = 18  # more than are new there, in both models, so that each scenario is reached


def run(share: Share, scenarios: str = "all", *, first: bool = False) -> int:
    """Record, explore, conclude; return the exit code. `first`: stop at the first violation."""
    say(f"crash: seed {share.seed}")
    tally = Tally()

    def enough() -> bool:
        return share.is_done(tally.states) or (first and bool(tally.violations))

    with tempfile.TemporaryDirectory(prefix="crash-", dir="/dev/shm") as folder:
        explorers = _explored(named(scenarios), Path(folder), share, tally, enough)
    return conclude(
        "crash",
        share,
        {
            "states": tally.states,
            "built": tally.built,
            "ledgers_opened": tally.ledgers,
            "recovered": tally.recovered,
            "scenarios": len(explorers),
            "kills": sum(explorer.trace.kills for explorer in explorers),
            "points": sum(len(explorer.trace.ops) for explorer in explorers),
            "violations": len(tally.violations),
        },
    )


def _explored(
    scenarios: list[Scenario],
    folder: Path,
    share: Share,
    tally: Tally,
    enough: Callable[[], bool],
) -> list[Explorer]:
    draw = Random(share.seed)
    quota = share.amount / len(scenarios) if share.seconds is None else math.inf
    explorers: list[Explorer] = []
    for scenario in scenarios:
        with scenario.within():
            recorded = scenario.record(_made(folder / scenario.name))
            explorers.append(Explorer(*recorded, folder / "state"))
            points = len(recorded[0].ops)
            explorers[-1].explore(draw, tally, enough, quota / (points * _STATES_A_POINT))
        if enough():
            break
    before = -1
    while not enough() and tally.states > before:
        before = tally.states
        for scenario, explorer in zip(scenarios, explorers, strict=False):
            with scenario.within():
                explorer.explore(draw, tally, enough)
    for violation in tally.violations[:_SHOWN]:
        _show(violation, next(e.trace for e in explorers if e.trace.scenario == violation.scenario))
    return explorers


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _show(violation: Violation, trace: Trace) -> None:
    kept = counts.FOLDER / "crash" / f"{trace.scenario}.trace"
    trace.save(kept)
    choice = ",".join(map(str, violation.choice))
    say(f"VIOLATION in {trace.scenario}, after op {violation.at}")
    for fault in violation.faults:
        say(f"  {fault}")
    model = " --ordered" if violation.ordered else ""
    say(
        f"  build it again: python -m tests.instruments.crash --rebuild {shlex.quote(str(kept))}"
        f" --at {violation.at}{model} --choice {choice or '-'} --into FOLDER"
    )


def _extend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scenario", default="all", help="names, separated by commas")
    parser.add_argument("--first", action="store_true", help="stop at the first violation")
    parser.add_argument("--root", help="take the engine from this tree")
    parser.add_argument("--rebuild", type=Path, metavar="TRACE", help="lay one state out again")
    parser.add_argument("--at", type=int)
    parser.add_argument("--ordered", action="store_true")
    parser.add_argument("--choice", default="-")
    parser.add_argument("--into", type=Path)


def main() -> int:
    """Do what the command line says."""
    share = arguments("crash", "states", STATES, extend=_extend)
    options = share.options
    if options.root:
        _start_again_in(Path(options.root))
    if options.rebuild:
        choice = tuple(map(int, options.choice.split(","))) if options.choice != "-" else ()
        trace = Trace.load(options.rebuild)
        say(str(rebuild(trace, options.at, choice, options.into, ordered=options.ordered)))
        return 0
    return run(share, options.scenario, first=options.first)


def _start_again_in(root: Path) -> None:
    """Take the engine from another tree, and the instruments from this one."""
    at = sys.argv.index("--root")
    ours = Path(__file__).parents[3]
    os.chdir(root)
    environment = {**os.environ, "PYTHONPATH": f"{root}:{ours}"}
    rest = sys.argv[1:at] + sys.argv[at + 2 :]
    command = [sys.executable, "-m", "tests.instruments.crash", *rest]
    os.execve(sys.executable, command, environment)  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
