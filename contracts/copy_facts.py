"""Facts about the second copy: its disk, what is confirmed on it, what reading it again found.

They are entries like all others; `contracts.facts` lists them with the rest.
"""

from dataclasses import dataclass
from datetime import datetime

from contracts.archive_facts import ScrubCounts
from contracts.fact import Fact

COPIED_MAX = 100  # digests in one entry: less than half of what an entry holds


@dataclass(frozen=True)
class CopyCommissioned(Fact):
    """From here on this disk holds the second copy; `copy` is what its `copy.id` says.

    All else as in `archive.commissioned`. What was confirmed on the disk before does not count on
    this one.
    """

    TYPE = "copy.commissioned"
    copy: str
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
        return self.copy


@dataclass(frozen=True)
class CopyFaulted(Fact):
    """The second copy cannot be reached, or not be written; imports go on without it."""

    TYPE = "copy.faulted"
    code: str
    zh: str
    en: str


@dataclass(frozen=True)
class CopyRecovered(Fact):
    """The fault of the second copy that was entered last is over."""

    TYPE = "copy.recovered"
    code: str


@dataclass(frozen=True)
class FootageCopied(Fact):
    """These objects are confirmed on the second copy: read back from its medium, equal to the name.

    `copy` says on which disk; `total_bytes` is their size together.
    """

    TYPE = "footage.copied"
    copy: str
    sha256s: tuple[str, ...]
    total_bytes: int


@dataclass(frozen=True)
class CopyDamaged(Fact):
    """A confirmed object is not, on the second copy, what its name says; it counts no more."""

    TYPE = "copy.damaged"
    copy: str
    sha256: str
    object: str
    size: int
    found_size: int
    found_sha256: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class CopyMissing(Fact):
    """A confirmed object is not on the second copy any more; it counts no more."""

    TYPE = "copy.missing"
    copy: str
    sha256: str
    object: str
    size: int


@dataclass(frozen=True)
class CopyScrubbed(Fact):
    """A whole pass over the second copy ended: every confirmed object was read from the medium."""

    TYPE = "copy.scrubbed"
    began_at: datetime
    asked: bool
    counts: ScrubCounts


@dataclass(frozen=True)
class FootageRestored(Fact):
    """A person had a damaged or missing object of the archive brought back from the second copy.

    `kept` is where the damaged one is; None where there was none.
    """

    TYPE = "footage.restored"
    recorder: str
    sha256: str
    object: str
    copy: str
    by: str
    reason: str
    kept: str | None = None
