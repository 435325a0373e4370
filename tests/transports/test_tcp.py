"""A TCP line, over real sockets."""

import socket

import pytest

from agent.core.dialogue import Hear, Pause, Say, ScsiRead, Tune, converse
from agent.families.e12 import E12
from agent.families.zzx import Zzx
from agent.transports.tcp import open_tcp
from contracts.errors import NoAnswerError, RecorderGoneError, TransportError
from tests.support.emulators.e12 import E12 as E12Recorder  # noqa: N811
from tests.support.emulators.zzx import Zzx as ZzxRecorder
from tests.support.listening import tcp_port
from tests.support.wire import Says

SOON = 0.05


def opened(port):
    return open_tcp({"tcp": {"host": "127.0.0.1", "port": port}})


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("recorder", "family"), [(ZzxRecorder(), Zzx({"password": "314159"})), (E12Recorder(), E12({}))]
)
def test_a_whole_dialogue_is_held_over_tcp(recorder, family):
    with tcp_port(lambda: recorder) as port:
        line = opened(port)
        assert converse(family.probe(), line)
        assert converse(family.identity(), line).device_number == "DSJ0001"
        assert converse(family.battery(), line).value == 87
        line.close()
        line.close()


class Leaving:
    is_over = False

    def line(self, payload):
        self.is_over = True
        return b"bye"


def test_a_recorder_that_hangs_up_is_gone():
    with tcp_port(Leaving) as port:
        line = opened(port)
        line.ask(Say(b"?"))
        assert line.ask(Hear(size=3)) == b"bye"
        with pytest.raises(RecorderGoneError):
            line.ask(Hear(seconds=30))
        with pytest.raises(RecorderGoneError):
            line.ask(Say(b"?"))
        line.close()


def test_silence_is_no_answer():
    with tcp_port(lambda: Says(b"")) as port:
        line = opened(port)
        line.ask(Tune(9600))
        line.ask(Pause(0))
        line.ask(Say(b"?"))
        with pytest.raises(NoAnswerError):
            line.ask(Hear(seconds=SOON))
        line.close()


def test_a_recorder_that_takes_nothing_in_is_no_answer(monkeypatch):
    monkeypatch.setattr("agent.transports.tcp.SAY_SECONDS", SOON)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        line = opened(deaf.getsockname()[1])
        with pytest.raises(NoAnswerError):
            line.ask(Say(b"x" * (64 << 20)))
        line.close()


def test_a_line_that_was_let_go_of_is_gone():
    with tcp_port(lambda: Says(b"")) as port:
        line = opened(port)
        line.close()
        with pytest.raises(RecorderGoneError):
            line.ask(Say(b"?"))


def test_what_tcp_cannot_carry_is_refused():
    with tcp_port(lambda: Says(b"")) as port:
        line = opened(port)
        with pytest.raises(TransportError, match="ScsiRead"):
            line.ask(ScsiRead(b"\x12", 36))
        line.close()


def test_where_nothing_listens_that_is_said():
    with pytest.raises(TransportError, match="refused"):
        opened(closed_port())


def test_an_address_nobody_has_is_a_recorder_that_is_gone(monkeypatch):
    monkeypatch.setattr("agent.transports.tcp.CONNECT_SECONDS", SOON)
    with pytest.raises((RecorderGoneError, TransportError)):
        open_tcp({"tcp": {"host": "192.0.2.1", "port": 9}})


def test_options_without_an_address_are_refused():
    with pytest.raises(TransportError, match=r"language\.options\.tcp"):
        open_tcp({})
