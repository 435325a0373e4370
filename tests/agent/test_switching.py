"""A recorder in command mode on a real line, and its card on a real disk: one visit, imported.

The core, a worker, the driver, the TCP line, the mount and the archive are the real ones; what the
kernel would say of the port is told by the test.
"""

import queue
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.archive import Archive
from agent.core.effect import Enter
from agent.core.event import DevicesSeen, SwitchBegun, Ticked
from agent.core.profile import Language, Match, Profile
from agent.core.recorder import Device, MediaFacts, Volume
from agent.core.station import Station
from agent.families import FAMILIES
from agent.mounting import mount_read_only
from agent.recorders.commanded import Commanded, Time, Ways
from agent.recorders.massstorage import MassStorage
from agent.ways import ways
from agent.worker import Tools, Worker
from contracts.dock import DockState
from contracts.errors import NoDriverError
from contracts.settings import DockBinding
from contracts.text import Text
from tests.support.emulators.zzx import Zzx
from tests.support.listening import tcp_port
from tests.support.loopdisk import attached, make_image, mounted
from tests.support.made_up import ROSTER, SETTINGS, entry
from tests.support.running_agent import fill

ZONE = ZoneInfo("Asia/Shanghai")
SECONDS = 60
PLUG = Path("/dev/null")
SPOKEN = Device(
    "usb-0:5", "other", PLUG, "Acme", vendor_id="18d1", model_id="4ee7", classes=("ff",),
    arrival="1.7", usb=PLUG,
)  # fmt: skip
ENDED = (DockState.READY, DockState.ATTENTION, DockState.FAILED, DockState.REFUSED)


class Post:
    """One dock with its real worker; `told` is what the kernel says of the port."""

    def __init__(self, folder, *profiles):
        self.events, self.facts, self.orders = queue.SimpleQueue(), [], []
        docks = (DockBinding(1, "usb-0:5"),)
        self.station = Station(replace(SETTINGS, dock=docks), ROSTER, now(), profiles)
        archive = Archive(folder / "archive")
        (folder / "archive").mkdir()
        archive.prepare()
        disks = MassStorage(folder / "run", mount_read_only, profiles, ZONE)
        timing = Time(now, ZONE, time.monotonic, time.sleep)
        speaker = Commanded(profiles, Ways(FAMILIES, ways()), timing)

        def attach(device):
            if not disks.recognise(device):
                raise NoDriverError(device=device.description)
            return disks.attach(device)

        tools = Tools(
            attach=attach,
            speak=speaker.speak,
            archive=archive,
            look=lambda *_: MediaFacts("not_media"),
            archive_root=folder / "archive",
            proven=lambda _: (),
            deliver=self.events.put,
            now=now,
            zone=ZONE,
        )
        self.worker = Worker(1, tools)
        self.worker.start()

    @property
    def dock(self):
        return self.station.docks[1]

    def see(self, *devices):
        self.take(DevicesSeen(devices))

    def take(self, event):
        for effect in self.station.decide(event, now()):
            if isinstance(effect, Enter):
                self.facts.append(effect.fact)
                self.station.fold(entry(effect.fact, len(self.facts)))
            else:
                self.worker.give(effect)

    def until(self, *states):
        while self.dock.state not in states:
            self.take(self.events.get(timeout=SECONDS))

    def of(self, kind):
        return [fact for fact in self.facts if kind == fact.TYPE]


def wait(told):
    """Wait for something another thread says."""
    deadline = time.monotonic() + SECONDS
    while not told() and time.monotonic() < deadline:
        time.sleep(0.01)
    return told()


def now():
    return datetime.now(UTC)


@contextmanager
def docked(folder, recorder, **options):
    """Plug a recorder in that is spoken with over TCP."""
    with tcp_port(lambda: recorder) as port:
        said = {"password": recorder.password, "tcp": {"host": "127.0.0.1", "port": port}}
        match = Match(kinds=("usb",), usb=("18d1:4ee7",))
        language = Language("zzx", "tcp", {**said, **options}, switch_seconds=20.0)
        own = Profile("zzx", Text("型号", "model"), match, language)
        # Another of the same id stands before it, by which it cannot be spoken with.
        deaf = {**language.options, "tcp": {**said["tcp"], "port": 1}}
        other = replace(own, name="other", language=replace(language, options=deaf))
        post = Post(folder, other, own)
        try:
            post.take(Ticked(10**12, 10**12, "synchronised"))
            post.see(SPOKEN)
            yield post
        finally:
            assert post.worker.stop(SECONDS)


@contextmanager
def disk(folder, mark=""):
    """Show a card with two recordings, on a loop device, on the recorder's port."""
    make_image(folder / "card", 16, "ext4")
    with attached(folder / "card") as node:
        (folder / "in").mkdir()
        with mounted(node, folder / "in"):
            fill(folder / "in", {"DCIM/a.mp4": b"a" * 9000, "DCIM/b.mp4": b"b" * 9000})
            fill(folder / "in", {"PARAM.INI": mark.encode()} if mark else {})
        yield replace(
            SPOKEN, kind="block", node=node, classes=("08",), file_system="ext4",
            arrival="1.8.3", volumes=(Volume(node, "V1", "ext4"),), usb=Path("/dev/zero"),
        )  # fmt: skip


