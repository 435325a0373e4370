"""The index's clocks: wall time, boot id, time since boot, and whether to believe them."""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path

from contracts.entry import ClockState, Moment

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 256  # more than struct timex has on any architecture


def moment() -> Moment:
    """Return the moment by all clocks at once."""
    boot_id = _BOOT_ID.read_text(encoding="ascii").strip()
    return Moment(datetime.now(UTC), boot_id, int(time.monotonic() * 1000), _clock_state())


def _clock_state() -> ClockState:
    # modes = 0 only reads; the answer is the return value, the structure is not looked at.
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    if state < 0:
        return "unknown"
    return "unsynchronised" if state == _TIME_ERROR else "synchronised"
