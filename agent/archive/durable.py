"""Files and folders that are on the medium when a call returns; knows nothing of footage.

Every function here turns what the operating system says into a `StationError`, so that nothing
above it mistakes our disk's fault for the recorder's. A failed fsync is never tried again: the
kernel has forgotten what it could not write, and a second try would say "good".
"""

import ctypes
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from itertools import count
from pathlib import Path
from typing import ParamSpec, TypeVar

from contracts.errors import (
    ArchiveAbsentError,
    ArchiveFullError,
    ArchiveReadOnlyError,
    ArchiveUnwritableError,
    HardLinksMissingError,
)

ALIGNMENT_BYTES = 4096  # what O_DIRECT asks of every offset and length

# ext4, XFS, Btrfs, F2FS, tmpfs. FUSE, for one, says "good" to syncfs and asks nobody.
_SYNCING_AS_ONE = frozenset({0xEF53, 0x58465342, 0x9123683E, 0xF2F52010, 0x01021994})
# Since 5.8 syncfs tells of data that was not written, since 5.17 of a journal that was not.
_TELLING_KERNEL = (5, 17)

_OURS, _NUMBERS = secrets.token_hex(12), count()  # nobody else's parts have these names

P = ParamSpec("P")
R = TypeVar("R")

_LIBC = ctypes.CDLL(None, use_errno=True)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


