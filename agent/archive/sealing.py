"""One file's way into the archive: read once, hashed while written, read back and compared.

Reading, writing and hashing overlap; what was read is compared with what is on the medium block
by block, each block by the hash states the reading went through before and after it. A block
that carries the one state into the other is that block, so the blocks can be compared in any
order on all processors, with the strength of the digest over the whole file.
"""

import hashlib
import mmap
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Protocol, Self

from agent.archive import durable
from agent.core.recorder import OpenFile
from contracts.errors import FileChangedError, MusterError

BLOCK_BYTES = 1 << 20
_RING_BLOCKS = 4
_PROVERS = min(4, os.cpu_count() or 1)

Fill = Callable[[int, memoryview], int]  # from this offset into this buffer; how many bytes
Work = Callable[[int, memoryview], None]  # with the bytes at this offset


class Digest(Protocol):
    """A running hash, as `hashlib` makes them."""

    def update(self, content: memoryview, /) -> None:
        """Hash more bytes."""

    def copy(self) -> Self:
        """Return an independent hash in the same state."""

    def digest(self) -> bytes:
        """Return the digest of what was hashed so far."""

    def hexdigest(self) -> str:
        """Return the digest as lower-case hex."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Footage that is proven and on the medium. `object` is its path below the archive's root."""

    sha256: str
    sm3: str | None
    size: int
    object: str
    already_held: bool


class Reading:
    """What one pass over a file found: its size, its digests, and the states on the way."""

    def __init__(self, *, sm3: bool) -> None:
        self.size = 0
        self.states: list[Digest] = [hashlib.sha256()]  # before block 0, 1, …, after the last
        self._sm3: Digest | None = hashlib.new("sm3") if sm3 else None

    @property
    def sha256(self) -> str:
        """The SHA-256 of the whole file."""
        return self.states[-1].hexdigest()

    @property
    def sm3(self) -> str | None:
        """The SM3 of the whole file, where it was asked for."""
        return self._sm3.hexdigest() if self._sm3 else None

    def hashers(self) -> list["Lane"]:
        """Return the work to do on every block, in order."""
        return [Lane(self._hash), *([Lane(self._hash_sm3)] if self._sm3 else [])]

    def carries(self, offset: int, content: memoryview) -> bool:
        """Tell whether this block is the one that was read at this offset."""
        number = offset // BLOCK_BYTES
        state = self.states[number].copy()
        state.update(content)
        return state.digest() == self.states[number + 1].digest()

    def _hash(self, _offset: int, content: memoryview) -> None:
        state = self.states[-1].copy()
        state.update(content)
        self.size += len(content)
        self.states.append(state)

    def _hash_sm3(self, _offset: int, content: memoryview) -> None:
        if self._sm3:
            self._sm3.update(content)


@dataclass(frozen=True, slots=True)
class Lane:
    """Work on the blocks of one file: in order with one worker, in any order with several."""

    work: Work
    workers: int = 1


class Ring:
    """A few blocks of memory that are filled while lanes work on those filled before."""

    def __init__(self, size: int) -> None:
        self._in_line = size < BLOCK_BYTES  # a small file is not worth a thread
        if self._in_line:  # one byte more, to see a file that has grown
            self._slots = [_Slot(size + 1)]
        else:
            self._slots = [_Slot(BLOCK_BYTES) for _ in range(_RING_BLOCKS)]

    def pump(self, fill: Fill, lanes: Sequence[Lane]) -> int:
        """Fill block after block to the end, give each to every lane; return how many bytes."""
        with ExitStack() as stack:
            starts = [self._start(lane, stack) for lane in lanes]
            offset = 0
            for slot in cycle(self._slots):
                slot.wait()
                count = fill(offset, slot.buffer)
                if not count:
                    break
                content = slot.buffer[:count]
                slot.pending = [start(offset, content) for start in starts]
                offset += count
            for slot in self._slots:
                slot.wait()
        return offset

    def _start(self, lane: Lane, stack: ExitStack) -> Callable[[int, memoryview], Future[None]]:
        if self._in_line:
            return partial(_done, lane.work)
        workers = stack.enter_context(ThreadPoolExecutor(lane.workers))
        return lambda offset, content: workers.submit(lane.work, offset, content)


class _Slot:
    def __init__(self, size: int) -> None:
        pages = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE  # their alignment suits O_DIRECT
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.buffer = memoryview(mmap.mmap(-1, pages, flags=flags))
        self.pending: list[Future[None]] = []

    def wait(self) -> None:
        for future in self.pending:
            future.result()
        self.pending = []


def _done(work: Work, offset: int, content: memoryview) -> Future[None]:
    work(offset, content)
    done: Future[None] = Future()
    done.set_result(None)
    return done


@dataclass(frozen=True, slots=True)
class Incoming:
    """A recorder's open file with what its listing says of it."""

    source: OpenFile
    size: int
    name: str
    progress: Callable[[int], None]  # is told how many bytes of the file have been read

    def fill(self, offset: int, buffer: memoryview) -> int:
        """Read the next block whole, or what is left.

        Raises:
            FileChangedError: there is more than the listing says.
        """
        filled = 0
        while filled < len(buffer) and (count := self.source.readinto(buffer[filled:])):
            filled += count
        if offset + filled > self.size:
            raise FileChangedError(name=self.name)
        if filled:
            self.progress(offset + filled)
        return filled


def copy(incoming: Incoming, part: int, ring: Ring, *, sm3: bool) -> Reading:
    """Write the recorder's file into the part, hashing it on the way; then bring it to the medium.

    Raises:
        FileChangedError: the file is not what was listed, or changed while it was read.
    """
    durable.reserve(part, incoming.size)
    reading = Reading(sm3=sm3)
    write = Lane(lambda offset, content: durable.write_at(part, offset, content))
    count = ring.pump(incoming.fill, [write, *reading.hashers()])
    if count != incoming.size or not incoming.source.unchanged():
        raise FileChangedError(name=incoming.name)
    durable.sync_data(part)
    return reading


def prove(folder: int, name: str, reading: Reading, ring: Ring, otherwise: MusterError) -> None:
    """Read a file back from the medium; raise `otherwise` unless it is what was read before."""

    def compare(offset: int, content: memoryview) -> None:
        if not reading.carries(offset, content):
            raise otherwise

    with durable.opened(folder, name) as fd:
        if durable.file_size(fd) != reading.size:
            raise otherwise
        if ring.pump(_from_medium(fd, reading.size), [Lane(compare, _PROVERS)]) != reading.size:
            raise otherwise


def digest(folder: int, name: str) -> str:
    """Read a file from the medium and return its SHA-256."""
    reading = Reading(sm3=False)
    with durable.opened(folder, name) as fd:
        size = durable.file_size(fd)
        Ring(size).pump(_from_medium(fd, size), reading.hashers())
    return reading.sha256


def _from_medium(fd: int, size: int) -> Fill:
    def fill(offset: int, buffer: memoryview) -> int:
        return durable.read_at(fd, offset, buffer, min(len(buffer), size - offset))

    return fill
