"""Mounting a card, one way for everybody: the only options there are, and no write unless asked.

Standard library only; of the project nothing but this folder is imported, so that it can be read
on its own.
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
from typing import Literal

from agent.mounter.exfat import ExfatError, orphaned_clusters

Mode = Literal["ro", "rw"]

_COMMAND_SECONDS = 60
_BLKGETDISKSEQ = 0x80081280  # <linux/fs.h>: counts what was put into the drive, one by one
_LOCKED_DOWN = "nosuid,nodev,noexec,noatime"

# The kernel's name of each file system and what keeps it from repairing itself on a read-only
# mount. Recorders have no time zone: their stamps are kept as they stand, as if they were UTC.
_READ_ONLY = frozenset({"noload", "norecovery", "rescue=nologreplay"})
FILE_SYSTEMS: dict[str, tuple[str, str]] = {
    "vfat": ("vfat", "utf8,tz=UTC"),
    "exfat": ("exfat", "iocharset=utf8,time_offset=0"),
    "ntfs": ("ntfs3", "iocharset=utf8"),
    "ext2": ("ext2", ""),
    "ext3": ("ext3", "noload"),
    "ext4": ("ext4", "noload"),
    "xfs": ("xfs", "norecovery,nouuid"),
    "btrfs": ("btrfs", "rescue=nologreplay"),
}
# What mounts them where the kernel cannot; NTFS is only ever read.
_OUTSIDE_THE_KERNEL = {"exfat": "mount.exfat-fuse", "ntfs": "mount.ntfs-3g"}
_NEVER_WRITTEN = frozenset({"ntfs"})
_WITHOUT_OWNERS = frozenset({"vfat", "exfat", "ntfs"})
# What a recorder writes; removing from a damaged one may free what another file still holds.
_CHECKS = {"vfat": ("fsck.fat", "-n"), "exfat": ("fsck.exfat", "-n")}
_BANNER = re.compile(r"fsck\.fat \d|exfatprogs version")  # what they say before all else


class CardError(Exception):
    """The kernel refuses or keeps a card; the text says what it said."""


class UnsoundError(CardError):
    """A card's file system is damaged, or there is nothing here to check it with."""


@dataclass(frozen=True, slots=True)
class Card:
    """A disk and where it is mounted; `sequence` is the kernel's number of this very disk.

    `owner` is the user and group to whom all on a file system without owners belongs.
    """

    node: Path
    target: Path
    file_system: str
    sequence: int | None
    owner: tuple[int, int] | None = None

    def open(self, mode: Mode) -> None:
        """Set the disk read-only or writable, as it is to be mounted, and mount it.

        Raises:
            CardError: the kernel refuses it.
        """
        run("blockdev", f"--set{mode}", str(self.node))
        self._mount(mode)

    def close(self) -> None:
        """Unmount it, set the disk read-only and drop what is remembered of it.

        Raises:
            CardError: the kernel keeps it.
        """
        run("umount", "--", str(self.target))
        run("blockdev", "--setro", "--flushbufs", str(self.node))

    def look_over(self) -> None:
        """Have the file system's own check look at the unmounted card; it writes nothing.

        Of exFAT that check does not tell of clusters that are taken and in no file: these are
        counted here.

        Raises:
            UnsoundError: it finds anything, or cannot be run.
        """
        check = _CHECKS.get(self.file_system)
        if check is None:
            return
        try:
            run(*check, str(self.node))
            orphans = orphaned_clusters(self.node) if self.file_system == "exfat" else 0
        except (CardError, ExfatError, OSError) as error:
            raise UnsoundError(str(error)) from error
        if orphans:
            raise UnsoundError(f"{orphans} 个无主簇 / orphaned clusters: taken, and in no file")

    def let_go(self) -> None:
        """Unmount it for good, whoever still holds it: nothing is lost of a read-only mount.

        Raises:
            CardError: the kernel keeps it.
        """
        try:
            run("umount", "--", str(self.target))
        except CardError:
            run("umount", "--lazy", "--", str(self.target))

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Hold the disk open, so that no other can take its place under this name.

        Raises:
            CardError: it is another disk by now.
        """
        fd = _opened(self.node)
        try:
            if fd is None or _sequence_of(fd) != self.sequence:
                raise CardError(f"{self.node}: another disk")
            yield
        finally:
            if fd is not None:
                os.close(fd)

    def _mount(self, mode: Mode) -> None:
        kind, careful = FILE_SYSTEMS[self.file_system]
        if mode == "rw" and self.file_system in _NEVER_WRITTEN:
            raise CardError(f"{self.file_system}: never written")
        chosen = [one for one in careful.split(",") if mode == "ro" or one not in _READ_ONLY]
        owned = []
        if self.owner and self.file_system in _WITHOUT_OWNERS:
            owned = [f"uid={self.owner[0]}", f"gid={self.owner[1]}", "umask=0077"]
        options = ",".join(filter(None, (mode, _LOCKED_DOWN, *chosen, *owned)))
        where = ("--", str(self.node), str(self.target))
        try:
            run("mount", "-t", kind, "-o", options, *where)
        except CardError as error:
            outside = _OUTSIDE_THE_KERNEL.get(self.file_system)
            if outside is None or "unknown filesystem" not in str(error):
                raise
            options = ",".join((mode, _LOCKED_DOWN, *owned, *(["allow_other"] if owned else ())))
            # Not through `mount`, which would drop groups first: the helper is not let.
            run(outside, "-o", options, str(self.node), str(self.target))


def open_card(
    node: Path, file_system: str | None, target: Path, owner: tuple[int, int] | None = None
) -> Card:
    """Set a disk read-only, so that no file system can write to it, and mount it read-only.

    Raises:
        CardError: an unknown file system, or one the kernel refuses.
    """
    if file_system not in FILE_SYSTEMS:
        raise CardError(f"file system: {file_system or '?'}")
    try:
        run("blockdev", "--setro", str(node))  # before anything else: nothing is known of it yet
        card = Card(node, target, file_system, disk_sequence(node), owner)
        card.open("ro")
    except CardError:
        give_back(node)
        raise
    return card


def disk_sequence(node: Path) -> int | None:
    """Return the kernel's number of the disk behind a node; None when there is none."""
    fd = _opened(node)
    if fd is None:
        return None
    try:
        return _sequence_of(fd)
    finally:
        os.close(fd)


def give_back(node: Path) -> None:
    """Let a loop device be written again: it outlives the image in it, and has a next user."""
    if re.fullmatch(r"loop\d+", node.name):
        with suppress(CardError):
            run("blockdev", "--setrw", str(node))


def run(*command: str) -> None:
    """Run a program without a shell.

    Raises:
        CardError: with the first line it said of it.
    """
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
        raise CardError(str(error)) from error
    if done.returncode:
        text = (done.stderr.strip() or done.stdout.strip()).decode("utf-8", "replace")
        lines = [line for line in text.splitlines() if not _BANNER.match(line)]
        raise CardError((lines or [f"{command[0]}: ?"])[0])


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
