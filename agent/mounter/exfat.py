"""Counts the clusters of an exFAT card that are taken and belong to nothing in its folders.

`fsck.exfat -n` does not tell of them. They may hold footage that lost its entry, and once files are
removed a recorder may write over it. The layout is that of Microsoft's "exFAT file system
specification", sections 3.1, 4.1, 6.2, 6.3 and 7.1 to 7.7.

Standard library only. A card may be hostile: whatever is on it, this ends and takes little memory.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

_BITMAP, _UPCASE, _FILE, _STREAM = 0x81, 0x82, 0x85, b"\xc0"
_ENTRY_BYTES = 32
_FOLDER = 0x10  # among a file's attributes
_NO_CHAIN = 0x02  # among a stream's flags: its clusters lie in a row
_BAD, _LAST = 0xFFFFFFF7, 0xFFFFFFFF
_SECTORS, _CLUSTER = range(9, 13), 25  # 512 to 4096 bytes, and at most 32 MiB, as powers of two
_FIRST = 2  # the number of a card's first cluster
_MOST_CLUSTERS = 1 << 25  # 1 TiB in clusters of 32 KiB; larger cards have larger clusters
_MOST_FOLDER_BYTES = 256 << 20  # of all folders; the specification allows as much to one
_WINDOW_BYTES = 1 << 16


class ExfatError(Exception):
    """It is no exFAT, or it contradicts itself; the text says in what."""


def orphaned_clusters(node: Path) -> int:
    """Return how many clusters are taken that no file, folder or table of the system has.

    Raises:
        ExfatError: it is no exFAT, or it contradicts itself.
        OSError: the card cannot be read.
    """
    fd = os.open(node, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _Volume(fd).orphaned()
    finally:
        os.close(fd)


class _Volume:
    """A card; `_taken` is its bitmap, less whatever was found to belong to something."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        boot = self._read(0, 512)
        where: tuple[int, ...] = struct.unpack_from("<5I", boot, 80)
        fat, _, heap, self._count, self._root = where
        sector, more, tables = boot[108:111]
        if boot[3:11] != b"EXFAT   " or sector not in _SECTORS or sector + more > _CLUSTER:
            raise ExfatError("no exFAT")
        if tables != 1 or self._count > _MOST_CLUSTERS:
            raise ExfatError(f"{tables} tables, {self._count} clusters: more than is looked over")
        self._fat, self._heap = fat << sector, heap << sector
        self._cluster_bytes = 1 << (sector + more)
        self._window = (-1, b"")
        self._room = _MOST_FOLDER_BYTES
        self._taken = bytearray()

    def orphaned(self) -> int:
        """Return how many clusters are left when all that is listed is taken out."""
        root = self._folder(self._chain(self._root))
        # Whether a file's checksum and name are right, the card's own check has looked already.
        tables = [one for one in self._entries(root) if one[0] in (_BITMAP, _UPCASE)]
        bitmaps = [struct.unpack_from("<IQ", one, 20) for one in tables if one[0] == _BITMAP]
        if len(bitmaps) != 1 or bitmaps[0][1] < self._bitmap_bytes:
            raise ExfatError("it has no bitmap, or several")
        self._taken = bytearray(self._read(self._place(bitmaps[0][0]), self._bitmap_bytes))
        for one in tables:  # the kernel takes both to lie in a row
            self._take(self._row(*struct.unpack_from("<IQ", one, 20)))
        self._take(root)
        folders = [root]
        while folders:
            folders += self._take_files(folders.pop())
        return sum(1 for cluster in self._left() if self._next(cluster) != _BAD)

    @property
    def _bitmap_bytes(self) -> int:
        return (self._count + 7) // 8

    def _take_files(self, folder: list[range]) -> Iterator[list[range]]:
        """Take out what the files and folders in a folder have; yield the folders."""
        for one in self._entries(folder):
            if one[0] != _FILE:
                continue
            (attributes,) = struct.unpack_from("<H", one, 4)
            first, size = struct.unpack_from("<IQ", one, _ENTRY_BYTES + 20)
            is_row = one[_ENTRY_BYTES + 1] & _NO_CHAIN
            runs = self._row(first, size) if is_row else self._chain(first, size)
            if attributes & _FOLDER:
                runs = self._folder(runs)
                yield runs
            self._take(runs)

    def _entries(self, folder: Iterable[range]) -> Iterator[bytes]:
        """Yield what is in use in a folder, a file with all that follows it as one."""
        lines = self._lines(folder)
        for line in lines:
            if not line[0]:
                return
            if line[0] != _FILE:
                yield line
                continue
            more = b"".join(islice(lines, line[1]))
            if len(more) != line[1] * _ENTRY_BYTES or more[:1] != _STREAM:
                raise ExfatError("a file's entry is cut short")
            yield line + more

    def _lines(self, folder: Iterable[range]) -> Iterator[bytes]:
        for run in folder:
            for cluster in run:
                raw = self._read(self._place(cluster), self._cluster_bytes)
                for at in range(0, self._cluster_bytes, _ENTRY_BYTES):
                    yield raw[at : at + _ENTRY_BYTES]

    def _folder(self, runs: Iterable[range]) -> list[range]:
        """Return all of a folder's clusters; of all folders they are bounded."""
        kept = []
        for run in runs:
            self._room -= len(run) * self._cluster_bytes
            if self._room < 0:
                raise ExfatError("more and larger folders than are looked over")
            kept.append(run)
        return kept

    def _row(self, first: int, size: int) -> list[range]:
        """Return the clusters that hold so many bytes, in a row; none of nothing."""
        count = self._clusters(size)
        if count and not _FIRST <= first <= self._count + _FIRST - count:
            raise ExfatError(f"clusters {first} to {first + count - 1} are not on it")
        return [range(first, first + count)]

    def _chain(self, cluster: int, size: int | None = None) -> Iterator[range]:
        """Yield one cluster after the other as the table links them, as many as hold the bytes."""
        left = self._count + 1 if size is None else self._clusters(size)
        while left and cluster != _LAST:
            yield from self._row(cluster, 1)
            left, cluster = left - 1, self._next(cluster)

    def _clusters(self, size: int) -> int:
        return -(-size // self._cluster_bytes)

    def _next(self, cluster: int) -> int:
        window, at = divmod(4 * cluster, _WINDOW_BYTES)
        if self._window[0] != window:
            place = self._fat + window * _WINDOW_BYTES
            self._window = window, os.pread(self._fd, _WINDOW_BYTES, place)
        if at + 4 > len(self._window[1]):
            raise ExfatError("it is cut short")
        return int(struct.unpack_from("<I", self._window[1], at)[0])

    def _take(self, runs: Iterable[range]) -> None:
        """Take clusters out of the bitmap; none can be taken out twice, so that this ends."""
        for run in runs:
            at, end = run.start - _FIRST, run.stop - _FIRST
            while at < end:
                whole = 0 if at % 8 else (end - at) // 8
                mask = b"\xff" * whole or bytes([1 << at % 8])
                here = slice(at // 8, at // 8 + len(mask))
                bits, wanted = int.from_bytes(self._taken[here]), int.from_bytes(mask)
                if bits & wanted != wanted:
                    raise ExfatError(f"cluster {at + _FIRST}: of two files, or not taken")
                self._taken[here] = (bits ^ wanted).to_bytes(len(mask))
                at += 8 * whole or 1

    def _left(self) -> Iterator[int]:
        for place, byte in enumerate(self._taken):
            for bit in range(8) if byte else ():
                if byte >> bit & 1 and 8 * place + bit < self._count:
                    yield 8 * place + bit + _FIRST

    def _place(self, cluster: int) -> int:
        return self._heap + (cluster - _FIRST) * self._cluster_bytes

    def _read(self, place: int, size: int) -> bytes:
        raw = os.pread(self._fd, size, place)
        if len(raw) != size:
            raise ExfatError("it is cut short")
        return raw
