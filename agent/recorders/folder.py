"""Listing and reading a card's folder, whatever its names and links try; shared by the drivers.

Only descriptors of folders lead downwards and nothing is followed, so that no name on a card can
reach anything outside it.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from agent.core.recorder import CardFile, Listing, RefusedItem
from contracts.errors import (
    FileChangedError,
    FileUnreadableError,
    FileVanishedError,
    MountError,
    RecorderError,
    RecorderGoneError,
)
from contracts.names import shown

MAX_DEPTH = 64
MAX_ITEMS = 250_000
MAX_PATH_BYTES = 4096  # what an entry has room for
TRIES = 3  # of each read that fails, before smaller pieces are tried and at last given up
PIECE_BYTES = 4096
FETCHED_BYTES = 1 << 20  # a larger file is fetched ahead by the kernel while it is read

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_SHOWN_ERRORS = 3
_MOVED = frozenset({errno.ENOTDIR, errno.ELOOP, errno.EXDEV})
# What the kernel says of a disk that is no longer there, and FUSE of a driver that has ended.
_GONE = frozenset({errno.ENODEV, errno.ENOMEDIUM, errno.ENOTCONN, errno.ECONNABORTED})


class CardFolder:
    """The files below one folder; `is_gone` tells whether the recorder was pulled out.

    `is_local_time`: its file system keeps wall time, as `CardFile.is_local_time` says.
    """

    def __init__(
        self, root: Path, is_gone: Callable[[], bool], *, is_local_time: bool = False
    ) -> None:
        self._is_gone = is_gone
        self._is_local_time = is_local_time
        self._root: int | None = None
        self._above: tuple[bytes, int] | None = None  # the folder opened last: files come in rows
        self._ahead: dict[bytes, int] = {}  # what is expected, opened
        try:
            self._root = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
            self._device = _device_of(self._root)
        except OSError as error:
            self.close()
            if is_gone() or error.errno in _GONE:
                raise RecorderGoneError from error
            raise MountError(reason=str(error)) from error

    def list_files(self) -> Listing:
        """List every file, bounded by `MAX_DEPTH` and `MAX_ITEMS`; a bound that is hit is said.

        Raises:
            RecorderGoneError: the recorder was pulled out.
        """
        walk = _Walk(self._device, is_local_time=self._is_local_time)
        walk.folder(self._fd(), b"", depth=1)
        if self._is_gone():
            raise RecorderGoneError
        return walk.listing()

    def open_file(self, file: CardFile) -> "FolderFile":
        """Open a listed file.

        Raises:
            FileChangedError: it is not what was listed, or there no more.
            FileUnreadableError: the card does not give it.
            RecorderGoneError: the recorder was pulled out.
        """
        fd = self._ahead.pop(file.path, None)
        try:
            fd = self._open(file.path) if fd is None else fd
        except OSError as error:
            raise self._error(file.path, 0, error) from error
        opened = FolderFile(fd, file, lambda offset, error: self._error(file.path, offset, error))
        if not opened.unchanged():
            opened.close()
            raise FileChangedError(name=shown(file.path))
        return opened

    def expect(self, files: Sequence[CardFile]) -> None:
        """Have the kernel fetch the small ones of these, and no others that were expected before.

        What fails here fails again, and is told, when the file is opened or read.
        """
        small = {file.path: file.size for file in files if file.size <= FETCHED_BYTES}
        for path in self._ahead.keys() - small:
            _close(self._ahead.pop(path))
        for path in small.keys() - self._ahead:
            with suppress(OSError):
                self._ahead[path] = fd = self._open(path)
                os.posix_fadvise(fd, 0, small[path], os.POSIX_FADV_WILLNEED)

    def look_again(self, file: CardFile) -> CardFile | None:
        """Return what a listed file is now, or None when no regular file is there any more.

        Raises:
            FileUnreadableError: the card does not say.
            RecorderGoneError: the recorder was pulled out.
        """
        try:
            fd = self._open(file.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in _MOVED and not self._is_gone():
                return None
            raise self._error(file.path, 0, error) from error
        try:
            said = os.fstat(fd)
        finally:
            _close(fd)
        is_file = stat.S_ISREG(said.st_mode) and said.st_nlink <= 1
        found = _card_file(file.path, said, is_local_time=self._is_local_time)
        return replace(found, mark=file.mark) if is_file else None

    def has_folder(self, pattern: str) -> bool:
        """Tell whether there is a folder like this ("DCIM/1*"), whatever its letters' case."""
        return any(self._folders_like([], pattern.lower().split("/")))

    def read_small(self, names: tuple[bytes, ...], limit: int) -> bytes | None:
        """Return the first `limit` bytes of a file found whatever its letters' case, or None."""
        small = self.read_dated(names, limit)
        return small and small[0]

    def read_dated(self, names: tuple[bytes, ...], limit: int) -> tuple[bytes, int] | None:
        """Return the same, and when the file was last modified, in nanoseconds since 1970."""
        try:
            path = self._find(names)
            fd = None if path is None else self._open(path)
        except OSError:
            return None
        if fd is None:
            return None
        try:
            said = os.fstat(fd)
            return (os.read(fd, limit), said.st_mtime_ns) if stat.S_ISREG(said.st_mode) else None
        except OSError:
            return None
        finally:
            _close(fd)

    def space(self) -> tuple[int, int] | None:
        """Return free and total bytes of the file system, or None when it does not say."""
        # Of the open folder, never of the path: once unmounted, that is the station's own disk.
        try:
            said = os.fstatvfs(self._fd())
        except OSError:
            return None
        return said.f_bavail * said.f_frsize, said.f_blocks * said.f_frsize

    def close(self) -> None:
        """Let go of the folder; may be called twice."""
        self.expect(())
        self._leave_folder()
        if self._root is not None:
            _close(self._root)
        self._root = None

    def _fd(self) -> int:
        if self._root is None:
            raise RuntimeError("the recorder was released")
        return self._root

    def _folders_like(self, above: list[bytes], patterns: list[str]) -> Iterator[bool]:
        try:
            names = self._names_in(above)
        except OSError:
            return
        if not patterns:
            yield True
            return
        for name in names:
            if fnmatchcase(os.fsdecode(name).lower(), patterns[0]):
                yield from self._folders_like([*above, name], patterns[1:])

    def _names_in(self, folder: list[bytes]) -> list[bytes]:
        fd = self._open_folder(folder)
        try:
            return sorted(map(os.fsencode, os.listdir(fd)))  # noqa: PTH208 - a descriptor, no path
        finally:
            _close(fd)

    def _find(self, names: tuple[bytes, ...]) -> bytes | None:
        found: list[bytes] = []
        for name in names:
            there = self._names_in(found)
            match = next((one for one in there if one.lower() == name.lower()), None)
            if match is None:
                return None
            found.append(match)
        return b"/".join(found)

    def _open(self, path: bytes) -> int:
        above, _, name = path.rpartition(b"/")
        if self._above is not None and self._above[0] == above:
            try:
                return self._open_in(self._above[1], name)
            except OSError:
                self._leave_folder()  # which may be another by now
        if self._above is None or self._above[0] != above:
            folder = self._open_folder(above.split(b"/") if above else [])
            self._leave_folder()
            self._above = above, folder
        return self._open_in(self._above[1], name)

    def _open_in(self, folder: int, name: bytes) -> int:
        return _on_card(os.open(_step(name), _FILE, dir_fd=folder), self._device)

    def _leave_folder(self) -> None:
        if self._above is not None:
            _close(self._above[1])
        self._above = None

    def _open_folder(self, names: list[bytes]) -> int:
        fd = os.dup(self._fd())
        for name in names:
            try:
                below = _on_card(os.open(_step(name), _FOLDER, dir_fd=fd), self._device)
            finally:
                _close(fd)
            fd = below
        return fd

    def _error(self, path: bytes, offset: int, error: OSError) -> RecorderError:
        if error.errno in _GONE or self._is_gone():
            return RecorderGoneError()
        if error.errno == errno.ENOENT:
            return FileVanishedError(name=shown(path))
        if error.errno in _MOVED:
            return FileChangedError(name=shown(path))
        return FileUnreadableError(name=shown(path), offset=offset, reason=_reason(error))


