"""Builds the agent, starts it in order and stops it in reverse; nothing else wires."""

import hashlib
import logging
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from agent import recording, storekeeping
from agent.admitting import Doorkeeper
from agent.archive import Archive
from agent.archive.commissioning import Watch, check, ledger_room, look_at, settle
from agent.archive.expecting import Books
from agent.archive.grouping import path_of
from agent.archive.scrubbing import PARTS, Scrubbing
from agent.asking import Counter
from agent.catalogue import Sighting
from agent.core.admission import judge
from agent.core.copies import FOLDED as COPIES_FOLDED
from agent.core.custody import FOLDED
from agent.core.device import bind
from agent.core.event import Ticked
from agent.core.inquiries import FOLDED as INQUIRIES_FOLDED
from agent.core.recorder import Device, Driver, Recorder
from agent.core.station import INBOX_DOCK, Station
from agent.core.storage import FOLDED as STORAGE_FOLDED
from agent.detecting import Detector, KernelDevices, Source, VirtualPorts
from agent.families import FAMILIES
from agent.inbox import InboxWatch
from agent.loop import Broke, Hands, Incoming, Loop, Stop
from agent.mounting import Helper, mount_read_only, unmount_leftovers
from agent.overseeing import Overseer
from agent.pins import Pins
from agent.probing.probe import Probe
from agent.profiles import Loaded, load
from agent.recalling import last_seen, objects, proven_of
from agent.recorders.commanded import Commanded, Time, Ways
from agent.recorders.folder import list_folder
from agent.recorders.inbox import Inbox
from agent.recorders.massstorage import MassStorage
from agent.recorders.ptp import Moments, Ptp
from agent.recorders.virtual import Virtual
from agent.recording import Recorded
from agent.scrubber import Desk, Scrubber
from agent.seconding import Seconding, seconding
from agent.shipper import Shipper
from agent.showing import write_snapshot
from agent.ways import ways
from agent.worker import Tools, Worker
from contracts.archive_facts import ArchiveCommissioned
from contracts.errors import NoDriverError, SettingsError, TransportError
from contracts.facts import AgentStarted, draft_of
from contracts.loading import to_json
from contracts.messages import Message, StationMeta, StationState, Topics
from contracts.roster import Roster, parse_roster
from contracts.settings import StationSettings
from ledger.store import Ledger
from outside import clock
from outside.broker import Broker, check_files
from outside.notifying import notify

STOP_SECONDS = 10.0
VERSION = version("muster")
log = logging.getLogger(__name__)


