"""What the core asks to be done: orders, each of which may be repeated without harm."""

from dataclasses import dataclass

from agent.core.plan import Plan
from agent.core.recorder import CardFile, Device
from contracts.commands import Answer
from contracts.facts import Fact


@dataclass(frozen=True, slots=True)
class Enter:
    """Append a fact to the ledger; done before any other effect of the same step."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class Identify:
    """Take hold of the device and ask who it is; `as_disk`: not in its own language any more."""

    dock: int
    visit: str
    device: Device
    as_disk: bool = False


@dataclass(frozen=True, slots=True)
class Interview:
    """Ask a recorder in command mode for its readings."""

    dock: int
    visit: str


@dataclass(frozen=True, slots=True)
class SwitchToDisk:
    """Have a recorder in command mode show its card as a disk, and let go of it."""

    dock: int
    visit: str


@dataclass(frozen=True, slots=True)
class Survey:
    """Ask for readings and files, and look up what is proven of this recorder."""

    dock: int
    visit: str
    recorder: str


@dataclass(frozen=True, slots=True)
class SetClock:
    """Set the recorder's clock, whose offset has just been entered, and read it again.

    The offset is None where the recorder takes a time and does not tell one.
    """

    dock: int
    visit: str
    offset_ms_before: int | None


@dataclass(frozen=True, slots=True)
class CopyFiles:
    """Import the planned files one by one, then write the visit's manifest."""

    dock: int
    visit: str
    recorder: str
    plan: Plan
    clock_offset_ms: int | None
    sm3: bool


@dataclass(frozen=True, slots=True)
class TakeReadings:
    """Read battery, clock and storage again."""

    dock: int
    visit: str


@dataclass(frozen=True, slots=True)
class ReadCardAgain:
    """List and read the whole card once more from the medium, and the archive's objects of it."""

    dock: int
    visit: str
    recorder: str


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Ask once more who it is, and take readings."""

    dock: int
    visit: str


@dataclass(frozen=True, slots=True)
class ClearCard:
    """Remove exactly these files; ordered only when the ledger says so and a witness saw it."""

    dock: int
    visit: str
    files: tuple[CardFile, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """Let go of the recorder and give up whatever is under way for it."""

    dock: int


@dataclass(frozen=True, slots=True)
class BeginScrub:
    """Read the whole archive again, beginning now."""


@dataclass(frozen=True, slots=True)
class Owed:
    """An object that the second copy is to get."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class BringCopies:
    """Bring these objects of the archive to the second copy, and prove them there."""

    objects: tuple[Owed, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer who asked; `entered`: the answer is about the step's last entry."""

    ticket: int
    answer: Answer
    entered: bool = False


Effect = (
    Enter
    | Identify
    | Interview
    | SwitchToDisk
    | Survey
    | SetClock
    | CopyFiles
    | TakeReadings
    | ReadCardAgain
    | LookAgain
    | ClearCard
    | Release
    | BeginScrub
    | BringCopies
    | Reply
)
