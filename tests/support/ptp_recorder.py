"""The PTP driver with an emulated recorder on its plug."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.core.plan import Plan, PlannedCopy
from agent.core.profile import Known, Language, Match, Profile
from agent.core.recorder import Device
from agent.recorders.ptp import Moments, Ptp
from contracts.text import Text
from tests.support.emulators.ptp import Recorder
from tests.support.emulators.ptp_usb import Plug
from tests.support.ptp_wire import Wire

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 0, 9, 10, 300_000, tzinfo=UTC)
PROFILE = Profile(
    name="ptp",
    title=Text("PTP 记录仪", "PTP recorder"),
    match=Match(kinds=("usb",), interfaces=("06",)),
    language=Language("ptp", "ptp"),
    clearing=True,
    facts={"clear": Known("DeleteObject")},
)
DEVICE = Device(
    "pci-0-usb-0:5",
    "other",
    Path("/dev/bus/usb/001/004"),
    "Maker DSJ-P1",
    serial="USB0001",
    classes=("06",),
    usb=Path("/dev/bus/usb/001/004"),
)


class Bench:
    """A docked PTP recorder, and a clock that stands still but for what is waited."""

    def __init__(self, profile: Profile = PROFILE, **recorder: object) -> None:
        self.at = NOW
        self.recorder = Recorder(now=self.now, **recorder)
        self.plug = Plug(self.recorder)
        self.wire = Wire(self.plug)
        moments = Moments(self.now, self.wait, ZONE)
        self.driver = Ptp([profile], lambda _device, _options: self.wire, moments)

    def now(self) -> datetime:
        """Return the station's time."""
        return self.at

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.at += timedelta(seconds=seconds)

    def attach(self):
        """Take hold of the recorder."""
        self.held = self.driver.attach(DEVICE)
        return self.held

    def file(self, name: str):
        """Return a listed file by the end of its path."""
        listing = self.held.list_files()
        return next(file for file in listing.files if file.path.endswith(name.encode()))

    # What a visit's copy asks of its card.

    @property
    def contents(self) -> dict[bytes, bytes]:
        """Return what each listed file holds."""
        listed = self.held.list_files().files
        by_name = {thing.name: thing for thing in self.recorder.things.values()}
        things = {file.path: by_name[file.path.decode().rpartition("/")[2]] for file in listed}
        return {path: thing.read(0, thing.size) for path, thing in things.items()}

    def plan(self) -> Plan:
        """Return the plan that copies every file."""
        return Plan(tuple(map(PlannedCopy, self.held.list_files().files)), ())

    def __getattr__(self, name: str):
        """Pass on what is asked of a recorder."""
        return getattr(self.held, name)


def read_all(opened, size: int = 1 << 20) -> bytes:
    """Read an open file to its end."""
    buffer, pieces = memoryview(bytearray(size)), []
    while count := opened.readinto(buffer):
        pieces.append(bytes(buffer[:count]))
    return b"".join(pieces)
