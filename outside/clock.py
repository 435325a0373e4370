"""The machine's clocks: wall time, boot id, time since boot, and whether to believe them."""

import ctypes
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from contracts.entry import ClockState, Moment

_LIBC = ctypes.CDLL(None, use_errno=True)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_ERROR_US_MAX = 16_000_000  # adjtimex(2): as much as the kernel ever says (NTP_PHASE_LIMIT)


class _Timex(ctypes.Structure):
    """The head of struct timex; what follows is only room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("rest", ctypes.c_byte * 256),
    )


def wall_now() -> datetime:
    """Return the wall time, aware, UTC."""
    return datetime.now(UTC)


def moment() -> Moment:
    """Return the moment by all clocks at once."""
    return Moment(wall_now(), boot_id(), int(uptime_seconds() * 1000), clock_state())


def uptime_seconds() -> float:
    """Return the seconds since boot, which nobody can set back."""
    return time.monotonic()


@cache
def boot_id() -> str:
    """Return the id of this boot."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def clock_state() -> ClockState:
    """Return whether the kernel holds the wall clock for synchronised.

    That is so while whoever sets the clock (chronyd, timesyncd, ntpd) vouches for an error below
    16 s; nobody does after boot, and 9 hours after the last word of it the kernel doubts it again.
    The flag STA_UNSYNC is not asked: chronyd leaves it set where `rtcsync` is not configured, and
    timedatectl's `NTPSynchronized` passes it over for the same reason (docs/clock.md).
    """
    answer = _Timex()  # modes = 0 only reads
    if _LIBC.adjtimex(ctypes.byref(answer)) < 0:
        return "unknown"
    return judge_error(answer.maxerror)


def judge_error(error_us: int) -> ClockState:
    """Return what the largest possible error of the wall clock, in microseconds, says of it."""
    return "synchronised" if error_us < _ERROR_US_MAX else "unsynchronised"
