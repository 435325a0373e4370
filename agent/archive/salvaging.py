"""Keeps what can be read of a file that cannot be read whole: beside the footage, never as it.

The number of reads that may fail is bounded, since a failing one can take a card half a minute.
"""

import hashlib
import mmap
from collections.abc import Callable, Iterator
from dataclasses import replace

from agent.archive import durable, sealing
from agent.core.recorder import OpenFile, Salvaged
from contracts.errors import FileUnreadableError, ReadBackError

PARTIAL = "partial"
_INCOMING = "incoming"
PIECE_BYTES = 4096
BLOCK_BYTES = 1 << 20
FINE_FAILURES = 256  # so many pieces may fail; from then on a failure gives up its whole block
FAILURES = 512  # then what is left of the file counts as unreadable


def salvage(
    tree: durable.Tree, source: OpenFile, size: int, progress: Callable[[int], None]
) -> Salvaged:
    """Keep what can be read of a file apart, unless that is all of it or nothing.

    Raises:
        RecorderGoneError: the recorder was pulled out.
        ReadBackError: the disk does not hold what was written.
    """
    with tree.folder(_INCOMING) as incoming, durable.new_part(incoming) as part:
        found = _Pass(source, size, progress).into(part, incoming)
        if not found.bad or not found.size:
            return found
        with tree.folder(PARTIAL) as folder:
            # The same damage found again is the same bytes under the same name.
            durable.link_new(incoming, part.name, folder, found.sha256)
            durable.sync(folder)
    return replace(found, partial=f"{PARTIAL}/{found.sha256}")


class _Pass:
    """One pass over a damaged file into a part."""

    def __init__(self, source: OpenFile, size: int, progress: Callable[[int], None]) -> None:
        self._source = source
        self._size = size
        self._progress = progress
        self._failures = 0
        self._bad: list[tuple[int, int]] = []
        self._sha256 = hashlib.sha256()
        self._kept = 0

    def into(self, part: durable.Part, folder: int) -> Salvaged:
        block = memoryview(mmap.mmap(-1, BLOCK_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        for offset in range(0, self._size, BLOCK_BYTES):
            wanted = min(BLOCK_BYTES, self._size - offset)
            end = self._fill(offset, block[:wanted])
            if end:
                self._keep(part.fd, offset, block[:end])
            self._progress(offset + wanted)
        durable.sync_data(part.fd)
        sha256 = self._sha256.hexdigest()
        if sealing.digest(folder, part.name) != sha256:
            raise ReadBackError
        return Salvaged(tuple(self._bad), size=self._kept, sha256=sha256)

    def _fill(self, offset: int, block: memoryview) -> int:
        """Fill a block, zeros where nothing can be read; return where the last good byte ends."""
        block[:] = bytes(len(block))
        end = at = 0
        while at < len(block):
            count = self._read(offset + at, block[at:])
            if count:
                end = at = at + count
            else:
                skipped = self._skipped(offset + at, len(block) - at)
                self._miss(offset + at, skipped)
                at += skipped
        return end

    def _read(self, offset: int, buffer: memoryview) -> int:
        if self._failures >= FAILURES:
            return 0
        self._source.seek(offset)
        try:
            count = self._source.readinto(buffer)
        except FileUnreadableError:
            count = 0
        if count == 0:
            self._failures += 1
        return count

    def _skipped(self, offset: int, left: int) -> int:
        if self._failures > FINE_FAILURES:
            return left
        return min(left, PIECE_BYTES - offset % PIECE_BYTES)

    def _miss(self, offset: int, length: int) -> None:
        if self._bad and sum(self._bad[-1]) == offset:
            first, before = self._bad.pop()
            offset, length = first, before + length
        self._bad.append((offset, length))

    def _keep(self, fd: int, offset: int, content: memoryview) -> None:
        for gap in _zeros(offset - self._kept):
            self._sha256.update(gap)
        self._sha256.update(content)
        durable.write_at(fd, offset, content)
        self._kept = offset + len(content)


def _zeros(count: int) -> Iterator[bytes]:
    for offset in range(0, count, BLOCK_BYTES):
        yield bytes(min(BLOCK_BYTES, count - offset))
