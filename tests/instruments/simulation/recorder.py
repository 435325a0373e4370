"""Simulated recorders: files in memory, which may be gone at any byte."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agent.core.recorder import CardFile, Listing, OpenFile
from contracts.errors import FileChangedError, FileUnreadableError, RecorderGoneError
from contracts.names import shown
from contracts.reading import Identity, Reading
from tests.instruments.simulation.parts import BEGAN_AT

_BEGAN_NS = round(BEGAN_AT.timestamp()) * 10**9


@dataclass
class Card:
    """What a recorder holds. `bad` files cannot be read; `reads_left`: then it is pulled out."""

    number: str
    files: dict[bytes, bytes] = field(default_factory=dict)
    bad: set[bytes] = field(default_factory=set)
    offset_ms: int = 0
    dock: int | None = None
    arrival: int = 0
    reads_left: int | None = None

    def listing(self) -> Listing:
        """Return its files."""
        items = sorted(self.files.items())
        return Listing(tuple(_file(number, path, len(c)) for number, (path, c) in enumerate(items)))

    def read(self) -> None:
        """Count a read."""
        if self.reads_left is not None:
            self.reads_left -= 1
            if self.reads_left < 0:
                self.dock = None
        if self.dock is None:
            raise RecorderGoneError


class SimulatedRecorder:
    """A driver's hold on a card as long as it is in the dock it was in."""

    profile_name = None

    def __init__(self, card: Card) -> None:
        self._card = card
        self._hold = card.dock, card.arrival

    def _there(self) -> Card:
        self._card.read()
        if self._hold != (self._card.dock, self._card.arrival):
            raise RecorderGoneError
        return self._card

    def identify(self) -> Identity:
        """Say who it is."""
        return Identity(self._there().number, None, None, "simulated", "simulated")

    def readings(self, now: datetime) -> tuple[Reading, ...]:
        """Say how it is."""
        card = self._there()
        return (
            Reading("battery_percent", 90, "simulated", now, "reported"),
            Reading("clock_offset_ms", card.offset_ms, "simulated", now, "reported"),
            Reading("free_bytes", 10**9, "simulated", now, "reported"),
            Reading("total_bytes", 2 * 10**9, "simulated", now, "reported"),
        )

    def list_files(self) -> Listing:
        """List its files."""
        return self._there().listing()

    def open_file(self, file: CardFile) -> OpenFile:
        """Open one of them."""
        card = self._there()
        if file not in card.listing().files:
            raise FileChangedError(name=shown(file.path))
        return _Open(self, file, card.files[file.path], is_bad=file.path in card.bad)

    def expect(self, files: Sequence[CardFile]) -> None:
        """Take the hint and do nothing."""

    def look_again(self, file: CardFile) -> CardFile | None:
        """Tell what a listed file is now."""
        listed = {one.path: one for one in self._there().listing().files}
        return listed.get(file.path)

    def set_clock(self, now: datetime) -> bool:
        """Set its clock."""
        self._there().offset_ms = 0
        return True

    def clear(self, files: Sequence[CardFile]) -> bool:
        """Never removes anything."""
        return False

    def release(self) -> None:
        """Let go."""


class _Open:
    def __init__(
        self, recorder: SimulatedRecorder, file: CardFile, content: bytes, *, is_bad: bool
    ) -> None:
        self._recorder = recorder
        self._file = file
        self._content = content
        self._is_bad = is_bad
        self._offset = 0

    def readinto(self, buffer: memoryview) -> int:
        self._recorder._there()
        if self._is_bad:
            raise FileUnreadableError(
                name=shown(self._file.path), offset=self._offset, reason="EIO"
            )
        piece = self._content[self._offset : self._offset + min(len(buffer), 64)]
        buffer[: len(piece)] = piece
        self._offset += len(piece)
        return len(piece)

    def unchanged(self) -> bool:
        return True

    def close(self) -> None:
        pass


def _file(number: int, path: bytes, size: int) -> CardFile:
    # Recorded one after the other: a later file never has an earlier time.
    return CardFile(path, size, _BEGAN_NS + number * 10**9)
