"""The machine's clocks: wall time, boot id, time since boot, and whether to believe them."""

import ctypes
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from contracts.entry import ClockState, Moment

_LIBC = ctypes.CDLL(None, use_errno=True)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 256  # more than struct timex has on any architecture


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
    """Return whether the kernel holds the wall clock for synchronised."""
    # modes = 0 only reads; the answer is the return value, the structure is not looked at.
    state = _LIBC.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    if state < 0:
        return "unknown"
    return "unsynchronised" if state == _TIME_ERROR else "synchronised"
