"""A recorder as the agent sees it: the device that appeared, its files, and what a driver can do.

Drivers in `agent.recorders` implement the protocols; the core only decides with the values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from contracts.finding import Finding
from contracts.reading import Identity, Reading

# "block": it shows a disk; "drive": one without a medium, or still to come; "other": none.
DeviceKind = Literal["block", "drive", "virtual", "inbox", "other"]
Importance = Literal["name", "read_only", "folder"]


# Files by which a recorder tells who it is: copied like any other, and never removed.
PARAM_INI = (b"PARAM.INI",)
INFO_DAT = (b"DCIM", b"100MEDIA", b"Info.dat")


@dataclass(frozen=True, slots=True)
class Volume:
    """A file system on a plug: a partition, or a disk without any. `uuid` and `label` are its."""

    node: Path
    uuid: str | None = None
    file_system: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """Something that appeared on a port.

    `port` is the physical place (ID_PATH without its interface part, `loop:loop3`, `virtual:1`),
    `node` the device node or folder to open.
    `classes` are the USB interface classes of everything on that port, as two hex digits
    ("08" mass storage, "03" keyboard or mouse, "02"/"0a"/"e0" network or serial). `arrival` tells
    one plugging-in from the next on the same port. `usb` is the node of the plug itself
    (/dev/bus/usb/…), `generic` the SCSI generic node of its first disk (/dev/sg…), `lines` its
    serial lines (/dev/tty…), `inquiry` vendor and model of the disk as SCSI says them, `label` the
    name of the file system. `volumes` are all that the plug shows, by node (partitions, two cards);
    `node`, `volume`, `file_system` and `label` are those of the first. What shows no disk has none.
    `is_barred`: it may be a recorder, and whoever lets devices in could not do so. `profile`: the
    one in whose language it answered before it showed its disk.
    """

    port: str
    kind: DeviceKind
    node: Path
    description: str
    serial: str | None = None
    volume: str | None = None
    file_system: str | None = None
    vendor_id: str | None = None
    model_id: str | None = None
    classes: tuple[str, ...] = ()
    arrival: str = ""
    usb: Path | None = None
    generic: Path | None = None
    lines: tuple[Path, ...] = ()
    inquiry: str = ""
    label: str | None = None
    volumes: tuple[Volume, ...] = ()
    is_barred: bool = False
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What a file's name and place tell of it; nothing is moved, skipped or renamed for it.

    `important`: by what the recorder marked it so. `recording` is the key of the recording it
    belongs to, where that is more than this one file, and `part` its number among its files, from
    1. `sidecar_of` is the path of the file it goes with. `is_identity`: by it the recorder tells
    who it is, so it is never removed.
    """

    important: Importance | None = None
    recording: str | None = None
    part: int | None = None
    sidecar_of: bytes | None = None
    is_identity: bool = False


UNMARKED = Mark()


@dataclass(frozen=True, slots=True)
class CardFile:
    """A regular file the recorder lists. `path` is raw bytes below the card's root, `/` between.

    Two are equal by path, size and time: what else is known of a file says nothing of its bytes.
    `is_local_time`: the time is the recorder's wall time, told as if it were UTC (FAT, exFAT, PTP).
    """

    path: bytes
    size: int
    modified_ns: int  # as the file system says, nanoseconds since 1970 UTC
    is_read_only: bool = field(default=False, compare=False)
    is_local_time: bool = field(default=False, compare=False)
    mark: Mark = field(default=UNMARKED, compare=False)


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """Something listed that is no regular file, and why it is not imported."""

    path: bytes
    reason: Literal[
        "symlink",
        "hard_link",
        "device",
        "fifo",
        "socket",
        "mount_point",
        "unlistable_folder",
        "unreadable",
    ]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything a recorder lists, in byte order of the path. `error` says why it is incomplete."""

    files: tuple[CardFile, ...]
    refused: tuple[RefusedItem, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Reread:
    """A file read once more, from the medium, beside what the ledger says of it.

    `sha256` is None where it could not be read, `known` where the ledger has no import of it;
    `is_archived`: the archive's object was read back as well, and is what its name says.
    """

    file: CardFile
    sha256: str | None
    known: str | None
    is_archived: bool


class OpenFile(Protocol):
    """One file of a recorder, open for reading from its start."""

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer from where the last call ended; return bytes read, 0 at the end.

        Raises:
            FileUnreadableError: the card does not give these bytes, however often it is asked;
                says at which offset.
            RecorderGoneError: the recorder was pulled out.
        """

    def seek(self, offset: int) -> None:
        """Go on from this offset."""

    def unchanged(self) -> bool:
        """Tell whether size and modification time are still those of the opening."""

    def close(self) -> None:
        """Close the file."""


