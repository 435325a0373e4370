"""Made-up values for tests of the agent's core: a roster, a station, devices, files, moments."""

from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from zoneinfo import ZoneInfo

from agent.core.clearing import Surroundings
from agent.core.dock import Around, Dock
from agent.core.event import FileImported, Surveyed
from agent.core.plan import PlannedCopy, Proven
from agent.core.recorder import CardFile, Device, Listing, MediaFacts
from agent.core.station import Station
from contracts.entry import Entry, Moment, decode, encode
from contracts.facts import Fact, draft_of
from contracts.reading import Reading
from contracts.roster import (
    Deadline,
    Department,
    Limits,
    Person,
    Policy,
    RecorderRecord,
    Roster,
)
from contracts.settings import DockBinding, Folders, StationIdentity, StationSettings

NOW = datetime(2026, 11, 20, 9, 42, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
MIB = 1024 * 1024
LIMITS = Limits(battery_percent_min=60, clock_offset_seconds_max=30, free_mib_min=1000)
DEADLINE = Deadline("after_issue", hours=24)
ROSTER = Roster(
    policy=(
        Policy("plain", DEADLINE, limits=LIMITS),
        Policy("strict", DEADLINE, approval=True, override=False, limits=LIMITS, set_clock=True),
    ),
    department=(Department("d1", "执法一科", "plain"), Department("d2", "执法二科", "strict")),
    person=(
        Person("1001", "甲", "d1", "officer", "-"),
        Person("1002", "乙", "d2", "officer", "-"),
        Person("2001", "丙", "d2", "approver", "-"),
        Person("3001", "丁", "d1", "manager", "-"),
    ),
    recorder=(
        RecorderRecord("R1", "d1", device_number="R1"),
        RecorderRecord("R2", "d2", device_number="R2"),
        RecorderRecord("R3", "d1", device_number="R3", keeper="1001"),
    ),
)
FOLDERS = Folders(PurePath("/a"), PurePath("/s"), PurePath("/r"), PurePath("/roster.toml"))
SETTINGS = StationSettings(
    station=StationIdentity("example", "s1", "示范站"),
    folders=FOLDERS,
    dock=(DockBinding(1, "virtual:1"), DockBinding(2, "virtual:2")),
)


def station() -> Station:
    """Return a station with two empty docks."""
    return Station(SETTINGS, ROSTER, NOW)


def around(**docked: int) -> Around:
    """Return what a dock's action may know, with these recorders in these docks."""
    return Around(NOW, ROSTER, docked, surroundings=Surroundings(clock="synchronised"))


def device(name: str = "1") -> Device:
    """Return a virtual recorder on a port."""
    return Device(f"virtual:{name}", "virtual", Path(f"/ports/{name}"), f"recorder on {name}")


def card_file(path: bytes = b"DCIM/a.mp4", size: int = 1000, modified_ns: int = 10**18) -> CardFile:
    """Return a file as a recorder lists it."""
    return CardFile(path, size, modified_ns)


def proven(file: CardFile, sha256: str = "aa") -> Proven:
    """Return what the ledger knows of a file imported before."""
    return Proven(file.path, file.size, file.modified_ns // 1000, sha256, "views/x")


def readings(
    battery: int | None = 90, offset_ms: int | None = 0, free_bytes: int | None = 8000 * MIB
) -> tuple[Reading, ...]:
    """Return one reading of each kind that is checked."""
    return (
        Reading("battery_percent", battery, "virtual", NOW, "reported"),
        Reading("clock_offset_ms", offset_ms, "virtual", NOW, "measured"),
        Reading("free_bytes", free_bytes, "statvfs", NOW, "measured"),
    )


def surveyed(visit: str, *files: CardFile, **more: object) -> Surveyed:
    """Return the survey of a healthy recorder with these files."""
    taken = more.get("readings", readings())
    listing = more.get("listing", Listing(files))
    return Surveyed(visit, taken, listing, more.get("proven", ()))


def imported(visit: str, file: CardFile, sha256: str = "ab", **more: object) -> FileImported:
    """Return the report that a file is proven in the archive."""
    return FileImported(
        visit=visit,
        planned=more.get("planned", PlannedCopy(file)),
        sha256=sha256,
        sm3=None,
        object=f"objects/{sha256}",
        view="views/a.mp4",
        held=bool(more.get("held", False)),
        media=MediaFacts(more.get("verdict", "readable")),
        name_time=None,
        recorded_at=NOW,
        recorded_from="modified",
    )


def entry(fact: Fact, sequence: int = 1, at: datetime = NOW) -> Entry:
    """Return the entry that a ledger would make of a fact."""
    return decode(encode(draft_of(fact), sequence, "muster/x/y/z", moment(at)))


def moment(at: datetime = NOW) -> Moment:
    """Return a moment at a wall time."""
    return Moment(at, "boot", 1000, "synchronised")


def later(seconds: float) -> datetime:
    """Return a moment after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def empty_dock(number: int = 1) -> Dock:
    """Return an empty dock."""
    return Dock(number, "", NOW)
