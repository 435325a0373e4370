"""Recorder models known by a file alone, the manual's example, at a station with real cards."""

from pathlib import Path

import pytest

from contracts.dock import DockState
from tests.acceptance.test_station_cards import card, reader
from tests.support.running_agent import World, running

PAGE = Path(__file__).parents[2] / "docs" / "recorders" / "profiles.md"
ACME = PAGE.read_text("utf-8").partition("```toml\n")[2].partition("```")[0]
FILES = {
    "SYSTEM/CAMERA.INI": b"[Camera]\r\nId = R1\r\n",
    "SYSTEM/POWER.TXT": b"Level=85\r\n",
    "VIDEO/20260804_100000_LOCK.mp4": b"m" * 200_000,
    "VIDEO/20260804_100000.GPX": b"<gpx/>",
    "VIDEO/20260804_113000.mp4": b"n" * 100_000,
}


@pytest.fixture
def world(tmp_path):
    """Return a station with profiles of its own: one that is good, one that is not."""
    made = World(tmp_path)
    folder = tmp_path / "recorders"
    folder.mkdir()
    (folder / "50-acme.toml").write_text(ACME, "utf-8")
    (folder / "51-wrong.toml").write_text(ACME.replace("folders", "folder"), "utf-8")
    return made


def told(world, name):
    """Return what was entered of one file's marks."""
    (data,) = [one for one in world.data("footage.imported") if one["name"].endswith(name)]
    return data["important"], data["recording"], data["part"], data["sidecar_of"]


def test_a_model_that_only_a_file_describes_is_known_and_imported_with_its_marks(world):
    image = card(world.folder, FILES)
    with reader() as one:
        world.write(one.port, in_folders=f'recorders = "{world.folder / "recorders"}"\n')
        with running(world) as agent:
            one.insert(image)
            agent.wait_entry("visit.completed")
            agent.wait_dock(lambda dock: dock.state in {DockState.READY, DockState.ATTENTION})
            one.remove()
    (docked,) = world.data("recorder.docked")
    assert (docked["recorder"], docked["identity"]["how"]) == ("R1", "CAMERA.INI, UUID")
    assert docked["profile"] == "acme-bodycam"
    battery = world.data("recorder.checked")[0]["readings"][0]
    assert (battery["value"], battery["how"]) == (85, "SYSTEM/POWER.TXT")
    locked = told(world, "LOCK.mp4")
    assert (locked[0], locked[2:]) == ("name", (None, None))
    assert told(world, ".GPX") == (None, locked[1], None, "VIDEO/20260804_100000_LOCK.mp4")
    assert told(world, "113000.mp4") == (None, None, None, None)


def test_a_malformed_file_is_entered_and_said_and_the_station_works_on(world):
    world.write(in_folders=f'recorders = "{world.folder / "recorders"}"\n')
    with running(world) as agent:
        said = agent.log.read_text("utf-8")
    assert "51-wrong.toml" in said
    assert "match.folder: 没有这一项; 是不是 'folders'?" in said
    (started,) = world.data("agent.started")
    assert started["profiles_refused"] == ["51-wrong.toml"]
    assert len(started["profiles_sha256"]) == 64


def test_a_clock_that_nobody_tells_is_estimated_from_the_second_visit_on(world):
    world.card("R1", {"a.mp4": b"a"}, "battery_percent = 90\n")
    world.write()
    with running(world) as agent:
        world.plug("R1")
        agent.wait_entry("visit.completed")
        world.pull()
        agent.wait_dock(lambda dock: dock.state is DockState.EMPTY)
        (world.cards / "R1" / "files" / "b.mp4").write_bytes(b"b")
        world.plug("R1")
        agent.wait_entry("visit.completed", 2)
    assert [one["profile"] for one in world.data("recorder.docked")] == [None, None]
    clocks = [one["readings"][1] for one in world.data("recorder.checked")]
    first, second = clocks[0], clocks[-1]
    assert (first["confidence"], first["value"]) == ("unknown", None)
    assert second["confidence"] == "estimated"
