"""What stations said of their archives: a storage fault that stands, and what scrubbing found.

Entries may come twice and in any order of stations; of one station they come in order.
"""

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
    """One station's storage: its fault, and what is wrong by what it is about."""

    fault: StorageFaulted | None = None
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
    if isinstance(fact, StorageFaulted | StorageRecovered):
        storage.fault = fact if isinstance(fact, StorageFaulted) else None
    elif isinstance(fact, FootageDamaged | FootageMissing):
        storage.found.setdefault(fact.object, Found(fact.view, at, sequence))
    elif isinstance(fact, ArchiveUnexpected):
        storage.found.setdefault(fact.path.hex(), Found(fact.name, at, sequence))
    elif isinstance(fact, ArchiveSettled):
        storage.found.pop(fact.path.hex(), None)
    elif isinstance(fact, FootageIntact | FootageReplaced):  # pragma: no branch  # no other
        storage.found.pop(fact.object, None)


_KINDS: dict[str, type[Fact]] = {
    kind.TYPE: kind
    for kind in (
        StorageFaulted,
        StorageRecovered,
        FootageDamaged,
        FootageMissing,
        FootageIntact,
        FootageReplaced,
        ArchiveUnexpected,
        ArchiveSettled,
    )
}
TYPES = tuple(_KINDS)
