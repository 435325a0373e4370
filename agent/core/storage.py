"""The archive's disk and what is in it: may footage be copied, what is damaged, how fast to scrub.

Whether the disk is good comes with `StorageSeen`; what is damaged is a fold over the ledger's
entries, so that a restart knows the same. Reading disks is left to `agent.archive`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf

from agent.core.event import StorageSeen, Trouble
from contracts.archive_facts import (
    ArchiveCommissioned,
    ArchiveScrubbed,
    ArchiveSettled,
    ArchiveUnexpected,
    FootageDamaged,
    FootageIntact,
    FootageMissing,
    FootageReplaced,
    StorageFaulted,
    StorageRecovered,
    ViewRemade,
)
from contracts.copy_facts import FootageRestored
from contracts.entry import Entry
from contracts.errors import (
    ArchiveAbsentError,
    ArchiveFillingError,
    ArchiveForeignError,
    ArchiveLowError,
    ArchiveReadOnlyError,
    ArchiveUnwritableError,
    LedgerDiskLowError,
)
from contracts.facts import Fact, fact_of
from contracts.settings import StorageSettings

MIB = 1 << 20
_LAST_QUARTER = 0.75
_HOUR_SECONDS = 3600.0
FIRST_SCRUB_AFTER = timedelta(hours=1)  # a new station has other things to do
# A visit that one of these ended goes on by itself when the disk is good again.
STORAGE_CODES = frozenset(
    error.code
    for error in (
        ArchiveAbsentError,
        ArchiveForeignError,
        ArchiveLowError,
        ArchiveReadOnlyError,
        ArchiveUnwritableError,
        LedgerDiskLowError,
    )
)


@dataclass(frozen=True, slots=True)
class StorageHealth:
    """How the disks are now. `trouble` is None where they are good, `stops` bars new copies."""

    trouble: Trouble | None = None
    stops: bool = False
    free_bytes: int | None = None
    total_bytes: int | None = None
    reserve_bytes: int = 0  # what stays free

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with the disks; nearly full is not good."""
        return self.trouble is None

    def barring(self, wanted_bytes: int) -> Trouble | None:
        """Return why so many bytes must not be copied now; None when they may."""
        if not wanted_bytes:
            return None
        if self.stops:
            return self.trouble
        if self.free_bytes is None or wanted_bytes + self.reserve_bytes <= self.free_bytes:
            return None
        return _low(self.free_bytes, wanted_bytes, self.reserve_bytes)


GOOD = StorageHealth()


def judge(seen: StorageSeen, settings: StorageSettings) -> StorageHealth:
    """Return how the disks are by what was seen of them."""
    if seen.trouble is not None:
        return StorageHealth(seen.trouble, True, seen.free_bytes, seen.total_bytes)
    free, total = seen.free_bytes or 0, seen.total_bytes or 0
    stop = least(total, settings.stop_percent, settings.stop_mib)
    known = StorageHealth(None, False, free, total, stop)
    ledger_stop = least(
        seen.ledger_total_bytes, settings.ledger_stop_percent, settings.ledger_stop_mib
    )
    if seen.ledger_free_bytes < ledger_stop:
        error = LedgerDiskLowError(
            free_gb=show_gigabytes(seen.ledger_free_bytes), limit_gb=show_gigabytes(ledger_stop)
        )
        return replace(known, trouble=Trouble.of(error), stops=True)
    if free < stop:
        return replace(known, trouble=_low(free, 0, stop), stops=True)
    warn = least(total, settings.warn_percent, settings.warn_mib)
    if free < warn:
        filling = ArchiveFillingError(free_gb=show_gigabytes(free), limit_gb=show_gigabytes(warn))
        return replace(known, trouble=Trouble.of(filling))
    return known


def pace(
    left_bytes: int,
    spent_seconds: float,
    settings: StorageSettings,
    *,
    is_busy: bool,
    is_asked: bool,
) -> float:
    """Return at how many bytes a second to scrub now; 0 lets running copies go first.

    What is left is spread over what is left of the period. Copies go first until the period's last
    quarter; a pass that is late by then goes on beside them. One that was asked for has no bounds
    but the least rate beside running copies.
    """
    least = settings.scrub_least_mib_per_second * MIB
    if is_asked:
        return least if is_busy else inf
    period = scrub_seconds(settings)
    if is_busy and spent_seconds < period * _LAST_QUARTER:
        return 0.0
    needed = left_bytes / max(period - spent_seconds, _HOUR_SECONDS)
    return needed if is_busy else max(needed, least)


def scrub_seconds(settings: StorageSettings) -> float:
    """Return how long a pass over the archive may take."""
    return settings.scrub_days * 24 * _HOUR_SECONDS


