"""Loop devices and mounts by system calls: a thousand must not cost a thousand programs."""

import ctypes
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SET_FD, _CLEAR_FD, _GET_FREE = 0x4C00, 0x4C01, 0x4C82
_MNT_DETACH = 2
_TRIES = 50
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def attached(image: Path) -> Iterator[Path]:
    """Attach a file to a free loop device; detach it in the end."""
    if os.geteuid() != 0:
        raise PermissionError("loop devices need root")
    backing = os.open(image, os.O_RDWR | os.O_CLOEXEC)
    device, path = _taken(backing)
    os.close(backing)
    try:
        yield path
    finally:
        fcntl.ioctl(device, _CLEAR_FD, 0)
        os.close(device)


def _taken(backing: int) -> tuple[int, Path]:
    for _ in range(_TRIES):
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
        path = Path(f"/dev/loop{fcntl.ioctl(control, _GET_FREE)}")
        os.close(control)
        device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(device, _SET_FD, backing)
        except OSError as error:  # somebody else was faster
            os.close(device)
            if error.errno != errno.EBUSY:
                raise
        else:
            return device, path
    raise TimeoutError("no free loop device")


@contextmanager
def mounted(device: Path, path: Path, kind: str) -> Iterator[Path]:
    """Mount a device; unmount it in the end."""
    options = b"nouuid" if kind == "xfs" else b""
    if _LIBC.mount(os.fsencode(device), os.fsencode(path), kind.encode(), 0, options):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(device))
    try:
        yield path
    finally:
        _unmount(path)


def _unmount(path: Path) -> None:
    for _ in range(_TRIES):
        if not _LIBC.umount2(os.fsencode(path), 0):
            return
        time.sleep(0.02)  # a thread that ends may still look at a file
    _LIBC.umount2(os.fsencode(path), _MNT_DETACH)
