"""The archive on its own disk, on another, on none; on one that is full, read-only or failing."""

import fcntl
import os
import shutil
import struct
from contextlib import contextmanager

import pytest

from agent.archive.commissioning import Mark, check, describe, look_at, write_mark
from contracts.commands import Retry
from contracts.errors import ArchiveForeignError
from tests.support.loopdisk import MIB, attached, make_image, mounted, run
from tests.support.running_agent import RunningAgent, World, pin, running
from tests.support.source import names_in

SHUT_DOWN = 0x8004587D  # FS_IOC_SHUTDOWN: the file system behaves as if its disk were gone
FILES = {"DCIM/a.mp4": b"a" * 50_000}
MIB_3 = {"DCIM/b.mp4": os.urandom(3 * MIB)}


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write()
    made.card("R1", FILES)
    return made


@pytest.fixture
def disk(tmp_path):
    """A disk for the archive that is not mounted yet."""
    make_image(tmp_path / "image", 24)
    with attached(tmp_path / "image") as device:
        yield device


def imported(agent, world):
    world.plug("R1")
    assert agent.settled().state == "ready"
    world.pull()
    agent.wait_dock(lambda dock: dock.state == "empty")


def refusal(world):
    agent = RunningAgent(world)
    agent.launch()
    return agent.ended(), agent.log.read_text("utf-8")


@contextmanager
def started(world, device):
    """Run the agent on a mounted disk that has some footage."""
    with mounted(device, world.archive), running(world) as agent:
        imported(agent, world)
        yield agent


def storage(agent, code):
    return agent.wait(lambda shown: shown.storage.code == code).storage


def detach(world):
    run("umount", "--lazy", str(world.archive))


def test_the_first_start_commissions_the_disk_and_says_so(world, disk):
    with started(world, disk) as agent:
        (entry,) = world.data("archive.commissioned")
        mark = (world.archive / "archive.id").read_text().splitlines()
        assert mark[0] == entry["archive"]
        assert (entry["is_mount"], entry["path"]) == (True, str(world.archive))
        assert entry["volume"] in run("blkid", "-o", "export", str(disk))
        agent.stop()
        agent.start()
        assert len(world.data("archive.commissioned")) == 1


def test_a_disk_that_is_not_mounted_ends_the_start_and_nothing_is_written_below_it(world, disk):
    with started(world, disk):
        pass
    code, said = refusal(world)
    assert (code, "archive_absent" in said, "commission --replace" in said) == (2, True, True)
    assert names_in(world.archive) == []


def test_a_ledger_with_footage_and_an_empty_folder_is_no_first_start(world):
    with running(world) as agent:
        imported(agent, world)
    shutil.rmtree(world.archive)
    world.archive.mkdir()
    assert "archive_absent" in refusal(world)[1]


def test_a_first_start_cut_short_after_its_mark_is_finished_by_the_next(world):
    with running(world) as agent:
        imported(agent, world)
    ledger = world.state / "ledger"
    origin = (world.archive / "archive.id").read_text().splitlines()[1]
    assert origin in world.entries()[0].data["origin"]
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm", "head.note"):
        (ledger / name).unlink()
    with running(world):
        assert len(world.data("archive.commissioned")) == 1


def test_another_stations_disk_is_refused(world, tmp_path):
    with running(world):
        pass
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other")
    other.write()
    other.archive.rmdir()
    other.archive.symlink_to(world.archive)
    code, said = refusal(other)
    assert (code, "archive_foreign" in said) == (2, True)


def test_another_archives_mark_on_the_same_disk_is_refused(tmp_path):
    ours, theirs = Mark("a" * 32, "muster/example/s1"), Mark("b" * 32, "muster/example/s1")
    write_mark(tmp_path, ours)
    known = describe(tmp_path, look_at(tmp_path), ours)
    check(tmp_path, look_at(tmp_path), known)
    write_mark(tmp_path, theirs)
    with pytest.raises(ArchiveForeignError):
        check(tmp_path, look_at(tmp_path), known)


def test_a_copy_of_the_archive_on_another_file_system_is_refused(world, disk):
    with started(world, disk):
        copy = world.folder / "copy"
        shutil.copytree(world.archive, copy, ignore=shutil.ignore_patterns("lost+found"))
    shutil.copytree(copy, world.archive, dirs_exist_ok=True)
    assert "archive_foreign" in refusal(world)[1]


def commission(world, who, *options, given=None):
    return world.tell("commission", *options, who, "新磁盘", given=given or f"{pin(who)}\n")


def test_a_disk_is_replaced_by_a_manager_with_a_reason_and_only_so(world, disk):
    with started(world, disk):
        pass
    assert commission(world, "p1", "--replace").returncode == 2
    assert commission(world, "m1", "--replace", given="wrong\n").returncode == 2
    assert "commission_refused" in commission(world, "m1").stderr
    done = commission(world, "m1", "--replace")
    assert done.returncode == 0, done.stderr
    first, second = world.data("archive.commissioned")
    assert (second["by"], second["reason"]) == ("m1", "新磁盘")
    assert second["replaces"] == first["archive"]
    assert world.tell("scrub").returncode == 0  # what is on the old disk is not called missing
    with running(world) as agent:
        world.plug("R1")
        assert agent.settled().counts.imported == 1