class Recorder(Protocol):
    """A driver's hold on one docked recorder; every method may raise a `RecorderError`."""

    @property
    def profile_name(self) -> str | None:
        """The profile it is read by; None where recorders have none."""

    def identify(self) -> Identity:
        """Return by what this recorder can be told."""

    def readings(self, now: datetime) -> tuple[Reading, ...]:
        """Return battery, clock and storage; what the recorder does not say is unknown."""

    def list_files(self) -> Listing:
        """List every file; never follows links, never leaves the card."""

    def open_file(self, file: CardFile) -> OpenFile:
        """Open a listed file for reading."""

    def expect(self, files: Sequence[CardFile]) -> None:
        """Have these fetched while others are read; a hint, of which nothing need come."""

    def look_again(self, file: CardFile) -> CardFile | None:
        """Return what a listed file is now, or None when no regular file is there any more."""

    def set_clock(self, now: datetime) -> bool:
        """Set the recorder's clock; False when this family cannot."""

    @property
    def can_clear(self) -> bool:
        """Whether this family's cards can be cleared at all."""

    def take_afresh(self) -> None:
        """Forget all that was read of the card, so that what is read next is on the medium."""

    def clear(self, files: Sequence[CardFile], go_on: Callable[[], None]) -> None:
        """Remove these files where they still are what is listed, and nothing else.

        `go_on` is called before each and raises when it is time to stop. The card is to be read
        again afterwards, whether this raises or not.
        """

    def release(self) -> None:
        """Let go of the recorder so that it can be taken out; may be called twice."""


class Driver(Protocol):
    """One recorder family."""

    name: str

    def recognise(self, device: Device) -> bool:
        """Tell whether this driver serves the device, without touching it."""

    def attach(self, device: Device) -> Recorder:
        """Take hold of the recorder (mount it read-only, open its line)."""


class Conversation(Protocol):
    """A driver's hold on a recorder in command mode; its files come only after the switch."""

    @property
    def switch_seconds(self) -> float:
        """How long the recorder may be away when it comes back as a disk."""

    def identify(self) -> Identity:
        """Return by what this recorder can be told."""

    def readings(self, now: datetime) -> tuple[Reading, ...]:
        """Return battery, clock and storage; what the recorder does not say is unknown."""

    def remarks(self) -> tuple[Finding, ...]:
        """Return what was found about the recorder itself while it was asked."""

    def set_clock(self, now: datetime) -> bool:
        """Set the recorder's clock; False when this family cannot."""

    def switch(self) -> None:
        """Have it show its card as a disk; that it does will be seen.

        Raises:
            SwitchRefusedError: it says that it does not.
        """

    def release(self) -> None:
        """Let go of the recorder; may be called twice."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What came of speaking with a device: a conversation by a profile, or those asked in vain."""

    conversation: Conversation | None = None
    profile: str | None = None
    unanswered: tuple[str, ...] = ()


class Speaker(Protocol):
    """Speaks with recorders in their own languages."""

    def speak(self, device: Device) -> Spoken:
        """Find the language of a device; one that no language fits is not touched."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What could be read of a file that cannot be read whole.

    `bad` are the (offset, length) that could not, in order. `partial` is where the rest is kept
    below the archive's root, None when nothing was read; there, what is missing is zeros, and what
    is missing at the end is left off: `size` bytes in all, of this `sha256`.
    """

    bad: tuple[tuple[int, int], ...]
    partial: str | None = None
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What the probe found in an archived copy; unknown is None.

    `verdict`: "readable"; "truncated" (begins well, ends early); "unreadable" (claims to be media
    and cannot be parsed); "not_media" (no known media type); "unparsed" (limits or confinement).
    """

    verdict: Literal["readable", "truncated", "unreadable", "not_media", "unparsed"]
    container: str | None = None
    codecs: tuple[str, ...] = field(default=())
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    started_at: datetime | None = None
    detail: str = ""
