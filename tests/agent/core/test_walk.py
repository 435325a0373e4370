"""Random walks over the station: whatever happens in whatever order, the invariants hold."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.core.effect import (
    CopyFiles,
    Enter,
    Identify,
    Interview,
    SetClock,
    Survey,
    SwitchToDisk,
    TakeReadings,
)
from agent.core.event import (
    ClockCorrected,
    CopyEnded,
    DevicesSeen,
    FileUnreadable,
    FromDock,
    Identified,
    Interviewed,
    ReadAgain,
    Surveyed,
    SwitchBegun,
    Ticked,
    Trouble,
    VisitFailed,
)
from agent.core.profile import Language, Match, Profile
from agent.core.recorder import Device, Listing, RefusedItem, Volume
from agent.core.station import Station
from contracts.dock import DockState
from contracts.errors import ArchiveFullError, FileUnreadableError
from contracts.facts import VisitCompleted
from contracts.reading import Identity
from contracts.text import Text
from tests.support.made_up import (
    NOW,
    ROSTER,
    SETTINGS,
    card_file,
    entry,
    imported,
    later,
    proven,
    readings,
)

FULL = Trouble.of(ArchiveFullError())
UNREADABLE = Trouble.of(FileUnreadableError(name="a", offset=5, reason="EIO"))
SWITCH_SECONDS = 30.0
PROFILE = Profile(
    "spoken", Text("型号", "model"), Match(kinds=("usb",), usb=("4255:0001",)),
    Language("spoken", "usb"),
)  # fmt: skip
ORDERS = Identify | Interview | SwitchToDisk | Survey | SetClock | CopyFiles | TakeReadings
ENDS = {"visit.completed", "visit.interrupted"}
CARDS = {
    "R1": (card_file(b"a"), card_file(b"b")),
    "R2": (card_file(b"a"),),
    "R9": (),
}


def station():
    return Station(SETTINGS, ROSTER, NOW, (PROFILE,))


def device(dock, mode, arrival):
    """Return what a recorder shows on its port: its command mode, or its disk."""
    node, plug = Path(f"/dev/sd{dock}"), Path(f"/dev/bus/usb/001/{arrival:03}")
    spoken = Device(
        f"virtual:{dock}", "other", plug, "Acme", vendor_id="4255", model_id="0001",
        classes=("ff",), usb=plug, arrival=str(arrival),
    )  # fmt: skip
    if mode == "command":
        return spoken
    volumes = (Volume(node, "V", "vfat"),)
    return replace(spoken, kind="block", node=node, file_system="vfat", volumes=volumes)


class Walk(RuleBasedStateMachine):
    """Two docks, three recorders, workers that answer late, fail, or not at all.

    Some recorders are asked first; switched, they come back as a disk, late, never, or as before.
    """

    def __init__(self):
        super().__init__()
        self.station = station()
        self.plugged = {}
        self.shown = {}  # by dock: mode and arrival, None while it is away
        self.arrivals = 0
        self.orders = []
        self.facts = []
        self.proven = {}
        self.seconds = 0

    @rule(
        dock=st.sampled_from([1, 2]),
        recorder=st.sampled_from(sorted(CARDS)),
        mode=st.sampled_from(["command", "disk"]),
    )
    def plug_in(self, dock, recorder, mode):
        if dock not in self.plugged:
            self.plugged[dock] = recorder
            self.show(dock, mode)
            self.see()

    @precondition(lambda self: self.plugged)
    @rule(data=st.data(), mode=st.sampled_from(["command", "disk", None]))
    def change(self, data, mode):
        """A recorder comes back as a disk, or of itself shows something else."""
        self.show(data.draw(st.sampled_from(sorted(self.plugged))), mode)
        self.see()

    def show(self, dock, mode):
        self.arrivals += 1
        self.shown[dock] = mode and (mode, self.arrivals)

    @precondition(lambda self: self.plugged)
    @rule(data=st.data())
    def pull_out(self, data):
        del self.plugged[data.draw(st.sampled_from(sorted(self.plugged)))]
        self.see()

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), fails=st.booleans())
    def work(self, data, fails):
        """One worker carries out its next order; a failed visit gets no further reports."""
        dock = data.draw(st.sampled_from(sorted({order.dock for order in self.orders})))
        order = next(order for order in self.orders if order.dock == dock)
        self.orders.remove(order)
        if fails:
            self.orders = [other for other in self.orders if other.visit != order.visit]
        for event in [VisitFailed(order.visit, FULL)] if fails else self.carried_out(order, data):
            self.decide(FromDock(order.dock, event))
        if isinstance(order, SwitchToDisk) and order.dock in self.plugged:
            self.show(order.dock, data.draw(st.sampled_from(["disk", "command", None])))

    @rule(
        free_bytes=st.sampled_from([0, 10**9]),
        clock=st.sampled_from(["unknown", "synchronised"]),
    )
    def tick(self, free_bytes, clock):
        self.seconds += 20
        self.decide(Ticked(free_bytes, 10**9, clock))

    @rule()
    def restart(self):
        """The power fails: what was decided and entered is all that is left."""
        before, self.station = self.station, station()
        self.seconds += 1
        for number, fact in enumerate(self.facts, 1):
            self.station.fold(entry(fact, number))
        assert self.station.custody == before.custody
        self.orders = []
        self.do(self.station.resume())
        self.see()

    def carried_out(self, order, data):
        recorder = self.plugged.get(order.dock, "R1")
        match order:
            case Identify():
                asks = order.device.kind == "other" and not order.as_disk
                return [Identified(order.visit, Identity(device_number=recorder), asks=asks)]
            case Interview() | SwitchToDisk():
                return [self.spoken(order, data)]
            case Survey():
                offset_ms = data.draw(st.sampled_from([0, 420_000]))
                refused = data.draw(st.sampled_from([(), (RefusedItem(b"l", "symlink"),)]))
                listing = Listing(CARDS[recorder], refused)
                known = tuple(self.proven.get(recorder, {}).values())
                return [Surveyed(order.visit, readings(offset_ms=offset_ms), listing, known)]
            case SetClock():
                return [ClockCorrected(order.visit, NOW, order.offset_ms_before, readings())]
            case TakeReadings():
                return [ReadAgain(order.visit, readings(battery=data.draw(st.integers(0, 100))))]
            case CopyFiles():
                return [
                    *(self.copied(order, p, data) for p in order.plan.copies),
                    CopyEnded(order.visit, "m", self.listed_again(order, data)),
                ]

    def spoken(self, order, data):
        if isinstance(order, SwitchToDisk):
            return SwitchBegun(order.visit)
        told = readings(offset_ms=data.draw(st.sampled_from([0, 420_000])), free_bytes=None)
        return Interviewed(order.visit, told, (), SWITCH_SECONDS)

    def listed(self, order):
        return self.station.docks[order.dock].listing or Listing(())

    def listed_again(self, order, data):
        again = self.listed(order)
        new = data.draw(st.sampled_from([(), (), (RefusedItem(b"new", "fifo"),)]))
        return replace(again, refused=(*again.refused, *new))

    def copied(self, order, planned, data):
        if data.draw(st.booleans()):
            return FileUnreadable(order.visit, planned, UNREADABLE, 5)
        return imported(order.visit, planned.file, planned=planned)

    def see(self):
        shown = [(dock, self.shown[dock]) for dock in self.plugged if self.shown[dock]]
        self.decide(DevicesSeen(tuple(device(dock, *how) for dock, how in shown)))

    def decide(self, event):
        self.do(self.station.decide(event, later(self.seconds)))

    def do(self, effects):
        for effect in effects:
            if isinstance(effect, Enter):
                self.facts.append(effect.fact)
                self.station.fold(entry(effect.fact, len(self.facts)))
                self.remember(effect.fact)
            elif isinstance(effect, ORDERS):
                self.orders.append(effect)

    def remember(self, fact):
        if fact.TYPE == "footage.imported":
            files = {file.path: file for file in CARDS[fact.recorder]}
            known = self.proven.setdefault(fact.recorder, {})
            assert fact.path not in known, "copied again although proven"
            known[fact.path] = proven(files[fact.path])

    @invariant()
    def every_visit_ends_at_most_once_and_never_before_it_began(self):
        begun = [f.visit for f in self.facts if f.TYPE == "recorder.docked"]
        ended = Counter(f.visit for f in self.facts if f.TYPE in ENDS)
        assert len(begun) == len(set(begun))
        assert set(ended) <= set(begun)
        assert set(ended.values()) <= {1}

    @invariant()
    def a_completed_visit_accounts_for_every_file(self):
        for fact in self.facts:
            if isinstance(fact, VisitCompleted):
                assert fact.counts.settled == fact.counts.listed

    @invariant()
    def a_clock_is_set_only_after_its_offset_was_entered(self):
        checked = {f.visit for f in self.facts if f.TYPE == "recorder.checked"}
        assert {f.visit for f in self.facts if f.TYPE == "clock.set"} <= checked

    @invariant()
    def no_recorder_is_in_two_docks(self):
        docks = [dock for dock in self.station.docks.values() if not dock.is_vacant]
        known = [dock.recorder for dock in docks if dock.recorder]
        assert len(known) == len(set(known))
        assert set(known) == set(self.station.by_recorder())

    @invariant()
    def no_dock_waits_for_a_disk_for_ever(self):
        for dock in self.station.docks.values():
            waited = (later(self.seconds) - dock.since).total_seconds()
            assert dock.state is not DockState.SWITCHING or waited <= SWITCH_SECONDS + 20

    def teardown(self):
        """From wherever the walk ended, taking out and docking again leads to a ready dock."""
        self.plugged.clear()
        self.see()
        self.orders.clear()
        for _ in range(2):
            self.tick(0, "unknown")
        assert all(d.is_vacant and not d.visit_open for d in self.station.docks.values())
        self.plugged[1] = "R1"
        self.show(1, "disk")
        self.see()
        while self.orders:
            order = self.orders.pop(0)
            for event in self.smooth(order):
                self.decide(FromDock(order.dock, event))
        assert self.station.docks[1].state is DockState.READY

    def smooth(self, order):
        match order:
            case Survey():
                known = tuple(self.proven.get("R1", {}).values())
                return [Surveyed(order.visit, readings(), Listing(CARDS["R1"]), known)]
            case CopyFiles():
                copied = [imported(order.visit, p.file, planned=p) for p in order.plan.copies]
                return [*copied, CopyEnded(order.visit, "m", self.listed(order))]
            case _:
                return [Identified(order.visit, Identity(device_number="R1"))]


Walk.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestWalk = Walk.TestCase
