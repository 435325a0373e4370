"""The virtual recorder: a folder of files and a script of faults, for demo, tests and training.

A folder below the ports folder, or a link to one, is a recorder plugged in; taking the link away
pulls it out. `docs/recorders.md` describes the script.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from agent.core.marks import marked
from agent.core.profile import Card
from agent.core.recorder import CardFile, Device, Listing, OpenFile
from agent.recorders.folder import CardFolder
from agent.recorders.removing import remove_files
from contracts.errors import FileUnreadableError, RecorderGoneError, SettingsError
from contracts.loading import from_toml
from contracts.names import shown
from contracts.reading import Identity, Reading, ReadingKind

SCRIPT = "recorder.toml"
PLAYED = Card(important=("_IMP",), sidecars=(".nmea",))
FILES = "files"
_STATE = "state.toml"
_STRICT = {"extra": "forbid"}
_FULL_PERCENT = 100
_SLICES_A_SECOND = 10


@dataclass(frozen=True)
class Unreadable:
    """A file whose bytes the card does not give from an offset on."""

    __pydantic_config__ = _STRICT
    path: str
    offset: int = 0


@dataclass(frozen=True)
class Faults:
    """What goes wrong with a virtual recorder.

    `bytes_per_second` slows reading down; files in `changing` change while they are read; after
    `vanishes_after_bytes` read in one visit the recorder is pulled out.
    """

    __pydantic_config__ = _STRICT
    bytes_per_second: int | None = None
    vanishes_after_bytes: int | None = None
    unreadable: tuple[Unreadable, ...] = ()
    changing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Script:
    """`recorder.toml`: what a virtual recorder says of itself; what is left out is unknown.

    `charging_percent_per_minute` is what the battery gains while it is docked.
    """

    __pydantic_config__ = _STRICT
    number: str | None = None
    model: str = "virtual"
    serial: str | None = None
    volume: str | None = None
    battery_percent: int | None = None
    charging_percent_per_minute: float = 0
    clock_offset_seconds: float | None = None
    capacity_bytes: int | None = None
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True)
class _State:
    __pydantic_config__ = _STRICT
    clock_offset_seconds: float | None = None


class Virtual:
    """Recorders played by folders."""

    name = "virtual"

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def recognise(self, device: Device) -> bool:
        """Tell whether it is a virtual recorder."""
        return device.kind == "virtual"

    def attach(self, device: Device) -> "VirtualRecorder":
        """Read the script and open the files.

        Raises:
            SettingsError: the script does not say what it must.
            MountError: there is no folder `files`.
            RecorderGoneError: it was pulled out.
        """
        return VirtualRecorder(device.node, self._sleep)


class VirtualRecorder:
    """One virtual recorder in its port."""

    profile_name = None

    def __init__(self, port: Path, sleep: Callable[[float], None]) -> None:
        self._port = port
        self._folder = _resolved(port)
        self._mark = _mark(self._folder)
        self.script = self._script()
        self._docked_at: datetime | None = None
        self.pace = _Pace(self.script.faults, self.pull_out, sleep)
        self._card = CardFolder(self._folder / FILES, self.is_gone)

    def is_gone(self) -> bool:
        """Tell whether its port no longer leads to the same folder."""
        try:
            return _mark(self._port) != self._mark
        except RecorderGoneError:
            return True

    def pull_out(self) -> None:
        """Pull it out, as the script says."""
        if self._port.is_symlink():
            self._port.unlink()

    def identify(self) -> Identity:
        """Return what the script says."""
        script = self.script
        return Identity(script.number, script.serial, script.volume, script.model, "virtual")

    def readings(self, now: datetime) -> tuple[Reading, ...]:
        """Return what the script says, the battery charged since the first reading."""
        self._there()
        offset = self._clock_offset_seconds()
        total = self.script.capacity_bytes
        return (
            _reading("battery_percent", self._battery_percent(now), now),
            _clock_reading(offset, now),
            _reading("free_bytes", None if total is None else self._free_bytes(total), now),
            _reading("total_bytes", total, now),
        )

    def list_files(self) -> Listing:
        """List every file in `files`, marked as recorders mark them."""
        return marked(self._card.list_files(), PLAYED)

    def open_file(self, file: CardFile) -> OpenFile:
        """Open a listed file for reading, with the faults the script gives it."""
        return _FaultyFile(self, file, self._card.open_file(file))

    def expect(self, files: Sequence[CardFile]) -> None:
        """Have these fetched while others are read."""
        self._card.expect(files)

    def look_again(self, file: CardFile) -> CardFile | None:
        """Return what a listed file is now."""
        self._there()
        return self._card.look_again(file)

    def set_clock(self, now: datetime) -> bool:
        """Set the clock; it is kept beside the files, not among them."""
        self._there()
        state = self._folder / _STATE
        fresh = state.with_suffix(".new")
        fresh.write_text("clock_offset_seconds = 0\n", "utf-8")
        fresh.replace(state)
        return True

    @property
    def can_clear(self) -> bool:
        """Return True: its files are removed like a card's."""
        return True

    def take_afresh(self) -> None:
        """Open the files anew."""
        self._there()
        self._card.close()
        self._card = CardFolder(self._folder / FILES, self.is_gone)

    def clear(self, files: Sequence[CardFile], go_on: Callable[[], None]) -> None:
        """Remove these files.

        Raises:
            RecorderGoneError: it was pulled out.
            ClearingError: the folder refuses.
        """
        self._there()
        remove_files(self._folder / FILES, files, go_on)

    def release(self) -> None:
        """Let go of the folder; may be called twice."""
        self._card.close()

    def _there(self) -> None:
        if self.is_gone():
            raise RecorderGoneError

    def _script(self) -> Script:
        script = self._folder / SCRIPT
        return from_toml(_text(script), Script, str(script))

    def _clock_offset_seconds(self) -> float | None:
        state = self._folder / _STATE
        try:
            state.stat()
        except FileNotFoundError:
            return self.script.clock_offset_seconds
        except OSError as error:
            raise SettingsError.unreadable(state, error) from error
        return from_toml(_text(state), _State, str(state)).clock_offset_seconds

    def _battery_percent(self, now: datetime) -> int | None:
        if self.script.battery_percent is None:
            return None
        self._docked_at = self._docked_at or now
        minutes = (now - self._docked_at) / timedelta(minutes=1)
        gained = int(minutes * self.script.charging_percent_per_minute)
        return min(_FULL_PERCENT, self.script.battery_percent + gained)

    def _free_bytes(self, total: int) -> int:
        return max(0, total - sum(file.size for file in self._card.list_files().files))


