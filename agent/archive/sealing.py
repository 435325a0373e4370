"""One file's way into the archive: read once, hashed while written, read back and compared.

Each block is marked as soon as it is read, then hashed, then written, and what the medium gives
back must fit the mark. Memory that changes a block after the marking changes what is written too
or nothing at all, so the medium holds the very bytes that were hashed.
"""

import hashlib
import mmap
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import cycle

from agent.archive import authenticating, durable
from agent.archive.authenticating import Mark
from agent.core.recorder import OpenFile
from contracts.errors import FileChangedError, FileGrownError, FileShortError

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 4096
_RING_BLOCKS = 4

Fill = Callable[[int, memoryview], int]  # from this offset into this buffer; how many bytes
Work = Callable[[int, memoryview], None]  # with the bytes at this offset


@dataclass(frozen=True, slots=True)
class Sealed:
    """Footage that is proven and on the medium; paths are below the archive's root."""

    sha256: str
    sm3: str | None
    size: int
    object: str
    already_held: bool
    kept: str | None = None  # where the damaged object is that this file replaced


class Reading:
    """What one pass over a recorder's file found: its digests, and a mark of each block."""

    def __init__(self, *, sm3: bool) -> None:
        self.size = 0
        self._marks: list[Mark] = []
        self._sha256 = hashlib.sha256()
        self._sm3 = hashlib.new("sm3") if sm3 else None

    @property
    def sha256(self) -> str:
        """The SHA-256 of the whole file."""
        return self._sha256.hexdigest()

    @property
    def sm3(self) -> str | None:
        """The SM3 of the whole file, where it was asked for."""
        return self._sm3.hexdigest() if self._sm3 else None

    def mark(self, content: memoryview) -> None:
        """Take the next block, as it was read."""
        self._marks.append(authenticating.mark(content))
        self.size += len(content)

    def hashers(self) -> list[Work]:
        """Return the work to do on every block, in order, once it is marked."""
        hashes = [self._sha256, *([self._sm3] if self._sm3 else [])]
        return [partial(_hash, running.update) for running in hashes]

    def fits(self, offset: int, content: memoryview) -> bool:
        """Tell whether this block is the one that was read at this offset."""
        return self._marks[offset // BLOCK_BYTES].fits(content)


class Ring:
    """A few blocks of memory that are filled while work is done on those filled before."""

    def __init__(self, size: int) -> None:
        self._in_line = size < BLOCK_BYTES  # a small file is not worth a thread
        if self._in_line:  # one byte more, to see a file that has grown
            self._slots = [_Slot(size + 1)]
        else:
            self._slots = [_Slot(BLOCK_BYTES) for _ in range(_RING_BLOCKS)]

    @classmethod
    def of_one(cls) -> "Ring":
        """Return a ring of one block, in which everything is done by the thread that pumps."""
        return cls(BLOCK_BYTES - 1)

    def pump(self, fill: Fill, last: Work, first: Sequence[Work] = ()) -> int:
        """Fill block after block to the end, giving each to every work; return how many bytes.

        Each work gets the blocks in order; `last` gets a block when `first` are done with it.
        """
        with ExitStack() as stack:
            begin = [self._start(work, stack) for work in first]
            finish = self._start(partial(_after, last), stack)
            offset = 0
            for slot in cycle(self._slots):
                slot.wait()
                count = fill(offset, slot.buffer)
                content = slot.buffer[:count]
                if count:
                    slot.done = finish([start(offset, content) for start in begin], offset, content)
                offset += count
                if count < len(slot.buffer):
                    break
            for slot in self._slots:
                slot.wait()
        return offset

    def _start(self, work: Callable[..., None], stack: ExitStack) -> Callable[..., Future[None]]:
        if self._in_line:
            return partial(_done, work)
        return partial(stack.enter_context(ThreadPoolExecutor(1)).submit, work)


_DONE: Future[None] = Future()
_DONE.set_result(None)


class _Slot:
    def __init__(self, size: int) -> None:
        pages = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE  # their alignment suits O_DIRECT
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.buffer = memoryview(mmap.mmap(-1, pages, flags=flags))
        self.done: Future[None] | None = None

    def wait(self) -> None:
        if self.done:
            self.done.result()
        self.done = None


def _done(work: Callable[..., None], *what: object) -> Future[None]:
    work(*what)
    return _DONE


def _after(last: Work, begun: list[Future[None]], offset: int, content: memoryview) -> None:
    for future in begun:
        future.result()
    last(offset, content)


def _hash(update: Callable[[memoryview], None], _offset: int, content: memoryview) -> None:
    update(content)


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
            if offset + filled == self.size and filled < len(buffer):
                break  # all that was listed, and no more was given: `unchanged` sees the rest
        if offset + filled > self.size:
            raise FileGrownError(name=self.name)
        if filled:
            self.progress(offset + filled)
        return filled


def copy(incoming: Incoming, part: int, ring: Ring, *, sm3: bool) -> Reading:
    """Write the recorder's file into the part, hashing it on the way.

    Raises:
        FileChangedError: the file is not what was listed, or changed while it was read.
    """
    reading = Reading(sm3=sm3)

    def fill(offset: int, buffer: memoryview) -> int:
        if count := incoming.fill(offset, buffer):
            reading.mark(buffer[:count])
        return count

    durable.reserve(part, incoming.size)
    ring.pump(fill, partial(durable.write_at, part), reading.hashers())
    if not incoming.source.unchanged():
        raise FileChangedError(name=incoming.name)
    if reading.size < incoming.size:
        raise FileShortError(name=incoming.name, size=incoming.size, offset=reading.size)
    return reading


def fits(folder: int, part: str, reading: Reading, ring: Ring, go_on: Callable[[], None]) -> bool:
    """Tell whether the medium holds, bit for bit, what was read from the recorder.

    `go_on` is asked at every block; what it raises ends the reading.
    """
    differing = []

    def compare(offset: int, content: memoryview) -> None:
        go_on()
        if not reading.fits(offset, content):
            differing.append(offset)

    with durable.opened(folder, part) as fd:
        if durable.file_size(fd) != reading.size:
            return False
        count = ring.pump(_from_medium(fd, reading.size), compare)
        durable.expect(fd, HEAD_BYTES)  # the look begins with it
    return count == reading.size and not differing


def digest(folder: int, name: str, ring: Ring | None = None) -> str:
    """Read a file from the medium and return its SHA-256; a ring that is there may serve."""
    running = hashlib.sha256()
    with durable.opened(folder, name) as fd:
        size = durable.file_size(fd)
        (ring or Ring(size)).pump(_from_medium(fd, size), partial(_hash, running.update))
    return running.hexdigest()


def _from_medium(fd: int, size: int) -> Fill:
    def fill(offset: int, buffer: memoryview) -> int:
        return durable.read_at(fd, offset, buffer, min(len(buffer), size - offset))

    return fill
