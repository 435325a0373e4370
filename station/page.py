"""What a page function is given and what it may return; nothing here knows the web server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from contracts.commands import Answer, Command
from contracts.roster import Roster
from contracts.settings import StationSettings
from contracts.snapshot import Snapshot
from contracts.text import Language
from ledger.reading import LedgerReader
from look.exporting import Export
from station.board import Names

Clock = Callable[[], datetime]


class Snapshots(Protocol):
    """Where the agent's last word is found."""

    def newest(self) -> Snapshot | None:
        """Return the agent's last word, or None."""


class Asks(Protocol):
    """Who answers commands."""

    def ask(self, command: Command) -> Answer:
        """Return the answer to a command."""


@dataclass(frozen=True)
class Desk:
    """Everything the pages read from, and the agent they ask."""

    settings: StationSettings
    roster: Roster
    snapshots: Snapshots
    agent: Asks
    clock: Clock

    @property
    def zone(self) -> ZoneInfo:
        """The station's time zone."""
        return ZoneInfo(self.settings.station.zone)

    @property
    def snapshot(self) -> Snapshot | None:
        """The agent's last word."""
        return self.snapshots.newest()

    def ledger(self) -> LedgerReader:
        """Open the ledger for reading; close it again.

        Raises:
            LedgerStorageError: there is none yet, or it cannot be read.
        """
        return LedgerReader(Path(self.settings.folders.state) / "ledger")

    @property
    def names(self) -> Names:
        """The roster's names; who is not on it is shown by id."""
        people = {person.id: person.name for person in self.roster.person}
        departments = {department.id: department.name for department in self.roster.department}
        return Names(lambda key: people.get(key, key), lambda key: departments.get(key, key))


@dataclass(frozen=True)
class Asked:
    """One request as a page function sees it; `form` is None where nothing was sent."""

    path: str
    query: Mapping[str, str]
    now: datetime
    language: Language = "zh"
    form: Mapping[str, str] | None = None
    part: str = ""


@dataclass(frozen=True)
class Page:
    """A template and what to fill it with."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Redirect:
    """Go on elsewhere with GET."""

    to: str


@dataclass(frozen=True)
class Download:
    """A file to keep."""

    name: str
    body: bytes


Outcome = Page | Redirect | Download | Export
PageFunction = Callable[[Desk, Asked], Outcome]