@dataclass(slots=True)
class Storage:
    """The station's storage: its health, and what of the archive is not as it was entered."""

    settings: StorageSettings
    health: StorageHealth = GOOD
    faulted: str | None = None  # the code of the fault that is on record and not over
    damaged: set[str] = field(default_factory=set)  # paths of objects and manifests
    missing: set[str] = field(default_factory=set)
    unexpected: set[bytes] = field(default_factory=set)
    led_elsewhere: set[tuple[str, str]] = field(default_factory=set)  # views: wanted, made
    commissioned_at: datetime | None = None
    scrubbed: ArchiveScrubbed | None = None
    scrubbed_at: datetime | None = None
    scrub_percent: int | None = None

    def see(self, seen: StorageSeen) -> list[Fact]:
        """Take in how the disks are; return what is to be entered: a fault, and its end."""
        self.health = judge(seen, self.settings)
        trouble = self.health.trouble
        code = trouble.code if trouble else None
        if code == self.faulted:
            return []
        facts: list[Fact] = [StorageRecovered(self.faulted)] if self.faulted else []
        if trouble is not None:
            sentence = trouble.sentence
            facts.append(StorageFaulted(trouble.code, sentence.zh, sentence.en, self.health.stops))
        self.faulted = code
        return facts

    def find(self, fact: Fact) -> list[Fact]:
        """Take in what scrubbing found; return it if it is not on record already."""
        if self._is_known(fact):
            return []
        self._take(fact)
        return [fact]

    def imported(self, fact: FootageIntact | FootageReplaced) -> list[Fact]:
        """Return what is to be entered when footage was proven that may have been reported."""
        is_news = isinstance(fact, FootageReplaced) or self.is_reported(fact.object)
        if is_news:
            self._take(fact)
        return [fact] if is_news else []

    @property
    def scrub_due_at(self) -> datetime | None:
        """When the next pass begins: a period after the last one did."""
        if self.scrubbed is not None:
            return self.scrubbed.began_at + timedelta(seconds=scrub_seconds(self.settings))
        if self.commissioned_at is not None:
            return self.commissioned_at + FIRST_SCRUB_AFTER
        return None

    def is_reported(self, path: str) -> bool:
        """Tell whether an object or a manifest is on record as damaged or missing."""
        return path in self.damaged or path in self.missing

    def fold(self, entry: Entry) -> None:
        """Take in an entry the ledger holds."""
        kind = _KINDS.get(entry.type)
        if kind is not None:
            fact = fact_of(entry, kind)
            self._take(fact)
            if isinstance(fact, ArchiveScrubbed):
                self.scrubbed_at = entry.moment.at
            if isinstance(fact, ArchiveCommissioned):
                self.commissioned_at = entry.moment.at

    def _is_known(self, fact: Fact) -> bool:
        is_known = _KNOWN.get(type(fact))
        return is_known is not None and is_known(self, fact)

    def _take(self, fact: Fact) -> None:
        take = _TAKERS.get(type(fact))
        if take is not None:
            take(self, fact)


def least(total_bytes: int, percent: int, mib: int) -> int:
    """Return the lesser of a percentage of a disk and a size in MiB, in bytes."""
    return min(total_bytes * percent // 100, mib * MIB)


def _low(free: int, wanted: int, limit: int) -> Trouble:
    return Trouble.of(
        ArchiveLowError(
            free_gb=show_gigabytes(free),
            wanted_gb=show_gigabytes(wanted),
            limit_gb=show_gigabytes(limit),
        )
    )


def show_gigabytes(count: int) -> str:
    """Return a number of bytes in GB, as errors say it."""
    return f"{count / 10**9:.1f}"


def _damage(storage: Storage, fact: FootageDamaged) -> None:
    storage.missing.discard(fact.object)
    storage.damaged.add(fact.object)


def _miss(storage: Storage, fact: FootageMissing) -> None:
    storage.damaged.discard(fact.object)
    storage.missing.add(fact.object)


def _heal(storage: Storage, fact: FootageIntact | FootageReplaced | FootageRestored) -> None:
    storage.damaged.discard(fact.object)
    storage.missing.discard(fact.object)


def _expect(storage: Storage, fact: ArchiveSettled) -> None:
    storage.unexpected.discard(fact.path)


def _find(storage: Storage, fact: ArchiveUnexpected) -> None:
    storage.unexpected.add(fact.path)


def _remake(storage: Storage, fact: ViewRemade) -> None:
    if fact.made != fact.view:
        storage.led_elsewhere.add((fact.view, fact.made))


def _fault(storage: Storage, fact: StorageFaulted) -> None:
    storage.faulted = fact.code


def _recover(storage: Storage, fact: StorageRecovered) -> None:
    storage.faulted = None


def _scrub(storage: Storage, fact: ArchiveScrubbed) -> None:
    storage.scrubbed = fact


_TAKERS: dict[type[Fact], Callable[..., None]] = {
    FootageDamaged: _damage,
    FootageMissing: _miss,
    FootageIntact: _heal,
    FootageReplaced: _heal,
    FootageRestored: _heal,
    ArchiveUnexpected: _find,
    ArchiveSettled: _expect,
    ViewRemade: _remake,
    StorageFaulted: _fault,
    StorageRecovered: _recover,
    ArchiveScrubbed: _scrub,
}
_KNOWN: dict[type[Fact], Callable[..., bool]] = {
    FootageDamaged: lambda storage, fact: fact.object in storage.damaged,
    FootageMissing: lambda storage, fact: fact.object in storage.missing,
    FootageIntact: lambda storage, fact: not storage.is_reported(fact.object),
    ArchiveUnexpected: lambda storage, fact: fact.path in storage.unexpected,
    ArchiveSettled: lambda storage, fact: fact.path not in storage.unexpected,
    ViewRemade: lambda storage, fact: (fact.view, fact.made) in storage.led_elsewhere,
}
_FOLDED: tuple[type[Fact], ...] = (*_TAKERS, ArchiveCommissioned)
_KINDS: dict[str, type[Fact]] = {kind.TYPE: kind for kind in _FOLDED}
FOLDED = tuple(_KINDS)
