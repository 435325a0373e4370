"""A serial line, over real pseudo-terminals."""

import fcntl
import os
import subprocess
import sys
import termios
from pathlib import Path
from time import monotonic

import pytest

from agent.core.dialogue import Hear, Pause, Say, ScsiRead, Tune, converse
from agent.families.grammar import Grammar, Value
from agent.families.zzx import Zzx
from agent.transports.line import open_line
from contracts.errors import NoAnswerError, RecorderGoneError, SettingsError, TransportError
from tests.support.declared import HARDWARE, RECORDERS, TEXT
from tests.support.emulators.serial_recorder import BadgeReader, TextRecorder
from tests.support.emulators.zzx import Zzx as Recorder
from tests.support.listening import SerialPort

SOON = 0.05
HOLDER = """
import fcntl, os, sys, termios
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
{how}
print("held", flush=True)
sys.stdin.read()
"""
WAYS = {
    "flock": "fcntl.flock(fd, fcntl.LOCK_EX)",
    "TIOCEXCL": "fcntl.ioctl(fd, termios.TIOCEXCL)",
}


@pytest.fixture
def port():
    with SerialPort() as made:
        yield made


@pytest.fixture
def line(port):
    opened = open_line(port.node, {"serial": {"bauds": [115200, 9600]}})
    yield opened
    opened.close()


def attributes(port):
    fd = os.open(port.node, os.O_RDWR | os.O_NOCTTY)
    try:
        return termios.tcgetattr(fd)
    finally:
        os.close(fd)


def test_what_is_said_goes_out_as_it_is(line, port):
    line.ask(Say(bytes(range(256))))
    assert port.heard() == bytes(range(256))


def test_an_answer_ends_where_it_was_asked_to_and_the_rest_is_kept(line, port):
    port.say(b"one\r\ntwo\r\nABCDE")
    assert line.ask(Hear(until=b"\r\n")) == b"one\r\n"
    assert line.ask(Hear(until=b"\n")) == b"two\r\n"
    assert line.ask(Hear(size=2)) == b"AB"
    assert line.ask(Hear(size=3)) == b"CDE"


def test_an_answer_without_a_known_end_ends_when_the_line_is_quiet(line, port):
    port.say(b"whatever it says")
    assert line.ask(Hear()) == b"whatever it says"


def test_what_was_heard_before_is_dropped_when_something_is_said(line, port):
    port.say(b"late answer to another question\n")
    assert line.ask(Hear(size=4)) == b"late"
    line.ask(Say(b"?"))
    with pytest.raises(NoAnswerError):
        line.ask(Hear(until=b"\n", seconds=SOON))


@pytest.mark.parametrize("request_", [Hear(seconds=SOON), Hear(size=9, seconds=SOON)])
def test_silence_is_no_answer(line, request_):
    with pytest.raises(NoAnswerError):
        line.ask(request_)


def test_half_an_answer_is_no_answer_and_is_shown(line, port):
    port.say(b"BAT=")
    with pytest.raises(NoAnswerError, match="42 41 54 3d"):
        line.ask(Hear(until=b"\n", seconds=SOON))


@pytest.mark.parametrize(
    "request_", [Hear(until=b"\n", size_max=64), Hear(size_max=64), Hear(size=65, size_max=64)]
)
def test_an_answer_without_an_end_is_not_listened_to_for_ever(line, port, request_):
    port.say(b"x" * 3000)
    with pytest.raises(NoAnswerError, match="without an end"):
        line.ask(request_)


def say_often(line):
    """Speak for as long as whoever is at the other end may be kept from its turn."""
    until = monotonic() + 30
    while monotonic() < until:
        line.ask(Say(b""))


class Babbling:
    def __init__(self, port):
        code = "import os,sys\nwhile True: os.write(int(sys.argv[1]), b'x' * 4096)"
        self.process = subprocess.Popen([sys.executable, "-c", code, str(port)], pass_fds=[port])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def test_a_line_that_never_falls_silent_is_given_up(line, port):
    with Babbling(port._far):
        line.ask(Hear(size=1, seconds=30))
        with pytest.raises(NoAnswerError):
            say_often(line)


def test_the_line_is_set_as_the_profile_says(port):
    options = {"serial": {"bauds": [9600], "bits": 7, "parity": "even", "stop": 2, "dtr": False}}
    opened = open_line(port.node, options)
    control, speed = attributes(port)[2], attributes(port)[4]
    asked = (opened._port.bytesize, opened._port.parity, opened._port.dtr)
    opened.close()
    assert (speed, bool(control & termios.CSTOPB)) == (termios.B9600, True)
    assert asked == (7, "E", False)  # a pseudo-terminal has always eight bits and no parity


