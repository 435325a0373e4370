"""Real cards: file systems on loop devices, announced by the kernel, at a running station."""

import fcntl
import hashlib
import itertools
import os
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.loopdisk import attached, loop_disk, make_image, mounted, run
from tests.support.running_agent import World, fill, running

FILES = {
    "PARAM.INI": b"[ZFY]\r\nDevNo=R1\r\n",
    **{f"DCIM/100MEDIA/{n:02}.mp4": bytes([n]) * 400_000 for n in range(1, 20)},
}
BIG = {"PARAM.INI": FILES["PARAM.INI"]} | {f"{n:02}.mp4": bytes([n]) * 8_000_000 for n in range(24)}


# `losetup --find` takes the low ones; the kernel knows a million, so that no two runs meet.
_NUMBERS = itertools.count(1000 + os.getpid() % 65_000 * 16)
_LOOP_CTL_REMOVE = 0x4C81  # <linux/loop.h>


class Reader:
    """A card reader: a loop device that keeps its name while cards come and go."""

    def __init__(self):
        self.number = next(_NUMBERS)
        self.node = f"/dev/loop{self.number}"
        self.port = f"loop:{Path(self.node).name}"
        self._block = Path("/sys/class/block", Path(self.node).name)

    def insert(self, image):
        deadline = time.monotonic() + 30
        while (self._block / "loop" / "backing_file").exists():  # its last user lets go
            assert time.monotonic() < deadline, f"{self.node} is still held"
            time.sleep(0.01)
        run("losetup", self.node, str(image))

    def remove(self):
        """Detach; the kernel says nothing of a disk that is still held, as it does of a plug."""
        run("losetup", "--detach", self.node)
        (self._block / "uevent").write_text("change", "ascii")


@contextmanager
def reader():
    """Give an empty reader; whatever is in it comes out in the end."""
    made = Reader()
    try:
        yield made
    finally:
        subprocess.run(["losetup", "--detach", made.node], check=False, capture_output=True)
        with Path("/dev/loop-control").open("rb") as control, suppress(OSError):  # it is held yet
            fcntl.ioctl(control, _LOOP_CTL_REMOVE, made.number)


def card(folder, files, name="card.img", kind="ext4"):
    image = folder / name
    make_image(image, 240 if files is BIG else 24, kind)
    with (
        attached(image) as device,
        tempfile.TemporaryDirectory() as point,
        mounted(device, Path(point)),
    ):
        fill(Path(point), files)
    return image


def digest(image):
    return hashlib.sha256(image.read_bytes()).hexdigest()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_card_the_kernel_announces_is_mounted_read_only_imported_and_left_unchanged(world):
    image = card(world.folder, FILES)
    before = digest(image)
    with reader() as one:
        world.write(one.port)
        with running(world) as agent:
            one.insert(image)
            agent.settled()
            table = Path("/proc/self/mounts").read_text("utf-8")
            one.remove()
            agent.wait_dock(lambda dock: dock.state == "empty")
    (mount,) = [line for line in table.splitlines() if line.startswith(one.node)]
    assert set(mount.split()[3].split(",")) >= {"ro", "nosuid", "nodev", "noexec"}
    assert digest(image) == before
    assert sorted(world.objects().values()) == sorted(FILES.values())


def test_the_number_in_param_ini_says_whose_card_it_is(world):
    image = card(world.folder, FILES)
    with reader() as one:
        world.write(one.port)
        with running(world) as agent:
            one.insert(image)
            docked = agent.wait_entry("recorder.docked")
    assert (docked["recorder"], docked["identity"]["device_number"]) == ("R1", "R1")
    assert "PARAM.INI" in docked["identity"]["how"]


def test_a_card_pulled_out_in_mid_copy_goes_on_where_it_was(world):
    image = card(world.folder, BIG)
    with reader() as one:
        world.write(one.port)
        with running(world) as agent:
            one.insert(image)
            agent.wait_entry("footage.imported", 2)
            one.remove()
            assert agent.wait_entry("visit.interrupted")["code"] == "recorder_gone"
            agent.wait_dock(lambda dock: dock.state == "empty")
            proven = len(world.entries("footage.imported"))
            one.insert(image)
            again = agent.wait_entry("visit.completed")["counts"]
    assert again["held"] >= proven
    imported = world.data("footage.imported")
    assert len({one["path"] for one in imported}) == len(imported) == len(BIG)


def test_two_cards_are_imported_at_once(world):
    images = [card(world.folder, FILES, "a.img")]
    other = FILES | {"PARAM.INI": b"[ZFY]\nDevNo=R2\n", "02.mp4": b"of R2"}
    images.append(card(world.folder, other, "b.img"))
    with reader() as one, reader() as two:
        world.write(one.port, two.port)
        with running(world) as agent:
            one.insert(images[0])
            two.insert(images[1])
            assert agent.settled(1).recorder == "R1"
            assert agent.settled(2).recorder == "R2"
    assert {one["recorder"] for one in world.data("visit.completed")} == {"R1", "R2"}


def test_a_card_of_nobody_is_refused_and_none_of_its_files_read(world):
    image = card(world.folder, FILES | {"PARAM.INI": b"[ZFY]\nDevNo=STRANGER\n"})
    with reader() as one:
        world.write(one.port)
        with running(world) as agent:
            one.insert(image)
            shown = agent.settled()
            refused = agent.wait_entry("device.refused")
    assert (shown.state, shown.error_code) == ("refused", "recorder_unknown")
    assert (refused["code"], refused["dock"]) == ("recorder_unknown", 1)
    assert not world.objects()


def test_a_card_without_a_file_system_is_shown_and_entered(world):
    image = world.folder / "blank.img"
    image.write_bytes(bytes(4_000_000))
    with reader() as one:
        world.write(one.port)
        with running(world) as agent:
            one.insert(image)
            assert agent.settled().state in {"failed", "refused"}
            agent.wait_entry("device.refused")


def test_a_full_archive_stops_the_copy_and_room_lets_it_go_on(world):
    with loop_disk(24) as disk:
        world.archive = disk.path
        world.write()
        text = world.config.read_text("utf-8")
        old = str(world.folder / "archive")
        world.config.write_text(text.replace(old, str(disk.path)), encoding="utf-8")
        filler = disk.path / "filler"
        filler.write_bytes(bytes(14_000_000))
        files = {f"{n}.bin": bytes([n]) * 3_000_000 for n in range(1, 5)}
        world.card("R1", files)
        with running(world) as agent:
            world.plug("R1")
            assert agent.wait_entry("visit.interrupted")["code"] == "archive_low"
            shown = agent.wait_dock(lambda dock: dock.state == "failed")
            assert (shown.error_code, bool(shown.error_zh)) == ("archive_low", True)
            filler.unlink()
            counts = agent.wait_entry("visit.completed")["counts"]
        assert counts["held"] + counts["imported"] == len(files)
        assert sorted(world.objects().values()) == sorted(files.values())
        assert world.tell("verify", "--footage").returncode == 0
