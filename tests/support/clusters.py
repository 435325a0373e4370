"""The allocation of a card's image changed by hand: clusters taken that no file has.

Of exFAT the layout is that of Microsoft's "exFAT file system specification", sections 3.1, 4.1 and
7.1; of FAT32 that of Microsoft's "FAT: General Overview of On-Disk Format", version 1.03.
"""

import struct
from collections.abc import Iterable
from pathlib import Path

_BITMAP, _FILE, _IN_USE = 0x81, 0x85, 0x80
_ENTRY_BYTES = 32
_LAST = 0xFFFFFFFF


class Exfat:
    """An image, changed in memory until `write`."""

    def __init__(self, image: Path) -> None:
        self._image = image
        self.raw = bytearray(image.read_bytes())
        fat, _, heap, self.count, self.root = struct.unpack_from("<5I", self.raw, 80)
        sector, more = self.raw[108:110]
        self.fat, self._heap = fat << sector, heap << sector
        self.cluster_bytes = 1 << (sector + more)

    def write(self) -> None:
        """Have the image changed."""
        self._image.write_bytes(self.raw)

    @property
    def bitmap(self) -> int:
        """Where the bitmap begins."""
        entry = next(at for at in self._entries() if self.raw[at] == _BITMAP)
        return self.place(struct.unpack_from("<I", self.raw, entry + 20)[0])

    @property
    def taken(self) -> int:
        """How many clusters the bitmap says are taken."""
        bits = self.raw[self.bitmap : self.bitmap + (self.count + 7) // 8]
        return sum(byte.bit_count() for byte in bits)

    def place(self, cluster: int) -> int:
        """Return where a cluster begins."""
        return self._heap + (cluster - 2) * self.cluster_bytes

    def take(self, clusters: Iterable[int]) -> None:
        """Have clusters taken in the bitmap, and nothing else."""
        for cluster in clusters:
            self.raw[self.bitmap + (cluster - 2) // 8] |= 1 << (cluster - 2) % 8

    def link(self, cluster: int, value: int = _LAST) -> None:
        """Say in the table what comes after a cluster."""
        struct.pack_into("<I", self.raw, self.fat + 4 * cluster, value)

    def forget(self, number: int) -> None:
        """Have one of the root folder's files lose its entry and keep its clusters."""
        at = self.entry(number)
        for line in range(at, at + (self.raw[at + 1] + 1) * _ENTRY_BYTES, _ENTRY_BYTES):
            self.raw[line] &= ~_IN_USE

    def entry(self, number: int) -> int:
        """Return where one of the root folder's files has its entry."""
        return [at for at in self._entries() if self.raw[at] == _FILE][number]

    def _entries(self) -> range:
        start = self.place(self.root)
        return range(start, start + self.cluster_bytes, _ENTRY_BYTES)


def orphan_on_fat32(image: Path, clusters: Iterable[int]) -> None:
    """Have clusters of a FAT32 image taken, one after the other, by no file."""
    raw = bytearray(image.read_bytes())
    sector, reserved, tables = (
        struct.unpack_from("<H", raw, at)[0] if at != 16 else raw[at] for at in (11, 14, 16)
    )
    (size,) = struct.unpack_from("<I", raw, 36)
    chain = list(clusters)
    for table in range(tables):
        start = (reserved + table * size) * sector
        for cluster, following in zip(chain, [*chain[1:], 0x0FFFFFFF], strict=True):
            struct.pack_into("<I", raw, start + 4 * cluster, following)
    image.write_bytes(raw)
