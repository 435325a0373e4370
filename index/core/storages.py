"""What stations said of their archives: a storage fault that stands, and what scrubbing found.

Entries may come twice and in any order of stations; of one station they come in order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from contracts.archive_facts import (
    ArchiveSettled,
    ArchiveUnexpected,
    FootageDamaged,
    FootageIntact,
    FootageMissing,
    FootageReplaced,
    StorageFaulted,
    StorageRecovered,
)
from contracts.copy_facts import (
    CopyCommissioned,
    CopyDamaged,
    CopyFaulted,
    CopyMissing,
    CopyRecovered,
    FootageCopied,
    FootageRestored,
)
from contracts.entry import Entry
from contracts.facts import Fact, fact_of


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is wrong in an archive, and when it was entered."""

    name: str
    at: datetime
    sequence: int


@dataclass(slots=True)
class StationStorage:
    """One station's storage: its faults, and what is wrong by what it is about."""

    fault: StorageFaulted | None = None
    copy_fault: CopyFaulted | None = None
    found: dict[str, Found] = field(default_factory=dict)
    source: str = ""
    read_to: int = 0


@dataclass(slots=True)
class Storages:
    """Every station's storage, gathered entry by entry."""

    stations: dict[str, StationStorage] = field(default_factory=dict)

    def enter(self, station: str, entry: Entry) -> None:
        """Take in a station's entry of one of `TYPES`.

        Raises:
            ValueError: the entry does not say what its type must.
        """
        fact = fact_of(entry, _KINDS[entry.type])
        storage = self.stations.setdefault(station, StationStorage())
        if entry.source != storage.source:  # a new ledger begins anew
            storage = self.stations[station] = StationStorage(source=entry.source)
        if entry.sequence <= storage.read_to:
            return
        storage.read_to = entry.sequence
        _take(storage, fact, entry)


def _take(storage: StationStorage, fact: Fact, entry: Entry) -> None:
    at, sequence = entry.moment.at, entry.sequence
    if isinstance(fact, FootageDamaged | FootageMissing):
        storage.found.setdefault(fact.object, Found(fact.view, at, sequence))
    elif isinstance(fact, ArchiveUnexpected):
        storage.found.setdefault(fact.path.hex(), Found(fact.name, at, sequence))
    elif isinstance(fact, CopyDamaged | CopyMissing):
        found = Found(f"第二份副本 / second copy {fact.object}", at, sequence)
        storage.found.setdefault(_ON_COPY + fact.sha256, found)
    else:
        _TURNS[type(fact)](storage, fact)


def _fault(storage: StationStorage, fact: StorageFaulted | StorageRecovered) -> None:
    storage.fault = fact if isinstance(fact, StorageFaulted) else None


def _copy_fault(storage: StationStorage, fact: CopyFaulted | CopyRecovered) -> None:
    storage.copy_fault = fact if isinstance(fact, CopyFaulted) else None


def _settle(storage: StationStorage, fact: ArchiveSettled) -> None:
    storage.found.pop(fact.path.hex(), None)


def _heal(storage: StationStorage, fact: FootageIntact | FootageReplaced | FootageRestored) -> None:
    storage.found.pop(fact.object, None)


def _copied(storage: StationStorage, fact: FootageCopied) -> None:
    for sha256 in fact.sha256s:
        storage.found.pop(_ON_COPY + sha256, None)


def _commissioned(storage: StationStorage, fact: CopyCommissioned) -> None:
    """Forget what was lost on the disk before."""
    for about in [one for one in storage.found if one.startswith(_ON_COPY)]:
        del storage.found[about]


_ON_COPY = "copy:"
_TURNS: dict[type[Fact], Callable[..., None]] = {
    StorageFaulted: _fault,
    StorageRecovered: _fault,
    CopyFaulted: _copy_fault,
    CopyRecovered: _copy_fault,
    ArchiveSettled: _settle,
    FootageIntact: _heal,
    FootageReplaced: _heal,
    FootageRestored: _heal,
    FootageCopied: _copied,
    CopyCommissioned: _commissioned,
}
_FOUND: tuple[type[Fact], ...] = (
    FootageDamaged,
    FootageMissing,
    ArchiveUnexpected,
    CopyDamaged,
    CopyMissing,
)
_KINDS: dict[str, type[Fact]] = {kind.TYPE: kind for kind in (*_TURNS, *_FOUND)}
TYPES = tuple(_KINDS)
