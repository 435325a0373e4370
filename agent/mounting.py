"""Mounting cards so that nothing, not even a journal replay, is written to them.

Only `Mount.writable` lets anything write, for as long as its block lasts.
"""

import fcntl
import os
import re
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import MountError

_COMMAND_SECONDS = 60
_BLKGETDISKSEQ = 0x80081280  # <linux/fs.h>: counts what was put into the drive, one by one
_LOCKED_DOWN = "nosuid,nodev,noexec,noatime"

# The kernel's name of each file system and what keeps it from repairing itself on a read-only
# mount. Recorders have no time zone: their stamps are kept as they stand, as if they were UTC.
_READ_ONLY = frozenset({"noload", "norecovery", "rescue=nologreplay"})
_FILE_SYSTEMS: dict[str, tuple[str, str]] = {
    "vfat": ("vfat", "utf8,tz=UTC"),
    "exfat": ("exfat", "iocharset=utf8,time_offset=0"),
    "ntfs": ("ntfs3", "iocharset=utf8"),
    "ext2": ("ext2", ""),
    "ext3": ("ext3", "noload"),
    "ext4": ("ext4", "noload"),
    "xfs": ("xfs", "norecovery,nouuid"),
    "btrfs": ("btrfs", "rescue=nologreplay"),
}


@dataclass(frozen=True, slots=True)
class Mount:
    """A card mounted read-only at `target`; `sequence` is the kernel's number of this very disk."""

    node: Path
    target: Path
    file_system: str
    sequence: int | None

    def is_gone(self) -> bool:
        """Tell whether the disk was taken out, or another one put in its place."""
        sequence = _disk_sequence(self.node)
        return sequence is None or sequence != self.sequence

    @property
    def is_mounted(self) -> bool:
        """Whether it is mounted now."""
        return self.target.is_mount()

    def renew(self) -> None:
        """Mount it anew, so that nothing of it is left in memory and all is read from the medium.

        Raises:
            MountError: the kernel keeps it, or it is another disk by now.
        """
        with self._pinned():
            self._close()
            self._open("ro")

    @contextmanager
    def writable(self) -> Iterator[Path]:
        """Mount it so that it can be written to, and read-only again when the block ends.

        Raises:
            MountError: the kernel keeps or refuses it, or it is another disk by now.
        """
        with self._pinned():
            self._close()
            try:
                _run("blockdev", "--setrw", str(self.node))
                self._open("rw")
                try:
                    yield self.target
                finally:
                    self._close()
            finally:
                _run("blockdev", "--setro", str(self.node))
                self._open("ro")

    @contextmanager
    def _pinned(self) -> Iterator[None]:
        # As long as it is open, no other disk can take its place under this name.
        fd = _opened(self.node)
        try:
            if fd is None or _sequence_of(fd) != self.sequence:
                raise MountError(reason=f"{self.node}: another disk")
            yield
        finally:
            if fd is not None:
                os.close(fd)

    def _open(self, mode: str) -> None:
        kind, careful = _FILE_SYSTEMS[self.file_system]
        _mount(kind, mode, careful, self.node, self.target)

    def _close(self) -> None:
        _run("umount", "--", str(self.target))
        _run("blockdev", "--flushbufs", str(self.node))

    def unmount(self) -> None:
        """Unmount the card; does nothing if it is unmounted already.

        Raises:
            MountError: the kernel keeps it.
        """
        if self.target.is_mount():
            _unmount(self.target, self.node)


def mount_read_only(node: Path, file_system: str | None, target: Path) -> Mount:
    """Mount a block device read-only at a folder, which is made if it is not there.

    The device itself is set read-only first, so that no file system can write to it.

    Raises:
        MountError: an unknown file system, or one the kernel refuses.
    """
    if file_system not in _FILE_SYSTEMS:
        raise MountError(reason=f"file system: {file_system or '?'}")
    kind, careful = _FILE_SYSTEMS[file_system]
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _run("blockdev", "--setro", str(node))
        sequence = _disk_sequence(node)
        _mount(kind, "ro", careful, node, target)
    except MountError:
        _let_go(node, target)
        raise
    return Mount(node, target, file_system, sequence)


def unmount_leftovers(root: Path) -> tuple[Path, ...]:
    """Unmount what a crashed agent left mounted below a folder; return what that was.

    Raises:
        MountError: the kernel keeps one.
    """
    folder = root.resolve()
    table = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    mounts = dict(_mount_and_node(line) for line in table.splitlines())
    left = sorted((target for target in mounts if folder in target.parents), reverse=True)
    for target in left:
        _unmount(target, mounts[target])
    return tuple(left)


def _mount(kind: str, mode: str, careful: str, node: Path, target: Path) -> None:
    chosen = [one for one in careful.split(",") if mode == "ro" or one not in _READ_ONLY]
    options = ",".join(filter(None, (mode, _LOCKED_DOWN, *chosen)))
    where = ("--", str(node), str(target))
    try:
        _run("mount", "-t", kind, "-o", options, *where)
    except MountError as error:
        if kind != "exfat" or "unknown filesystem" not in str(error):
            raise
        _run("mount", "-t", "exfat-fuse", "-o", f"{mode},{_LOCKED_DOWN}", *where)


def _unmount(target: Path, node: Path) -> None:
    try:
        _run("umount", "--", str(target))
    except MountError:
        # Nothing can be lost from a read-only mount: a reader that still holds it keeps its files.
        _run("umount", "--lazy", "--", str(target))
    _let_go(node, target)


def _let_go(node: Path, target: Path) -> None:
    target.rmdir()
    if node.name.startswith("loop"):
        # A loop device outlives the image in it: its next user must not find it read-only.
        with suppress(MountError):
            _run("blockdev", "--setrw", str(node))


def _run(*command: str) -> None:
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            timeout=_COMMAND_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MountError(reason=str(error)) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"{command[0]}: ?"]
        raise MountError(reason=said[0])


def _disk_sequence(node: Path) -> int | None:
    fd = _opened(node)
    if fd is None:
        return None
    try:
        return _sequence_of(fd)
    finally:
        os.close(fd)


def _opened(node: Path) -> int | None:
    try:
        return os.open(node, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None


def _sequence_of(fd: int) -> int | None:
    try:
        return int(struct.unpack("=Q", fcntl.ioctl(fd, _BLKGETDISKSEQ, bytes(8)))[0])
    except OSError:
        return None


def _mount_and_node(line: str) -> tuple[Path, Path]:
    mount, _, device = line.partition(" - ")
    return Path(_unescaped(mount.split()[4])), Path(_unescaped(device.split()[1]))


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
