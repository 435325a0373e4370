"""The adb server's own language, over a real socket to an emulated server."""

import socket

import pytest

from agent.core.dialogue import converse
from agent.families.e12 import E12
from agent.families.zzx import Zzx
from agent.transports.adb import open_adb
from contracts.errors import NoAnswerError, RecorderGoneError, SettingsError, TransportError
from tests.support.emulators.adb_server import AdbServer
from tests.support.emulators.e12 import E12 as E12Recorder  # noqa: N811
from tests.support.emulators.zzx import Zzx as ZzxRecorder
from tests.support.listening import tcp_port
from tests.support.wire import Says

SOON = 0.05


def options(server_port, **more):
    return {"adb": {"port": 10086, "server_port": server_port, **more}}


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_recorders_port_is_reached_through_the_server():
    server = AdbServer({"A1": {10086: E12Recorder()}, "B2": {}})
    with tcp_port(server.connection) as port:
        line = open_adb("A1", options(port))
        assert converse(E12({}).probe(), line)
        assert converse(E12({}).battery(), line).value == 87
        line.close()


def test_two_recorders_are_told_apart_by_their_serial_numbers():
    other = E12Recorder(battery="12")
    server = AdbServer({"A1": {10086: E12Recorder()}, "B2": {10086: other}})
    with tcp_port(server.connection) as port:
        lines = [open_adb(serial, options(port)) for serial in ("A1", "B2")]
        assert [converse(E12({}).battery(), line).value for line in lines] == [87, 12]
        for line in lines:
            line.close()


def test_a_recorder_that_opens_its_port_on_a_broadcast_is_sent_one():
    server = AdbServer({"A1": {}})
    server.opens = {"A1": ZzxRecorder()}
    with tcp_port(server.connection) as port:
        line = open_adb("A1", options(port, broadcast="com.zzx.sdk"))
        assert converse(Zzx({}).probe(), line)
        line.close()
    assert server.shelled == ["am broadcast -a com.zzx.sdk --ei port 10086"]


def test_a_port_that_opens_only_after_a_while_is_waited_for():
    recorder, server = ZzxRecorder(), AdbServer({"A1": {}})
    connections = []

    def connection():
        connections.append(server.connection())
        if len(connections) == 4:
            server.devices["A1"][10086] = recorder
        return connections[-1]

    with tcp_port(connection) as port:
        line = open_adb("A1", options(port, broadcast="com.zzx.sdk"))
        assert converse(Zzx({}).probe(), line)
        line.close()


def test_a_port_that_never_opens_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr("agent.transports.adb.OPENING_SECONDS", SOON)
    with (
        tcp_port(AdbServer({"A1": {}}).connection) as port,
        pytest.raises(TransportError, match="Connection refused"),
    ):
        open_adb("A1", options(port, broadcast="com.zzx.sdk"))


@pytest.mark.parametrize(
    ("state", "words"),
    [("unauthorized", "allow debugging"), ("offline", "offline"), ("bootloader", "bootloader")],
)
def test_a_recorder_that_lets_nobody_in_is_said_to(state, words):
    with (
        tcp_port(AdbServer(states={"A1": state}).connection) as port,
        pytest.raises(TransportError, match=words),
    ):
        open_adb("A1", options(port))


def test_a_recorder_the_server_does_not_see_is_gone():
    with tcp_port(AdbServer().connection) as port, pytest.raises(RecorderGoneError):
        open_adb("A1", options(port))


def test_where_no_adb_server_runs_it_says_how_to_start_one():
    with pytest.raises(TransportError, match="adb start-server"):
        open_adb("A1", options(closed_port()))


@pytest.mark.parametrize("serial", [None, "", "a b", "x" * 129, "甲"])
def test_a_recorder_without_a_serial_number_is_not_guessed(serial):
    with pytest.raises(TransportError, match="no USB serial number"):
        open_adb(serial, options(5037))


def test_options_without_a_port_are_refused():
    with pytest.raises(TransportError, match=r"language\.options\.adb"):
        open_adb("A1", {})
    with pytest.raises(SettingsError):
        open_adb("A1", {"adb": {"port": "x"}})


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", TransportError),
        (b"FAILzzzz", NoAnswerError),
        (b"FAILffffno", TransportError),
        (b"OK", TransportError),
    ],
)
def test_a_server_that_is_no_adb_server_does_no_harm(said, error):
    class Odd(Says):
        is_over = False

        def line(self, payload):
            self.is_over = True
            return super().line(payload)

    with tcp_port(lambda: Odd(said)) as port, pytest.raises(error):
        open_adb("A1", options(port))


def test_a_server_that_says_nothing_is_no_answer(monkeypatch):
    monkeypatch.setattr("agent.transports.adb.ANSWER_SECONDS", SOON)
    with tcp_port(lambda: Says(b"")) as port, pytest.raises(NoAnswerError):
        open_adb("A1", options(port))


def test_a_shell_that_never_ends_its_say_is_not_listened_to_for_ever():
    class Endless(Says):
        def line(self, payload):
            return b"OKAYOKAY" + b"x" * 10000 if b"transport" in payload else b""

    with tcp_port(lambda: Endless(b"")) as port:
        open_adb("A1", options(port, broadcast="com.zzx.sdk")).close()
