"""The second copy under the running agent, on a disk of its own: brought, lost, full, harmed."""

import os
import shutil
from contextlib import contextmanager

import pytest

from contracts.commands import Scrub
from tests.agent.test_scrubbing import harm
from tests.support.loopdisk import MIB, attached, make_image, mounted, run
from tests.support.running_agent import RunningAgent, World, pin, running
from tests.support.source import names_in

FILES = {f"DCIM/{n:02}.mp4": bytes([n]) * 70_000 for n in range(20)}
LARGE = {"DCIM/large.mp4": os.urandom(9 * MIB), "DCIM/small.mp4": b"small"}


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write(more=f'[second_copy]\npath = "{tmp_path / "second"}"\n')
    (tmp_path / "second").mkdir()
    made.card("R1", FILES)
    made.card("R2", LARGE)
    return made


@pytest.fixture
def disk(tmp_path):
    """A disk for the second copy that is not mounted yet."""
    make_image(tmp_path / "image", 48)
    with attached(tmp_path / "image") as device:
        yield device


def second(world):
    return world.folder / "second"


def objects(root):
    found = (root / "objects").rglob("*")
    return {path.name: path for path in found if path.is_file()}


def visited(agent, world, card="R1"):
    world.plug(card)
    assert agent.settled().state == "ready"
    world.pull()
    agent.wait_dock(lambda dock: dock.state == "empty")


def complete(agent, count):
    return agent.wait(
        lambda shown: (shown.second_copy.owed, shown.second_copy.confirmed) == (0, count)
    ).second_copy


def shown_code(agent, code):
    return agent.wait(
        lambda shown: shown.second_copy.is_known and shown.second_copy.code == code
    ).second_copy


@contextmanager
def started(world, device):
    """Run the agent with the second copy's disk in its place."""
    with mounted(device, second(world)), running(world) as agent:
        yield agent


def confirmed(world):
    return {sha256 for one in world.data("footage.copied") for sha256 in one["sha256s"]}


def times_copied(world, sha256):
    return sum(sha256 in one["sha256s"] for one in world.data("footage.copied"))


def test_every_proven_object_is_brought_to_the_other_disk_read_only_and_entered(world, disk):
    with started(world, disk) as agent:
        visited(agent, world)
        visited(agent, world, "R2")
        complete(agent, 22)
        ours, theirs = objects(world.archive), objects(second(world))
        assert ours.keys() == theirs.keys() == confirmed(world)
        assert all(theirs[name].read_bytes() == ours[name].read_bytes() for name in ours)
        assert {path.stat().st_mode & 0o777 for path in theirs.values()} == {0o444}
        (entry,) = world.data("copy.commissioned")
        assert (second(world) / "copy.id").read_text().splitlines()[0] == entry["copy"]
        assert entry["volume"] in run("blkid", "-o", "export", str(disk))
        assert names_in(second(world) / "incoming") == []
        agent.stop()
        agent.start()
        complete(agent, 22)
        assert len(world.data("copy.commissioned")) == 1
        assert sum(len(one["sha256s"]) for one in world.data("footage.copied")) == 22


def test_what_was_imported_before_there_was_a_second_copy_follows(world, disk):
    with running(world) as agent:
        visited(agent, world)
        assert shown_code(agent, "second_copy_misplaced").owed == 20
        assert names_in(second(world)) == []  # the folder below the mount is the system's disk
    with started(world, disk) as agent:
        complete(agent, 20)


def test_the_archives_own_disk_is_no_second_copy(world, disk):
    with mounted(disk, world.archive), running(world) as agent:
        (world.archive / "inside").mkdir()
        shutil.rmtree(second(world))
        second(world).symlink_to(world.archive / "inside")
        shown_code(agent, "second_copy_misplaced")
        assert names_in(world.archive / "inside") == []


def test_a_disk_that_vanishes_stops_no_import_and_what_is_owed_follows(world, disk):
    with started(world, disk) as agent:
        visited(agent, world, "R2")
        complete(agent, 2)
        run("umount", "--lazy", str(second(world)))
        shown_code(agent, "second_copy_absent")
        visited(agent, world)
        assert agent.wait(lambda shown: shown.second_copy.owed == 20).storage.stops is False
        assert names_in(second(world)) == []
        run("mount", str(disk), str(second(world)))
        complete(agent, 22)
    told = [(entry.type, entry.data["code"]) for entry in
            world.entries("copy.faulted", "copy.recovered")]  # fmt: skip
    assert told[:2] == [
        ("copy.faulted", "second_copy_absent"), ("copy.recovered", "second_copy_absent"),
    ]  # fmt: skip


