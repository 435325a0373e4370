"""What the office pages read: the newest roll, alerts and stations, replaced whole each time.

The deciding thread puts a new `View`; any other thread reads. Nothing here changes the index.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Literal, Protocol

from contracts.checkpoint import Checkpoint
from contracts.entry import Entry
from contracts.facts import FootageImported
from contracts.messages import DepartmentCount
from contracts.roster import Department
from index.core.alerts import Alert
from index.core.calendar import Calendar, CalendarDay
from index.core.inquiries import Inquiry
from index.core.register import Cards
from index.core.report import count_departments
from index.core.roll import Roll, Standing

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StationStatus:
    """One station as the index knows it; `state` is None before it was heard.

    `have` entries are stored, proven and cosigned; all that it entered is known up to `known_at`.
    """

    station: str
    name: str
    version: str
    docks: int
    origin: str
    state: Literal["ready", "disconnected", "lost"] | None
    heard_at: datetime | None
    have: int
    known_at: datetime | None
    is_silent: bool
    is_forked: bool
    is_key_refused: bool


@dataclass(frozen=True, slots=True)
class RecentEntry:
    """One stored entry, for the office's list of what just happened."""

    station: str
    sequence: int
    type: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class KeptFork:
    """The report of a fork as it is kept."""

    station: str
    sha256: str
    report: bytes
    found_at: datetime


@dataclass(frozen=True, slots=True)
class GridRow:
    """One department's days; `cells` has one count for each day of the grid, in its order."""

    department: str
    name: str
    cells: tuple[DepartmentCount, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Departments × days."""

    days: tuple[CalendarDay, ...]
    rows: tuple[GridRow, ...]


@dataclass(frozen=True, slots=True)
class View:
    """All that the pages show, as of `at`; alerts are newest first, the open ones among them.

    `cards` say when one was cleared in the visit that met a duty; `inquiries` are the questions
    without an answer; `ledgers` are the heads it was read from, each with whose it is.
    """

    at: datetime
    roll: Roll = field(default_factory=Roll)
    alerts: tuple[Alert, ...] = ()
    stations: tuple[StationStatus, ...] = ()
    is_connected: bool = False
    cards: Cards = field(default_factory=Cards)
    inquiries: tuple[Inquiry, ...] = ()
    ledgers: tuple[tuple[str, Checkpoint], ...] = ()


class Kept(Protocol):
    """What is too much to be held in a view, and is read when it is asked for."""

    def recent_entries(self, limit: int) -> tuple[RecentEntry, ...]:
        """Return the latest entries of all stations, the newest first."""

    def fork_reports(self) -> tuple[KeptFork, ...]:
        """Return the reports of all forks, the newest first."""

    def entries_between(
        self, entry_type: str, since: datetime, until: datetime, limit: int
    ) -> Iterable[tuple[str, Entry]]:
        """Yield the first entries of a type in a time, each with its station."""


class Board:
    """The one place the pages read; every method may be called from any thread."""

    def __init__(
        self,
        calendar: Calendar,
        departments: tuple[Department, ...],
        kept: Kept,
        view: View,
    ) -> None:
        self._calendar = calendar
        self._departments = departments
        self._kept = kept
        self._view = view

    def put(self, view: View) -> None:
        """Replace what is shown; only the deciding thread calls this."""
        self._view = view

    @property
    def at(self) -> datetime:
        """When the roll was last called."""
        return self._view.at

    @property
    def is_connected(self) -> bool:
        """Tell whether the index reaches its broker; without it, it hears of nothing."""
        return self._view.is_connected

    @property
    def today(self) -> date:
        """The local day of the last roll."""
        return self._calendar.local_day(self._view.at)

    def day(self, day: date) -> CalendarDay:
        """Return what kind of day it is."""
        return self._calendar.on(day)

    def standings(self, day: date) -> tuple[Standing, ...]:
        """Return the day's duties, in order of deadline."""
        return self._view.roll.days.get(day, ())

    def cleared_at(self, standing: Standing) -> datetime | None:
        """Return when the card was cleared in the visit that met a duty."""
        met_at = standing.met_at
        return self._view.cards.cleared_at(standing.duty.recorder, met_at) if met_at else None

    def outstanding(self) -> tuple[Standing, ...]:
        """Return the duties of every day that are still owed, in order of deadline."""
        return self._view.roll.owed

    def grid(self, first_day: date, last_day: date) -> Grid:
        """Return every department's counts for each day from first to last."""
        span = range((last_day - first_day).days + 1)
        days = [first_day + timedelta(days=number) for number in span]
        by_day = {day: self.standings(day) for day in days}
        whole = count_departments(chain.from_iterable(by_day.values()), self._departments)
        # Departments that only old duties name are known from the whole span, for every day.
        departments = tuple(Department(count.department, count.name, "") for count in whole)
        columns = [count_departments(by_day[day], departments) for day in days]
        rows = (
            GridRow(d.id, d.name, tuple(column[place] for column in columns))
            for place, d in enumerate(departments)
        )
        return Grid(tuple(map(self.day, days)), tuple(rows))

    def inquiries(self) -> tuple[Inquiry, ...]:
        """Return the questions without an answer, the oldest recording first."""
        return self._view.inquiries

    def departments(self) -> Mapping[str, str]:
        """Return the names of the roster's departments."""
        return {department.id: department.name for department in self._departments}

    def imports(self, day: date, limit: int) -> Iterator[tuple[str, Entry]]:
        """Yield the first files imported on a local day, each with its station.

        An entry that is beyond the ledgers' heads is left for the next roll.
        """
        sizes = {head.origin: head.size for _, head in self._view.ledgers}
        since, until = self._calendar.start_of(day), self._calendar.end_of(day)
        while since < until and limit > 0:  # an hour at a time, so that memory stays small
            then = min(since + _HOUR, until)
            found = self._kept.entries_between(FootageImported.TYPE, since, then, limit)
            for station, entry in found:
                if entry.sequence <= sizes.get(entry.source, entry.sequence):
                    yield station, entry
                    limit -= 1
            since = then

    def ledgers(self) -> tuple[tuple[str, Checkpoint], ...]:
        """Return the heads of all that the roll was called from, each with whose ledger it is.

        The index's own is the first; of a station it is the newest ledger.
        """
        return self._view.ledgers

    def still(self) -> "Board":
        """Return a board that stays as this one is now."""
        return Board(self._calendar, self._departments, self._kept, self._view)

    def open_alerts(self) -> tuple[Alert, ...]:
        """Return the open alerts, the newest first."""
        return tuple(alert for alert in self._view.alerts if alert.cleared_at is None)

    def alert_history(self, limit: int) -> tuple[Alert, ...]:
        """Return at most `limit` alerts, open and cleared, the newest first."""
        return self._view.alerts[:limit]

    def stations(self) -> tuple[StationStatus, ...]:
        """Return every known station, in order of id."""
        return self._view.stations

    def recent_entries(self, limit: int = 50) -> tuple[RecentEntry, ...]:
        """Return the entries stored last, the newest first."""
        return self._kept.recent_entries(limit)

    def fork_reports(self) -> tuple[KeptFork, ...]:
        """Return the reports of all forks, the newest first."""
        return self._kept.fork_reports()
