"""Cards cleared by a running station, with a real broker, a real index and real file systems."""

import itertools
import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from contracts.clearing import ClearingPhase, Reason
from tests.acceptance.test_station_cards import card, reader
from tests.rig.recorders import Card as ExfatCard
from tests.support.clusters import Exfat
from tests.support.index_program import TOPICS, IndexProgram, Listener, until
from tests.support.loopdisk import run
from tests.support.mosquitto import Mosquitto
from tests.support.running_agent import HEALTHY, World, running

FOOTAGE = {f"DCIM/100MEDIA/{n:02}.mp4": bytes([n]) * 400_000 for n in range(1, 10)}
CARD = {"PARAM.INI": b"[ZFY]\r\nDevNo=C1\r\n", **FOOTAGE}
SCRIPT = f'{HEALTHY}serial = "S1"\n'
POLICY = """
[[policy]]
name = "clearing"
deadline = { rule = "after_issue", hours = 24 }
[[policy.clear]]
model = "DSJ"
unknown_battery = true
copies = 1
[[department]]
id = "d9"
name = "九中队"
policy = "clearing"
[[recorder]]
number = "C1"
department = "d9"
model = "DSJ"
device_number = "C1"
serial = "S1"
volume = "VOLUME"
[[recorder]]
number = "C2"
department = "d9"
model = "another"
device_number = "C2"
serial = "S2"
"""


class Office:
    """A broker and an index, whose key stations may pin, and which may fall silent."""

    def __init__(self, folder):
        self.broker = Mosquitto()
        self.index = IndexProgram(folder, self.broker.port)
        self.key = ""

    def open(self):
        self.index.start()
        listener = Listener(self.broker.port)
        self.key = until(lambda: listener.read(TOPICS.index_state))["key"]
        listener.close()

    @contextmanager
    def silent(self):
        """Let the index hear and say nothing as long as the block lasts."""
        os.kill(self.index.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.index.process.pid, signal.SIGCONT)

    def close(self):
        self.index.close()
        self.broker.close()


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    made = Office(tmp_path_factory.mktemp("office") / "index")
    try:
        made.open()
        yield made
    finally:
        made.close()


_NUMBERS = itertools.count(1)


def station(folder, office, *ports, volume=""):
    """Return a world that pins the office's key, of a station that it has not met before."""
    world = World(folder)
    address = f'[broker]\nhost = "127.0.0.1"\nport = {office.broker.port}\n'
    world.write(*ports, more=f'witness_key = "{office.key}"\n{address}')
    settings = world.config.read_text("utf-8")
    named = settings.replace('id = "s1"', f'id = "c{next(_NUMBERS)}"')
    world.config.write_text(named, encoding="utf-8")
    world.write_roster(POLICY.replace("VOLUME", volume or "V1"))
    return world


@pytest.fixture
def virtual(tmp_path, office):
    """A station with a virtual recorder's files, not plugged in yet."""
    world = station(tmp_path, office)
    return world, world.card("C1", FOOTAGE, SCRIPT)


@contextmanager
def real(folder, office):
    """A station with a reader, and a card for it."""
    with holding(folder, office, card(folder, CARD)) as made:
        yield made


@contextmanager
def holding(folder, office, image):
    """A station with a reader, for a card that is the registered recorder's."""
    volume = run("blkid", "-p", "-s", "UUID", "-o", "value", str(image)).strip()
    with reader() as one:
        yield station(folder, office, one.port, volume=volume), one, image


@contextmanager
def slow_removal(agent):
    """Let every removal of a name take its time, so that a test can step in between two."""
    command = ["strace", "-f", "-q", "-p", str(agent.pid), "-e", "trace=unlinkat"]
    slow = [*command, "-e", "inject=unlinkat:delay_exit=500000"]
    with subprocess.Popen([*slow, "-o", os.devnull], stderr=subprocess.PIPE) as tracer:
        try:
            until(lambda: traced(agent.pid))
            yield
        finally:
            tracer.terminate()


