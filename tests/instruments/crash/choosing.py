"""Which of the states that a power cut could leave are tried: the plain ones, then drawn ones."""

from collections.abc import Callable, Iterator, Sequence
from random import Random

from tests.instruments.crash.disk import (
    HOLLOW,
    LOST,
    TORN,
    WHOLE,
    Choice,
    Drop,
    Flying,
    Put,
    Write,
    sectors,
)

_PLAIN_MAX = 48  # at one op; beyond it, the rest is left to chance


def plain(count: int, draw: Random, *, ordered: bool) -> Iterator[Choice]:
    """Yield nothing, all, each prefix, all but one, only one, of so many ops."""
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


def drawn(
    flying: Sequence[Flying], draw: Random, top_of: Callable[[Flying], str] | None = None
) -> Choice:
    """Draw what became of ops: how much is kept, and how much of it torn, is drawn first.

    With `top_of`, which names an op's file system, names arrive in order.
    """
    kept = draw.choice((0.1, 0.5, 0.5, 0.9))
    torn = draw.choice((0, 0, 0.3, 1))
    fates = [_fate(op, draw, kept, torn) for op in flying]
    if top_of is not None:
        _order(top_of, flying, fates, draw)
    return tuple(fates)


def spread(some: Choice, where: Sequence[int], count: int, rest: int) -> Choice:
    """Return a choice for all ops in flight: `some` at these places, elsewhere the one before it.

    `rest` is what became of those before the first; this keeps the order of what is in order.
    """
    fates = dict(zip(where, some, strict=True))
    found, last = [], rest
    for at in range(count):
        last = fates.get(at, last)
        found.append(last if at in fates else min(last, WHOLE))
    return tuple(found)


def _fate(op: Flying, draw: Random, kept: float, torn: float) -> int:
    if isinstance(op, Write) and draw.random() < torn:
        count = sum(1 for _ in sectors(op))
        return HOLLOW if draw.random() < 0.2 else TORN + draw.getrandbits(count)
    return WHOLE if draw.random() < kept else LOST


def _order(
    top_of: Callable[[Flying], str], flying: Sequence[Flying], fates: list[int], draw: Random
) -> None:
    """Let names arrive in order: those of one file system up to a cut, and none after it."""
    names = [at for at, op in enumerate(flying) if isinstance(op, Put | Drop)]
    for top in sorted({top_of(flying[at]) for at in names}):
        mine = [at for at in names if top_of(flying[at]) == top]
        cut = draw.randint(0, len(mine))
        for number, at in enumerate(mine):
            fates[at] = WHOLE if number < cut else LOST