def test_another_disk_in_its_place_is_refused_until_a_manager_commissions_it(world, disk, tmp_path):
    with started(world, disk) as agent:
        visited(agent, world)
        complete(agent, 20)
    make_image(tmp_path / "other", 48)
    with attached(tmp_path / "other") as other:
        with started(world, other) as agent:
            shown_code(agent, "second_copy_absent")
            (second(world) / "copy.id").write_text("another\n")
            shown_code(agent, "second_copy_foreign")
            assert names_in(second(world)) == ["copy.id", "lost+found"]
        with mounted(other, second(world)):
            ask = ("commission", "--second-copy")
            given = f"{pin('m1')}\n"
            refused = world.tell(*ask, "m1", "新磁盘", given=given)
            assert "commission_refused" in refused.stderr
            done = world.tell(*ask, "--replace", "m1", "新磁盘", given=given)
            assert done.returncode == 0, done.stderr
        with started(world, other) as agent:
            complete(agent, 20)
    first, second_one = world.data("copy.commissioned")
    assert (second_one["replaces"], second_one["by"]) == (first["copy"], "m1")
    assert len(world.data("archive.commissioned")) == 1


def test_a_disk_that_becomes_read_only_is_told_of_and_goes_on_by_itself(world, disk):
    with started(world, disk) as agent:
        visited(agent, world, "R2")
        complete(agent, 2)
        run("mount", "-o", "remount,ro", str(second(world)))
        assert "只读" in shown_code(agent, "second_copy_failing").zh
        visited(agent, world)
        run("mount", "-o", "remount,rw", str(second(world)))
        complete(agent, 22)


def test_a_full_disk_is_told_of_and_what_finds_room_again_follows(world, disk):
    with started(world, disk) as agent:
        visited(agent, world)
        complete(agent, 20)
        ballast = second(world) / "lost+found/ballast"
        status = os.statvfs(second(world))
        ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - 4 * MIB))
        visited(agent, world, "R2")
        assert shown_code(agent, "second_copy_full").owed == 1  # the small one found room
        ballast.unlink()
        complete(agent, 22)


def test_an_agent_killed_in_the_middle_owes_what_was_not_entered(world, disk):
    with mounted(disk, second(world)):
        agent = RunningAgent(world)
        agent.start()
        visited(agent, world, "R2")
        visited(agent, world)
        agent.kill()
        with running(world) as again:
            complete(again, 22)
            assert names_in(second(world) / "incoming") == []


def scrubbed(agent, world):
    before = len(world.data("copy.scrubbed"))
    assert agent.ask(Scrub()).ok
    return agent.wait_entry("copy.scrubbed", before + 1)["counts"]


def test_damage_and_loss_on_the_second_copy_are_entered_and_brought_anew(world, disk):
    with started(world, disk) as agent:
        visited(agent, world)
        complete(agent, 20)
        harmed, lost = sorted(objects(second(world)))[:2]
        bad = objects(second(world))[harmed]
        harm(bad, "flipped")
        raw = bad.read_bytes()
        objects(second(world))[lost].unlink()
        counts = scrubbed(agent, world)
        assert (counts["expected"], counts["damaged"], counts["missing"]) == (20, 1, 1)
        assert [one["sha256"] for one in world.data("copy.damaged")] == [harmed]
        assert [one["sha256"] for one in world.data("copy.missing")] == [lost]
        agent.wait(lambda _: times_copied(world, harmed) == times_copied(world, lost) == 2)
        assert scrubbed(agent, world)["intact"] == 20
        (kept,) = (second(world) / "damaged").iterdir()
        assert kept.read_bytes() == raw
    assert world.data("footage.damaged", "footage.missing") == []


def test_the_second_copy_is_verified_by_hand(world, disk):
    with started(world, disk) as agent:
        visited(agent, world)
        complete(agent, 20)
    with mounted(disk, second(world)):
        good = world.tell("verify", "--footage", "--second-copy")
        assert good.returncode == 0, good.stdout
        harm(next(iter(objects(second(world)).values())), "flipped")
        bad = world.tell("verify", "--footage", "--second-copy")
        assert (bad.returncode, "1 个问题" in bad.stdout) == (1, True)
    assert world.tell("verify", "--footage").returncode == 0