class _Telling:
    """Turns errors of the operating system into errors of the archive disk.

    Around a block or, at less cost, around a function.
    """

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def telling(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except OSError as error:
                raise _told(error) from error

        return telling

    def __enter__(self) -> None:
        """Nothing is needed beforehand."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise _told(error) from error


def archive_errors() -> _Telling:
    """Turn errors of the operating system into errors of the archive disk."""
    return _TELLING


_TELLING = _Telling()


def _told(error: OSError) -> ArchiveFullError | ArchiveUnwritableError:
    if error.errno in _NO_ROOM:
        return ArchiveFullError()
    if error.errno == errno.EROFS:
        return ArchiveReadOnlyError()
    return ArchiveUnwritableError(reason=error.strerror or str(error))


@archive_errors()
def sync(fd: int) -> None:
    """Bring a file or a folder to the medium."""
    os.fsync(fd)


@archive_errors()
def sync_all(fd: int) -> None:
    """Bring everything on a file system to the medium: one call for thousands of files."""
    if _LIBC.syncfs(fd):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@archive_errors()
def syncs_as_one(fd: int) -> bool:
    """Tell whether `sync_all` brings this file system to the medium and says so if it cannot."""
    status = ctypes.create_string_buffer(256)  # struct statfs begins with a long, the kind
    if _LIBC.fstatfs(fd, status):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    kind = ctypes.c_long.from_buffer(status).value & 0xFFFF_FFFF
    release = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2]))
    return kind in _SYNCING_AS_ONE and release >= _TELLING_KERNEL


@archive_errors()
def sync_data(fd: int) -> None:
    """Bring a finished file to the medium and drop it from the page cache.

    Dropping comes after the fsync: the kernel does not drop what is dirty.
    """
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


@archive_errors()
def reserve(fd: int, size: int) -> None:
    """Take the room for a whole file before its first byte is copied."""
    if size:
        os.posix_fallocate(fd, 0, size)


@archive_errors()
def write_at(fd: int, offset: int, content: memoryview) -> None:
    """Write all of the content at an offset, past the page cache as far as its length allows."""
    if len(content) % ALIGNMENT_BYTES and fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT:
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_DIRECT)
    written = 0
    while written < len(content):
        written += os.pwrite(fd, content[written:], offset + written)


@archive_errors()
def read_at(fd: int, offset: int, buffer: memoryview, wanted: int) -> int:
    """Read up to `wanted` bytes into an aligned buffer; return how many there were."""
    filled = 0
    whole = buffer[: -(-wanted // ALIGNMENT_BYTES) * ALIGNMENT_BYTES]
    while filled < wanted:
        read = os.preadv(fd, [whole[filled:]], offset + filled)
        if not read:
            break
        filled += read
    return min(filled, wanted)


@archive_errors()
def link_new(source: int, name: str, target: int, new_name: str) -> bool:
    """Give a file one more name in another folder; False when that name is taken."""
    try:
        os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise HardLinksMissingError from error
        raise
    return True


@archive_errors()
def replace(source: int, name: str, target: int, new_name: str) -> None:
    """Move a file over whatever has the new name, in one step."""
    os.replace(name, new_name, src_dir_fd=source, dst_dir_fd=target)


def replace_by_link(source: int, name: str, between: int, target: int, new_name: str) -> None:
    """Give a file one more name over whatever has that name, in one step.

    `between` is the folder of parts: a cut may leave a name there.
    """
    part = _part_name()
    link_new(source, name, between, part)
    replace(between, part, target, new_name)


@archive_errors()
def unlink(folder: int, name: str) -> None:
    """Remove a name; it may be gone already."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


@archive_errors()
def names(folder: int) -> list[str]:
    """Return the names in a folder."""
    return os.listdir(folder)


@archive_errors()
def identity(folder: int, name: str) -> tuple[int, int] | None:
    """Return which file a name stands for (device, inode), or None when there is none."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


@archive_errors()
def size_of(folder: int, path: str) -> int | None:
    """Return the size of the file at a path below a folder, or None when there is none."""
    try:
        status = os.stat(path, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@archive_errors()
def close(fd: int) -> None:
    """Close a file or a folder; some file systems say only now what went wrong."""
    os.close(fd)


@archive_errors()
def device_of(fd: int) -> int:
    """Return which file system an open file or folder is on."""
    return os.fstat(fd).st_dev


@archive_errors()
def file_size(fd: int) -> int:
    """Return the size of an open file."""
    return os.fstat(fd).st_size


@archive_errors()
def expect(fd: int, size: int) -> None:
    """Have the beginning of a file fetched into the page cache, where others will look for it."""
    os.posix_fadvise(fd, 0, size, os.POSIX_FADV_WILLNEED)


@contextmanager
def opened(folder: int, name: str) -> Iterator[int]:
    """Open a file for reading past the page cache, where the file system can."""
    with archive_errors():
        fd = _open_direct(name, os.O_RDONLY, folder)
        # A file system may accept O_DIRECT and read through the cache all the same.
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        yield fd
    finally:
        close(fd)


@dataclass(frozen=True, slots=True)
class Part:
    """A file that is being written and has no name that anyone trusts."""

    fd: int
    name: str


@contextmanager
def new_part(folder: int) -> Iterator[Part]:
    """Create a part that nobody else can have made; its name is gone when the block ends."""
    part = create_part(folder)
    try:
        yield part
    finally:
        close(part.fd)
        unlink(folder, part.name)


@archive_errors()
def create_part(folder: int, *, cached: bool = False) -> Part:
    """Create a part that nobody else can have made; `cached`: written through the page cache."""
    name = _part_name()
    return Part(create(folder, name, cached=cached), name)


def _part_name() -> str:
    # A forked process goes on with the same prefix and counter, but not with the same number.
    return f"{_OURS}_{os.getpid()}_{next(_NUMBERS)}.part"


def create(folder: int, name: str, *, cached: bool = False) -> int:
    """Create a file to write, readable by all and writable by no later opening.

    Raises:
        FileExistsError: the name is taken, be it by a symbolic link.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    if cached:
        fd = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o444, dir_fd=folder)
    else:
        fd = _open_direct(name, flags, folder)
    os.fchmod(fd, 0o444)
    return fd


