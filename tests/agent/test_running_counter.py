"""What people ask of a running agent at the kiosk, and what strangers throw at its socket."""

import json
import os
import random
import socket
from contextlib import suppress
from datetime import date

import pytest

from contracts.commands import Declare, Issue, Observe, ReportFault, Retry, Return
from tests.support.running_agent import HEALTHY, World, pin, running

LOW = HEALTHY.replace("90", "12")


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write()
    return made


@pytest.fixture
def agent(world):
    with running(world) as started:
        yield started


def dock(world, agent, number="R1", script=HEALTHY, port=1):
    world.card(number, {}, script)
    world.plug(number, port)
    return agent.settled(port)


def issue(number="R1", person="p1", **more):
    return Issue(number, person, pin(person), **more)


def test_a_recorder_in_order_is_issued_and_returned_by_docking(world, agent):
    dock(world, agent)
    answer = agent.ask(issue())
    assert world.entries()[answer.sequence - 1].type == "recorder.issued"
    world.pull()
    agent.wait_dock(lambda dock: dock.state == "empty")
    world.plug("R1")
    returned = agent.wait_entry("recorder.returned")
    assert (returned["person"], returned["by"]) == ("p1", None)
    assert returned["visit"]


def test_a_low_battery_bars_issue_unless_a_reason_is_entered(world, agent):
    dock(world, agent, script=LOW)
    assert agent.ask(issue()).code == "checks_failed"
    assert agent.ask(issue(override_reason="  ")).code == "checks_failed"
    assert agent.ask(issue(override_reason="现场急需")).ok
    (issued,) = world.data("recorder.issued")
    assert issued["override"] == {"by": "p1", "reason": "现场急需"}
    assert [finding["code"] for finding in issued["findings"]] == ["battery_low"]


def test_what_a_person_reads_off_the_screen_answers_an_unknown_reading(world, agent):
    shown = dock(world, agent, script="capacity_bytes = 64_000_000_000\n")
    assert {one.code for one in shown.findings} == {"battery_unknown", "clock_unknown"}
    assert agent.ask(Observe("R1", "p1", pin("p1"), 40)).ok
    shown = agent.wait_dock(lambda dock: {one.code for one in dock.findings} >= {"battery_low"})
    (observed,) = world.data("reading.observed")
    assert (observed["observer"], observed["readings"][0]["value"]) == ("p1", 40)
    assert agent.ask(issue()).code == "checks_failed"


def test_a_reported_fault_bars_issue_until_a_manager_puts_it_back(world, agent):
    dock(world, agent)
    assert agent.ask(ReportFault("R1", "in_repair", "镜头破裂", "p1", pin("p1"))).ok
    assert agent.ask(issue()).code == "out_of_service"
    refused = agent.ask(ReportFault("R1", "in_service", "已修", "p1", pin("p1")))
    assert refused.code == "not_allowed"
    assert agent.ask(ReportFault("R1", "in_service", "已修", "m1", pin("m1"))).ok
    assert agent.ask(issue()).ok


def test_a_policy_of_approval_wants_an_approver_of_the_department(world, agent):
    dock(world, agent, "S1")
    wanted = {"number": "S1", "person": "p2"}
    assert agent.ask(issue(**wanted)).code == "approval_needed"
    by_manager = issue(**wanted, approver="m1", approver_pin=pin("m1"))
    assert agent.ask(by_manager).code == "not_allowed"
    wrong = issue(**wanted, approver="a2", approver_pin="guessed")
    assert agent.ask(wrong).code == "pin_wrong"
    assert agent.ask(issue(**wanted, approver="a2", approver_pin=pin("a2"))).ok
    assert world.data("recorder.issued")[0]["approver"] == "a2"


def test_a_policy_without_override_lets_no_failed_check_pass(world, agent):
    dock(world, agent, "S1", LOW)
    asked = issue("S1", "p2", approver="a2", approver_pin=pin("a2"), override_reason="现场急需")
    assert agent.ask(asked).code == "override_barred"


def test_a_recorder_kept_by_one_person_is_issued_to_nobody_else(world, agent):
    dock(world, agent, "K1")
    assert agent.ask(issue("K1")).code == "kept_by_other"
    assert agent.ask(issue("K1", "m1")).ok


def test_a_wrong_pin_an_unknown_person_and_an_unknown_recorder_are_told_apart(world, agent):
    dock(world, agent)
    assert agent.ask(Issue("R1", "p1", "guessed")).code == "pin_wrong"
    assert agent.ask(Issue("R1", "p9", "guessed")).code == "person_unknown"
    assert agent.ask(issue("R99")).code == "no_such_recorder"
    assert not world.entries("recorder.issued")


