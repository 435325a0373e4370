"""What recorders say, taken as values; what makes no sense is None, never a guess."""

import re
from datetime import UTC, datetime, timedelta

from agent.core.family import Told

TEXT_MAX = 64
BYTES_MAX = 1 << 53  # what an entry can hold
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(2100, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[0-9]{1,18}")


def name(said: object) -> str | None:
    """Return what names a thing, without the blanks and NULs around it."""
    text = said.strip(" \t\r\n\0") if isinstance(said, str) else ""
    return text if text.isprintable() and 0 < len(text) <= TEXT_MAX else None


def number(said: object) -> int | None:
    """Return a whole number that is not negative."""
    text = str(said) if isinstance(said, str | int) else ""
    return int(text) if _NUMBER.fullmatch(text) else None


def percent(said: object) -> int | None:
    """Return a percentage; 101 and more are no battery's."""
    value = number(said)
    return value if value is not None and value in range(101) else None


def room(
    free: int | None, total: int | None, unit_bytes: int, how: str
) -> tuple[Told[int], Told[int]] | None:
    """Return free and total bytes of a card, which are told in units of so many."""
    if free is None or total is None or not free <= total < BYTES_MAX // unit_bytes:
        return None
    told = (Told(count * unit_bytes, how, uncertainty=unit_bytes) for count in (free, total))
    return next(told), next(told)


def moment(said: str, format_: str) -> datetime | None:
    """Return a date and time as `strptime` reads it."""
    try:
        return datetime.strptime(said.strip(" \t\r\n\0"), format_)  # noqa: DTZ007  # recorders have no zone
    except ValueError:
        return None


def since_1970(count: int, unit: timedelta) -> datetime | None:
    """Return the moment so many seconds or milliseconds after 1970 UTC, before 2100."""
    if count >= (_LAST - _EPOCH) // unit:
        return None
    return _EPOCH + count * unit
