"""A station with one dock, at which a fixture's recorder is docked: real parts but the port.

The core, the deciding loop, the ledger, a worker, the drivers, the mount and the archive are the
real ones; the recorder answers as recorded, and its card is made of what was listed.
"""

import queue
import time
from dataclasses import replace
from zoneinfo import ZoneInfo

from agent.archive import Archive
from agent.core.dialogue import converse
from agent.core.event import DevicesSeen, Ticked
from agent.core.fixture import Replay
from agent.core.recorder import Device, MediaFacts
from agent.core.station import Station
from agent.families import FAMILIES
from agent.families.ptp import PictureTransfer
from agent.families.ptp_recorded import PtpReplay
from agent.loop import Hands, Loop
from agent.mounting import mount_read_only
from agent.questioning import answers
from agent.recorders.commanded import Commanded, Time, Ways
from agent.recorders.massstorage import MassStorage
from agent.recorders.ptp import Moments, Ptp
from agent.recording import PTP
from agent.worker import Tools, Worker
from contracts.dock import DockState
from contracts.errors import NoDriverError
from contracts.roster import RecorderRecord
from contracts.settings import DockBinding
from ledger.store import Ledger
from outside import clock
from tests.recorders.construct import PLUG, VOLUME, profiles
from tests.support.made_up import ROSTER, SETTINGS

ZONE = ZoneInfo("Asia/Shanghai")
PATIENCE_SECONDS = 60
SIZE_MAX = 4096  # of a file made of a listing; the listed sizes would take hours
ENDED = (DockState.READY, DockState.ATTENTION, DockState.FAILED, DockState.REFUSED)


class Docking:
    """One station while a fixture's recorder is docked; `replay` is how it answers."""

    def __init__(self, folder, fixture):
        head = fixture.head
        self.profiles = profiles(head.profile, head.options, head.family, head.transport)
        self.replay = answering(fixture)
        self.inbox = queue.SimpleQueue()
        roster = replace(ROSTER, recorder=(registered(fixture),))
        docks = (DockBinding(1, "usb-0:5"),)
        settings = replace(SETTINGS, dock=docks)
        self.station = Station(settings, roster, clock.wall_now(), self.profiles)
        self.ledger = Ledger.open(folder / "ledger", "muster/example/s1", clock.moment(), "test")
        self.worker = Worker(1, self._tools(folder, fixture))
        self.worker.start()
        self.loop = Loop(self.station, self.inbox, self._hands())
        self._take(Ticked(10**12, 10**12, "synchronised"))

    def _tools(self, folder, fixture):
        (folder / "archive").mkdir()
        archive = Archive(folder / "archive")
        archive.prepare()
        disks = MassStorage(folder / "run", mount_read_only, self.profiles, ZONE)
        way = {fixture.head.transport: lambda *_: self.replay} if fixture.exchanges else {}
        timing = Time(clock.wall_now, ZONE, clock.uptime_seconds, time.sleep)
        speaker = Commanded(self.profiles, Ways(FAMILIES, way), timing)
        moments = Moments(clock.wall_now, time.sleep, ZONE)
        pictures = Ptp(self.profiles, lambda *_: self.replay, moments)

        def attach(device):
            for driver in (disks, pictures):
                if driver.recognise(device):
                    return driver.attach(device)
            raise NoDriverError(device=device.description)

        return Tools(
            attach=attach,
            speak=speaker.speak,
            archive=archive,
            look=lambda *_: MediaFacts("not_media"),
            archive_root=folder / "archive",
            proven=lambda _: (),
            deliver=self.inbox.put,
            now=clock.wall_now,
            zone=ZONE,
        )

    def _hands(self):
        return Hands(
            ledger=self.ledger,
            workers={1: self.worker},
            shipper=None,
            answer=lambda *_: None,
            write_snapshot=lambda _: None,
            moment=clock.moment,
            tick=lambda: Ticked(10**12, 10**12, "synchronised"),
            scrub=lambda: None,
            alive=lambda: None,
            version="test",
        )

    def see(self, *devices):
        """Have the port show these."""
        self._take(DevicesSeen(devices))

    def until(self, *states):
        """Decide until the dock is in one of these states."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (state := self.station.docks[1].state) not in states:
            assert time.monotonic() < deadline, state
            assert state not in ENDED, (self.station.docks[1].trouble, self.replay.unrecorded)
            self._take(self.inbox.get(timeout=PATIENCE_SECONDS))

    def data(self, kind):
        """Return what the ledger's entries of a type say."""
        return [one.data for one in self.ledger.select(types=(kind,))]

    def close(self):
        """End the worker and the ledger."""
        assert self.worker.stop(PATIENCE_SECONDS)
        self.ledger.close()

    def _take(self, event):
        self.loop.turn((event,))


def device(plug):
    """Return what the kernel said of a recorder, on this station's port."""
    is_scsi = plug.kind in {"block", "drive"}
    return Device(
        "usb-0:5", plug.kind, PLUG, plug.description, serial=plug.serial,
        vendor_id=plug.vendor_id, model_id=plug.model_id, classes=plug.classes, arrival="1.7",
        usb=PLUG, generic=PLUG if is_scsi else None, inquiry=plug.inquiry, label=plug.label,
        lines=(PLUG,) if plug.has_line else (), file_system=plug.file_system,
    )  # fmt: skip


def answering(fixture):
    """Return what answers in the recorder's place."""
    if fixture.head.family == PTP:
        return PtpReplay(fixture.exchanges, SIZE_MAX)
    return Replay(fixture.exchanges)


def told(fixture):
    """Return what a recorder tells when its answers are read without a dock."""
    if fixture.head.family == PTP:
        return pictured(fixture)
    family = FAMILIES[fixture.head.family](fixture.head.options)
    return {one.fact: one.value for one in answers(family, Replay(fixture.exchanges))}


def pictured(fixture):
    """Return what a camera or player tells; its plug's serial number is not its own."""
    session, way = PictureTransfer({}), answering(fixture)
    converse(session.begin(), way)
    number = converse(session.identity(), way).device_number
    battery, room = converse(session.battery(), way), converse(session.storage(), way)
    free, total = room or (None, None)
    return {
        "number": None if number == fixture.plug.serial else number,
        "battery_percent": battery and battery.value,
        "free_bytes": free and free.value,
        "total_bytes": total and total.value,
    }


def registered(fixture):
    """Return a roster's record of the recorder, by all that is seen of it at once."""
    number = told(fixture)["number"] if fixture.exchanges else None
    return RecorderRecord(
        "F1", "d1", device_number=number, serial=fixture.plug.serial, volume=VOLUME
    )


def made_of(entries):
    """Return a card's files: small ones as they were, the others short and no two alike."""
    return {
        bytes.fromhex(one.path): bytes.fromhex(one.holds)
        if one.holds is not None
        else bytes.fromhex(one.path).ljust(SIZE_MAX, b"\0")[: min(one.size, SIZE_MAX)]
        for one in entries
    }
