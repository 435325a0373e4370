from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.errors import SettingsError
from index.calendars import official_day
from index.core.calendar import CalendarDay, CalendarTable, TableDay, calendar_of, parse_calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/Santiago", "America/Havana")


def calendar(*days, complete_years=(), zone=SHANGHAI):
    return calendar_of(CalendarTable(complete_years, days), zone, official_day)


def first_moment_after(day, zone):
    """Try every quarter of an hour around the day until the local date is a later one."""
    at = datetime.combine(day, datetime.min.time(), tzinfo=UTC) - timedelta(hours=15)
    while at.astimezone(zone).date() <= day:
        at += timedelta(minutes=15)
    return at


@pytest.mark.parametrize("name", ZONES)
def test_a_local_day_ends_where_the_date_changes_for_two_years(name):
    zone = ZoneInfo(name)
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(730)]
    wrong = [d for d in days if calendar(zone=zone).end_of(d) != first_moment_after(d, zone)]
    assert wrong == []


def test_a_worked_saturday_is_a_workday():
    day = calendar().on(date(2026, 10, 10))
    assert (day.kind, day.source, day.is_makeup) == ("workday", "official", True)


def test_a_holiday_is_a_day_of_rest_with_its_name():
    day = calendar().on(date(2026, 10, 1))
    assert day == CalendarDay(date(2026, 10, 1), "rest", "official", "国庆节", "National Day")


def test_the_table_overrules_the_official_calendar():
    line = TableDay(date(2026, 10, 1), "workday", "值班", "on duty")
    assert calendar(line).on(date(2026, 10, 1)).zh == "值班"


def test_a_year_that_nobody_knows_is_guessed_and_says_so():
    day = calendar().on(date(2031, 5, 1))
    assert (day.kind, day.source, calendar().knows(2031)) == ("workday", "guess", False)


def test_a_complete_year_of_the_table_is_no_guess():
    table = calendar(complete_years=(2031,))
    assert (table.on(date(2031, 5, 3)).source, table.knows(2031)) == ("table", True)
    assert table.on(date(2031, 5, 3)).kind == "rest"


def test_workdays_are_counted_over_a_golden_week():
    assert calendar().workdays_after(date(2026, 9, 30), 3) == date(2026, 10, 10)


def test_no_workdays_later_is_the_same_day():
    assert calendar().workdays_after(date(2026, 10, 3), 0) == date(2026, 10, 3)


def test_a_table_with_a_day_twice_is_refused_with_that_day():
    line = '[[day]]\ndate = 2027-01-01\nkind = "rest"\n'
    with pytest.raises(SettingsError) as caught:
        parse_calendar(line + line, "calendar.toml")
    assert caught.value.problems == ("day.date: 2027-01-01 出现 2 次 / given 2 times",)


def test_a_table_is_read_from_toml():
    text = 'complete_years = [2027]\n[[day]]\ndate = 2027-01-01\nkind = "rest"\nzh = "元旦"\n'
    table = parse_calendar(text, "calendar.toml")
    assert table == CalendarTable((2027,), (TableDay(date(2027, 1, 1), "rest", "元旦"),))