def test_a_line_is_tuned_to_another_speed(line, port):
    assert attributes(port)[4] == termios.B115200
    line.ask(Tune(9600))
    assert attributes(port)[4] == termios.B9600
    line.ask(Pause(0))


def test_a_speed_that_cannot_be_set_is_no_answer(line):
    with pytest.raises(NoAnswerError):
        line.ask(Tune(-1))


def test_a_malformed_setting_is_refused(port):
    with pytest.raises(SettingsError):
        open_line(port.node, {"serial": {"bauds": [0]}})


@pytest.mark.parametrize("way", WAYS)
def test_a_line_another_program_has_is_not_touched(port, way):
    before = attributes(port)
    code = HOLDER.format(how=WAYS[way])
    with subprocess.Popen(
        [sys.executable, "-c", code, str(port.node)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(TransportError, match="taken by another program"):
            open_line(port.node, {"serial": {"bauds": [300]}})
        assert attributes(port) == before
        other.stdin.close()


def test_a_line_in_use_is_ours_alone(line, port):
    fd = os.open(port.node, os.O_RDWR | os.O_NOCTTY)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(fd)
    with pytest.raises(TransportError, match="taken"):
        open_line(port.node, {})


def test_a_line_that_is_let_go_of_can_be_taken_again(port):
    for _ in range(3):
        opened = open_line(port.node, {})
        opened.close()
        opened.close()


@pytest.mark.parametrize("node", ["/dev/null", "/dev", "/etc/hostname"])
def test_what_is_no_serial_line_is_said_to_be_none(node):
    with pytest.raises(TransportError, match=node):
        open_line(Path(node), {})


def test_a_line_that_is_not_there_has_been_pulled_out(tmp_path):
    with pytest.raises(RecorderGoneError):
        open_line(tmp_path / "ttyUSB0", {})


@pytest.mark.parametrize("request_", [Say(b"?"), Hear(seconds=30), Tune(9600)])
def test_a_line_that_is_pulled_out_is_gone_at_once(line, port, request_):
    port.pull_out()
    with pytest.raises(RecorderGoneError):
        line.ask(request_)


def test_what_a_serial_line_cannot_carry_is_refused(line):
    with pytest.raises(TransportError, match="ScsiRead"):
        line.ask(ScsiRead(b"\x12", 36))


@pytest.mark.parametrize("which", RECORDERS)
def test_a_declared_recorder_is_spoken_with_over_a_serial_line(port, which):
    options, device = RECORDERS[which]
    family, recorder = Grammar(options), device()
    port.answer(recorder)
    line = open_line(port.node, options)
    assert converse(family.probe(), line)
    assert converse(family.identity(), line).device_number == "DSJ0001"
    assert converse(family.battery(), line).value == 87
    assert converse(family.switch(), line)
    line.close()
    assert recorder.is_disk


def test_the_speed_of_a_recorder_is_found_and_kept(port):
    recorder = TextRecorder(baud=9600)
    port.answer(recorder)
    line = open_line(port.node, TEXT)
    assert converse(Grammar(TEXT).probe(), line)
    assert attributes(port)[4] == termios.B9600
    assert converse(Grammar(TEXT).battery(), line).value == 87
    line.close()


def test_a_recorder_pulled_out_and_plugged_in_again_is_spoken_with_anew():
    for _ in range(2):
        with SerialPort() as port:
            recorder = TextRecorder(baud=9600)
            port.answer(recorder)
            line = open_line(port.node, TEXT)
            assert converse(Grammar(TEXT).probe(), line)
            port.pull_out()
            with pytest.raises(RecorderGoneError):
                converse(Grammar(TEXT).battery(), line)
            line.close()


def test_a_badge_is_heard_when_it_is_shown(port):
    options, _ = HARDWARE["badge"]
    line = open_line(port.node, options)
    port.say(b"\x00" + BadgeReader().shown("0004711815"))
    assert converse(Grammar(options).values(), line) == (Value("badge", "", "0004711815"),)
    line.close()


def test_a_dock_board_is_asked_for_its_current(port):
    options, device = HARDWARE["board"]
    port.answer(device())
    line = open_line(port.node, options)
    assert converse(Grammar(options).probe(), line)
    assert converse(Grammar(options).values(), line) == (Value("charge_current", "mA", 512.0),)
    line.close()


def test_a_whole_dialogue_is_held_over_a_serial_line(line, port):
    port.answer(Recorder())
    family = Zzx({"password": "314159"})
    assert converse(family.probe(), line)
    assert converse(family.battery(), line).value == 87
