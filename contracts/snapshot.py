"""What the agent shows of the whole station at one moment; the kiosk reads it from a file."""

from dataclasses import dataclass
from datetime import datetime

from contracts.clearing import ClearingView
from contracts.dock import DockState
from contracts.facts import Counts
from contracts.finding import Finding
from contracts.reading import Reading


@dataclass(frozen=True)
class Progress:
    """How far a copy is; `seconds_left` is None until a rate is known."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    bytes_per_second: int
    seconds_left: int | None


@dataclass(frozen=True)
class DockView:
    """One tile of the kiosk, and the payload of the dock's MQTT topic."""

    number: int
    name: str
    state: DockState
    since: datetime
    recorder: str | None = None
    person: str | None = None
    department: str | None = None
    device: str | None = None
    readings: tuple[Reading, ...] = ()
    findings: tuple[Finding, ...] = ()
    progress: Progress | None = None
    counts: Counts | None = None
    clearing: ClearingView | None = None
    error_code: str | None = None
    error_zh: str | None = None
    error_en: str | None = None
    remedy_zh: str | None = None
    remedy_en: str | None = None


@dataclass(frozen=True)
class RecorderView:
    """Where one registered recorder is, and whether it may be issued now."""

    number: str
    department: str
    model: str
    place: str  # "dock", "issued", "in_repair", "lost", "away"
    dock: int | None
    holder: str | None
    holder_name: str | None
    issued_at: datetime | None
    battery_percent: int | None
    issuable: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class RefusedDevice:
    """A device that was not opened, and why."""

    port: str
    device: str
    code: str
    zh: str
    en: str
    since: datetime
    dock: int | None = None


@dataclass(frozen=True)
class StorageView:
    """What is wrong with the disks, and what the last whole pass over the archive found.

    `damaged`, `missing` and `unexpected` stand now; `scrub_percent` is None where no pass runs.
    """

    code: str | None = None
    zh: str | None = None
    en: str | None = None
    remedy_zh: str | None = None
    remedy_en: str | None = None
    stops: bool = False
    damaged: int = 0
    missing: int = 0
    unexpected: int = 0
    scrubbed_at: datetime | None = None
    scrubbed_files: int = 0
    scrub_percent: int | None = None


@dataclass(frozen=True)
class SecondCopyView:
    """The second copy: what it has, what is owed to it; `code` says why it is out of reach.

    `is_known` is False until the agent has looked at it. `damaged` and `missing` were confirmed
    once and are owed again.
    """

    is_known: bool = False
    confirmed: int = 0
    owed: int = 0
    owed_bytes: int = 0
    damaged: int = 0
    missing: int = 0
    code: str | None = None
    zh: str | None = None
    en: str | None = None
    remedy_zh: str | None = None
    remedy_en: str | None = None
    scrubbed_at: datetime | None = None


@dataclass(frozen=True)
class Snapshot:
    """The whole station; replaced as one file, so a reader always sees a whole one."""

    organisation: str
    station: str
    name: str
    version: str
    at: datetime
    docks: tuple[DockView, ...]
    inbox: DockView | None
    recorders: tuple[RecorderView, ...]
    refused: tuple[RefusedDevice, ...]
    ledger_size: int
    index_has: int
    witnessed: int
    index_connected: bool
    clock: str
    archive_free_bytes: int | None
    archive_total_bytes: int | None
    trouble_zh: str | None = None
    trouble_en: str | None = None
    storage: StorageView = StorageView()
    open_questions: int = 0
    second_copy: SecondCopyView | None = None
