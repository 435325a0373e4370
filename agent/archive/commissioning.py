"""Which disk the archive is on: its mark, its file system's own id, and whether it still works.

A folder says nothing about the disk behind it: a mount that is gone leaves an empty folder of the
root disk. So the archive's root holds a mark, and the ledger holds what the mark must be. The
second copy's disk is told by the same means, under another name, so that neither passes for the
other.
"""

import array
import fcntl
import mmap
import os
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.archive import durable
from agent.archive.archive import Archive
from agent.archive.expecting import Books
from contracts.archive_facts import ArchiveCommissioned
from contracts.copy_facts import CopyCommissioned
from contracts.errors import (
    ArchiveAbsentError,
    ArchiveForeignError,
    ArchiveReadOnlyError,
    ArchiveUnwritableError,
    LedgerStorageError,
)

MARK_NAME = "archive.id"
COPY_MARK_NAME = "copy.id"
_INCOMING = "incoming"
_OBJECTS = "objects/sha256"
_MARK_BYTES = 4096
_GET_UUID = 0x80111500  # FS_IOC_GETFSUUID, Linux 6.9: one byte of length, sixteen of id
_BY_UUID = Path("/dev/disk/by-uuid")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a mark says: the archive's or second copy's random id, and whose ledger it is for."""

    id: str
    origin: str

    @classmethod
    def new(cls, origin: str) -> "Mark":
        """Make a new mark."""
        return cls(secrets.token_hex(16), origin)


class Known(Protocol):
    """What the ledger says of a disk that was commissioned."""

    @property
    def id(self) -> str:
        """What its mark says."""

    @property
    def volume(self) -> str | None:
        """The file system's own id, where it could be had."""


@dataclass(frozen=True, slots=True)
class Disk:
    """What is at the archive's folder now; `is_system`: it is on the disk the machine runs from."""

    device: int
    mark: Mark | None
    volume: str | None
    is_mount: bool
    is_system: bool
    has_footage: bool
    free_bytes: int
    total_bytes: int
    is_read_only: bool


def look_at(root: Path, mark_name: str = MARK_NAME) -> Disk:
    """Return what is at a folder; the mark is read past the page cache.

    Raises:
        ArchiveAbsentError: there is no such folder.
        ArchiveUnwritableError: the disk cannot be read.
    """
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArchiveAbsentError(where=root) from error
    except OSError as error:
        raise ArchiveUnwritableError(reason=error.strerror or str(error)) from error
    try:
        return _seen(folder, mark_name)
    finally:
        durable.close(folder)


def check(root: Path, disk: Disk, known: Known) -> None:
    """Make sure that this is the disk that was commissioned.

    Raises:
        ArchiveAbsentError: it has no mark.
        ArchiveForeignError: it has another's, or a copy of ours on another file system.
    """
    if disk.mark is None:
        raise ArchiveAbsentError(where=root)
    if disk.mark.id != known.id:
        raise ArchiveForeignError(where=root, found=disk.mark.id, known=known.id)
    if disk.volume and known.volume and disk.volume != known.volume:
        raise ArchiveForeignError(where=root, found=disk.volume, known=known.volume)


def settle(root: Path, books: Books, origin: str) -> tuple[ArchiveCommissioned, bool]:
    """Return which disk the archive is on, and whether this is news: a station's first start.

    The mark is written before the ledger is told: a start cut short between finds its own mark.

    Raises:
        ArchiveAbsentError: the folder is not on the disk, or the footage is not in it.
        ArchiveForeignError: it is on another.
        ArchiveUnwritableError: the disk refuses.
    """
    disk, known = look_at(root), books.commissioned()
    if known is not None:
        check(root, disk, known)
        return known, False
    if disk.mark is not None and disk.mark.origin != origin:
        raise ArchiveForeignError(where=root, found=disk.mark.id, known="-")
    if books.has_footage() and not disk.has_footage:
        raise ArchiveAbsentError(where=root)
    mark = disk.mark or Mark.new(origin)
    write_mark(root, mark)
    return describe(root, disk, mark), True


def write_mark(root: Path, mark: Mark, mark_name: str = MARK_NAME) -> None:
    """Put a mark into the archive's root, over the one that is there; on disk on return.

    Raises:
        ArchiveUnwritableError: the disk refuses.
    """
    content = f"{mark.id}\n{mark.origin}\n".encode()
    with durable.archive_errors():
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with durable.new_part(folder) as part:
            durable.write_at(part.fd, 0, memoryview(content))
            durable.sync(part.fd)
            durable.replace(folder, part.name, folder, mark_name)
        durable.sync(folder)
    finally:
        durable.close(folder)


