"""What can happen to the station: past participles, frozen, each with the visit it belongs to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agent.core.plan import PlannedCopy, Proven
from agent.core.recorder import Device, Listing, MediaFacts, Reread, Salvaged
from contracts.commands import Command
from contracts.copy_facts import CopyCommissioned
from contracts.errors import MusterError
from contracts.fact import Fact
from contracts.finding import Finding
from contracts.reading import Identity, Reading
from contracts.text import Text


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error as a value: its code, the sentence and what to do next."""

    code: str
    sentence: Text
    remedy: Text

    @classmethod
    def of(cls, error: MusterError) -> "Trouble":
        """Return an error of ours as a value."""
        return cls(error.code, error.text, error.remedy.fill(**error.fields))


@dataclass(frozen=True, slots=True)
class DevicesSeen:
    """Everything that is plugged in right now."""

    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True)
class InboxSettled:
    """The inbox holds finished files."""

    device: Device


@dataclass(frozen=True, slots=True)
class Ticked:
    """A second or so went by."""

    archive_free_bytes: int | None
    archive_total_bytes: int | None
    clock: str


@dataclass(frozen=True, slots=True)
class StorageSeen:
    """The disks were looked at; `trouble` is what is wrong with the archive's."""

    trouble: Trouble | None
    free_bytes: int | None
    total_bytes: int | None
    ledger_free_bytes: int
    ledger_total_bytes: int


@dataclass(frozen=True, slots=True)
class ArchiveFound:
    """Scrubbing found something in the archive, or ended a pass."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class SecondCopySeen:
    """The second copy's disk was looked at; `commissioned` is a disk that became it just now."""

    trouble: Trouble | None
    free_bytes: int = 0
    total_bytes: int = 0
    commissioned: CopyCommissioned | None = None


@dataclass(frozen=True, slots=True)
class SecondCopyMoved:
    """The copyist is at work."""


@dataclass(frozen=True, slots=True)
class SecondCopied:
    """An order ended: these digests are confirmed on the second copy, those the archive lacks."""

    copied: tuple[str, ...]
    lacking: tuple[str, ...] = ()
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class ScrubProgressed:
    """So much of a pass is done; None where none runs."""

    percent: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Someone asks something; `proved` are the people whose PIN was right."""

    ticket: int
    command: Command
    proved: frozenset[str]


@dataclass(frozen=True, slots=True)
class UplinkChanged:
    """The way to the index changed, or the index took or witnessed more.

    `witness` is the key that cosigned the first `witnessed` entries, `witnessed_at` when, by the
    witness's clock.
    """

    connected: bool
    index_has: int
    witnessed: int
    trouble: Trouble | None = None
    witness: str = ""
    witnessed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Docked:
    """A device appeared on a dock's port; `found`: it was there when the agent started."""

    device: Device
    visit: str
    found: bool = False


@dataclass(frozen=True, slots=True)
class Barred:
    """A device that must not be opened appeared on a dock's port."""

    device: Device
    trouble: Trouble


@dataclass(frozen=True, slots=True)
class Removed:
    """The device left the dock's port."""


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """The visit is to begin again without the recorder being taken out."""

    visit: str


@dataclass(frozen=True, slots=True)
class Identified:
    """The driver says by what this recorder can be told, and by which profile it goes.

    `asks`: it was spoken with in its own language, and can be asked more in it. `unanswered` are
    unknown readings that say in which languages it was asked in vain.
    """

    visit: str
    identity: Identity
    asks: bool = False
    unanswered: tuple[Reading, ...] = ()
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Interviewed:
    """A recorder in command mode told what it knows; `switch_seconds`: how long it may be away."""

    visit: str
    readings: tuple[Reading, ...]
    remarks: tuple[Finding, ...]
    switch_seconds: float


@dataclass(frozen=True, slots=True)
class SwitchBegun:
    """The recorder is told to show its disk, now: it may leave the port."""

    visit: str


@dataclass(frozen=True, slots=True)
class NotBack:
    """A recorder that was to come back as a disk did not in time."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The recorder was asked for its readings and its files; `proven` is what we hold of it."""

    visit: str
    readings: tuple[Reading, ...]
    listing: Listing
    proven: tuple[Proven, ...]


@dataclass(frozen=True, slots=True)
class ClockCorrected:
    """The recorder's clock was set and read again."""

    visit: str
    set_at: datetime
    offset_ms_before: int | None
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """The readings of a docked recorder were taken anew."""

    visit: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Progressed:
    """So many bytes of the visit's plan were read."""

    visit: str
    bytes_done: int


@dataclass(frozen=True, slots=True)
class FileImported:
    """One file is proven in the archive."""

    visit: str
    planned: PlannedCopy
    sha256: str
    sm3: str | None
    object: str
    view: str
    held: bool
    media: MediaFacts
    name_time: datetime | None
    recorded_at: datetime
    recorded_from: Literal["name", "container", "modified"]
    kept: str | None = None  # where the damaged object is that this file replaced


@dataclass(frozen=True, slots=True)
class FileUnreadable:
    """One file could not be read whole; `salvaged` is what was kept of it apart."""

    visit: str
    planned: PlannedCopy
    trouble: Trouble
    offset: int | None
    salvaged: Salvaged | None = None


@dataclass(frozen=True, slots=True)
class CopyEnded:
    """Every planned file was tried and the manifest is written.

    `listing` is what the card listed after the last file was tried.
    """

    visit: str
    manifest_sha256: str
    listing: Listing


@dataclass(frozen=True, slots=True)
class VisitFailed:
    """The visit cannot go on."""

    visit: str
    trouble: Trouble


@dataclass(frozen=True, slots=True)
class Noted:
    """The ledger has an entry of this visit, at this place, since this moment."""

    visit: str
    type: str
    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Weighed:
    """What is known around a dock may have changed: whether it may be cleared is weighed again."""


@dataclass(frozen=True, slots=True)
class CardReadAgain:
    """The whole card was listed and read once more; `can_clear`: this family can be cleared."""

    visit: str
    can_clear: bool
    identity: Identity
    listing: Listing
    files: tuple[Reread, ...]


@dataclass(frozen=True, slots=True)
class LookedAgain:
    """The recorder said once more who it is and how it is."""

    visit: str
    identity: Identity
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class ClearEnded:
    """The removing ended; `listing` is what the card holds since, None where it cannot be told."""

    visit: str
    listing: Listing | None
    trouble: Trouble | None = None


DockEvent = (
    Docked
    | Barred
    | Removed
    | RetryAsked
    | NotBack
    | Identified
    | Interviewed
    | SwitchBegun
    | Surveyed
    | ClockCorrected
    | ReadAgain
    | Progressed
    | FileImported
    | FileUnreadable
    | CopyEnded
    | VisitFailed
    | Noted
    | Weighed
    | CardReadAgain
    | LookedAgain
    | ClearEnded
)
WorkerEvent = (
    Identified
    | Interviewed
    | SwitchBegun
    | Surveyed
    | ClockCorrected
    | ReadAgain
    | Progressed
    | FileImported
    | FileUnreadable
    | CopyEnded
    | VisitFailed
    | CardReadAgain
    | LookedAgain
    | ClearEnded
)


@dataclass(frozen=True, slots=True)
class FromDock:
    """A worker's report and the dock it is from."""

    dock: int
    event: WorkerEvent


Event = (
    DevicesSeen
    | InboxSettled
    | Ticked
    | StorageSeen
    | ArchiveFound
    | SecondCopySeen
    | SecondCopyMoved
    | SecondCopied
    | ScrubProgressed
    | Asked
    | UplinkChanged
    | FromDock
)
