"""The official Chinese workday calendar (调休 included) as chinesecalendar knows it."""

from datetime import date

import chinese_calendar

from index.core.calendar import CalendarDay


def official_day(day: date) -> CalendarDay | None:
    """Return what the State Council made of a day; None for a year that is not known here."""
    try:
        is_rest, holiday = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return None
    zh = chinese_calendar.Holiday(holiday).chinese if holiday else ""
    return CalendarDay(day, "rest" if is_rest else "workday", "official", zh, holiday or "")
