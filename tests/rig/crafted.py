"""exFAT as nobody makes it: entries of the root folder changed by hand, their checksums made right.

The layout is that of Microsoft's "exFAT file system specification", sections 3.1, 6.3, 7.4 to 7.7.
"""

import struct
from collections.abc import Callable
from pathlib import Path

_FILE, _STREAM, _NAME = 0x85, 0xC0, 0xC1
_ENTRY_BYTES = 32
_LETTERS = 15  # of a name in one entry


class Entry:
    """One file's set of entries, as it lies in the folder."""

    def __init__(self, raw: bytes) -> None:
        self.raw = bytearray(raw)

    @property
    def name(self) -> str:
        """The file's name."""
        length = self.raw[_ENTRY_BYTES + 3]
        parts = range(2 * _ENTRY_BYTES, len(self.raw), _ENTRY_BYTES)
        text = b"".join(self.raw[part + 2 : part + _ENTRY_BYTES] for part in parts)
        return text.decode("utf-16-le")[:length]

    @name.setter
    def name(self, name: str) -> None:
        assert len(name) == len(self.name), "the same number of letters"
        text = name.encode("utf-16-le").ljust(2 * _LETTERS, b"\0")
        self.raw[2 * _ENTRY_BYTES + 2 : 3 * _ENTRY_BYTES] = text[: 2 * _LETTERS]
        upper = name.upper().encode("utf-16-le")
        struct.pack_into("<H", self.raw, _ENTRY_BYTES + 4, _sum(upper))

    @property
    def cluster(self) -> int:
        """Where its content begins."""
        return struct.unpack_from("<I", self.raw, _ENTRY_BYTES + 20)[0]

    @cluster.setter
    def cluster(self, cluster: int) -> None:
        struct.pack_into("<I", self.raw, _ENTRY_BYTES + 20, cluster)

    def claim(self, size_bytes: int) -> None:
        """Say that it is so long, all of it written."""
        struct.pack_into("<Q", self.raw, _ENTRY_BYTES + 8, size_bytes)
        struct.pack_into("<Q", self.raw, _ENTRY_BYTES + 24, size_bytes)

    def sealed(self) -> bytes:
        """Return it with its checksum made right."""
        without = self.raw[:2] + self.raw[4:]
        struct.pack_into("<H", self.raw, 2, _sum(without))
        return bytes(self.raw)


def craft(image: Path, change: Callable[[dict[str, Entry]], None]) -> None:
    """Change the files of an image's root folder, which must fit into one cluster."""
    content = bytearray(image.read_bytes())
    heap, _, root = struct.unpack_from("<III", content, 88)
    sector, cluster = 1 << content[108], 1 << (content[108] + content[109])
    start = heap * sector + (root - 2) * cluster
    sets, at = [], start
    while content[at]:
        size = _ENTRY_BYTES * (content[at + 1] + 1) if content[at] == _FILE else _ENTRY_BYTES
        if content[at] == _FILE:
            sets.append((at, Entry(content[at : at + size])))
        at += size
    change({entry.name: entry for _, entry in sets})
    for at, entry in sets:
        content[at : at + len(entry.raw)] = entry.sealed()
    image.write_bytes(content)


def _sum(content: bytes) -> int:
    total = 0
    for byte in content:
        total = ((total << 15 & 0x8000) + (total >> 1) + byte) & 0xFFFF
    return total