def traced(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return "TracerPid:\t0\n" not in status


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def cleared(dock):
    return dock.clearing and dock.clearing.phase is ClearingPhase.CLEARED


def kept(dock):
    return dock.clearing and dock.clearing.phase is ClearingPhase.KEPT


def sectors_read(node):
    return int(Path("/sys/class/block", Path(node).name, "stat").read_text().split()[2])


def order_of(world, *types):
    return [entry.type for entry in world.entries() if entry.type in types]


STEPS = ("visit.completed", "recorder.clearing", "recorder.cleared")


def test_a_real_card_is_read_again_from_its_medium_and_cleared(tmp_path, office):
    with real(tmp_path, office) as (world, one, image), running(world) as agent:
        with office.silent():
            one.insert(image)
            agent.settled()
            before = sectors_read(one.node)
        dock = agent.wait_dock(cleared)
        assert sectors_read(one.node) - before >= sum(map(len, CARD.values())) // 512
        one.remove()
        agent.wait_dock(lambda dock: dock.state == "empty")
    assert "clearing_failed" not in {finding.code for finding in dock.findings}
    assert order_of(world, *STEPS) == list(STEPS)
    said = world.data("recorder.cleared")[0]
    assert (said["files"], said["removed"], said["left"], said["others"]) == (9, 9, 0, 1)
    run("e2fsck", "-fn", str(image))
    assert ".mp4" not in run("debugfs", "-R", "ls -p /DCIM/100MEDIA", str(image))
    assert "PARAM.INI" in run("debugfs", "-R", "ls -p /", str(image))


@pytest.mark.parametrize("orphaned", [0, 10])
def test_an_exfat_card_with_clusters_that_no_file_has_is_never_cleared(tmp_path, office, orphaned):
    image = ExfatCard.of(tmp_path, "C1", FOOTAGE, kind="exfat").image
    changed = Exfat(image)
    changed.take(range(9_000, 9_000 + orphaned))
    changed.write()
    with holding(tmp_path, office, image) as (world, one, _), running(world) as agent:
        one.insert(image)
        dock = agent.wait_dock(kept if orphaned else cleared)
        one.remove()
        agent.wait_dock(lambda dock: dock.state == "empty")
    assert len(world.data("footage.imported")) == len(FOOTAGE) + 1
    if orphaned:
        assert dock.clearing.code == "card_unsound"
        assert world.data("recorder.clearing") == []
        assert image.read_bytes() == changed.raw


def test_nothing_is_removed_before_the_intent_itself_is_witnessed(office, virtual):
    world, _ = virtual
    with running(world) as agent:
        world.plug("C1")
        agent.wait_dock(cleared)
        intent = world.entries("recorder.clearing")[0]
        witnessed = agent.wait(lambda shown: True).witnessed
    assert intent.data["witnessed"] < intent.sequence <= witnessed
    assert intent.data["witness"] == office.key


def test_a_model_that_no_policy_names_is_never_cleared(office, virtual):
    world, _ = virtual
    files = world.card("C2", FOOTAGE, SCRIPT.replace("S1", "S2"))
    with running(world) as agent:
        world.plug("C2")
        completed = agent.wait_entry("visit.completed") and world.entries("visit.completed")[0]
        agent.wait(lambda shown: shown.witnessed >= completed.sequence)
        assert agent.dock().clearing is None
    assert names(files) == sorted(FOOTAGE)


def test_while_the_office_is_away_the_card_waits_and_the_kiosk_says_so(office, virtual):
    world, files = virtual
    with running(world) as agent:
        with office.silent():
            world.plug("C1")
            waiting = agent.wait_dock(
                lambda dock: dock.clearing and Reason.NOT_WITNESSED in dock.clearing.reasons
            )
            assert (waiting.state, waiting.clearing.phase) == ("ready", ClearingPhase.WAITING)
            assert names(files) == sorted(FOOTAGE)
        agent.wait_dock(cleared)
    assert names(files) == []


def test_a_recorder_taken_out_while_it_waits_has_lost_nothing_and_enters_nothing(office, virtual):
    world, files = virtual
    with office.silent(), running(world) as agent:
        world.plug("C1")
        agent.wait_dock(lambda dock: dock.clearing and dock.clearing.reasons)
        world.pull()
        agent.wait_dock(lambda dock: dock.state == "empty")
    assert names(files) == sorted(FOOTAGE)
    assert order_of(world, *STEPS, "clearing.refused") == ["visit.completed"]


def test_bytes_that_changed_since_the_first_reading_bar_the_card(office, virtual):
    world, files = virtual
    with running(world) as agent:
        with office.silent():
            world.plug("C1")
            agent.settled()
            changed = files / "DCIM/100MEDIA/03.mp4"
            said = changed.stat()
            changed.write_bytes(b"x" * said.st_size)
            os.utime(changed, ns=(said.st_atime_ns, said.st_mtime_ns))
        assert agent.wait_dock(kept).clearing.reasons == (Reason.CARD_DIFFERS,)
    assert world.data("clearing.refused")[0]["reasons"] == ["clear_card_differs"]
    assert names(files) == sorted(FOOTAGE)


def test_a_file_that_appeared_since_the_first_listing_bars_the_card(office, virtual):
    world, files = virtual
    with running(world) as agent:
        with office.silent():
            world.plug("C1")
            agent.settled()
            (files / "DCIM/new.mp4").write_bytes(b"new")
        assert Reason.LISTINGS_DIFFER in agent.wait_dock(kept).clearing.reasons
    assert names(files) == sorted([*FOOTAGE, "DCIM/new.mp4"])


def test_what_appears_or_changes_while_files_are_removed_is_left_and_reported(office, virtual):
    world, files = virtual
    with running(world) as agent, slow_removal(agent):
        world.plug("C1")
        until(lambda: len(names(files)) < len(FOOTAGE))
        (files / "DCIM/100MEDIA/new.mp4").write_bytes(b"new")
        (files / "DCIM/100MEDIA/09.mp4").write_bytes(b"other")
        shown = agent.wait_dock(kept)
    said = world.data("recorder.cleared")[0]
    assert (said["removed"], said["left"], said["others"]) == (8, 1, 1)
    assert (said["code"], shown.clearing.code) == ("files_left", "files_left")
    assert names(files) == ["DCIM/100MEDIA/09.mp4", "DCIM/100MEDIA/new.mp4"]


def test_an_agent_killed_in_mid_clearing_says_so_and_ends_it_at_the_next_start(tmp_path, office):
    with real(tmp_path, office) as (world, one, image), running(world) as agent:
        with slow_removal(agent):
            one.insert(image)
            agent.wait_dock(lambda dock: dock.state == "clearing")
            folder = world.run / one.port / "DCIM/100MEDIA"
            until(lambda: 0 < len(names(folder)) < len(FOOTAGE))
            agent.kill()
        agent.start()
        findings = agent.wait_dock(cleared).findings
    said = world.data("recorder.cleared")
    assert (said[0]["code"], said[0]["removed"]) == ("agent_restarted", None)
    counts = world.data("visit.completed")[1]["counts"]
    assert (said[1]["code"], counts["imported"]) == ("cleared", 0)
    (told,) = [one for one in findings if one.code == "clearing_unfinished"]
    assert (told.value, told.limit) == (counts["held"] - 1, len(FOOTAGE))
    assert 0 < told.value < len(FOOTAGE)


def test_a_recorder_pulled_in_mid_clearing_is_finished_at_its_next_visit(office, virtual):
    world, files = virtual
    with running(world) as agent:
        with slow_removal(agent):
            world.plug("C1")
            until(lambda: len(names(files)) < len(FOOTAGE))
            world.pull()
            agent.wait_dock(lambda dock: dock.state == "empty")
        left = len(names(files))
        assert 0 < left < len(FOOTAGE)
        world.plug("C1")
        agent.wait_dock(cleared)
    said = world.data("recorder.cleared")
    assert (said[0]["code"], said[0]["removed"]) == ("recorder_gone", None)
    assert said[1]["removed"] <= left
    assert names(files) == []
