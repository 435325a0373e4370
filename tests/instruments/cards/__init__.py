"""A memory card made of FUSE whose faults are scripted, and what the engine makes of it."""

from tests.instruments.cards.mounted import MountedCard, mounted
from tests.instruments.cards.script import Bad, Card, Counts, Item, Then, files_below, made_bytes

__all__ = [
    "Bad",
    "Card",
    "Counts",
    "Item",
    "MountedCard",
    "Then",
    "files_below",
    "made_bytes",
    "mounted",
]