@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_a_harmed_object_of_the_archive_is_no_source_and_the_second_copy_is_named(world, disk, how):
    with started(world, disk) as agent:
        visited(agent, world)
        complete(agent, 20)
        run("umount", "--lazy", str(second(world)))
        shown_code(agent, "second_copy_absent")
        visited(agent, world, "R2")
        paths = objects(world.archive)
        (owed,) = [name for name, path in paths.items() if path.read_bytes() == b"small"]
        copied = min(confirmed(world))
        for name in (owed, copied):
            harm(paths[name], how)
        run("mount", str(disk), str(second(world)))
        agent.wait(lambda shown: shown.second_copy.confirmed == 21)
        assert agent.ask(Scrub()).ok
        agent.wait_entry("archive.scrubbed")
        found = {o["sha256"]: o["second_copy"]
                 for o in world.data("footage.damaged", "footage.missing")}  # fmt: skip
        assert found == {owed: False, copied: True}
        assert owed not in objects(second(world))


@contextmanager
def lost(world, disk):
    """Have two objects of the archive harmed and found; yield their digests, the harmed first."""
    with started(world, disk) as agent:
        visited(agent, world)
        complete(agent, 20)
        paths = objects(world.archive)
        harmed, gone = sorted(paths)[:2]
        harm(paths[harmed], "flipped")
        harm(paths[gone], "gone")
        assert agent.ask(Scrub()).ok
        agent.wait_entry("archive.scrubbed")
        assert "ledger_locked" in restore(world).stderr
    with mounted(disk, second(world)):
        yield harmed, gone


def restore(world, by="m1"):
    return world.tell("restore", by, "磁盘受损", given=f"{pin(by)}\n")


def test_a_manager_has_a_harmed_object_brought_back_and_the_harmed_one_is_kept(world, disk):
    with lost(world, disk) as (harmed, gone):
        bad = objects(world.archive)[harmed].read_bytes()
        assert restore(world, "p1").returncode == 2
        done = restore(world)
        assert (done.returncode, "2 / 2" in done.stdout) == (0, True), done.stderr
        theirs, ours = objects(second(world)), objects(world.archive)
        assert all(ours[one].read_bytes() == theirs[one].read_bytes() for one in (harmed, gone))
        told = {one["sha256"]: one for one in world.data("footage.restored")}
        assert told.keys() == {harmed, gone}
        assert (world.archive / told[harmed]["kept"]).read_bytes() == bad
        assert (told[gone]["kept"], told[gone]["by"]) == (None, "m1")
        assert restore(world).returncode == 0
        assert len(world.data("footage.restored")) == 2


def test_after_a_restore_the_archive_is_whole_and_nothing_in_it_is_unexpected(world, disk):
    with lost(world, disk):
        views = sorted((world.archive / "执法记录仪影像资料").rglob("*.mp4"))
        assert restore(world).returncode == 0
        assert [one["why"] for one in world.data("view.remade")] == ["elsewhere", "elsewhere"]
        assert sorted((world.archive / "执法记录仪影像资料").rglob("*.mp4")) == views
        kept = {path.stat().st_ino for path in objects(world.archive).values()}
        assert {view.stat().st_ino for view in views} == kept
        with running(world) as agent:
            assert agent.wait(lambda _: True).storage.damaged == 0
            complete(agent, 20)
            assert agent.ask(Scrub()).ok
            counts = agent.wait_entry("archive.scrubbed", 2)["counts"]
            # twenty objects, the manifest, and the damaged one as it was found
            assert (counts["intact"], counts["unexpected"]) == (22, 0)
            assert counts["views_remade"] == 0


def test_a_pass_made_by_hand_says_of_damage_too_whether_the_second_copy_has_it(world, disk):
    with started(world, disk) as agent:
        visited(agent, world)
        complete(agent, 20)
    harm(min(objects(world.archive).values()), "flipped")
    assert world.tell("scrub").returncode == 1
    assert [one["second_copy"] for one in world.data("footage.damaged")] == [True]


def test_without_a_second_copy_the_commands_about_it_say_so(tmp_path):
    world = World(tmp_path)
    world.write()
    with running(world):
        pass
    for command, *rest in (
        ("restore", "m1", "x"), ("verify", "--second-copy"),
        ("commission", "--second-copy", "m1", "x"),
    ):  # fmt: skip
        done = world.tell(command, *rest, given=f"{pin('m1')}\n")
        assert (done.returncode, "settings_invalid" in done.stderr) == (2, True)


def test_what_the_second_copy_does_not_give_whole_stays_as_it_is_and_is_told(world, disk):
    with lost(world, disk) as (harmed, gone):
        harm(objects(second(world))[gone], "cut")
        done = restore(world)
        assert (done.returncode, "1 / 2" in done.stdout, gone in done.stdout) == (1, True, True)
        assert gone not in objects(world.archive)
        assert [one["sha256"] for one in world.data("footage.restored")] == [harmed]
