"""Removing listed files from a card that may be written to, and nothing beside them.

Folders are opened one by one, by descriptor and without following anything; a name that is no
longer the very file that was listed stays where it is.
"""

import ctypes
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from agent.core.recorder import CardFile
from contracts.errors import ClearingError

_LIBC = ctypes.CDLL(None, use_errno=True)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_files(root: Path, files: Iterable[CardFile], go_on: Callable[[], None]) -> None:
    """Remove these files below a folder; on the medium when it returns.

    `go_on` is called before each and raises when it is time to stop.

    Raises:
        ClearingError: the card refuses; what was removed until then is gone.
    """
    try:
        with ExitStack() as stack:
            # The root itself may be a link of our own: a folder that the mounting helper passed on.
            top = _opened(os.fsencode(root) + b"/.", None, stack)
            for folder, listed in groupby(sorted(files, key=_place), key=lambda f: _place(f)[0]):
                _empty(top, folder, listed, go_on)
            _sync_all(top)
    except OSError as error:
        raise ClearingError(reason=error.strerror or str(error)) from error


def _place(file: CardFile) -> tuple[bytes, bytes]:
    folder, _, name = file.path.rpartition(b"/")
    return folder, name


def _empty(top: int, folder: bytes, listed: Iterable[CardFile], go_on: Callable[[], None]) -> None:
    with ExitStack() as stack:
        try:
            fd = _below(top, folder, stack)
        except (FileNotFoundError, NotADirectoryError):
            return  # listing the card again will tell
        try:
            for file in listed:
                go_on()
                name = _place(file)[1]
                if _is_the_listed(fd, name, file):
                    os.unlink(name, dir_fd=fd)
        finally:
            os.fsync(fd)


def _below(top: int, folder: bytes, stack: ExitStack) -> int:
    fd = top
    for name in folder.split(b"/") if folder else ():
        fd = _opened(name, fd, stack)
        if os.fstat(fd).st_dev != os.fstat(top).st_dev:
            raise FileNotFoundError(os.fsdecode(folder))
    return fd


def _opened(path: bytes, within: int | None, stack: ExitStack) -> int:
    fd = os.open(path, _FOLDER, dir_fd=within)
    stack.callback(os.close, fd)
    return fd


def _is_the_listed(folder: int, name: bytes, file: CardFile) -> bool:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    is_plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    return is_plain and (found.st_size, found.st_mtime_ns) == (file.size, file.modified_ns)


def _sync_all(fd: int) -> None:
    if _LIBC.syncfs(fd):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
