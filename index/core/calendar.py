"""Which days are workdays, and when a local day begins and ends.

The agency's own table comes first, then the official calendar; a year that neither knows is
guessed by weekday, and every day of it says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from contracts.loading import from_toml
from contracts.tables import doubled

DayKind = Literal["workday", "rest"]
_STRICT = {"extra": "forbid"}
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day: a workday or not, why, and who says so; `guess` means by weekday alone."""

    day: date
    kind: DayKind
    source: Literal["table", "official", "guess"]
    zh: str = ""
    en: str = ""

    @property
    def is_makeup(self) -> bool:
        """Tell whether a Saturday or Sunday is worked (调休上班)."""
        return self.kind == "workday" and self.day.weekday() >= _SATURDAY


@dataclass(frozen=True)
class TableDay:
    """One line of config/calendar.toml."""

    __pydantic_config__ = _STRICT
    date: date
    kind: DayKind
    zh: str = ""
    en: str = ""


@dataclass(frozen=True)
class CalendarTable:
    """config/calendar.toml; in a complete year every day not listed goes by its weekday."""

    __pydantic_config__ = _STRICT
    complete_years: tuple[int, ...] = ()
    day: tuple[TableDay, ...] = ()


@dataclass(frozen=True)
class Calendar:
    """Workdays and local days in one time zone.

    `official` answers for one day, or None for a year it does not know.
    """

    zone: ZoneInfo
    official: Callable[[date], CalendarDay | None]
    table: Mapping[date, CalendarDay] = field(default_factory=dict)
    complete_years: frozenset[int] = frozenset()

    def on(self, day: date) -> CalendarDay:
        """Return what kind of day it is."""
        if day in self.table:
            return self.table[day]
        if day.year in self.complete_years:
            return CalendarDay(day, _by_weekday(day), "table")
        return self.official(day) or CalendarDay(day, _by_weekday(day), "guess")

    def knows(self, year: int) -> bool:
        """Tell whether the year's holidays are known and not guessed."""
        return year in self.complete_years or self.official(date(year, 1, 1)) is not None

    def workdays_after(self, day: date, count: int) -> date:
        """Return the workday that is `count` workdays after a day."""
        while count > 0:
            day += timedelta(days=1)
            count -= self.on(day).kind == "workday"
        return day

    def local_day(self, at: datetime) -> date:
        """Return the local day of a moment."""
        return at.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """Return the first moment of a local day, also where its midnight is skipped or doubled."""
        return datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC)

    def end_of(self, day: date) -> datetime:
        """Return the first moment after a local day."""
        return self.start_of(day + timedelta(days=1))


def parse_calendar(text: str, file: str) -> CalendarTable:
    """Return the table in a TOML text.

    Raises:
        SettingsError: with every malformed key and doubled date at once.
    """
    return from_toml(text, CalendarTable, file, lambda document: doubled(document, "day", "date"))


def calendar_of(
    table: CalendarTable, zone: ZoneInfo, official: Callable[[date], CalendarDay | None]
) -> Calendar:
    """Return the calendar in which a table overrules the official one."""
    days = {
        line.date: CalendarDay(line.date, line.kind, "table", line.zh, line.en)
        for line in table.day
    }
    return Calendar(zone, official, days, frozenset(table.complete_years))


def _by_weekday(day: date) -> DayKind:
    return "workday" if day.weekday() < _SATURDAY else "rest"