class Agent:
    """The running agent: everything that must be closed again, newest first."""

    def __init__(self, settings: StationSettings) -> None:
        self._settings = settings
        self._resources = ExitStack()
        self._inbox: queue.SimpleQueue[Incoming] = queue.SimpleQueue()

    def run(self) -> str:
        """Start, decide until told to stop, stop; return why it stopped.

        Raises:
            MusterError: it cannot start, or the ledger cannot be relied on any more.
        """
        with self._resources:
            loop = self._build()
            log.info("ready: %s docks", len(self._settings.dock))
            notify("READY=1")
            reason = loop.run()
            notify("STOPPING=1")
        return reason

    def stop(self, reason: str) -> None:
        """Ask the agent to stop; may be called from a signal handler."""
        self._inbox.put(Stop(reason))

    def break_off(self, error: BaseException) -> None:
        """End the agent because a thread of it ended."""
        self._inbox.put(Broke(error))

    def _build(self) -> Loop:
        settings, folders = self._settings, self._settings.folders
        roster, digest = _read_roster(Path(folders.roster))
        check_files(settings.broker)
        self._profiles = self._load_profiles()
        # The lock comes first: what a running agent has mounted and half copied is its own.
        ledger = self._open_ledger()
        run = Path(folders.run)
        run.mkdir(parents=True, exist_ok=True)
        if folders.mounter is None:  # what the helper mounts goes with the connection
            unmount_leftovers(run)
        archive, known = self._open_archive(ledger)
        station = self._station(roster, ledger)
        overseer = self._overseer(archive, known)
        looking = self._scrubbing(archive, ledger, known)
        scrubber = self._scrubber(archive, looking, station)
        second = seconding(station, archive, ledger, looking(lambda _: None), self._inbox.put)
        counter = Counter(
            run / "agent.sock", Pins(roster, clock.uptime_seconds).prove, self._inbox.put
        )
        workers = self._workers(archive, ledger, station)
        hands = Hands(
            ledger=ledger,
            workers=workers,
            shipper=self._shipper(ledger, station),
            answer=counter.answer,
            write_snapshot=lambda snapshot: write_snapshot(run, snapshot),
            moment=clock.moment,
            tick=lambda: _tick(overseer),
            scrub=lambda: _begin(scrubber, second),
            alive=lambda: notify("WATCHDOG=1"),
            version=VERSION,
            moved_at=lambda: _moved_at(workers),
            bring=second.copyist.give if second else lambda order: None,
        )
        loop = Loop(station, self._inbox, hands)
        by = self._profiles
        docks = len(settings.dock)
        loop.enter(AgentStarted(VERSION, docks, digest, by.sha256, by.refused_files))
        loop.owe(station.resume())
        self._started("storage", overseer.start, overseer.stop)
        self._started("scrubber", scrubber.start, scrubber.stop)
        if second:
            self._start_second(second)
        self._started("counter", counter.start, counter.stop)
        detector = Detector(self._sources(), self._inbox.put)
        self._started("detector", detector.start, lambda _: detector.stop())
        return loop

    def _station(self, roster: Roster, ledger: Ledger) -> Station:
        station = Station(self._settings, roster, clock.wall_now(), self._profiles.profiles)
        if self._settings.second_copy:
            for sha256, size in objects(ledger):
                station.copies.prove(sha256, size)
        types = {*FOLDED, *STORAGE_FOLDED, *INQUIRIES_FOLDED, *COPIES_FOLDED}
        for entry in ledger.select(types=sorted(types)):
            station.fold(entry)
        return station

    def _load_profiles(self) -> Loaded:
        loaded = known_recorders(self._settings)
        for error in loaded.refused:
            log.error("%s", error.account)
        log.info("recorder profiles: %s, refused: %s", len(loaded.profiles), len(loaded.refused))
        return loaded

    def _open_ledger(self) -> Ledger:
        folder = Path(self._settings.folders.state) / "ledger"
        ledger = Ledger.open(folder, self._prefix, clock.moment(), VERSION)
        self._resources.callback(ledger.close)
        log.info("ledger key: %s", ledger.verifying_key)
        return ledger

    def _open_archive(self, ledger: Ledger) -> tuple[Archive, ArchiveCommissioned]:
        """Open the archive on the disk it was commissioned on, and on no other."""
        root = Path(self._settings.folders.archive)
        disk = look_at(root)
        archive = Archive(root)
        self._resources.callback(archive.take())
        known, is_new = settle(root, Books(ledger), ledger.origin)
        if is_new:
            ledger.append([draft_of(known)], clock.moment())
            log.warning("archive commissioned: %s at %s", known.archive, known.path)
            if disk.is_system:
                log.warning("the archive is on the system's disk: %s", known.path)
        archive.prepare()
        return archive, known

    def _overseer(self, archive: Archive, known: ArchiveCommissioned) -> Overseer:
        watch = Watch(archive, Path(self._settings.folders.archive), known)
        self._resources.callback(watch.close)
        state = Path(self._settings.folders.state)
        return Overseer(
            look=lambda is_writing: watch.look(writing=is_writing),
            ledger_room=lambda: ledger_room(state),
            deliver=self._inbox.put,
        )

    def _scrubbing(
        self, archive: Archive, ledger: Ledger, known: ArchiveCommissioned
    ) -> Callable[[Callable[[int], None]], Scrubbing]:
        root, books = Path(self._settings.folders.archive), Books(ledger)

        def check_disk() -> None:
            check(root, look_at(root), known)

        return lambda read: Scrubbing(archive, books, check_disk, read)

    def _scrubber(
        self,
        archive: Archive,
        looking: Callable[[Callable[[int], None]], Scrubbing],
        station: Station,
    ) -> Scrubber:
        storage = station.storage
        desk = Desk(
            settings=self._settings.storage,
            file=Path(self._settings.folders.state) / "scrub.json",
            parts=PARTS,
            scrubbed=looking,
            deliver=self._inbox.put,
            now=clock.wall_now,
            due_at=lambda: storage.scrub_due_at,
            used_bytes=lambda: archive.total_bytes() - archive.free_bytes(),
            is_busy=lambda: station.is_copying,
            unexpected=lambda: frozenset(storage.unexpected),
        )
        return Scrubber(desk)

    def _workers(self, archive: Archive, ledger: Ledger, station: Station) -> dict[int, Worker]:
        folders = self._settings.folders
        probe = Probe()
        self._resources.callback(probe.close)

        def is_reported(sha256: str) -> bool:
            return station.storage.is_reported(path_of(sha256))

        helper = Helper(Path(folders.mounter)) if folders.mounter else None
        mount = helper.mount if helper else mount_read_only
        profiles = self._profiles.profiles
        zone = ZoneInfo(self._settings.station.zone)
        disks = MassStorage(Path(folders.run), mount, profiles, zone)
        opens = ways(helper)
        pictures = Ptp(profiles, opens["usb"], Moments(clock.wall_now, time.sleep, zone))
        drivers: list[Driver] = [disks, pictures, Virtual()]
        numbers = [dock.number for dock in self._settings.dock]
        if folders.inbox is not None:
            watch = self._inbox_watch(Path(folders.inbox))
            drivers.append(Inbox(watch.finished))
            numbers.append(INBOX_DOCK)
        speaker = Commanded(
            profiles,
            Ways(FAMILIES, opens),
            Time(clock.wall_now, zone, clock.uptime_seconds, time.sleep),
        )
        tools = Tools(
            attach=lambda device: _attach(device, drivers),
            speak=speaker.speak,
            archive=archive,
            look=probe.look,
            archive_root=Path(folders.archive),
            proven=lambda recorder: proven_of(ledger, recorder, is_reported),
            deliver=self._inbox.put,
            now=clock.wall_now,
            zone=zone,
            last_seen=lambda recorder: last_seen(ledger, recorder),
        )
        workers = {number: Worker(number, tools) for number in numbers}
        for number, worker in workers.items():
            self._started(f"dock {number}", worker.start, worker.stop)
        # All are told before the first is waited for, so that they end at the same time.
        self._resources.callback(_abandon, workers.values())
        return workers

    def _inbox_watch(self, folder: Path) -> InboxWatch:
        folder.mkdir(parents=True, exist_ok=True)
        watch = InboxWatch(folder, lambda: list_folder(folder), self._inbox.put)
        self._started("inbox", watch.start, lambda _: watch.stop())
        return watch

    def _shipper(self, ledger: Ledger, station: Station) -> Shipper | None:
        settings = self._settings
        if not settings.broker.host:
            return None
        topics = Topics(settings.broker.root, settings.station.organisation)
        own = settings.station.id
        lost = to_json(StationState("lost"))
        will = Message(topics.station(own, "state"), lost, retained=True)
        heard = (topics.station(own, "have"), topics.station(own, "witness"), topics.index_state)
        broker = Broker(settings.broker, own, will, heard, self._inbox.put)
        meta = StationMeta(
            organisation=settings.station.organisation,
            station=own,
            name=settings.station.name,
            version=VERSION,
            docks=len(settings.dock),
            origin=ledger.origin,
            key=str(ledger.verifying_key),
        )
        shipper = Shipper(ledger, topics, meta, broker.publish)
        shipper.witness_key = settings.witness_key or station.custody.witness_key
        self._started(
            "broker",
            broker.start,
            lambda seconds: broker.stop(shipper.farewell(clock.wall_now()), seconds),
        )
        return shipper

    def _start_second(self, second: Seconding) -> None:
        self._started("second copy's scrubber", second.scrubber.start, second.scrubber.stop)
        self._started("copyist", second.copyist.start, second.copyist.stop)

    def _sources(self) -> list[Source]:
        folders = self._settings.folders
        docks = {dock.port: dock.number for dock in self._settings.dock}
        own, profiles = self._settings.own_ports, self._profiles.profiles
        keep = None
        if folders.mounter is not None:
            helper = Helper(Path(folders.mounter))
            keep = Doorkeeper(
                lambda plug: judge(plug, docks, own, profiles), helper.admit, helper.shut_out
            ).keep
        sources: list[Source] = [KernelDevices(list(docks), keep)]
        if folders.virtual_ports is not None:
            sources.append(VirtualPorts(Path(folders.virtual_ports)))
        return sources

    def _started(
        self, name: str, start: Callable[[], None], stop: Callable[[float], bool | None]
    ) -> None:
        """Start a thread now and have it stopped and waited for at the end."""
        start()

        def end() -> None:
            if stop(STOP_SECONDS) is False:
                log.error("%s did not stop within %s s", name, STOP_SECONDS)

        self._resources.callback(end)

    @property
    def _prefix(self) -> str:
        station = self._settings.station
        return f"muster/{station.organisation}/{station.id}"