class _Pace:
    """How fast and how far a virtual recorder is read in one visit."""

    def __init__(
        self, faults: Faults, pull_out: Callable[[], None], sleep: Callable[[float], None]
    ) -> None:
        self._faults = faults
        self._left = faults.vanishes_after_bytes
        self._pull_out = pull_out
        self._sleep = sleep

    def room(self, wanted: int) -> int:
        """Return how many bytes may be read at once, so that a slow one stays interruptible."""
        if self._left == 0:
            self._pull_out()
            raise RecorderGoneError
        room = wanted if self._left is None else min(wanted, self._left)
        rate = self._faults.bytes_per_second
        return room if rate is None else min(room, max(1, rate // _SLICES_A_SECOND))

    def count(self, read: int) -> None:
        """Take the time that reading so many bytes takes."""
        if self._left is not None:
            self._left -= read
        if self._faults.bytes_per_second:
            self._sleep(read / self._faults.bytes_per_second)


class _FaultyFile:
    """A file of a virtual recorder, read with the faults of its script."""

    def __init__(self, recorder: VirtualRecorder, file: CardFile, opened: OpenFile) -> None:
        faults = recorder.script.faults
        self._recorder = recorder
        self._file = file
        self._opened = opened
        self._offset = 0
        self._changes = any(os.fsencode(path) == file.path for path in faults.changing)
        bad = (u.offset for u in faults.unreadable if os.fsencode(u.path) == file.path)
        self._bad_from = min(bad, default=None)

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer as far as the script lets it; return bytes read, 0 at the end."""
        if self._recorder.is_gone():
            raise RecorderGoneError
        room = self._recorder.pace.room(len(buffer))
        if self._bad_from is not None:
            room = min(room, self._bad_from - self._offset)
            if room <= 0:
                name = shown(self._file.path)
                raise FileUnreadableError(name=name, offset=self._offset, reason="EIO")
        count = self._opened.readinto(buffer[:room])
        self._offset += count
        self._recorder.pace.count(count)
        return count

    def seek(self, offset: int) -> None:
        """Go on from this offset."""
        self._opened.seek(offset)
        self._offset = offset

    def unchanged(self) -> bool:
        """Tell whether it is as it was listed; a changing file never is."""
        return not self._changes and self._opened.unchanged()

    def close(self) -> None:
        """Close the file."""
        self._opened.close()


def _resolved(port: Path) -> Path:
    try:
        return port.resolve(strict=True)
    except OSError as error:
        raise RecorderGoneError from error


def _mark(folder: Path) -> tuple[int, int]:
    try:
        said = folder.stat()
    except OSError as error:
        raise RecorderGoneError from error
    return said.st_dev, said.st_ino


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError.unreadable(file, error) from error


def _clock_reading(offset_seconds: float | None, now: datetime) -> Reading:
    if offset_seconds is None:
        return _reading("clock_offset_ms", None, now)
    told = _reading("clock_offset_ms", round(offset_seconds * 1000), now)
    return replace(told, uncertainty=0)  # nothing is between its clock and ours


def _reading(kind: ReadingKind, value: int | None, now: datetime) -> Reading:
    return Reading(kind, value, "virtual", now, "unknown" if value is None else "reported")
