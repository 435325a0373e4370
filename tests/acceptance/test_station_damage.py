"""Cards that are damaged, changing or silent, at a running station."""

import fcntl
import hashlib
import os
import signal
from contextlib import contextmanager

import pytest

from contracts.names import display
from tests.instruments.cards import Bad, Card, Item, Then, mounted
from tests.support.running_agent import RunningAgent, World, running

SIZE = 300_000
SCRIPT = "battery_percent = 90\nclock_offset_seconds = 0\n"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write()
    return made


@contextmanager
def docked(world, *items, name="R1", **more):
    """Make a recorder of a FUSE card; the test plugs it."""
    with mounted(world.card(name, {}, SCRIPT), Card(items, **more)) as card:
        yield card


def file(name=b"a.bin", size=SIZE, **more):
    return Item(name, size=size, seed=sum(name), **more)


def dock_again(world, agent, count):
    world.pull()
    agent.wait_dock(lambda dock: dock.state == "empty")
    world.plug("R1")
    return agent.wait_entry("visit.completed", count)


def codes(visit):
    return [finding["code"] for finding in visit["findings"]]


def test_what_can_be_read_of_a_damaged_file_is_kept_apart_and_a_later_good_read_imports_it(world):
    with docked(world, file(bad=(Bad(9000, 10),)), file(b"b.bin")) as card, running(world) as agent:
        world.plug("R1")
        visit = agent.wait_entry("visit.completed")
        assert (visit["counts"]["imported"], visit["counts"]["unreadable"]) == (1, 1)
        (missed,) = world.data("footage.unreadable")
        assert (missed["bad"], missed["bad_bytes"]) == ([[8192, 4096]], 4096)
        kept = (world.archive / missed["partial"]).read_bytes()
        assert hashlib.sha256(kept).hexdigest() == missed["partial_sha256"]
        assert file(b"b.bin").sha256() in world.objects()
        assert len(world.objects()) == 1
        card.become(Card((file(), file(b"b.bin"))))
        again = dock_again(world, agent, 2)["counts"]
    assert (again["held"], again["imported"], again["unreadable"]) == (1, 1, 0)
    assert file().sha256() in world.objects()


def test_a_file_that_appears_during_the_import_is_imported_in_the_same_visit(world):
    late = file(b"late.bin", gone=True, then=(Then("listings", 2, {"gone": False}),))
    with docked(world, file(), late), running(world) as agent:
        world.plug("R1")
        visit = agent.wait_entry("visit.completed")
        (manifest,) = (world.archive / "manifests").iterdir()
    assert (visit["counts"]["listed"], visit["counts"]["imported"]) == (2, 2)
    assert "listing_changed" in codes(visit)
    assert len(manifest.read_text("utf-8").splitlines()) == 2
    assert hashlib.sha256(manifest.read_bytes()).hexdigest() == visit["manifest_sha256"]


def test_a_card_that_goes_on_recording_does_not_complete_its_visit(world):
    growing = tuple(Then("listings", n, {"size": SIZE + n, "modified_ns": n}) for n in range(1, 30))
    with docked(world, file(then=growing)), running(world) as agent:
        world.plug("R1")
        assert agent.wait_entry("visit.interrupted")["code"] == "listing_unsteady"
        assert agent.settled().error_code == "listing_unsteady"
    assert world.data("visit.completed") == []


def test_a_listing_that_fails_half_way_is_a_finding_that_bars_issue(world):
    files = [file(b"d/%d.bin" % number, 9) for number in range(5)]
    with docked(world, *files, Item(b"d", "folder", fails_after=3)), running(world) as agent:
        world.plug("R1")
        visit = agent.wait_entry("visit.completed")
        assert agent.settled().state == "attention"
    assert (visit["counts"]["imported"], "listing_failed" in codes(visit)) == (3, True)


def test_what_is_no_regular_file_is_refused_by_kind_and_count(world):
    kinds = ("symlink", "fifo", "socket", "device")
    items = [Item(kind.encode(), kind) for kind in kinds]
    with docked(world, file(), *items, Item(b"twice", links=2)), running(world) as agent:
        world.plug("R1")
        counts = agent.wait_entry("visit.completed")["counts"]
    assert (counts["imported"], counts["refused"]) == (1, 5)
    refused = {one["name"]: one["reason"] for one in world.data("footage.refused")}
    assert refused == {**{kind: kind for kind in kinds}, "twice": "hard_link"}


def test_names_that_differ_in_case_or_unicode_form_only_are_all_stored(world):
    names = ["A.mp4", "a.mp4", "\u00e9.mp4", "e\u0301.mp4", "\u1e9e.mp4", "\u00df.mp4", "SS.mp4"]
    items = [Item(name.encode(), content=name.encode(), size=len(name.encode())) for name in names]
    with docked(world, *items), running(world) as agent:
        world.plug("R1")
        agent.wait_entry("visit.completed")
    entered = world.data("footage.imported")
    assert sorted(one["name"] for one in entered) == sorted(display(n.encode()) for n in names)
    assert len({one["view"].casefold() for one in entered}) >= 3
    for one in entered:
        assert (world.archive / one["view"]).samefile(world.archive / one["object"])
    assert sorted(world.objects().values()) == sorted(name.encode() for name in names)


def test_a_card_that_never_answers_hangs_neither_the_other_docks_nor_the_end(world):
    world.card("S1", {"b.bin": b"b"})
    with docked(world, file(hangs_at=5)) as card:
        agent = RunningAgent(world)
        try:
            agent.start()
            world.plug("R1", 1)
            card.wait_until_it_hangs()
            world.plug("S1", 2)
            assert agent.wait_entry("visit.completed")["recorder"] == "S1"
            shown = agent.wait_dock(lambda dock: "card_silent" in [f.code for f in dock.findings])
            assert shown.state == "copying"
            os.kill(agent.pid, signal.SIGTERM)
            agent.until(lambda: world.data("agent.stopped"))
            agent.until(lambda: is_free(world.state / "ledger" / "ledger.lock"))
            card.abort()
            assert agent.ended() == 0
        finally:
            card.abort()
            if agent.is_alive:
                agent.kill()


def is_free(lock):
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