def list_folder(root: Path) -> Listing:
    """List a folder that is no recorder's.

    Raises:
        MountError: it cannot be opened.
    """
    folder = CardFolder(root, lambda: False)
    try:
        return folder.list_files()
    finally:
        folder.close()


class FolderFile:
    """One file of a card, open for reading from its start."""

    def __init__(
        self, fd: int, listed: CardFile, failure: Callable[[int, OSError], RecorderError]
    ) -> None:
        self._fd = fd
        self._listed = listed
        self._failure = failure
        self._offset = 0
        self._careful_until = 0  # up to here pieces are read, a larger read of this having failed

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer from where the last call ended; return bytes read, 0 at the end.

        A read that fails is tried again, then in pieces, so that it is known which bytes fail.

        Raises:
            FileUnreadableError: the card does not give these bytes; says at which offset.
            RecorderGoneError: the recorder was pulled out.
        """
        if self._offset >= self._careful_until and len(buffer) > PIECE_BYTES:
            try:
                return self._read(buffer)
            except FileUnreadableError:
                self._careful_until = self._offset + len(buffer)
        return self._read(buffer[: PIECE_BYTES - self._offset % PIECE_BYTES])

    def seek(self, offset: int) -> None:
        """Go on from this offset."""
        self._offset = offset

    def _read(self, buffer: memoryview) -> int:
        failures: list[RecorderError] = []
        while len(failures) < TRIES:
            try:
                count = os.preadv(self._fd, [buffer], self._offset)
            except OSError as error:
                failures.append(self._failure(self._offset, error))
                if not isinstance(failures[-1], FileUnreadableError):
                    break
            else:
                self._offset += count
                return count
        raise failures[-1]

    def unchanged(self) -> bool:
        """Tell whether it still is the regular file of the size and time that was listed."""
        try:
            now = os.fstat(self._fd)
        except OSError as error:
            raise self._failure(self._offset, error) from error
        same = (now.st_size, now.st_mtime_ns) == (self._listed.size, self._listed.modified_ns)
        return same and stat.S_ISREG(now.st_mode)

    def close(self) -> None:
        """Close the file."""
        _close(self._fd)


class _Walk:
    """One walk through a card's folders; keeps what could not be read beside what could."""

    def __init__(self, device: int, *, is_local_time: bool) -> None:
        self._device = device
        self._is_local_time = is_local_time
        self._files: list[CardFile] = []
        self._refused: list[RefusedItem] = []
        self._errors: list[str] = []
        self._seen = 0

    def listing(self) -> Listing:
        more = len(self._errors) - _SHOWN_ERRORS
        said = [*self._errors[:_SHOWN_ERRORS], *([f"(+{more})"] if more > 0 else [])]
        return Listing(
            tuple(sorted(self._files, key=lambda file: file.path)),
            tuple(sorted(self._refused, key=lambda item: item.path)),
            "; ".join(said) or None,
        )

    def folder(self, fd: int, path: bytes, depth: int) -> None:
        for name in self._names(fd, path):
            self._item(fd, name, b"/".join(filter(None, (path, name))), depth)

    def _names(self, fd: int, path: bytes) -> list[bytes]:
        names: list[bytes] = []
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    if self._seen == MAX_ITEMS:
                        self._unlistable(path, f"more than {MAX_ITEMS} items")
                        break
                    self._seen += 1
                    names.append(os.fsencode(entry.name))
        except OSError as error:
            self._unlistable(path, error)
        # A crafted card names one file twice; the second cannot be reached (fault A04).
        if len(set(names)) < len(names):
            self._errors.append(f"{shown(path) or '/'}: a name listed twice")
        return sorted(set(names))

    def _item(self, fd: int, name: bytes, path: bytes, depth: int) -> None:
        if len(path) > MAX_PATH_BYTES:
            self._unreadable(path, f"a path of more than {MAX_PATH_BYTES} bytes")
            return
        try:
            said = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except OSError as error:
            self._unreadable(path, error)
            return
        if said.st_dev != self._device:
            self._refused.append(RefusedItem(path, "mount_point"))
            return
        kind = stat.S_IFMT(said.st_mode)
        if kind == stat.S_IFDIR:
            self._below(fd, name, path, depth)
        elif kind == stat.S_IFREG and said.st_nlink <= 1:
            self._files.append(_card_file(path, said, is_local_time=self._is_local_time))
        else:
            self._refused.append(_refused(path, kind, said.st_nlink))

    def _below(self, fd: int, name: bytes, path: bytes, depth: int) -> None:
        if depth == MAX_DEPTH:
            self._unlistable(path, f"deeper than {MAX_DEPTH} folders")
            return
        try:
            child = _on_card(os.open(name, _FOLDER, dir_fd=fd), self._device)
        except OSError as error:
            self._unlistable(path, error)
            return
        try:
            self.folder(child, path, depth + 1)
        finally:
            _close(child)

    def _unreadable(self, path: bytes, why: OSError | str) -> None:
        reason = _reason(why)
        self._refused.append(RefusedItem(path, "unreadable", reason))
        self._errors.append(f"{shown(path)}: {reason}")

    def _unlistable(self, path: bytes, why: OSError | str) -> None:
        reason = _reason(why)
        self._refused.append(RefusedItem(path or b".", "unlistable_folder", reason))
        self._errors.append(f"{shown(path) or '/'}: {reason}")


