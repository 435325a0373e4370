"""What a recorder says of itself: each value with how it was read, when, and how sure it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ReadingKind = Literal["battery_percent", "clock_offset_ms", "free_bytes", "total_bytes"]
Confidence = Literal["measured", "reported", "estimated", "observed", "unknown"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading. `value` is None when it is not known; unknown is a legal answer.

    `clock_offset_ms` is recorder clock minus station clock: positive when the recorder is fast.
    `how` names the method ("virtual", "statvfs", "newest file", "screen"); `uncertainty` has the
    unit of the value.
    """

    kind: ReadingKind
    value: int | None
    how: str
    at: datetime
    confidence: Confidence
    uncertainty: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a recorder can be told: what it says itself, and what its card and plug say."""

    device_number: str | None = None  # PARAM.INI, Info.dat or the device's own protocol
    serial: str | None = None  # USB serial number
    volume: str | None = None  # file system UUID
    model: str | None = None
    how: str = ""