def _open_direct(name: str, flags: int, folder: int) -> int:
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags | os.O_DIRECT, 0o444, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    # Some file systems create the file before they refuse O_DIRECT.
    if flags & os.O_CREAT:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
    return os.open(name, flags, 0o444, dir_fd=folder)


def lock(folder: Path) -> int | None:
    """Lock a folder for this process alone; return what holds the lock until it is closed.

    Returns None if another process has it.
    """
    with archive_errors():
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
    return fd


class Tree:
    """The folders of one archive, on the one file system they were prepared on.

    Remembers which folders this process has already brought to the medium, so that a new file
    costs one fsync of its folder and not one for each folder above. `syncs_as_one` says whether
    `sync_all` can be relied on here.
    """

    def __init__(self, root: Path) -> None:
        self.syncs_as_one = False
        self._root = root
        self._device: int | None = None
        self._settled: set[str] = set()

    def adopt(self) -> None:
        """Take the file system that is at the root now as the archive's own."""
        with archive_errors():
            self._device = self._root.stat().st_dev
        self._settled.clear()
        with self.root() as root:
            self.syncs_as_one = syncs_as_one(root)

    @contextmanager
    def root(self) -> Iterator[int]:
        """Open the root.

        Raises:
            ArchiveAbsentError: another file system is there now.
        """
        if self._device is None:
            raise RuntimeError("the archive is used before it is prepared")
        with _opened_folder(self._root, None) as root:
            if device_of(root) != self._device:
                raise ArchiveAbsentError(where=self._root)
            yield root

    @contextmanager
    def folder(self, path: str, *, settled: bool = True) -> Iterator[int]:
        """Open a folder, making what is missing; when the block ends its own name is durable.

        Bringing what the block did *in* the folder to the medium is the block's own part; where
        it brings the whole file system there, `settled` is False and its own name not durable.
        """
        with self.root() as root:
            chain = [root]
            try:
                for prefix, name in _steps(path):
                    chain.append(self._enter(chain[-1], name, prefix))
                yield chain[-1]
                if settled:
                    self._settle(path, chain)
            finally:
                for fd in chain[1:]:
                    close(fd)

    @contextmanager
    def below(self, folder: int, at: str, path: str) -> Iterator[int]:
        """Open a folder below an open one, making what is missing; no name is made durable.

        `at` is the open folder's own path.
        """
        chain = [folder]
        try:
            for prefix, name in _steps(path):
                chain.append(self._enter(chain[-1], name, f"{at}/{prefix}"))
            yield chain[-1]
        finally:
            for fd in chain[1:]:
                close(fd)

    @contextmanager
    def existing(self, path: str) -> Iterator[int | None]:
        """Open a folder that may not be there: then there is None."""
        with self.root() as root:
            with archive_errors():
                try:
                    fd = os.open(path, _FOLDER, dir_fd=root)
                except FileNotFoundError:
                    fd = None
            try:
                yield fd
            finally:
                if fd is not None:
                    close(fd)

    @archive_errors()
    def _enter(self, within: int, name: str, prefix: str) -> int:
        """Open a folder in a folder, making it if it is missing."""
        try:
            return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=within)
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=within)
            self._settled.discard(prefix)
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=within)

    def _settle(self, path: str, chain: list[int]) -> None:
        for (prefix, _), parent in reversed(list(zip(_steps(path), chain[:-1], strict=True))):
            if prefix in self._settled:
                break
            sync(parent)
        self._settled.update(prefix for prefix, _ in _steps(path))


def _steps(path: str) -> Iterator[tuple[str, str]]:
    parts = path.split("/")
    for depth, name in enumerate(parts, 1):
        yield "/".join(parts[:depth]), name


@contextmanager
def _opened_folder(path: Path | str, within: int | None) -> Iterator[int]:
    with archive_errors():
        fd = os.open(path, _FOLDER if within is None else _FOLDER | os.O_NOFOLLOW, dir_fd=within)
    try:
        yield fd
    finally:
        close(fd)
