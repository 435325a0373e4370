"""Cards whose names, folders and times were made to hurt, at a running station."""

import os
import subprocess

import pytest

from contracts.names import display
from tests.support.running_agent import World, running

NAMES = (
    b"line\nfeed.mp4",
    b"..mp4",
    b"...",
    b"-rf.mp4",
    b"\xff\xfe.mp4",
    "\u202e4pm.exe".encode(),
    b"tab\tand\\backslash.mp4",
    b"\x1b[2Jescape.mp4",
    "执法".encode() * 42 + b"abc",
    b"n" * 255,
    b" ",
    b"CON",
    b"a'b\"c`d$(e).mp4",
)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write()
    return made


def deep_card(card, depth, name):
    """Make a file below `depth` folders of one name, however long that path becomes."""
    folder = os.open(card, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    file = os.open("deep.mp4", os.O_CREAT | os.O_WRONLY, dir_fd=folder)
    os.write(file, b"deep")
    os.close(file)
    os.close(folder)


def test_every_name_a_file_system_allows_is_imported(world):
    world.card("R1", {name: b"footage of " + name for name in NAMES})
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
        counts = agent.wait_entry("visit.completed")["counts"]
    assert (counts["listed"], counts["imported"]) == (len(NAMES), len(NAMES))
    assert sorted(world.objects().values()) == sorted(b"footage of " + name for name in NAMES)


def test_hostile_names_are_shown_escaped_and_kept_raw(world):
    world.card("R1", {name: b"footage of " + name for name in NAMES})
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
    entered = {one["name"] for one in world.data("footage.imported")}
    assert entered == {display(name) for name in NAMES}
    log = agent.log.read_bytes()
    assert b"\x1b" not in log
    assert b"\xe2\x80\xae" not in log


def test_the_manifest_of_hostile_names_is_one_that_sha256sum_passes(world):
    world.card("R1", {name: b"footage of " + name for name in NAMES})
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
    (manifest,) = (world.archive / "manifests").iterdir()
    subprocess.run(["sha256sum", "--strict", "-c", manifest], cwd=world.archive, check=True)


def test_a_path_of_four_thousand_bytes_is_imported(world):
    card = world.card("R1", {})
    deep_card(card, 16, "层" * 83)
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
    (imported,) = world.data("footage.imported")
    assert imported["name"].endswith("…")
    assert max(len(entry.raw) for entry in world.entries()) < 16 * 1024


def test_a_path_that_no_entry_could_hold_is_refused_and_the_rest_imported(world):
    card = world.card("R1", {"a.mp4": b"a"})
    deep_card(card, 40, "\\" * 254)
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
        counts = agent.wait_entry("visit.completed")["counts"]
    assert (counts["imported"], counts["refused"]) == (1, 1)
    assert max(len(entry.raw) for entry in world.entries()) < 16 * 1024


def test_an_unreadable_file_with_the_longest_name_is_entered(world):
    name = "\\" * 250
    script = f"[faults]\nunreadable = [{{ path = '{name}', offset = 3 }}]\n"
    world.card("R1", {name: b"footage"}, script)
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
        assert agent.wait_entry("footage.unreadable")["offset"] == 3


@pytest.mark.parametrize("seconds", [-(2**40), 2**40, -1, 2**33])
def test_a_file_from_an_impossible_year_is_imported_and_known_again(world, seconds):
    card = world.card("R1", {"a.mp4": b"footage"})
    os.utime(card / "a.mp4", (0, seconds))
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
        world.pull()
        agent.wait_dock(lambda dock: dock.state == "empty")
        world.plug("R1")
        assert agent.wait_entry("visit.completed", 2)["counts"]["held"] == 1


def test_links_and_pipes_on_a_card_are_refused_and_never_followed(world):
    card = world.card("R1", {"a.mp4": b"footage"})
    (card / "passwd").symlink_to("/etc/passwd")
    (card / "above").symlink_to("..")
    os.mkfifo(card / "pipe")
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
    refused = {one["name"]: one["reason"] for one in world.data("footage.refused")}
    assert refused == {"passwd": "symlink", "above": "symlink", "pipe": "fifo"}
