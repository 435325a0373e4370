"""Facts about the archive itself: its disk, what scrubbing it found, what was replaced.

They are entries like all others; `contracts.facts` lists them with the rest.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.fact import Fact

Unexpected = Literal["file", "folder", "link", "special", "unreadable"]


@dataclass(frozen=True)
class ArchiveCommissioned(Fact):
    """From here on this disk is the station's archive; `archive` is what its `archive.id` says.

    `volume` is the file system's own id, where it can be had; `is_mount`: the folder is where a
    file system of its own is mounted. `by` and `reason` are set, and `replaces` is the archive
    before, where a person decided it.
    """

    TYPE = "archive.commissioned"
    archive: str
    path: str
    volume: str | None
    is_mount: bool
    total_bytes: int
    by: str | None = None
    reason: str | None = None
    replaces: str | None = None

    @property
    def id(self) -> str:
        """What the disk's mark says."""
        return self.archive


@dataclass(frozen=True)
class StorageFaulted(Fact):
    """The archive's disk, or the ledger's, is not as it must be; `stops`: nothing is copied."""

    TYPE = "storage.faulted"
    code: str
    zh: str
    en: str
    stops: bool


@dataclass(frozen=True)
class StorageRecovered(Fact):
    """The storage fault that was entered last is over."""

    TYPE = "storage.recovered"
    code: str


@dataclass(frozen=True)
class FootageDamaged(Fact):
    """An archived file is not, or cannot be read as, what was entered; it is left as it is.

    `object` is footage; or a visit's manifest, of which `size` is unknown, or what was kept of a
    damaged file, or a damaged file that was kept when it was replaced: of these `view` is the same
    path. `sha256` is what it should have; empty if nobody could tell. `second_copy`: whether it
    is confirmed there; None where the station keeps none.
    """

    TYPE = "footage.damaged"
    recorder: str
    sha256: str
    object: str
    view: str
    size: int | None
    found_size: int
    found_sha256: str | None = None
    reason: str | None = None
    second_copy: bool | None = None


@dataclass(frozen=True)
class FootageMissing(Fact):
    """A file that was imported, or another that was entered, is not in the archive.

    `object` and `second_copy` as in `footage.damaged`.
    """

    TYPE = "footage.missing"
    recorder: str
    sha256: str
    object: str
    view: str
    size: int | None
    second_copy: bool | None = None


@dataclass(frozen=True)
class FootageIntact(Fact):
    """A file that was damaged or missing is in the archive again, whole."""

    TYPE = "footage.intact"
    recorder: str
    sha256: str
    object: str


@dataclass(frozen=True)
class FootageReplaced(Fact):
    """A recorder still had what was damaged: its copy is now the archived one.

    The damaged file is kept, under `kept`.
    """

    TYPE = "footage.replaced"
    visit: str
    recorder: str
    sha256: str
    object: str
    kept: str


@dataclass(frozen=True)
class ArchiveUnexpected(Fact):
    """Something is in the archive that no entry put there; it is left as it is."""

    TYPE = "archive.unexpected"
    path: bytes
    name: str
    what: Unexpected
    size: int

    @property
    def subject(self) -> str:
        """The path, as shown."""
        return self.name


@dataclass(frozen=True)
class ArchiveSettled(Fact):
    """What was unexpected is there no more, or an entry names it by now."""

    TYPE = "archive.settled"
    path: bytes
    name: str

    @property
    def subject(self) -> str:
        """The path, as shown."""
        return self.name


@dataclass(frozen=True)
class ViewRemade(Fact):
    """The name people find a file under was gone or led elsewhere; it was linked as `made`."""

    TYPE = "view.remade"
    recorder: str
    sha256: str
    view: str
    made: str
    why: Literal["gone", "elsewhere"]


@dataclass(frozen=True)
class ScrubCounts:
    """What one pass looked at: expected files = intact + damaged + missing."""

    expected: int = 0
    intact: int = 0
    damaged: int = 0
    missing: int = 0
    unexpected: int = 0
    views: int = 0
    views_remade: int = 0
    bytes_read: int = 0


@dataclass(frozen=True)
class ArchiveScrubbed(Fact):
    """A whole pass over the archive ended: every file was read from the medium."""

    TYPE = "archive.scrubbed"
    began_at: datetime
    asked: bool
    counts: ScrubCounts
