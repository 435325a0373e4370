"""The agent as a process: how it starts, refuses to start, stops and is killed."""

import os
import random
import signal
import socket
import time

import pytest

from tests.support.running_agent import RunningAgent, World, running

SLOW = "battery_percent = 90\n[faults]\nbytes_per_second = 600_000\n"
FILES = {f"DCIM/{n:03}.bin": bytes([n]) * 40_000 for n in range(1, 40)}


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write()
    return made


def refused_to_start(world):
    agent = RunningAgent(world)
    agent.launch()
    code = agent.ended()
    return code, agent.log.read_text("utf-8")


def test_a_second_agent_refuses_to_start_and_leaves_the_first_unharmed(world):
    world.card("R1", FILES, SLOW)
    with running(world) as agent:
        world.plug("R1")
        agent.wait_dock(lambda dock: dock.counts and dock.counts.imported)
        code, said = refused_to_start(world)
        assert (code, "ledger_locked" in said) == (70, True)
        assert agent.settled().counts.imported == len(FILES)


def test_a_term_signal_in_mid_copy_stops_the_agent_and_is_entered(world):
    world.card("R1", {"a.bin": bytes(50_000_000)}, SLOW)
    with running(world) as agent:
        world.plug("R1")
        agent.wait_dock(lambda dock: dock.progress and dock.progress.bytes_done)
        assert agent.stop() == 0
    assert world.entries()[-1].data == {"reason": "SIGTERM"}
    assert "did not stop" not in agent.log.read_text("utf-8")
    assert not list((world.archive / "incoming").iterdir())


def test_a_visit_cut_off_by_a_stop_is_ended_at_the_next_start(world):
    world.card("R1", FILES, SLOW)
    with running(world) as agent:
        world.plug("R1")
        agent.wait_entry("footage.imported", 3)
        agent.stop()
        agent.start()
        assert agent.wait_entry("visit.interrupted")["code"] == "agent_restarted"
        counts = agent.wait_entry("visit.completed")["counts"]
    assert counts["imported"] + counts["held"] == len(FILES)
    assert counts["held"] >= 3


def test_readiness_is_told_to_systemd_and_the_watchdog_is_fed(world, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        with running(world, NOTIFY_SOCKET=str(tmp_path / "notify")) as agent:
            assert [systemd.recv(99) for _ in range(3)] == [
                b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1",
            ]  # fmt: skip
            agent.stop()


MALFORMED = {
    "no TOML": "[station",
    "an unknown key": "colour = 1\n",
    "two docks of one number": '[[dock]]\nnumber = 1\nport = "virtual:9"\n',
    "two docks on one port": '[[dock]]\nnumber = 9\nport = "virtual:1"\n',
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_malformed_settings_end_the_start_and_nothing_is_made(world, fault):
    text = world.config.read_text("utf-8")
    added = MALFORMED[fault]
    mended = added + text if added.startswith("colour") else text + added
    world.config.write_text(mended, encoding="utf-8")
    code, said = refused_to_start(world)
    assert (code, "settings_invalid" in said, "设置文件" in said) == (2, True, True)
    assert not world.state.exists()
    assert not world.run.exists()


def test_every_fault_of_the_roster_is_named_at_once(world):
    world.write_roster(
        '[[recorder]]\nnumber = "R1"\ndepartment = "nowhere"\nkeeper = "nobody"\n'
        '[[person]]\nid = "p1"\nname = "x"\ndepartment = "d9"\nrole = "officer"\npin_hash = ""\n'
    )
    code, said = refused_to_start(world)
    assert code == 2
    assert [word in said for word in ("'R1'", "'nowhere'", "'nobody'", "'p1'", "'d9'")] == [
        True
    ] * 5
    assert not world.state.exists()


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"[[person"])
def test_a_roster_that_cannot_be_read_ends_the_start(world, content):
    world.roster.unlink()
    if content is not None:
        world.roster.write_bytes(content)
    code, said = refused_to_start(world)
    assert (code, "settings_invalid" in said) == (2, True)
    assert not world.state.exists()


def test_an_archive_that_is_not_there_ends_the_start_with_its_name(world):
    world.archive.rmdir()
    code, said = refused_to_start(world)
    assert (code, "archive_absent" in said) == (2, True)


def test_a_broker_password_that_cannot_be_read_ends_the_start(world):
    world.write(more='[broker]\nhost = "127.0.0.1"\nusername = "u"\npassword_file = "/no/such"\n')
    code, said = refused_to_start(world)
    assert (code, "/no/such" in said) == (2, True)


def killed_at(agent, world, moment):
    """Kill the agent so long after the visit's beginning, and start it again."""
    time.sleep(moment)  # any moment will do: that is the point
    agent.kill()
    agent.start()


def test_an_agent_killed_at_any_moment_loses_and_doubles_nothing(world):
    rolls = random.Random(20261120)
    world.card("R1", FILES, SLOW)
    with running(world) as agent:
        world.plug("R1")
        for _ in range(15):
            killed_at(agent, world, rolls.uniform(0, 0.3))
        agent.wait_entry("visit.completed")
        agent.stop()
    imported = world.data("footage.imported")
    assert len({(one["path"], one["sha256"]) for one in imported}) == len(imported) == len(FILES)
    assert sorted(world.objects().values()) == sorted(FILES.values())
    checked = world.tell("verify", "--footage")
    assert checked.returncode == 0, checked.stdout


def test_every_visit_that_began_ends_once_however_often_the_agent_is_killed(world):
    world.card("R1", FILES, SLOW)
    with running(world) as agent:
        world.plug("R1")
        for count in range(1, 6):
            agent.wait_entry("recorder.docked", count)
            agent.kill()
            agent.start()
        agent.wait_entry("visit.completed")
    begun = [one["visit"] for one in world.data("recorder.docked")]
    ended = [one["visit"] for one in world.data("visit.completed", "visit.interrupted")]
    assert sorted(begun) == sorted(ended)


def test_the_agent_stops_at_an_interrupt_from_the_keyboard_too(world):
    with running(world) as agent:
        os.kill(agent.pid, signal.SIGINT)
        assert agent.ended() == 0
    assert world.entries()[-1].data == {"reason": "SIGINT"}


def test_an_agent_that_could_not_look_for_devices_looks_again(world):
    world.card("R1", {"a.bin": b"a"})
    with running(world) as agent:
        world.ports.rmdir()
        world.ports.write_bytes(b"no folder")
        agent.until(lambda: "NotADirectoryError" in agent.log.read_text("utf-8"))
        world.ports.unlink()
        world.ports.mkdir()
        world.plug("R1")
        assert agent.settled().state == "ready"