def test_a_disk_that_vanishes_is_shown_and_entered_and_found_again(world, disk):
    with started(world, disk) as agent:
        detach(world)
        assert storage(agent, "archive_absent").stops
        world.plug("R1")
        assert agent.settled().error_code == "archive_absent"
        assert names_in(world.archive) == []
        run("mount", str(disk), str(world.archive))
        storage(agent, None)
        assert agent.wait_dock(lambda dock: dock.state == "ready").counts.held == 1
        run("umount", "--lazy", str(world.archive))
    told = world.data("storage.faulted", "storage.recovered")
    assert [one["code"] for one in told[:2]] == ["archive_absent"] * 2


def test_another_disk_in_the_same_place_is_seen(world, disk, tmp_path):
    make_image(tmp_path / "other", 24)
    with started(world, disk) as agent, attached(tmp_path / "other") as other:
        detach(world)
        with mounted(other, world.archive):
            assert storage(agent, "archive_absent").stops
            (world.archive / "archive.id").write_text("another\n")
            assert storage(agent, "archive_foreign").stops
            assert names_in(world.archive) == ["archive.id", "lost+found"]


def test_a_disk_that_becomes_read_only_stops_copies_until_it_is_writable(world, disk):
    world.card("R2", {"DCIM/c.mp4": b"c"})
    with started(world, disk) as agent:
        run("mount", "-o", "remount,ro", str(world.archive))
        assert storage(agent, "archive_read_only").stops
        world.plug("R2")
        assert agent.settled().error_code == "archive_read_only"
        assert agent.dock().readings
        run("mount", "-o", "remount,rw", str(world.archive))
        assert agent.wait_dock(lambda dock: dock.state == "ready").counts.imported == 1
    assert [entry.type for entry in world.entries("storage.faulted", "storage.recovered")] == [
        "storage.faulted", "storage.recovered",
    ]  # fmt: skip


def test_a_disk_that_fails_every_read_and_write_is_a_fault_of_the_disk_and_no_damage(world, disk):
    with started(world, disk) as agent:
        folder = os.open(world.archive, os.O_RDONLY)
        fcntl.ioctl(folder, SHUT_DOWN, struct.pack("I", 2))
        os.close(folder)
        shown = storage(agent, "archive_unwritable")
        assert (shown.stops, "Input/output error" in (shown.en or "")) == (True, True)
        assert world.tell("scrub").returncode == 0
        world.plug("R1")
        assert agent.settled().error_code == "archive_unwritable"
        assert (shown.damaged, shown.missing) == (0, 0)
    assert world.data("footage.damaged", "footage.missing") == []


def test_a_disk_that_is_nearly_full_stops_copies_in_time_and_goes_on_by_itself(world, disk):
    world.card("R2", MIB_3)
    with started(world, disk) as agent:
        free = agent.wait(lambda shown: shown.archive_free_bytes).archive_free_bytes
        ballast = world.archive / "lost+found/ballast"
        ballast.write_bytes(bytes(free - 3 * MIB // 2))
        assert storage(agent, "archive_filling").stops is False
        world.plug("R2")
        assert agent.settled().error_code == "archive_low"
        assert agent.dock().readings
        ballast.unlink()
        assert agent.wait_dock(lambda dock: dock.state == "ready").counts.imported == 1
        storage(agent, None)


def test_below_the_reserve_nothing_is_copied_and_the_ledger_goes_on(world, disk):
    with started(world, disk) as agent:
        ballast = world.archive / "lost+found/ballast"
        free = agent.wait(lambda shown: shown.archive_free_bytes).archive_free_bytes
        ballast.write_bytes(bytes(free - MIB // 4))
        assert storage(agent, "archive_low").stops
        world.plug("R1")
        assert agent.settled().state == "ready"  # everything is held
        assert agent.ask(Retry(1)).ok
        assert world.data("storage.faulted")[-1]["stops"]


def test_a_full_ledger_disk_stops_copies_while_there_is_room_for_entries(world, tmp_path):
    make_image(tmp_path / "ledger-image", 24)
    world.state.mkdir()
    with (
        attached(tmp_path / "ledger-image") as device,
        mounted(device, world.state),
        running(world) as agent,
    ):
        status = os.statvfs(world.state)
        room = status.f_bavail * status.f_frsize
        (world.state / "ballast").write_bytes(bytes(room - 300_000))
        assert storage(agent, "ledger_disk_low").stops
        world.plug("R1")
        assert agent.settled().error_code == "ledger_disk_low"
        (world.state / "ballast").unlink()
        assert agent.wait_dock(lambda dock: dock.state == "ready").counts.imported == 1
