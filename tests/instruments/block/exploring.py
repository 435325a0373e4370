"""Mounts what a cut could leave of a recorded device, and holds the recovery to the invariants."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from tests.instruments.block.device import attached, mounted
from tests.instruments.crash import checking
from tests.instruments.crash.checking import History, Promises
from tests.instruments.crash.choosing import drawn
from tests.instruments.crash.disk import HOLLOW, LOST, TORN, WHOLE, Choice, Entry, sectors
from tests.instruments.crash.station import open_ledger
from tests.instruments.crash.trace import Mark, Op, Sync, Trace, Write

_RESUMED_ONE_IN = 20
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Violation:
    """A state that breaks an invariant."""

    scenario: str
    at: int
    choice: Choice
    faults: tuple[str, ...]


@dataclass
class Tally:
    """What has been done so far."""

    states: int = 0
    resumed: int = 0
    torn_apart: int = 0  # ext4 itself does not mount a superblock of which half is new
    violations: list[Violation] = field(default_factory=list)


class TornApartError(Exception):
    """The file system's own checksums refuse the state: no agent ever sees it."""


class Device:
    """A recorded device up to an op: what is certain of it, and what is still in flight."""

    def __init__(self, before: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._certain = folder / "certain"
        copy_sparse(before, self._certain)
        self.flying: list[Write] = []

    def apply(self, op: Op) -> None:
        """Take the next op in."""
        if isinstance(op, Write):
            self.flying.append(op)
        elif isinstance(op, Sync):
            with self._certain.open("r+b", buffering=0) as file:
                for write in self.flying:
                    os.pwrite(file.fileno(), write.content, write.offset)
            self.flying = []

    def lay_out(self, choice: Choice, image: Path) -> None:
        """Write one state into an image."""
        copy_sparse(self._certain, image)
        with image.open("r+b", buffering=0) as file:
            for write, fate in zip(self.flying, choice, strict=True):
                for start, content in _came(write, fate):
                    os.pwrite(file.fileno(), content, start)


class Explorer:
    """One trace's states, on the file system it was recorded on."""

    def __init__(
        self, trace: Trace, before: Path, cards: list[Path], folder: Path, kind: str
    ) -> None:
        self.trace = trace
        self.before = before
        self._cards = cards
        self._folder = folder
        self._kind = kind
        self._history = self._read_history()

    def explore(self, draw: Random, tally: Tally, count: int) -> None:
        """Try so many states, at points drawn over the whole trace."""
        points = sorted(draw.randrange(len(self.trace.ops)) for _ in range(count))
        device, promises = Device(self.before, self._folder), Promises()
        for at, op in enumerate(self.trace.ops):
            if isinstance(op, Mark):
                promises.hear(op)
            else:
                device.apply(op)
            for _ in range(points.count(at)):
                choice = _choice(device, draw)
                tally.states += 1
                try:
                    faults = self.faults(device, choice, promises, is_resumed=_one_in(draw, tally))
                except TornApartError:
                    tally.torn_apart += 1
                    continue
                if faults:
                    found = Violation(self.trace.scenario, at, choice, tuple(faults))
                    tally.violations.append(found)

    def faults(
        self, device: Device, choice: Choice, promises: Promises, *, is_resumed: bool
    ) -> list[str]:
        """Mount one state, let the agent recover, and return what is wrong."""
        image = self._folder / "image"
        device.lay_out(choice, image)
        try:
            with self._mounted(image) as root:
                return self._found_faults(root, promises, is_resumed=is_resumed)
        except OSError as error:
            is_mount = str(error.filename).startswith("/dev/loop")
            if is_mount and error.errno in (errno.EBADMSG, errno.EUCLEAN):
                raise TornApartError from error
            return [f"the file system cannot be mounted or read: {error}"]

    def _found_faults(self, root: Path, promises: Promises, *, is_resumed: bool) -> list[str]:
        for folder in ("archive", "state"):  # the mount points of real stations
            (root / folder).mkdir(exist_ok=True)
        files = dict(_files(root))
        found = checking.open_found(root, self._history)
        faults = checking.ledger_faults(found, promises)
        entries = checking.entered(found, self._history)
        faults += checking.archive_faults(files, promises, entries)
        faults += checking.card_faults(files, promises, entries, found.witnessed)
        if is_resumed and not faults:
            faults = checking.recovery_faults(root, self._cards, promises)
        return faults

    def _read_history(self) -> History:
        device = Device(self.before, self._folder)
        for op in self.trace.ops:
            device.apply(op)
        image = self._folder / "image"
        device.lay_out((WHOLE,) * len(device.flying), image)
        with self._mounted(image) as root:
            open_ledger(root).close()
            return History.of(root / checking.LEDGER)

    @contextmanager
    def _mounted(self, image: Path) -> Iterator[Path]:
        place = self._folder / "mounted"
        place.mkdir(exist_ok=True)
        with ExitStack() as stack:
            device = stack.enter_context(attached(image))
            yield stack.enter_context(mounted(device, place, self._kind))


def copy_sparse(source: Path, target: Path) -> None:
    """Copy a file, and only where it has bytes."""
    with source.open("rb", buffering=0) as old, target.open("wb", buffering=0) as new:
        size = os.fstat(old.fileno()).st_size
        new.truncate(size)
        start = _next(old.fileno(), 0, os.SEEK_DATA, size)
        while start < size:
            end = _next(old.fileno(), start, os.SEEK_HOLE, size)
            for offset in range(start, end, _PIECE_BYTES):
                piece = os.pread(old.fileno(), min(_PIECE_BYTES, end - offset), offset)
                os.pwrite(new.fileno(), piece, offset)
            start = _next(old.fileno(), end, os.SEEK_DATA, size)


def _next(fd: int, offset: int, what: int, size: int) -> int:
    try:
        return os.lseek(fd, offset, what)
    except OSError:  # no more bytes
        return size


def _choice(device: Device, draw: Random) -> Choice:
    count = len(device.flying)
    style = draw.randrange(4)
    if style == 0:
        return (LOST,) * count
    if style == 1:
        cut = draw.randint(0, count)
        return (WHOLE,) * cut + (LOST,) * (count - cut)
    return tuple(LOST if fate == HOLLOW else fate for fate in drawn(device.flying, draw))


def _one_in(draw: Random, tally: Tally) -> bool:
    is_drawn = draw.randrange(_RESUMED_ONE_IN) == 0
    tally.resumed += is_drawn
    return is_drawn


def _came(write: Write, fate: int) -> Iterator[tuple[int, bytes]]:
    if fate == WHOLE:
        yield write.offset, write.content
    elif fate >= TORN:
        for number, (start, stop) in enumerate(sectors(write)):
            if (fate - TORN) >> number & 1:
                yield start, write.content[start - write.offset : stop - write.offset]


def _files(root: Path) -> Iterator[tuple[str, Entry]]:
    for path in root.rglob("*"):
        if path.is_file():
            said = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield str(path.relative_to(root)), Entry(said.st_ino, digest, said.st_mode & 0o777)


def without_flushes(trace: Trace) -> Trace:
    """Leave every flush out: a device that says "done" and forgets."""
    return replace(trace, ops=[op for op in trace.ops if not isinstance(op, Sync)])
