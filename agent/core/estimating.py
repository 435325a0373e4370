"""What the files a recorder brings tell of its clock, when it does not tell it itself; pure.

Whatever is new on a card was written after the recorder was last here and before it came now, so
its times bound the clock from both sides. That is a hint for people: nothing is dated, set or
barred by it (agent.core.clock).
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from agent.core.marks import stamp
from agent.core.recorder import CardFile
from contracts.names import name_time
from contracts.reading import Reading

HOW = "newest file"
AT_LEAST = "newest file, at least"
_YEARS = range(2010, 2100)
_MS = timedelta(milliseconds=1)


def with_estimate(
    readings: Iterable[Reading],
    new: Collection[CardFile],
    since: datetime | None,
    now: datetime,
    zone: tzinfo,
) -> tuple[Reading, ...]:
    """Return the readings, a clock that nobody told estimated from files `new` since `since`."""
    guess = estimate(new, since, now, zone)
    return tuple(
        replace(guess, at=reading.at)
        if reading.kind == "clock_offset_ms" and reading.value is None and guess
        else reading
        for reading in readings
    )


def estimate(
    new: Iterable[CardFile], since: datetime | None, now: datetime, zone: tzinfo
) -> Reading | None:
    """Return the clock offset that a recorder's new files leave possible; None where none is.

    Without `since` only the least is known: a recorder has nothing from times its clock has not
    reached. It is worth saying only where it shows that the clock is fast.
    """
    told = [written.replace(tzinfo=zone) for file in new if (written := _written(file))]
    if not told:
        return None
    least = max(told) - now
    if since is None:
        fast = least > timedelta(0)
        return (
            Reading("clock_offset_ms", least // _MS, AT_LEAST, now, "estimated") if fast else None
        )
    most = min(told) - since
    if least > most:  # its clock was moved, or somebody put files there
        return None
    middle, half = (least + most) // 2, (most - least) // 2
    return Reading("clock_offset_ms", middle // _MS, HOW, now, "estimated", -(-half // _MS))


def _written(file: CardFile) -> datetime | None:
    """Return when the recorder was at the file, by its own clock: its name goes before its time."""
    written = name_time(file.path) or stamp(file)
    return written if written.year in _YEARS else None
