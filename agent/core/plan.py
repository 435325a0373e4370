"""What of a recorder's listing must be copied, and when each recording was made."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from agent.core.recorder import CardFile, Listing, MediaFacts
from contracts.facts import Media
from contracts.names import name_time

_EXACT_MAX = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Proven:
    """A file of this recorder that the ledger says is in the archive, and that is there.

    What follows the view is what was made of it: in which visit, and what it recorded when.
    """

    path: bytes
    size: int
    modified_us: int
    sha256: str
    view: str
    visit: str = ""
    recorded_at: datetime | None = None
    recorded_from: Literal["name", "container", "modified"] = "modified"
    clock_offset_ms: int | None = None
    media: Media | None = None


@dataclass(frozen=True, slots=True)
class PlannedCopy:
    """One file to copy; `earlier` are the digests proven before under the same path.

    `listed` is the file as it was listed, where it had become another when it was read.
    """

    file: CardFile
    earlier: tuple[str, ...] = ()
    listed: CardFile | None = None

    def become(self, file: CardFile) -> "PlannedCopy":
        """Return the copy of what the listed file is now; its name tells the same of it."""
        now = replace(file, mark=self.file.mark)
        return replace(self, file=now, listed=self.listed or self.file)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to copy and what is held already: together with what is refused, the whole listing."""

    copies: tuple[PlannedCopy, ...]
    held: tuple[Proven, ...]

    @property
    def total_bytes(self) -> int:
        """Bytes to copy."""
        return sum(copy.file.size for copy in self.copies)


def plan_copies(listing: Listing, proven: Iterable[Proven]) -> Plan:
    """Return what is still to be copied: every file not proven under this path, size and time."""
    known: dict[bytes, list[Proven]] = {}
    for item in proven:
        known.setdefault(item.path, []).append(item)
    copies, held = [], []
    for file in listing.files:
        same = [p for p in known.get(file.path, []) if _is_same(p, file)]
        if same:
            held.append(same[-1])
        else:
            earlier = tuple(dict.fromkeys(p.sha256 for p in known.get(file.path, [])))
            copies.append(PlannedCopy(file, earlier))
    return Plan(tuple(copies), tuple(held))


def is_same(before: Listing, after: Listing) -> bool:
    """Tell whether a card listed the same twice."""
    return (before.files, _names(before)) == (after.files, _names(after))


def news(before: Listing, after: Listing) -> Listing:
    """Return what a later listing has, and the one before has not."""
    files, names = set(before.files), set(_names(before))
    return Listing(
        tuple(file for file in after.files if file not in files),
        tuple(item for item in after.refused if (item.path, item.reason) not in names),
    )


def joined(before: Listing, more: Listing) -> Listing:
    """Return all that was listed, at whatever time; whether a listing failed is not kept."""
    return Listing((*before.files, *more.files), (*before.refused, *more.refused))


def relisted(listing: Listing, copy: PlannedCopy) -> Listing:
    """Return the listing with what a file was found to be in the place of what was listed."""
    if copy.listed is None:
        return listing
    files = tuple(copy.file if file == copy.listed else file for file in listing.files)
    return replace(listing, files=files)


def modified_us(file: CardFile) -> int:
    """Return a file's modification time in microseconds since 1970, as far as an entry holds it.

    A card may claim the year 60000; canonical JSON counts microseconds until 2255.
    """
    return max(-_EXACT_MAX, min(file.modified_ns // 1000, _EXACT_MAX))


def modified_at(file: CardFile) -> datetime:
    """Return a file's modification time, to the microsecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=modified_us(file))


@dataclass(frozen=True, slots=True)
class Dated:
    """When a recording began, by the station's clock, and which of three times says so."""

    recorded_at: datetime
    recorded_from: Literal["name", "container", "modified"]
    name_time: datetime | None


def date_recording(
    file: CardFile, media: MediaFacts, clock_offset_ms: int | None, zone: ZoneInfo
) -> Dated:
    """Return a recording's start: name before container before modification time.

    Recorders have no time zone: the name, and the time on most cards, is local wall time. The
    measured offset (recorder minus station) is taken off; an unknown offset counts as none.
    """
    fast = timedelta(milliseconds=clock_offset_ms or 0)
    named = name_time(file.path)
    if named is not None:
        at = named.replace(tzinfo=zone).astimezone(UTC)
        return Dated(at - fast, "name", named)
    if media.started_at is not None:
        return Dated(media.started_at.astimezone(UTC) - fast, "container", None)
    written = modified_at(file)
    if file.is_local_time:
        written = written.replace(tzinfo=zone).astimezone(UTC)
    return Dated(written - fast, "modified", None)


def _names(listing: Listing) -> tuple[tuple[bytes, str], ...]:
    return tuple((item.path, item.reason) for item in listing.refused)


def _is_same(proven: Proven, file: CardFile) -> bool:
    return (proven.size, proven.modified_us) == (file.size, modified_us(file))
