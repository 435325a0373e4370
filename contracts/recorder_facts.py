"""Facts about a docked recorder itself: that it came, what it told, what was done to its clock.

They are entries like all others; `contracts.facts` lists them with the rest.
"""

from dataclasses import dataclass
from datetime import datetime

from contracts.fact import Fact
from contracts.finding import Finding
from contracts.reading import Identity, Reading


@dataclass(frozen=True)
class RecorderDocked(Fact):
    """A registered recorder was plugged in; `visit` names everything until it is taken out.

    `profile` names the one it is spoken with or read by ("plain": none fits its disk). Virtual
    recorders and the inbox have none, and neither have entries of before it was entered.
    """

    TYPE = "recorder.docked"
    visit: str
    dock: int
    port: str
    recorder: str
    identity: Identity
    device: str
    profile: str | None = None


@dataclass(frozen=True)
class RecorderSwitched(Fact):
    """A recorder in command mode came back on its port as a disk.

    `identity` is the disk's, `profile` the one its card is read by.
    """

    TYPE = "recorder.switched"
    visit: str
    recorder: str
    dock: int
    device: str
    identity: Identity
    profile: str | None = None


@dataclass(frozen=True)
class RecorderChecked(Fact):
    """Battery, clock and storage as read, and what the checks found."""

    TYPE = "recorder.checked"
    visit: str
    recorder: str
    readings: tuple[Reading, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class ReadingObserved(Fact):
    """A person read the recorder's own screen and answers for it."""

    TYPE = "reading.observed"
    recorder: str
    observer: str
    readings: tuple[Reading, ...]
    findings: tuple[Finding, ...]
    visit: str | None = None


@dataclass(frozen=True)
class ClockSet(Fact):
    """The recorder's clock was corrected; `recorder.checked` measured it before.

    `offset_ms_before` is unknown of a recorder that takes a time and does not tell one.
    """

    TYPE = "clock.set"
    visit: str
    recorder: str
    offset_ms_before: int | None
    set_at: datetime
