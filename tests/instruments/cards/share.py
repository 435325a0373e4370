"""Random damaged cards, one for each seed, visited by a real dock and visited again when mended."""

import random
import tempfile
from pathlib import Path

from contracts.facts import FootageImported, FootageUnreadable
from tests.instruments.cards.mounted import mounted
from tests.instruments.cards.script import Card
from tests.instruments.cards.visiting import drawn, mended, station, unfinished, violations
from tests.instruments.counts import Count, Share, say

NAME = "cards"
_SCRIPT = 'number = "R1"\nbattery_percent = 90\nclock_offset_seconds = 0\n'


def explore(share: Share) -> dict[str, Count]:
    """Visit cards until the share is done; return the counts."""
    counts: dict[str, Count] = dict.fromkeys(("imported", "missed", "kept_apart", "violations"), 0)
    done, seeds = 0, random.Random(share.seed)
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "port"
        port.mkdir()
        (port / "recorder.toml").write_text(_SCRIPT, encoding="utf-8")
        with mounted(port / "files", Card()) as card:
            while not share.is_done(done):
                seed = share.seed if done == 0 else seeds.randrange(10**9)
                with tempfile.TemporaryDirectory(dir=folder) as root:
                    _one(seed, Path(root), card, counts)
                done += 1
    return {"seeds": done, **counts}


def _one(seed: int, root: Path, card, counts: dict[str, Count]) -> None:
    damaged = drawn(seed)
    good = mended(damaged)
    with station(root, card) as one:
        facts = one.visit(damaged)
        broken = list(violations(one, damaged, facts))
        again = one.visit(good)
        broken += [*violations(one, good, again), *unfinished(good, again)]
    for fact in facts:
        _count(counts, "imported", isinstance(fact, FootageImported))
        _count(counts, "missed", isinstance(fact, FootageUnreadable))
        _count(counts, "kept_apart", isinstance(fact, FootageUnreadable) and bool(fact.partial))
    _count(counts, "violations", bool(broken))
    for what in broken:
        say(f"seed {seed}: {what}")
        say(f"  python -m tests.instruments.cards --seed {seed} --seeds 1")


def _count(counts: dict[str, Count], name: str, is_one: bool) -> None:
    counts[name] = int(counts[name]) + int(is_one)