def run(settings: StationSettings) -> str:
    """Run the agent until SIGTERM or SIGINT; return why it stopped.

    Raises:
        MusterError: it cannot start, or the ledger cannot be relied on any more.
    """
    agent = Agent(settings)
    threading.excepthook = lambda died: agent.break_off(died.exc_value or SystemExit(1))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _: agent.stop(signal.Signals(signum).name))
    return agent.run()


def known_recorders(settings: StationSettings | None) -> Loaded:
    """Return the recorder profiles that a station goes by; without settings, those shipped.

    Raises:
        SettingsError: a folder of them cannot be read.
    """
    own = settings.folders.recorders if settings else None
    # PTP is no dialogue of ours: its own driver takes no options.
    return load(Path(own) if own else None, {**FAMILIES, "ptp": dict})


def plugged_in(settings: StationSettings | None, known: Loaded) -> list[Sighting]:
    """Return everything that is plugged in, and what would be done with it; opens nothing."""
    docks = {dock.port: dock.number for dock in settings.dock} if settings else {}
    own = settings.own_ports if settings else ()
    ports = settings.folders.virtual_ports if settings else None
    sources: list[Source] = [KernelDevices(list(docks))]
    if ports is not None:
        sources.append(VirtualPorts(Path(ports)))
    devices = [device for source in sources for device in source.devices()]
    bound = bind(devices, docks, own, known.profiles)
    docked = [Sighting(device, number) for number, device in sorted(bound.docked.items())]
    # Without settings no port is a dock, which is no reason to refuse anything.
    return docked + [
        Sighting(
            one.device, one.dock, one.error if settings or one.code != "port_unbound" else None
        )
        for one in bound.refused
    ]


