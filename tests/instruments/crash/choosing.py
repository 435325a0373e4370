"""Which of the states that a power cut could leave are tried: the plain ones, then drawn ones."""

from collections.abc import Iterator, Sequence
from random import Random

from tests.instruments.crash.disk import (
    HOLLOW,
    LOST,
    TORN,
    WHOLE,
    Choice,
    Disk,
    Drop,
    Flying,
    Put,
    Write,
    sectors,
)

_PLAIN_MAX = 48  # at one op; beyond it, the rest is left to chance


def plain(disk: Disk, draw: Random, *, ordered: bool) -> Iterator[Choice]:
    """Yield nothing, all, each prefix, all but one, only one."""
    count = len(disk.flying)
    everything = (WHOLE,) * count
    yield (LOST,) * count
    if not count:
        return
    yield everything
    found = [everything[:cut] + (LOST,) * (count - cut) for cut in range(1, count)]
    if not ordered:
        for at in range(count):
            found.append((*everything[:at], LOST, *everything[at + 1 :]))
            found.append((LOST,) * at + (WHOLE,) + (LOST,) * (count - at - 1))
    yield from draw.sample(found, min(len(found), _PLAIN_MAX))


def drawn(disk: Disk, draw: Random, *, ordered: bool) -> Choice:
    """Draw one: how much is kept, and how much of it torn, is drawn first."""
    kept = draw.choice((0.1, 0.5, 0.5, 0.9))
    torn = draw.choice((0, 0, 0.3, 1))
    fates = [_fate(op, draw, kept, torn) for op in disk.flying]
    if ordered:
        _order(disk, disk.flying, fates, draw)
    return tuple(fates)


def _fate(op: Flying, draw: Random, kept: float, torn: float) -> int:
    if isinstance(op, Write) and draw.random() < torn:
        count = sum(1 for _ in sectors(op))
        return HOLLOW if draw.random() < 0.2 else TORN + draw.getrandbits(count)
    return WHOLE if draw.random() < kept else LOST


def _order(disk: Disk, flying: Sequence[Flying], fates: list[int], draw: Random) -> None:
    """Let names arrive in order: those of one file system up to a cut, and none after it."""
    for top in sorted({disk.top_of(op) for op in flying}):
        mine = [
            at
            for at, op in enumerate(flying)
            if isinstance(op, Put | Drop) and disk.top_of(op) == top
        ]
        cut = draw.randint(0, len(mine))
        for number, at in enumerate(mine):
            fates[at] = WHOLE if number < cut else LOST
