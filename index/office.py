"""What each office page shows, worked out of the board; how it looks is left to the templates."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain

from contracts.text import Text
from index.board import Board, Grid, StationStatus
from index.core.alerts import Alert, calendar_alert
from index.core.calendar import CalendarDay
from index.core.roll import Standing
from index.showing import MARKS, Mark, is_offline

GRID_DAYS = 14
HISTORY = 300
RECENT = 30
# Which state stands for a whole cell: what must be acted on first, then what explains the figures.
_URGENT = (
    "missing",
    "unconfirmed",
    "pending",
    "extended",
    "late",
    "declared",
    "repair",
    "met",
)
_REPAIRS = ("repair", "in_repair")


@dataclass(frozen=True, slots=True)
class Tally:
    """Duties counted; `met` holds the late ones, and the others add up to `due` with it."""

    due: int
    met: int
    late: int
    missing: int
    unconfirmed: int
    pending: int
    declared: int

    @classmethod
    def of(cls, standings: Iterable[Standing]) -> "Tally":
        """Return the count of some standings."""
        states = Counter(standing.state for standing in standings)
        return cls(
            due=states.total(),
            met=states["met"] + states["late"],
            late=states["late"],
            missing=states["missing"],
            unconfirmed=states["unconfirmed"],
            pending=states["pending"],
            declared=states["declared"],
        )

    @property
    def text(self) -> Text:
        """The counts in words; what is zero is left out."""
        words = (
            (Text("应采集", "due"), self.due),
            (MARKS["met"].word, self.met),
            (Text("其中逾期", "of them late"), self.late),
            (MARKS["missing"].word, self.missing),
            (MARKS["unconfirmed"].word, self.unconfirmed),
            (MARKS["pending"].word, self.pending),
            (MARKS["declared"].word, self.declared),
        )
        said = [(word, count) for word, count in words if count]
        return Text(
            ", ".join(f"{word.zh} {count}" for word, count in said),
            ", ".join(f"{word.en} {count}" for word, count in said),
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One department's day."""

    day: CalendarDay
    mark: Mark
    tally: Tally

    @property
    def text(self) -> Text:
        """The cell in words."""
        return self.tally.text if self.tally.due else self.mark.word


@dataclass(frozen=True, slots=True)
class GridLine:
    """One department's days."""

    department: str
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Today:
    """The page 今天: everything still owed, whatever day it is from."""

    day: CalendarDay
    tally: Tally
    carried: int
    missing: tuple[Standing, ...]
    unconfirmed: tuple[Standing, ...]
    days: tuple[CalendarDay, ...]
    lines: tuple[GridLine, ...]
    stations: tuple[StationStatus, ...]
    offline: tuple[StationStatus, ...]
    warnings: tuple[Alert, ...]

    @property
    def offline_docks(self) -> int:
        """How many docks stand at stations that are offline."""
        return sum(status.docks for status in self.offline)


@dataclass(frozen=True, slots=True)
class DepartmentSheet:
    """One department's duties of one day."""

    department: str
    name: str
    tally: Tally
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class DaySheet:
    """The page of one day."""

    day: CalendarDay
    tally: Tally
    departments: tuple[DepartmentSheet, ...]
    previous: date
    following: date


@dataclass(frozen=True, slots=True)
class AlertSheet:
    """The page of alerts; `is_cut` says that older history is not shown."""

    open: tuple[Alert, ...]
    cleared: tuple[Alert, ...]
    is_cut: bool


def today_of(board: Board) -> Today:
    """Return the page 今天."""
    today = board.today
    earlier = tuple(s for s in board.outstanding() if s.duty.day < today)
    standings = (*earlier, *board.standings(today))
    grid = board.grid(today - timedelta(days=GRID_DAYS - 1), today)
    stations = board.stations()
    return Today(
        day=board.day(today),
        tally=Tally.of(standings),
        carried=len(earlier),
        missing=tuple(s for s in standings if s.state == "missing"),
        unconfirmed=tuple(s for s in standings if s.state == "unconfirmed"),
        days=grid.days,
        lines=_lines(board, grid),
        stations=stations,
        offline=tuple(filter(is_offline, stations)),
        warnings=_warnings(board.open_alerts(), grid.days, board.at),
    )


def day_sheet(board: Board, day: date) -> DaySheet:
    """Return the page of one day."""
    standings = board.standings(day)
    by_department = _by_department(standings)
    departments = (
        DepartmentSheet(row.department, row.name, Tally.of(own), own)
        for row in board.grid(day, day).rows
        if (own := tuple(by_department[row.department]))
    )
    one = timedelta(days=1)
    return DaySheet(board.day(day), Tally.of(standings), tuple(departments), day - one, day + one)


def alert_sheet(board: Board) -> AlertSheet:
    """Return the page of alerts; of those cleared the newest."""
    history = board.alert_history(HISTORY + 1)
    cleared = tuple(alert for alert in history[:HISTORY] if alert.cleared_at is not None)
    return AlertSheet(board.open_alerts(), cleared, len(history) > HISTORY)


def mark_of(standing: Standing) -> Mark:
    """Return how a duty's state looks."""
    return MARKS[_key(standing)]


def _key(standing: Standing) -> str:
    if standing.state == "pending" and standing.extended:
        return "extended"
    if standing.state == "declared" and standing.answer in _REPAIRS:
        return "repair"
    return standing.state


def _lines(board: Board, grid: Grid) -> tuple[GridLine, ...]:
    columns = [(day, _by_department(board.standings(day.day))) for day in grid.days]
    return tuple(
        GridLine(
            row.department,
            row.name,
            tuple(_cell(day, departments[row.department]) for day, departments in columns),
        )
        for row in grid.rows
    )


def _by_department(standings: Iterable[Standing]) -> defaultdict[str, list[Standing]]:
    departments: defaultdict[str, list[Standing]] = defaultdict(list)
    for standing in standings:
        departments[standing.duty.department].append(standing)
    return departments


def _cell(day: CalendarDay, standings: Sequence[Standing]) -> Cell:
    present = {_key(standing) for standing in standings}
    idle = "rest" if day.kind == "rest" else "unissued"
    key = next((key for key in _URGENT if key in present), idle)
    return Cell(day, MARKS[key], Tally.of(standings))


def _warnings(
    alerts: tuple[Alert, ...], days: tuple[CalendarDay, ...], now: datetime
) -> tuple[Alert, ...]:
    """Return what concerns more than one duty, and every year on the page that is guessed."""
    guessed = {day.day.year for day in days if day.source == "guess"}
    guesses = (calendar_alert(year, now) for year in sorted(guessed))
    wide = [alert for alert in alerts if alert.kind not in ("missing", "unconfirmed")]
    return tuple({alert.key: alert for alert in chain(guesses, wide)}.values())
