"""Who has which recorder, read from the ledger's entries: the fold that survives a restart."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from contracts.entry import Entry
from contracts.facts import (
    RecorderCleared,
    RecorderClearing,
    RecorderDocked,
    RecorderIssued,
    RecorderReturned,
    RecorderService,
    VisitCompleted,
    VisitInterrupted,
    WitnessMet,
    fact_of,
)


@dataclass(frozen=True, slots=True)
class Holding:
    """A recorder in someone's hands."""

    handover: str
    person: str
    person_name: str
    issued_at: datetime
    dock: int | None  # where it stood when it was issued


@dataclass(frozen=True, slots=True)
class OpenVisit:
    """A visit whose end the ledger does not have."""

    docked: RecorderDocked
    docked_at: datetime


@dataclass
class Custody:
    """The present state of every handover, as the entries so far tell it.

    `clearings` are those without an end, by visit; `unfinished` those of which nobody knows what
    they removed, by recorder, until its next visit is complete.
    """

    holdings: dict[str, Holding] = field(default_factory=dict)
    service: dict[str, RecorderService] = field(default_factory=dict)
    open_visits: dict[str, OpenVisit] = field(default_factory=dict)
    clearings: dict[str, RecorderClearing] = field(default_factory=dict)
    unfinished: dict[str, RecorderClearing] = field(default_factory=dict)
    witness_key: str | None = None

    def fold(self, entry: Entry) -> None:
        """Take one entry in; entries of other types change nothing."""
        fold = _FOLDS.get(entry.type)
        if fold is not None:
            fold(self, entry)


def _issued(custody: Custody, entry: Entry) -> None:
    issued = fact_of(entry, RecorderIssued)
    custody.holdings[issued.recorder] = Holding(
        issued.handover, issued.person, issued.person_name, entry.moment.at, issued.dock
    )


def _returned(custody: Custody, entry: Entry) -> None:
    custody.holdings.pop(fact_of(entry, RecorderReturned).recorder, None)


def _service(custody: Custody, entry: Entry) -> None:
    fact = fact_of(entry, RecorderService)
    if fact.state == "in_service":
        custody.service.pop(fact.recorder, None)
    else:
        custody.service[fact.recorder] = fact


def _docked(custody: Custody, entry: Entry) -> None:
    docked = fact_of(entry, RecorderDocked)
    custody.open_visits[docked.visit] = OpenVisit(docked, entry.moment.at)


def _completed(custody: Custody, entry: Entry) -> None:
    _interrupted(custody, entry)
    custody.unfinished.pop(entry.subject, None)


def _interrupted(custody: Custody, entry: Entry) -> None:
    custody.open_visits.pop(str(entry.data["visit"]), None)


def _clearing(custody: Custody, entry: Entry) -> None:
    clearing = fact_of(entry, RecorderClearing)
    custody.clearings[clearing.visit] = custody.unfinished[clearing.recorder] = clearing


def _cleared(custody: Custody, entry: Entry) -> None:
    cleared = fact_of(entry, RecorderCleared)
    custody.clearings.pop(cleared.visit, None)
    if cleared.removed is not None:
        custody.unfinished.pop(cleared.recorder, None)


def _met(custody: Custody, entry: Entry) -> None:
    custody.witness_key = fact_of(entry, WitnessMet).key


_FOLDS: dict[str, Callable[[Custody, Entry], None]] = {
    RecorderCleared.TYPE: _cleared,
    RecorderClearing.TYPE: _clearing,
    RecorderDocked.TYPE: _docked,
    RecorderIssued.TYPE: _issued,
    RecorderReturned.TYPE: _returned,
    RecorderService.TYPE: _service,
    VisitCompleted.TYPE: _completed,
    VisitInterrupted.TYPE: _interrupted,
    WitnessMet.TYPE: _met,
}
FOLDED = tuple(_FOLDS)
