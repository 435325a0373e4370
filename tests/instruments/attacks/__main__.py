"""`python -m tests.instruments.attacks`: attack ledgers, and see that every attack is named."""

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.instruments.attacks.attacks import ATTACKS, Attack
from tests.instruments.attacks.judging import PARTIES, judge
from tests.instruments.attacks.world import SIZES, World, make
from tests.instruments.counts import Share, arguments, conclude, say

ATTACKS_IN_A_TEST = 20_000
_ALL_PARTIES = 0.02  # of the attacks are judged by every party, the others by one of them
_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it


def run(share: Share) -> int:
    """Attack, count, and print what was not seen; return the exit code."""
    counts, unseen = Counter[str](), 0
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        worlds = _worlds(Path(folder), share.seed)
        target = Path(folder) / "attacked"
        target.mkdir()
        done = 0
        while not share.is_done(done):
            for violation in one(worlds, target, f"{share.seed}/{done}", counts):
                unseen += 1
                say(
                    f"{violation}\n  repeat: python -m tests.instruments.attacks"
                    f" --seed {share.seed} --only {done}"
                )
            done += 1
    return conclude("attacks", share, {"attacks": done, **_sorted(counts), "violations": unseen})


def one(worlds: list[World], target: Path, name: str, counts: Counter[str]) -> list[str]:
    """Make the attack that is called `name`, and return what was wrong about it."""
    chance = random.Random(name)
    attack: Attack | None = None
    while attack is None:
        world, kind = chance.choice(worlds), chance.choice(ATTACKS)
        attack = kind(world, chance)
    counts["limit" if attack.is_limit else "seen"] += 1
    counts["seen only by the index"] += bool(attack.index)
    chosen = _parties(attack, chance)
    return [
        f"{name}: {kind.__name__} of {world.size} entries, {party}: {wrong}"
        for party in chosen
        for wrong in judge(world, attack, target, party)
    ]


def _parties(attack: Attack, chance: random.Random) -> list[str]:
    """Return who judges: one of those that must see it, or now and then all; never nobody.

    A station that refuses to start shows the index nothing.
    """
    able = [party for party in PARTIES if party != "index" or not attack.opening]
    if chance.random() < _ALL_PARTIES:
        return able
    seeing = [party for party in able if getattr(attack, party)]
    return [chance.choice(seeing or able)]


def _worlds(folder: Path, seed: int) -> list[World]:
    chance = random.Random(seed)
    return [make(folder / f"w{number}", chance, size) for number, size in enumerate(SIZES)]


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {name.replace(" ", "_"): counts[name] for name in sorted(counts)}


def main() -> int:
    """Read the arguments and attack."""
    share = arguments(
        "attacks", "attacks", ATTACKS_IN_A_TEST, extend=lambda p: p.add_argument("--only", type=int)
    )
    if share.options.only is None:
        return run(share)
    with tempfile.TemporaryDirectory() as folder:
        worlds = _worlds(Path(folder), share.seed)
        target = Path(folder) / "attacked"
        target.mkdir()
        wrong = one(worlds, target, f"{share.seed}/{share.options.only}", Counter())
        say("\n".join(wrong) or "seen")
        return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