def test_a_return_by_hand_is_for_the_holder_or_a_manager(world, agent):
    dock(world, agent)
    agent.ask(issue())
    assert agent.ask(issue("R1", "m1")).code == "already_issued"
    assert agent.ask(Return("R1", "p2", pin("p2"))).code == "not_allowed"
    assert agent.ask(Return("R1", "m1", pin("m1"))).ok
    assert agent.ask(Return("R1", "m1", pin("m1"))).code == "not_issued"
    assert world.data("recorder.returned")[0]["by"] == "m1"


def test_a_dock_is_tried_again_when_asked_and_an_empty_one_is_not(world, agent):
    dock(world, agent)
    assert agent.ask(Retry(1)).ok
    agent.wait_entry("visit.completed", 2)
    assert agent.ask(Retry(2)).code == "nothing_to_retry"
    assert agent.ask(Retry(99)).code == "dock_unknown"


def test_a_restart_with_an_issued_recorder_still_docked_enters_no_return(world, agent):
    dock(world, agent)
    agent.ask(issue())
    agent.stop()
    agent.start()
    agent.wait_entry("visit.completed", 2)
    assert not world.entries("recorder.returned")
    world.pull()
    agent.wait_dock(lambda dock: dock.state == "empty")
    world.plug("R1")
    agent.wait_entry("recorder.returned")


def test_a_recorder_issued_and_moved_to_another_dock_is_returned(world, agent):
    dock(world, agent)
    agent.ask(issue())
    world.pull(1)
    world.plug("R1", 2)
    assert agent.wait_entry("recorder.returned")["person"] == "p1"


def garbage(rolls):
    """Yield what no honest program sends."""
    for _ in range(60):
        yield os.urandom(rolls.randrange(1, 3000))
    valid = json.loads(
        b'{"command": "issue", "arguments": {"recorder": "R1", "person": "p1", "pin": "x"}}'
    )
    for value in (None, 1, -1, 1e400, [], {}, "\ud800", "x" * 60_000, "\x00", True, 10**400):
        for name in ("command", "arguments"):
            yield json.dumps(valid | {name: value}).encode()
        for name in ("recorder", "person", "pin", "approver", "approver_pin", "override_reason"):
            changed = {**valid["arguments"], name: value}
            yield json.dumps({**valid, "arguments": changed}).encode()
    yield b"[" * 30_000
    yield b'{"command": "retry", "arguments": {"dock": 1' + b"0" * 5000 + b"}}"
    yield b'{"command": "declare", "arguments": {"day": "0000-00-00"}}'
    yield b"x" * 1_000_000


def throw(path, line):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(30)
        channel.connect(str(path))
        with suppress(BrokenPipeError, ConnectionResetError):
            channel.sendall(line + b"\n")
            return channel.makefile("rb").readline()


def test_garbage_on_the_socket_is_answered_and_changes_nothing(world, agent):
    size = len(world.entries())
    for line in garbage(random.Random(7)):
        said = throw(world.run / "agent.sock", line)
        assert not said or json.loads(said)["ok"] is False
    assert len(world.entries()) == size
    dock(world, agent)
    assert agent.ask(issue("R1", "m1")).ok


def test_half_a_line_and_a_client_that_leaves_hold_nobody_up(world, agent):
    dock(world, agent)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as half:
        half.connect(str(world.run / "agent.sock"))
        half.sendall(b'{"command": "iss')
        assert agent.ask(issue()).ok
    assert agent.ask(Return("R1", "p1", pin("p1"))).ok


def test_a_proved_person_cannot_enter_more_than_an_entry_holds(world, agent):
    size = len(world.entries())
    endless = "字" * 20_000
    told = Declare("R1", date(2026, 11, 20), "other", endless, "p1", pin("p1"))
    assert agent.ask(told).code == "command_invalid"
    fault = ReportFault("R1", "in_repair", endless, "p1", pin("p1"))
    assert agent.ask(fault).code == "command_invalid"
    assert len(world.entries()) == size


def test_the_command_line_issues_and_says_which_entry_it_is(world, agent):
    dock(world, agent)
    told = world.tell("issue", "R1", "p1", given=pin("p1") + "\n")
    assert told.returncode == 0
    sequence = json.loads(told.stdout.splitlines()[-1])["entry"]
    assert world.entries()[sequence - 1].type == "recorder.issued"
    refused = world.tell("issue", "R1", "p1", given="guessed\n")
    assert (refused.returncode, "pin_wrong" in refused.stdout) == (1, True)


def test_the_command_line_says_clearly_when_no_agent_runs(world):
    told = world.tell("retry", "1")
    assert told.returncode == 2
    assert "agent_away" in told.stderr


def test_a_guesser_of_pins_is_locked_out_and_the_right_pin_does_not_help(world, agent):
    dock(world, agent)
    guesses = [agent.ask(Issue("R1", "p1", f"guess {n}")).code for n in range(6)]
    assert guesses[-1] == "pin_locked"
    assert agent.ask(issue()).code == "pin_locked"
    assert agent.ask(issue("R1", "m1")).ok