def describe(root: Path, disk: Disk, mark: Mark) -> ArchiveCommissioned:
    """Return what the ledger is told of a disk that becomes the archive's."""
    return ArchiveCommissioned(
        mark.id, str(root.absolute()), disk.volume, disk.is_mount, disk.total_bytes
    )


def describe_copy(root: Path, disk: Disk, mark: Mark) -> CopyCommissioned:
    """Return what the ledger is told of a disk that becomes the second copy's."""
    return CopyCommissioned(
        mark.id, str(root.absolute()), disk.volume, disk.is_mount, disk.total_bytes
    )


class Watch:
    """Looks whether an archive is still on its disk and the disk still works."""

    def __init__(
        self, archive: Archive, root: Path, known: Known, mark_name: str = MARK_NAME
    ) -> None:
        self._archive = archive
        self._root = root
        self._known = known
        self._mark_name = mark_name
        self._device = look_at(root, mark_name).device
        self._locks: list[Callable[[], None]] = []

    def look(self, *, writing: bool) -> Disk:
        """Return what is there; `writing`: try to write too, for a disk may only read.

        Raises:
            ArchiveAbsentError: the disk is gone.
            ArchiveForeignError: another is there.
            ArchiveUnwritableError: it cannot be read or written.
        """
        disk = look_at(self._root, self._mark_name)
        check(self._root, disk, self._known)
        if disk.is_read_only:
            raise ArchiveReadOnlyError
        if disk.device != self._device:
            # The same disk came back under another number: nobody else may have it either.
            self._locks.append(self._archive.take())
            self._archive.prepare()
            self._device = disk.device
        if writing:
            self._archive.try_writing()
        return disk

    def close(self) -> None:
        """Give back what was locked on the way."""
        for give_back in self._locks:
            give_back()


def ledger_room(folder: Path) -> tuple[int, int]:
    """Return the room left on the ledger's disk, and its size.

    Raises:
        LedgerStorageError: the folder cannot be asked.
    """
    try:
        status = os.statvfs(folder)
    except OSError as error:
        raise LedgerStorageError(where=folder, what=str(error)) from error
    return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize


def _seen(folder: int, mark_name: str) -> Disk:
    with durable.archive_errors():
        status, space = os.fstat(folder), os.fstatvfs(folder)
        above, system = os.stat("..", dir_fd=folder), Path("/").stat()
    return Disk(
        device=status.st_dev,
        mark=_read_mark(folder, mark_name),
        volume=_volume(folder, status.st_dev),
        is_mount=above.st_dev != status.st_dev or above.st_ino == status.st_ino,
        is_system=system.st_dev == status.st_dev,
        has_footage=_has_footage(folder),
        free_bytes=space.f_bavail * space.f_frsize,
        total_bytes=space.f_blocks * space.f_frsize,
        is_read_only=bool(space.f_flag & os.ST_RDONLY),
    )


def _read_mark(folder: int, name: str) -> Mark | None:
    if durable.identity(folder, name) is None:
        return None
    buffer = memoryview(mmap.mmap(-1, _MARK_BYTES))
    with durable.opened(folder, name) as fd:
        size = min(durable.file_size(fd), _MARK_BYTES)
        size = durable.read_at(fd, 0, buffer, size)
    lines = bytes(buffer[:size]).decode("utf-8", "replace").splitlines()
    # A mark that says nothing is somebody's: it is no archive of ours.
    found, origin = (*lines, "", "")[:2]
    return Mark(found, origin)


def _has_footage(folder: int) -> bool:
    try:
        objects = os.open(_OBJECTS, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return False
    try:
        return bool(durable.names(objects))
    finally:
        durable.close(objects)


def _volume(folder: int, device: int) -> str | None:
    """Return the file system's own id, where the kernel or udev tells it."""
    answer = array.array("B", bytes(17))
    with suppress(OSError):
        fcntl.ioctl(folder, _GET_UUID, answer)
        if answer[0] == len(answer) - 1:
            return str(uuid.UUID(bytes=answer[1:].tobytes()))
    with suppress(OSError):
        for link in os.scandir(_BY_UUID):
            with suppress(OSError):
                if Path(link).stat().st_rdev == device:
                    return link.name.lower()
    return None
