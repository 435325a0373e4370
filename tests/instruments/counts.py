"""What every instrument has in common: its arguments, its clock, its counts and its exit code."""

import argparse
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# An instrument that is itself under test is given another folder, so that the share's counts stay.
FOLDER = Path(
    os.environ.get("INSTRUMENTS_FOLDER", Path(__file__).parents[2] / "build" / "instruments")
)

Count = int | float | str


@dataclass(frozen=True)
class Share:
    """How much an instrument is to do: `amount` of its unit or, if `seconds` is given, that long.

    `options` holds what else the instrument asked for, by the name of its argument.
    """

    seed: int
    amount: int
    seconds: float | None = None
    options: argparse.Namespace = field(default_factory=argparse.Namespace)
    began: float = field(default_factory=time.monotonic)

    @property
    def elapsed_seconds(self) -> float:
        """How long it has run."""
        return round(time.monotonic() - self.began, 1)

    def is_done(self, done: int) -> bool:
        """Tell whether this was the share; of a time, at least one is done."""
        if self.seconds is None:
            return done >= self.amount
        return done > 0 and time.monotonic() - self.began >= self.seconds


def arguments(
    name: str,
    unit: str,
    amount: int,
    *,
    argv: list[str] | None = None,
    extend: Callable[[argparse.ArgumentParser], object] | None = None,
) -> Share:
    """Read the command line of `python -m tests.instruments.{name}`: --seed, --{unit}, --seconds.

    `extend` adds what only this instrument knows. Without a seed one is drawn.
    """
    parser = argparse.ArgumentParser(prog=f"python -m tests.instruments.{name}")
    parser.add_argument("--seed", type=int, help="repeat this seed; drawn anew if missing")
    parser.add_argument(f"--{unit}", dest="amount", type=int, default=amount, metavar="N")
    parser.add_argument("--seconds", type=float, help="go on for so long, whatever the count")
    if extend is not None:
        extend(parser)
    options = parser.parse_args(argv)
    return Share(drawn(options.seed), options.amount, options.seconds, options)


def drawn(seed: int | None = None) -> int:
    """Return this seed, or one drawn anew."""
    return secrets.randbelow(1_000_000_000) if seed is None else seed


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def conclude(name: str, share: Share, counts: Mapping[str, Count]) -> int:
    """Print the counts, keep them as `build/instruments/{name}.json`; return the exit code.

    `counts` has a key `violations`; any makes the exit code 1.
    """
    result: dict[str, Count] = {
        "instrument": name,
        **counts,
        "seed": share.seed,
        "seconds": share.elapsed_seconds,
    }
    line = json.dumps(result, ensure_ascii=False)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(f"{line}\n", encoding="utf-8")
    say(line)
    return 1 if counts["violations"] else 0
