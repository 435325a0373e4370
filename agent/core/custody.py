"""Who has which recorder, read from the ledger's entries: the fold that survives a restart."""

from dataclasses import dataclass, field
from datetime import datetime

from contracts.entry import Entry
from contracts.facts import (
    RecorderDocked,
    RecorderIssued,
    RecorderReturned,
    RecorderService,
    VisitCompleted,
    VisitInterrupted,
    WitnessMet,
    fact_of,
)

FOLDED = (
    RecorderDocked.TYPE,
    RecorderIssued.TYPE,
    RecorderReturned.TYPE,
    RecorderService.TYPE,
    VisitCompleted.TYPE,
    VisitInterrupted.TYPE,
    WitnessMet.TYPE,
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
    """The present state of every handover, as the entries so far tell it."""

    holdings: dict[str, Holding] = field(default_factory=dict)
    service: dict[str, RecorderService] = field(default_factory=dict)
    open_visits: dict[str, OpenVisit] = field(default_factory=dict)
    witness_key: str | None = None

    def fold(self, entry: Entry) -> None:
        """Take one entry in; entries of other types change nothing."""
        if entry.type == RecorderIssued.TYPE:
            issued = fact_of(entry, RecorderIssued)
            self.holdings[issued.recorder] = Holding(
                issued.handover, issued.person, issued.person_name, entry.moment.at, issued.dock
            )
        elif entry.type == RecorderReturned.TYPE:
            self.holdings.pop(fact_of(entry, RecorderReturned).recorder, None)
        elif entry.type == RecorderService.TYPE:
            self._fold_service(fact_of(entry, RecorderService))
        elif entry.type == RecorderDocked.TYPE:
            docked = fact_of(entry, RecorderDocked)
            self.open_visits[docked.visit] = OpenVisit(docked, entry.moment.at)
        elif entry.type in (VisitCompleted.TYPE, VisitInterrupted.TYPE):
            self.open_visits.pop(str(entry.data["visit"]), None)
        elif entry.type == WitnessMet.TYPE:
            self.witness_key = fact_of(entry, WitnessMet).key

    def _fold_service(self, fact: RecorderService) -> None:
        if fact.state == "in_service":
            self.service.pop(fact.recorder, None)
        else:
            self.service[fact.recorder] = fact
