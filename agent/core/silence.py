"""Docks whose thread has not come on for long: their card, or what is below it, does not answer."""

from datetime import datetime
from zoneinfo import ZoneInfo

from contracts.finding import Finding

SILENT_SECONDS = 15


def is_silent(moved_at: datetime | None, now: datetime) -> bool:
    """Tell whether a dock under way has not come on for so long that people must see it."""
    return moved_at is not None and (now - moved_at).total_seconds() >= SILENT_SECONDS


def silence(moved_at: datetime | None, now: datetime, zone: ZoneInfo) -> tuple[Finding, ...]:
    """Return what is remarked on a dock that has not come on since."""
    if moved_at is None or not is_silent(moved_at, now):
        return ()
    return (Finding("card_silent", "blocking", f"{moved_at.astimezone(zone):%H:%M:%S}"),)
