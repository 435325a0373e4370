"""A simulated archive: keeps what it is given over every death, and may be full."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

from agent.core.recorder import OpenFile, Salvaged
from contracts.errors import ArchiveFullError, StationError
from tests.instruments.simulation.parts import Life
from tests.instruments.simulation.second import Shelf


@dataclass(frozen=True, slots=True)
class Sealed:
    """Footage that is kept."""

    sha256: str
    sm3: str | None
    object: str
    already_held: bool
    kept: str | None = None


class Disk:
    """What outlives the process."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.views: dict[str, str] = {}
        self.manifests: dict[str, tuple[tuple[str, str], ...]] = {}
        self.is_full = False
        self.second = Shelf()


class Vault:
    """One process's archive. A group begins when the one before is settled: no dice of threads."""

    def __init__(self, disk: Disk, life: Life) -> None:
        self._disk = disk
        self._life = life
        self._is_free = threading.Event()
        self._is_free.set()

    def begin(self) -> "Group":
        """Begin a group when the one before has ended."""
        self._is_free.wait()
        self._life.verb()
        self._is_free.clear()
        return Group(self._disk, self._life, self._is_free)

    def seal(
        self,
        source: OpenFile,
        size: int,
        name: str,
        *,
        sm3: bool,
        progress: Callable[[int], None],
    ) -> Sealed:
        """Keep one file."""
        with closing(self.begin()) as group:
            group.copy(source, size, name, sm3=sm3, progress=progress)
            sealed = group.settle(lambda: None)[0]
            if isinstance(sealed, StationError):
                raise sealed
            return sealed

    def salvage(self, source: OpenFile, size: int, progress: Callable[[int], None]) -> Salvaged:
        """Keep what can be read of a bad file: nothing."""
        self._life.verb()
        return Salvaged(((0, size),))

    def link_views(self, wanted: Sequence[tuple[str, str]]) -> list[str]:
        """Name objects."""
        self._life.verb()
        names = []
        for view, sha256 in wanted:
            own, number = view, 1
            while self._disk.views.setdefault(own, sha256) != sha256:
                number += 1
                own = f"{view} ({number})"
            names.append(own)
        return names

    def holds_all(self, wanted: Iterable[tuple[str, int]]) -> set[str]:
        """Tell what is kept."""
        self._life.verb()
        objects = self._disk.objects
        return {sha for sha, size in wanted if sha in objects and len(objects[sha]) == size}

    def verify(self, sha256: str) -> None:
        """Find an object as it should be."""
        self._life.verb()

    def write_manifest(self, visit: str, lines: list[tuple[str, str]]) -> str:
        """Keep a manifest."""
        self._life.verb()
        self._disk.manifests[visit] = tuple(lines)
        return hashlib.sha256(repr(lines).encode()).hexdigest()


class Group:
    """Files kept in one go."""

    def __init__(self, disk: Disk, life: Life, is_free: threading.Event) -> None:
        self._disk = disk
        self._life = life
        self._is_free = is_free
        self._contents: list[bytes] = []

    def has_room(self, size: int) -> bool:
        """Take four files at most."""
        return len(self._contents) < 4

    def copy(
        self,
        source: OpenFile,
        size: int,
        name: str,
        *,
        sm3: bool,
        progress: Callable[[int], None],
    ) -> None:
        """Read one file."""
        self._life.verb()
        if self._disk.is_full:
            raise ArchiveFullError
        content, piece = bytearray(), bytearray(1 << 16)
        while count := source.readinto(memoryview(piece)):
            content += piece[:count]
            progress(len(content))
        self._contents.append(bytes(content))

    def settle(self, go_on: Callable[[], None]) -> list[Sealed | StationError]:
        """Keep them, one after the other."""
        sealed: list[Sealed | StationError] = []
        for content in self._contents:
            self._life.verb()
            sha256 = hashlib.sha256(content).hexdigest()
            held = sha256 in self._disk.objects
            self._disk.objects[sha256] = content
            sealed.append(Sealed(sha256, None, f"objects/{sha256}", held))
        self._life.verb()
        return sealed

    def close(self) -> None:
        """Let the next group begin."""
        self._is_free.set()