@pytest.fixture
def card(tmp_path):
    with disk(tmp_path) as shown:
        yield shown


def recorder(number="R1", offset_seconds=0, **more):
    one = Zzx(clock_ms=round((time.time() + offset_seconds) * 1000), **more)
    one.number = number
    return one


def test_one_visit_asks_switches_and_imports(tmp_path, card):
    zzx = recorder()
    with docked(tmp_path, zzx) as post:
        post.until(DockState.SWITCHING)
        post.see()
        post.see(card)
        post.until(*ENDED)
        assert zzx.is_disk
        types = [fact.TYPE for fact in post.facts]
        assert types[:4] == [
            "recorder.docked", "recorder.checked", "recorder.switched", "recorder.checked"
        ]  # fmt: skip
        assert types[-1] == "visit.completed"
        assert len({fact.visit for fact in post.facts}) == 1
        assert {fact.name for fact in post.of("footage.imported")} == {"DCIM/a.mp4", "DCIM/b.mp4"}
        assert [fact.profile for fact in post.of("recorder.docked")] == ["zzx"]
        assert [fact.profile for fact in post.of("recorder.switched")] == ["zzx"]


def test_the_station_knows_before_the_recorder_may_leave(tmp_path):
    class Quick(Zzx):
        reported = None

        def line(self, said):
            if b'"id": 6' in said:
                self.reported = post.events.qsize()
            return super().line(said)

    zzx = Quick()
    zzx.number = "R1"
    with docked(tmp_path, zzx) as post:
        post.until(DockState.ASKING)
        post.take(post.events.get(timeout=SECONDS))
        assert wait(lambda: zzx.reported is not None)
        assert (zzx.reported, type(post.events.get().event)) == (1, SwitchBegun)


def test_what_was_told_is_still_known_when_the_card_is_read(tmp_path, card):
    with docked(tmp_path, recorder(battery=77)) as post:
        post.until(DockState.SWITCHING)
        post.see(card)
        post.until(*ENDED)
        first, last = post.of("recorder.checked")
        told = {one.kind: one for one in first.readings}
        known = {one.kind: one for one in last.readings}
        assert known["battery_percent"] == told["battery_percent"]
        assert (known["battery_percent"].value, known["battery_percent"].confidence) == (
            77, "reported"
        )  # fmt: skip
        assert known["clock_offset_ms"].how == "ZZX GetDevTime"
        assert known["free_bytes"].how == "statvfs"


def test_a_wrong_clock_is_measured_entered_set_and_measured_again(tmp_path, card):
    zzx = recorder("R2", offset_seconds=420)
    with docked(tmp_path, zzx) as post:
        post.until(DockState.SWITCHING)
        post.see(card)
        post.until(*ENDED)
        types = [fact.TYPE for fact in post.facts]
        assert types[:4] == ["recorder.docked", "recorder.checked", "clock.set", "recorder.checked"]
        before, after, _ = (fact.readings[1].value for fact in post.of("recorder.checked"))
        assert abs(before - 420_000) < 2000
        assert abs(after) < before
        offsets = {fact.clock_offset_ms for fact in post.of("footage.imported")}
        assert offsets == {before}
    assert abs(zzx.clock_ms / 1000 - time.time()) < SECONDS


def test_the_factory_password_is_warned_of_and_stands_in_no_entry(tmp_path, card):
    zzx = recorder(password="000000")  # noqa: S106
    with docked(tmp_path, zzx) as post:
        post.until(DockState.SWITCHING)
        post.see(card)
        post.until(*ENDED)
        (completed,) = post.of("visit.completed")
        assert "default_password" in [finding.code for finding in completed.findings]
        assert "000000" not in repr([fact.findings for fact in post.of("recorder.checked")])


def test_one_that_answers_nothing_is_still_emptied_as_a_disk(tmp_path):
    zzx = recorder()
    zzx.is_silent = True
    with docked(tmp_path, zzx) as post, disk(tmp_path, "[ZFY]\nDevNo=R1\n") as card:
        post.until(DockState.FAILED)
        assert post.dock.trouble.code == "recorder_silent"
        post.see(card)
        post.until(*ENDED)
        (checked,) = post.of("recorder.checked")
        assert checked.readings[0].how == "no answer: other, zzx"
        assert len(post.of("footage.imported")) == 3


def test_one_that_refuses_to_switch_says_why_and_its_own_key_begins_anew(tmp_path, card):
    zzx = recorder()
    zzx.is_recording = True
    with docked(tmp_path, zzx) as post:
        post.until(DockState.FAILED)
        (ended,) = post.of("visit.interrupted")
        assert ended.code == "switch_refused"
        post.see()
        assert post.dock.state is DockState.EMPTY
