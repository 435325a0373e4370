from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from contracts.roster import Department
from index.board import Board, View
from index.calendars import official_day
from index.core.alerts import calendar_alert
from index.core.calendar import CalendarTable, calendar_of
from index.core.roll import Duty, Roll, Standing

AT = datetime(2026, 9, 24, 17, tzinfo=UTC)  # already the 25th in Shanghai
DUTY = Duty(
    id="R1@h1",
    kind="issue",
    recorder="R1",
    person="p1",
    person_name="王五",
    department="d1",
    department_name="一中队",
    day=date(2026, 9, 24),
    opened_at=AT,
)
STANDING = Standing(DUTY, "missing", AT)


def board(**view):
    calendar = calendar_of(CalendarTable(), ZoneInfo("Asia/Shanghai"), official_day)
    departments = (Department("d1", "一中队", "p"), Department("d2", "二中队", "p"))
    return Board(calendar, departments, lambda limit: (), View(AT, **view))


def test_a_day_shows_only_its_own_duties():
    other = replace(STANDING, duty=replace(DUTY, day=date(2026, 9, 25)))
    assert board(roll=Roll.of((STANDING, other))).standings(date(2026, 9, 24)) == (STANDING,)


def test_the_grid_has_every_department_and_every_day():
    gone = replace(STANDING, duty=replace(DUTY, department="d9", department_name="旧中队"))
    grid = board(roll=Roll.of((STANDING, gone))).grid(date(2026, 9, 24), date(2026, 9, 26))
    assert [row.name for row in grid.rows] == ["一中队", "二中队", "旧中队"]
    assert [[cell.missing for cell in row.cells] for row in grid.rows] == [
        [1, 0, 0],
        [0, 0, 0],
        [1, 0, 0],
    ]
    assert [day.zh for day in grid.days] == ["", "中秋", "中秋"]


def test_today_is_the_local_day_of_the_last_roll():
    assert board().today == date(2026, 9, 25)


def test_open_alerts_are_part_of_the_history():
    cleared = replace(calendar_alert(2030, AT), cleared_at=AT, outcome="withdrawn")
    still = calendar_alert(2031, AT)
    found = board(alerts=(still, cleared))
    assert found.open_alerts() == (still,)
    assert found.alert_history(1) == (still,)
    assert len(found.alert_history(9)) == 2


def test_what_is_put_replaces_the_view_whole():
    found = board(roll=Roll.of((STANDING,)))
    found.put(View(AT, is_connected=True))
    assert (found.standings(DUTY.day), found.is_connected, found.stations()) == ((), True, ())
