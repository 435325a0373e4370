"""`python -m tests.instruments.messages`: say hostile things, and see that none is believed."""

import logging
import random
import resource
import sys
import tempfile
from collections import Counter
from pathlib import Path

from contracts.messages import Message
from tests.instruments.counts import Share, arguments, conclude, say
from tests.instruments.messages.judging import TURN, World
from tests.instruments.messages.spoiling import WAYS

MESSAGES_IN_A_TEST = 200_000
# Each world is so many messages, and can be repeated alone by its seed.
WORLD_MESSAGES = 20_000
MAX_RSS_MIB = 256


def run(share: Share) -> int:
    """Say hostile messages, count, and print what was believed; return the exit code."""
    counts, wrong, done, worlds = Counter[str](), 0, 0, 0
    while not share.is_done(done):
        size = WORLD_MESSAGES if share.seconds else min(WORLD_MESSAGES, share.amount - done)
        for violation in attack(share.seed + worlds, size, counts):
            wrong += 1
            again = f"--seed {share.seed + worlds} --messages {size}"
            say(f"{violation}\n  repeat: python -m tests.instruments.messages {again}")
        done, worlds = done + size, worlds + 1
    rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    known = {"messages": done, **dict(sorted(counts.items())), "rss_mib": rss_mib}
    return conclude("messages", share, {**known, "violations": wrong})


def attack(seed: int, size: int, counts: Counter[str]) -> list[str]:
    """Attack one world with so many messages; return what is wrong afterwards."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # made in it
        world = World(Path(folder), seed)
        said = 0
        while said < size:
            hostile = _hostile(chance, world, min(TURN, size - said), counts)
            said += len(hostile)
            try:
                world.turn(hostile)
            except Exception as error:  # noqa: BLE001  # whatever gets out is what is looked for
                world.close()
                return [f"a crash: {error!r}"]
        world.settle()
        counts["refused"] += sum(world.office.intake.refused.values())
        found = world.violations()
        world.close()
    return found


def _hostile(chance: random.Random, world: World, size: int, counts: Counter[str]) -> list[Message]:
    hostile: list[Message] = []
    while len(hostile) < size:
        spoil = chance.choice(WAYS)
        made = spoil(chance, world.overheard)[: size - len(hostile)]
        counts[spoil.__name__] += len(made)
        hostile += made
    return hostile


if __name__ == "__main__":
    logging.disable()  # what the programs say of each is not what is looked for
    sys.exit(run(arguments("messages", "messages", MESSAGES_IN_A_TEST)))
