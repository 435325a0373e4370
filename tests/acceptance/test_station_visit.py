"""A recorder's whole visit at a running station, with nothing but real parts."""

import subprocess

import pytest

from tests.support import loaded
from tests.support.running_agent import World, listed, running

FILES = {f"DCIM/100MEDIA/2026112{n}_083000.mp4": bytes([n]) * 70_000 * n for n in range(1, 6)}


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write()
    return made


def test_a_visit_imports_every_file_and_its_counts_add_up(world):
    world.card("R1", FILES)
    with running(world) as agent:
        world.plug("R1")
        shown = agent.settled()
        completed = agent.wait_entry("visit.completed")
    assert (shown.state, shown.recorder) == ("ready", "R1")
    assert completed["counts"] == {
        "listed": 5, "imported": 5, "held": 0, "unreadable": 0, "refused": 0,
    }  # fmt: skip
    assert sorted(world.objects().values()) == sorted(FILES.values())


def test_the_manifest_is_one_that_sha256sum_passes(world):
    world.card("R1", FILES)
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
    (manifest,) = (world.archive / "manifests").iterdir()
    subprocess.run(["sha256sum", "--strict", "-c", manifest], cwd=world.archive, check=True)
    assert manifest.read_text().count("\n") == len(FILES)


def test_people_find_each_file_by_day_recorder_and_its_own_name(world):
    world.card("R1", {"DCIM/20261121_083000.mp4": b"footage"})
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
    view = world.archive / "执法记录仪影像资料/2026/11/21/083000_R1_20261121_083000.mp4"
    assert view.read_bytes() == b"footage"


def test_nothing_is_written_to_the_recorder(world):
    card = world.card("R1", FILES)
    before = listed(card.parent)
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
    assert listed(card.parent) == before


def test_a_recorder_that_comes_again_has_nothing_copied_twice(world):
    world.card("R1", FILES)
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
        world.pull()
        agent.wait_dock(lambda dock: dock.state == "empty")
        world.plug("R1")
        again = agent.wait_entry("visit.completed", 2)
    assert (again["counts"]["held"], again["imported_bytes"]) == (5, 0)
    assert len(world.entries("footage.imported")) == len(FILES)


def test_an_empty_card_is_a_whole_visit(world):
    world.card("R1", {})
    with running(world) as agent:
        world.plug("R1")
        assert agent.settled().state == "ready"
    assert world.data("visit.completed")[0]["counts"]["listed"] == 0


def test_a_file_dropped_into_the_inbox_is_imported_as_a_visit_of_the_inbox(world):
    world.write(in_folders=f'inbox = "{world.folder / "inbox"}"\n')
    with running(world) as agent:
        (world.folder / "inbox" / "柜台.mp4").write_bytes(b"counter footage")
        completed = agent.wait_entry("visit.completed")
    assert (completed["recorder"], completed["counts"]["imported"]) == ("inbox", 1)
    assert list(world.objects().values()) == [b"counter footage"]


def test_every_entry_of_a_visit_is_in_the_order_in_which_it_happened(world):
    world.card("R1", {"a.bin": b"a"})
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
    assert [entry.type for entry in world.entries()] == [
        "ledger.opened",
        "archive.commissioned",
        "agent.started",
        "recorder.docked",
        "recorder.checked",
        "footage.imported",
        "visit.completed",
        "agent.stopped",
    ]


def test_a_file_is_proved_from_the_ledger_and_the_proof_checked_without_it(world):
    world.card("R1", {"a.bin": b"a"})
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
    copy, proof = world.folder / "copy.bin", world.folder / "copy.proof"
    copy.write_bytes(b"a")
    assert world.tell("prove", str(copy), "-o", str(proof)).returncode == 0
    world.state.rename(world.folder / "away")
    assert loaded.run("muster-agent", "check-proof", str(proof), str(copy)).returncode == 0
    copy.write_bytes(b"b")
    assert loaded.run("muster-agent", "check-proof", str(proof), str(copy)).returncode == 1
