"""Cards with faults, cards of thousands of files, and strangers' devices, at a running station."""

import pytest

from tests.support.running_agent import HEALTHY, World, running

SCRIPT = HEALTHY + "[faults]\n"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write()
    return made


def dock_again(world, agent, count):
    world.pull()
    agent.wait_dock(lambda dock: dock.state == "empty")
    world.plug("R1")
    return agent.wait_entry("visit.completed", count)["counts"]


def mend(world):
    script = world.cards / "R1" / "recorder.toml"
    script.write_text(f'number = "R1"\n{HEALTHY}', encoding="utf-8")


def test_an_unreadable_file_is_entered_with_its_offset_and_tried_again(world):
    faults = SCRIPT + 'unreadable = [{ path = "bad.bin", offset = 5000 }]\n'
    world.card("R1", {"a.bin": b"a", "bad.bin": bytes(9000), "z.bin": b"z"}, faults)
    with running(world) as agent:
        world.plug("R1")
        assert agent.settled().state == "attention"
        (missed,) = world.data("footage.unreadable")
        assert (missed["name"], missed["offset"], "EIO" in missed["reason"]) == (
            "bad.bin",
            5000,
            True,
        )
        assert agent.wait_entry("visit.completed")["counts"]["imported"] == 2
        mend(world)
        again = dock_again(world, agent, 2)
    assert (again["held"], again["imported"], again["unreadable"]) == (2, 1, 0)


def test_a_file_that_changes_while_it_is_read_is_entered_and_tried_again(world):
    world.card("R1", {"a.bin": b"a", "b.bin": b"b"}, SCRIPT + 'changing = ["b.bin"]\n')
    with running(world) as agent:
        world.plug("R1")
        assert agent.wait_entry("footage.unreadable")["code"] == "file_changed"
        agent.wait_entry("visit.completed")
        mend(world)
        assert dock_again(world, agent, 2)["imported"] == 1
    assert sorted(world.objects().values()) == [b"a", b"b"]


def test_other_bytes_under_a_known_name_get_a_name_of_their_own_and_a_finding(world):
    card = world.card("R1", {"a.bin": b"first"})
    with running(world) as agent:
        world.plug("R1")
        agent.wait_entry("visit.completed")
        (card / "a.bin").write_bytes(b"other")
        assert dock_again(world, agent, 2)["imported"] == 1
    assert sorted(world.objects().values()) == [b"first", b"other"]
    first, other = world.data("footage.imported")
    assert [finding["code"] for finding in other["findings"]] == ["name_clash"]
    assert (world.archive / first["view"]).read_bytes() == b"first"
    assert (world.archive / other["view"]).read_bytes() == b"other"


def test_a_recorder_pulled_out_in_mid_file_leaves_nothing_half_and_goes_on(world):
    world.card("R1", {"a.bin": b"a" * 50_000, "b.bin": b"b" * 90_000}, SCRIPT +
               "vanishes_after_bytes = 100_000\n")  # fmt: skip
    with running(world) as agent:
        world.plug("R1")
        assert agent.wait_entry("visit.interrupted")["counts"]["imported"] == 1
        agent.wait_dock(lambda dock: dock.state == "empty")
        assert list(world.objects().values()) == [b"a" * 50_000]
        mend(world)
        world.plug("R1")
        counts = agent.wait_entry("visit.completed")["counts"]
    assert (counts["held"], counts["imported"]) == (1, 1)


def test_hundreds_of_small_files_are_imported_and_all_known_again(world):
    files = {f"DCIM/{n // 100:03}/{n:05}.bin": b"%d" % n for n in range(400)}
    world.card("R1", files)
    with running(world) as agent:
        world.plug("R1")
        agent.settled()
        again = dock_again(world, agent, 2)
    assert (again["held"], again["imported"]) == (400, 0)
    assert len(world.objects()) == 400


def test_a_recorder_on_a_port_bound_to_no_dock_is_shown_and_entered_once(world):
    world.card("R1", {"a.bin": b"a"})
    with running(world) as agent:
        world.plug("R1", 77)
        shown = agent.wait(lambda shown: shown.refused)
        world.card("R2", {})
        world.plug("R2", 2)
        agent.settled(2)
    assert [(one.port, one.code) for one in shown.refused] == [("virtual:77", "port_unbound")]
    assert len(world.entries("device.refused")) == 1
    assert not world.objects()


def test_a_recorder_that_is_docked_already_is_refused_at_the_second_dock(world):
    world.card("R1", {"a.bin": b"a"})
    world.card("R1", {"b.bin": b"b"}, name="twin")
    with running(world) as agent:
        world.plug("R1", 1)
        agent.settled(1)
        world.plug("twin", 2)
        assert agent.settled(2).error_code == "recorder_number_twice"
    assert list(world.objects().values()) == [b"a"]
