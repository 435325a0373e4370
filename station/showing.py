"""Numbers and moments as people read them, in both languages."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.text import Text

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_MINUTE = 60
_HOUR = 3600
_DAY = 86400


def show_bytes(count: float) -> str:
    """Return a size with three significant digits, in the units printed on cards."""
    size, unit = float(count), 0
    while abs(size) >= _STEP - 0.5 and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    digits = 0 if unit == 0 or abs(size) >= 100 else 1  # noqa: PLR2004  # three significant digits
    return f"{size:.{digits}f} {_UNITS[unit]}"


def show_duration(seconds: float) -> Text:
    """Return a length of time in its two largest units."""
    whole = round(seconds)
    if whole < _MINUTE:
        return Text(f"{whole} 秒", f"{whole} s")
    if whole < _HOUR:
        return Text(
            f"{whole // _MINUTE} 分 {whole % _MINUTE} 秒",
            f"{whole // _MINUTE} min {whole % _MINUTE} s",
        )
    if whole < _DAY:
        hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
        return Text(f"{hours} 小时 {minutes} 分", f"{hours} h {minutes} min")
    days, hours = whole // _DAY, whole % _DAY // _HOUR
    return Text(f"{days} 天 {hours} 小时", f"{days} d {hours} h")


def show_wait(length: timedelta) -> Text | None:
    """Return how long something lasts already, in minutes; None while that is nothing yet."""
    minutes = int(length.total_seconds()) // _MINUTE
    if minutes < 1:
        return None
    if minutes < _MINUTE:
        return Text(f"已 {minutes} 分钟", f"for {minutes} min")
    said = show_duration(minutes * _MINUTE)
    return Text(f"已 {said.zh}", f"for {said.en}")


def show_offset(offset_ms: int) -> Text:
    """Return how wrong a clock is; positive is fast."""
    seconds = abs(offset_ms) / 1000
    if seconds < 0.05:  # noqa: PLR2004  # shown to a tenth of a second
        return Text("准确", "exact")
    size = (
        Text(f"{seconds:.1f} 秒", f"{seconds:.1f} s")
        if seconds < _MINUTE
        else show_duration(seconds)
    )
    if offset_ms > 0:
        return Text(f"快 {size.zh}", f"{size.en} fast")
    return Text(f"慢 {size.zh}", f"{size.en} slow")


def show_uncertainty(uncertainty_ms: int) -> Text:
    """Return how sure a clock's error is."""
    seconds = uncertainty_ms / 1000
    if seconds >= _MINUTE:
        size = show_duration(seconds)
        return Text(f"± {size.zh}", f"± {size.en}")
    digits = 1 if uncertainty_ms % 1000 else 0
    return Text(f"± {seconds:.{digits}f} 秒", f"± {seconds:.{digits}f} s")


def show_moment(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment as tables show it."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def show_second(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment to the second."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def show_day(at: datetime, zone: ZoneInfo) -> Text:
    """Return a day as forms show it."""
    local = at.astimezone(zone)
    return Text(f"{local.year}年{local.month}月{local.day}日", local.strftime("%-d %B %Y"))


def show_percent(done: int, total: int) -> int:
    """Return how much is done; 100 only when all of it is."""
    if total <= 0:
        return 0
    return min(100, done * 100 // total)
