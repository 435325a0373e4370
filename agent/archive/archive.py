"""The archive's door: seals footage, tells what is held, names it in views and manifests."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from agent.archive import durable, sealing, views
from agent.archive.sealing import Incoming, Reading, Ring, Sealed
from agent.core.recorder import OpenFile
from contracts.errors import (
    ArchiveTakenError,
    ArchiveUnwritableError,
    ObjectDamagedError,
    ObjectMissingError,
)

_OBJECTS = "objects/sha256"
_INCOMING = "incoming"
_PROBE = "probe"
_SHA256 = re.compile("[0-9a-f]{64}")


class Archive:
    """Footage kept once, by content, below one folder on one file system.

    Every path it takes or returns is relative to that folder. Its methods may be called from
    several threads at once; only one process may have the archive.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tree = durable.Tree(root)

    def take(self) -> Callable[[], None]:
        """Take the archive for this process alone; return what gives it back.

        Raises:
            ArchiveTakenError: another process has it.
            ArchiveUnwritableError: the root is missing.
        """
        held = durable.lock(self._root)
        if held is None:
            raise ArchiveTakenError(where=self._root)
        return partial(os.close, held)

    def prepare(self) -> None:
        """Make the folders, check that they can be written, remove what was being copied.

        What is in `incoming` was never proven, so it is never evidence.

        Raises:
            ArchiveUnwritableError: the root is missing, read-only or not one file system.
            HardLinksMissingError: the file system cannot give a file two names.
        """
        self._tree.adopt()
        with self._tree.folder(_INCOMING) as incoming:
            for name in durable.names(incoming):
                durable.unlink(incoming, name)
            for path in (_OBJECTS, views.MANIFESTS, views.VIEWS):
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
            ObjectDamagedError: the archive held this footage already, and it is damaged.
        """
        ring = Ring(size)
        incoming = Incoming(source, size, name, progress)
        with self._tree.folder(_INCOMING) as folder, durable.new_part(folder) as part:
            reading = sealing.copy(incoming, part.fd, ring, sm3=sm3)
            sealing.prove(folder, part.name, reading, ring)
            return self._place(folder, part.name, reading, ring)

    def holds(self, sha256: str, size: int) -> bool:
        """Tell whether this footage is here, in its full size and on the medium."""
        return bool(self.holds_all([(sha256, size)]))

    def holds_all(self, wanted: Iterable[tuple[str, int]]) -> set[str]:
        """Return the digests of those (digest, size) that are here.

        A process that was killed may have left names that the medium does not know yet; hence the
        whole file system is brought to the medium again before any of them is trusted.
        """
        with self._tree.root() as root:
            held = {
                sha256
                for sha256, size in wanted
                if durable.size_of(root, f"{_folder_of(sha256)}/{sha256}") == size
            }
            durable.sync_all(root)
        return held

    def verify(self, sha256: str) -> None:
        """Read an object from the medium and compare it with its name.

        Raises:
            ObjectMissingError: there is no such object.
            ObjectDamagedError: it cannot be read, or is not what its name says.
        """
        with self._tree.existing(_folder_of(sha256)) as folder:
            if folder is None or durable.identity(folder, sha256) is None:
                raise ObjectMissingError(name=sha256)
            try:
                found = sealing.digest(folder, sha256)
            except ArchiveUnwritableError as error:
                raise ObjectDamagedError(name=sha256) from error
        if found != sha256:
            raise ObjectDamagedError(name=sha256)

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

    def write_manifest(self, visit: str, lines: Sequence[tuple[str, str]]) -> str:
        """Write a visit's manifest of (digest, path), for `sha256sum -c`; return its SHA-256."""
        with self._tree.folder(_INCOMING) as incoming:
            return views.write_manifest(self._tree, incoming, visit, lines)

    def free_bytes(self) -> int:
        """Return the room that is left for footage."""
        return self._space()[0]

    def total_bytes(self) -> int:
        """Return the size of the archive's file system."""
        return self._space()[1]

    def _check_folder(self, incoming: int, path: str) -> None:
        with self._tree.folder(path) as folder, durable.new_part(incoming) as part:
            durable.unlink(folder, _PROBE)
            durable.link_new(incoming, part.name, folder, _PROBE)
            durable.unlink(folder, _PROBE)
            durable.sync(folder)

    def _place(self, incoming: int, part: str, reading: Reading, ring: Ring) -> Sealed:
        sha256 = reading.sha256
        path = _folder_of(sha256)
        with self._tree.folder(path) as folder:
            is_new = durable.link_new(incoming, part, folder, sha256)
            if not is_new:
                if sealing.digest(folder, sha256, ring) != sha256:
                    raise ObjectDamagedError(name=sha256)
                _settled(folder, sha256, reading.size)
            durable.sync(folder)
        return Sealed(sha256, reading.sm3, reading.size, f"{path}/{sha256}", not is_new)

    def _space(self) -> tuple[int, int]:
        with self._tree.root() as root, durable.archive_errors():
            status = os.fstatvfs(root)
        return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize


def _folder_of(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise ValueError(sha256)
    return f"{_OBJECTS}/{sha256[:2]}/{sha256[2:4]}"


def _settled(folder: int, sha256: str, size: int) -> bool:
    """Bring an object to the medium again, if it is there in this size."""
    if durable.identity(folder, sha256) is None:
        return False
    with durable.opened(folder, sha256) as fd:
        durable.sync(fd)
        return durable.file_size(fd) == size
