"""What a recorded run did to its disk, call by call, and what it promised in between."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes were written into a file."""

    node: int
    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file was given a size; `grows` only ever makes it longer (fallocate)."""

    node: int
    size: int
    grows: bool


@dataclass(frozen=True, slots=True)
class Chmod:
    """A file was given a mode."""

    node: int
    mode: int


@dataclass(frozen=True, slots=True)
class Put:
    """A name appeared in a folder: made, linked, or moved there from `old` = (folder, name)."""

    folder: int
    name: str
    node: int
    old: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """A name went from a folder."""

    folder: int
    name: str
    node: int


@dataclass(frozen=True, slots=True)
class Sync:
    """fsync or fdatasync of a file, or fsync of a folder, has returned."""

    node: int


@dataclass(frozen=True, slots=True)
class SyncAll:
    """syncfs has returned; `top` is the folder below the root that stands for that file system."""

    top: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What the run said at this point: what it promised, or who it is."""

    said: Mapping[str, Any]


Op = Write | Resize | Chmod | Put | Drop | Sync | SyncAll | Mark
ROOT = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A file or a folder, as it was made."""

    is_folder: bool
    mode: int


@dataclass(frozen=True)
class Trace:
    """One recorded run."""

    scenario: str
    ops: list[Op] = field(default_factory=list)
    nodes: dict[int, Node] = field(default_factory=dict)
    kills: int = 0  # how many of its processes were killed

    def save(self, path: Path) -> None:
        """Keep it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(self))

    @classmethod
    def load(cls, path: Path) -> "Trace":
        """Take one that was kept by this program."""
        found = pickle.loads(path.read_bytes())  # noqa: S301  # our own file
        if not isinstance(found, cls):
            raise TypeError(path)
        return found
