"""`python -m tests.instruments.block`: records a real file system, then mounts its crash states."""

import argparse
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from tests.instruments import counts
from tests.instruments.block.exploring import Device, Explorer, Tally, Violation
from tests.instruments.block.recording import Run, record
from tests.instruments.counts import Share, arguments, conclude, say
from tests.instruments.crash.scenarios import add, made_card
from tests.instruments.crash.trace import Trace

STATES = 1_000
_SHOWN = 5
_AT_ONCE = 25
_LARGE_BYTES = 1_200_000


def _first(cards: list[Path]) -> Sequence[Run]:
    add(cards[0], {"20260921_130000.mp4": Random(1).randbytes(_LARGE_BYTES)})
    return [Run(cards)]


def _again(cards: list[Path]) -> Sequence[Run]:
    held = (cards[0] / "files" / "20260921_100003.mp4").read_bytes()
    return [Run(cards), Run(cards, lambda: add(cards[0], {"20260921_120000.mp4": held}))]


def _killed(writes: int) -> Callable[[list[Path]], Sequence[Run]]:
    return lambda cards: [Run(cards, killed_at=writes), Run(cards)]


SCENARIOS = {
    "first": _first,
    "again": _again,
    "cleared": lambda _: [Run(())],
    "killed-early": _killed(90),
    "killed-late": _killed(300),
}


def run(share: Share, kind: str = "ext4") -> int:
    """Record, explore, conclude; return the exit code."""
    say(f"block: seed {share.seed}, {kind}")
    draw, tally = Random(share.seed), Tally()
    with tempfile.TemporaryDirectory(prefix="block-", dir="/dev/shm") as folder:
        explorers = [_recorded(name, Path(folder) / name, kind) for name in SCENARIOS]
        while not share.is_done(tally.states):
            for explorer in explorers:
                explorer.explore(draw, tally, _AT_ONCE)
        for violation in tally.violations[:_SHOWN]:
            _show(violation, next(e for e in explorers if e.trace.scenario == violation.scenario))
    return conclude(
        "block",
        share,
        {
            "states": tally.states,
            "resumed": tally.resumed,
            "torn_apart": tally.torn_apart,
            "file_system": kind,
            "scenarios": len(explorers),
            "kills": sum(explorer.trace.kills for explorer in explorers),
            "points": sum(len(explorer.trace.ops) for explorer in explorers),
            # More than one state in fifty would no longer be chance: then the looking is at fault.
            "violations": len(tally.violations) + max(0, tally.torn_apart - tally.states // 50),
        },
    )


def _recorded(name: str, folder: Path, kind: str) -> Explorer:
    folder.mkdir()
    cards = [made_card(folder / "cards" / "R1")]
    runs = SCENARIOS[name](cards)
    trace, before = record(name, folder, runs, kind)
    cards = cards if runs[0].cards else []
    return Explorer(trace, before, cards, folder / "states", kind)


def _show(violation: Violation, explorer: Explorer) -> None:
    kept = counts.FOLDER / "block" / f"{violation.scenario}.trace"
    explorer.trace.save(kept)
    before = kept.with_suffix(".before")
    subprocess.run(["cp", "--sparse=always", explorer.before, before], check=True)
    say(f"VIOLATION in {violation.scenario}, after op {violation.at}")
    for fault in violation.faults:
        say(f"  {fault}")
    choice = ",".join(map(str, violation.choice)) or "-"
    say(
        f"  build it again: python -m tests.instruments.block --rebuild {shlex.quote(str(kept))}"
        f" --at {violation.at} --choice {choice} --into IMAGE"
    )


def _rebuild(kept: Path, at: int, choice: str, image: Path) -> None:
    trace = Trace.load(kept)
    with tempfile.TemporaryDirectory() as folder:
        device = Device(kept.with_suffix(".before"), Path(folder))
        for op in trace.ops[: at + 1]:
            device.apply(op)
        device.lay_out(tuple(map(int, choice.split(","))) if choice != "-" else (), image)


def _extend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fs", choices=("ext4", "xfs", "btrfs"), default="ext4")
    parser.add_argument("--rebuild", type=Path, metavar="TRACE", help="write one state's image")
    parser.add_argument("--at", type=int)
    parser.add_argument("--choice", default="-")
    parser.add_argument("--into", type=Path)


def main() -> int:
    """Do what the command line says."""
    share = arguments("block", "states", STATES, extend=_extend)
    options = share.options
    if options.rebuild:
        _rebuild(options.rebuild, options.at, options.choice, options.into)
        return 0
    return run(share, options.fs)


if __name__ == "__main__":
    sys.exit(main())