def _card_file(path: bytes, said: os.stat_result, *, is_local_time: bool) -> CardFile:
    is_read_only = not said.st_mode & stat.S_IWUSR  # on FAT and exFAT the attribute of that name
    return CardFile(path, said.st_size, said.st_mtime_ns, is_read_only, is_local_time)


def _refused(path: bytes, kind: int, links: int) -> RefusedItem:
    match kind:
        case stat.S_IFREG:
            return RefusedItem(path, "hard_link", f"{links} names")
        case stat.S_IFLNK:
            return RefusedItem(path, "symlink")
        case stat.S_IFIFO:
            return RefusedItem(path, "fifo")
        case stat.S_IFSOCK:
            return RefusedItem(path, "socket")
        case _:
            return RefusedItem(path, "device")


def _step(name: bytes) -> bytes:
    if name in (b"", b".", b".."):
        raise OSError(errno.ENOENT, "not a name")
    return name


def _on_card(fd: int, device: int) -> int:
    """Return what was opened, if it is on the card's own file system; else close it."""
    try:
        is_here = _device_of(fd) == device
    except OSError:
        _close(fd)
        raise
    if is_here:
        return fd
    _close(fd)
    raise OSError(errno.EXDEV, "another file system")


def _close(fd: int) -> None:
    """Close what was only read: whatever the card says to that, no byte depends on it."""
    with suppress(OSError):
        os.close(fd)


def _device_of(fd: int) -> int:
    return os.fstat(fd).st_dev


def _reason(why: OSError | str) -> str:
    if isinstance(why, str):
        return why
    if why.errno in _GONE:
        raise RecorderGoneError from why
    return errno.errorcode.get(why.errno or 0, str(why))
