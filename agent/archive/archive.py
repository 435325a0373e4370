"""The archive's door: seals footage, tells what is held, names it in views and manifests."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from agent.archive import durable, salvaging, sealing, views
from agent.archive.grouping import INCOMING, OBJECTS, Group, folder_of
from agent.archive.sealing import Sealed
from agent.core.recorder import OpenFile, Salvaged
from contracts.errors import (
    ArchiveTakenError,
    ArchiveUnwritableError,
    ObjectDamagedError,
    ObjectMissingError,
    StationError,
)

_PROBE = "probe"
_LOOKERS = 4
_ROW = 64  # files that one of them looks for at a time
_SHA256 = re.compile("[0-9a-f]{64}")


class Archive:
    """Footage kept once, by content, below one folder on one file system.

    Every path it takes or returns is relative to that folder. Its methods may be called from
    several threads at once; only one process may have the archive. `folders` are those it has
    beside `incoming`: a second copy has objects only.
    """

    def __init__(
        self, root: Path, folders: Sequence[str] = (OBJECTS, views.MANIFESTS, views.VIEWS)
    ) -> None:
        self._root = root
        self._folders = folders
        self._tree = durable.Tree(root)

    @property
    def root(self) -> Path:
        """Where it is."""
        return self._root

    @property
    def tree(self) -> durable.Tree:
        """The archive's folders, for what looks after them."""
        return self._tree

    def take(self) -> Callable[[], None]:
        """Take the archive for this process alone; return what gives it back.

        Raises:
            ArchiveTakenError: another process has it.
            ArchiveUnwritableError: the root is missing.
        """
        held = durable.lock(self._root)
        if held is None:
            raise ArchiveTakenError(where=self._root)
        return partial(durable.close, held)

    def prepare(self) -> None:
        """Make the folders, check that they can be written, remove what was being copied.

        What is in `incoming` was never proven, so it is never evidence.

        Raises:
            ArchiveUnwritableError: the root is missing, read-only or not one file system.
            HardLinksMissingError: the file system cannot give a file two names.
        """
        self._tree.adopt()
        with self._tree.folder(INCOMING) as incoming:
            for name in durable.names(incoming):
                durable.unlink(incoming, name)
            for path in self._folders:
                self._check_folder(incoming, path)
            durable.sync(incoming)

    def adopt(self) -> None:
        """Open an archive as it is, beside the process that has it; changes nothing.

        Raises:
            ArchiveUnwritableError: the root is missing.
        """
        self._tree.adopt()

    def seal(
        self,
        source: OpenFile,
        size: int,
        name: str,
        *,
        sm3: bool,
        progress: Callable[[int], None],
    ) -> Sealed:
        """Copy one file of a recorder into the archive and prove it; all of it or nothing stays.

        `name` is the file's name as people read it; `progress` is told how many bytes have been
        read so far.

        Raises:
            RecorderError: as the source raises it.
            FileChangedError: the file is not as listed, or changed while it was read.
            ArchiveFullError: there is no room.
            ArchiveUnwritableError: the disk refuses.
            ReadBackError: the disk does not hold what was written.
        """
        with closing(Group(self._tree, alone=True)) as group:
            group.copy(source, size, name, sm3=sm3, progress=progress)
            outcomes = group.settle(_go_on)
        if outcomes is None:
            raise AssertionError  # a file alone is never refused as one of many
        (outcome,) = outcomes
        if isinstance(outcome, StationError):
            raise outcome
        return outcome

    def salvage(self, source: OpenFile, size: int, progress: Callable[[int], None]) -> Salvaged:
        """Keep what can be read of a file apart, unless that is all of it or nothing.

        Raises:
            RecorderError: the recorder was pulled out.
            StationError: the disk refuses, or does not hold what was written.
        """
        return salvaging.salvage(self._tree, source, size, progress)

    def begin(self) -> Group:
        """Begin a group of files that are sealed in one go; whoever begins it closes it.

        Raises:
            ArchiveUnwritableError: the archive is not there.
        """
        return Group(self._tree)

    def holds(self, sha256: str, size: int) -> bool:
        """Tell whether this footage is here, in its full size and on the medium."""
        return bool(self.holds_all([(sha256, size)]))

    def holds_all(self, wanted: Iterable[tuple[str, int]]) -> set[str]:
        """Return the digests of those (digest, size) that are here.

        A process that was killed may have left names that the medium does not know yet; hence the
        whole file system is brought to the medium again before any of them is trusted.
        """
        with self._tree.root() as root:
            held = _there(root, sorted(wanted))
            if self._tree.syncs_as_one:
                durable.sync_all(root)
            else:
                for sha256 in held:
                    self._sync_again(sha256)
        return held

    def verify(self, sha256: str) -> None:
        """Read an object from the medium and compare it with its name.

        Raises:
            ObjectMissingError: there is no such object.
            ObjectDamagedError: it cannot be read, or is not what its name says.
        """
        self._verify(_folder_of(sha256), sha256, sha256)

    def verify_beside(self, path: str, sha256: str) -> None:
        """Read a manifest, or what was kept of a damaged file, and compare it with its digest.

        Raises:
            ObjectMissingError: there is no such file.
            ObjectDamagedError: it cannot be read, or has another digest.
        """
        folder, _, name = path.rpartition("/")
        self._verify(folder, name, sha256)

    def link_view(self, view: str, sha256: str) -> str:
        """Give an object the wanted name below the views' folder; return the path it got.

        The same footage under that name already is the same name again; other footage under it
        leads to a name of its own (` (2)`).

        Raises:
            ObjectMissingError: there is no such object.
        """
        with self._tree.existing(_folder_of(sha256)) as objects:
            if objects is None or durable.identity(objects, sha256) is None:
                raise ObjectMissingError(name=sha256)
            return views.link(self._tree, objects, sha256, view)

    def link_views(self, wanted: Sequence[tuple[str, str]]) -> list[str]:
        """Give each of these (view, digest) its name as `link_view` does, all durable in one go.

        Raises:
            ObjectMissingError: there is no such object.
        """
        if not self._tree.syncs_as_one:
            return [self.link_view(view, sha256) for view, sha256 in wanted]
        with self._tree.root() as root:
            paths = views.link_all(self._tree, root, [(v, _path_of(s)) for v, s in wanted])
            durable.sync_all(root)
        return paths

    def write_manifest(self, visit: str, lines: Sequence[tuple[str, str]]) -> str:
        """Write a visit's manifest of (digest, path), for `sha256sum -c`; return its SHA-256."""
        with self._tree.folder(INCOMING) as incoming:
            return views.write_manifest(self._tree, incoming, visit, lines)

    def free_bytes(self) -> int:
        """Return the room that is left for footage."""
        return self._space()[0]

    def total_bytes(self) -> int:
        """Return the size of the archive's file system."""
        return self._space()[1]

    def try_writing(self) -> None:
        """Write a few bytes, bring them to the medium and remove them.

        Raises:
            ArchiveFullError: there is no room.
            ArchiveUnwritableError: the disk refuses.
        """
        with self._tree.folder(INCOMING) as incoming, durable.new_part(incoming) as part:
            durable.write_at(part.fd, 0, memoryview(b"muster"))
            durable.sync(part.fd)

    def _verify(self, path: str, name: str, sha256: str) -> None:
        with self._tree.existing(path) as folder:
            if folder is None or durable.identity(folder, name) is None:
                raise ObjectMissingError(name=name)
            try:
                found = sealing.digest(folder, name)
            except ArchiveUnwritableError as error:
                raise ObjectDamagedError(name=name) from error
        if found != sha256:
            raise ObjectDamagedError(name=name)

    def _check_folder(self, incoming: int, path: str) -> None:
        with self._tree.folder(path) as folder, durable.new_part(incoming) as part:
            durable.unlink(folder, _PROBE)
            durable.link_new(incoming, part.name, folder, _PROBE)
            durable.unlink(folder, _PROBE)
            durable.sync(folder)

    def _sync_again(self, sha256: str) -> None:
        with self._tree.folder(_folder_of(sha256)) as folder:
            with durable.opened(folder, sha256) as fd:
                durable.sync(fd)
            durable.sync(folder)

    def _space(self) -> tuple[int, int]:
        with self._tree.root() as root, durable.archive_errors():
            status = os.fstatvfs(root)
        return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize


def _there(root: int, wanted: Sequence[tuple[str, int]]) -> set[str]:
    """Return the digests of those (digest, size) that have their file, by many looks at once.

    Each may have to wait for the disk: a card of thousands of files is asked for at every docking.
    """

    def there(row: Sequence[tuple[str, int]]) -> list[str]:
        return [sha256 for sha256, size in row if durable.size_of(root, _path_of(sha256)) == size]

    rows = [wanted[at : at + _ROW] for at in range(0, len(wanted), _ROW)]
    with ThreadPoolExecutor(_LOOKERS) as lookers:
        return {sha256 for held in lookers.map(there, rows) for sha256 in held}


def _folder_of(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise ValueError(sha256)
    return folder_of(sha256)


def _path_of(sha256: str) -> str:
    return f"{_folder_of(sha256)}/{sha256}"


def _go_on() -> None:
    """Nobody ends a seal that one waits for."""