def record(settings: StationSettings | None, at: str) -> Recorded:
    """Return all that the device at a port or node tells, and what its card holds.

    Raises:
        NothingPluggedInError: nothing is there.
        TransportError: the kernel does not let it in, or the agent holds it.
        RecorderSilentError: it is no disk and speaks no language we know.
        MusterError: as the driver and the transport raise.
    """
    profiles = known_recorders(settings).profiles
    device = recording.found(KernelDevices((at, f"loop:{Path(at).name}")).devices(), at)
    if settings:
        _check_free(settings, device.port)
    zone = ZoneInfo(settings.station.zone if settings else "UTC")
    with tempfile.TemporaryDirectory() as folder:
        disks = MassStorage(Path(folder), mount_read_only, profiles, zone)
        means = recording.Means(ways(), clock.uptime_seconds, VERSION)
        return recording.record(device, profiles, means, disks.attach)


def _check_free(settings: StationSettings, port: str) -> None:
    """Refuse a dock while the agent runs: what stands on it is the agent's."""
    docks = [dock.number for dock in settings.dock if dock.port == port]
    if docks and storekeeping.is_running(settings):
        reason = "采集服务占用此工位, 先停止它 / the agent holds this dock: stop it first"
        raise TransportError(node=f"{port} ({docks[0]})", reason=reason)


def commission(settings: StationSettings, order: storekeeping.Order) -> str:
    """Make another disk the archive by hand; return what was entered.

    Raises:
        MusterError: it is refused, or the agent runs.
    """
    roster, _ = _read_roster(Path(settings.folders.roster))
    return storekeeping.commission(settings, order, roster, VERSION)


def commission_copy(settings: StationSettings, order: storekeeping.Order) -> str:
    """Make another disk the second copy's by hand; return what was entered.

    Raises:
        MusterError: it is refused, or the agent runs.
    """
    roster, _ = _read_roster(Path(settings.folders.roster))
    return storekeeping.commission_copy(settings, order, roster, VERSION)


def restore(settings: StationSettings, order: storekeeping.Order) -> storekeeping.Result:
    """Bring back from the second copy what the archive lost.

    Raises:
        MusterError: it is refused, a disk does not work, or the agent runs.
    """
    roster, _ = _read_roster(Path(settings.folders.roster))
    return storekeeping.restore(settings, order, roster, VERSION)


def _read_roster(file: Path) -> tuple[Roster, str]:
    try:
        raw = file.read_bytes()
        text = raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError.unreadable(file, error) from error
    return parse_roster(text, str(file)), hashlib.sha256(raw).hexdigest()


def _begin(scrubber: Scrubber, second: Seconding | None) -> None:
    scrubber.begin()
    if second:
        second.scrubber.begin()


def _abandon(workers: Iterable[Worker]) -> None:
    for worker in workers:
        worker.abandon()


def _moved_at(workers: Mapping[int, Worker]) -> dict[int, datetime]:
    moved = {number: worker.moved_at for number, worker in workers.items()}
    return {number: at for number, at in moved.items() if at is not None}


def _attach(device: Device, drivers: list[Driver]) -> Recorder:
    for driver in drivers:
        if driver.recognise(device):
            return driver.attach(device)
    raise NoDriverError(device=device.description)


def _tick(overseer: Overseer) -> Ticked:
    room = overseer.room
    free, total = (room.free_bytes, room.total_bytes) if room else (None, None)
    return Ticked(free, total, clock.clock_state())
