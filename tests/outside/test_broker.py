"""The uplink against brokers that hang up: it tries again, later and later, and stops at once."""

import socket
import threading
from contextlib import contextmanager
from time import monotonic, sleep

import paho.mqtt.client as mqtt
import pytest

from contracts.errors import SettingsError
from contracts.messages import Message
from contracts.settings import BrokerSettings
from outside.broker import Broker, Connected, Lost, check_files

WELCOME = bytes.fromhex("2003000000")  # CONNACK of MQTT 5: success, no properties
CALLS = 4
PAUSES_SECONDS = 0.2 + 0.4 + 0.8


class HangingUp:
    """Takes calls, says its words and hangs up, at the earliest when it may."""

    def __init__(self, words, may_hang_up=None):
        self._words = words
        self._may_hang_up = may_hang_up
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.calls = []
        self.enough = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self):
        while True:
            try:
                channel, _ = self._listener.accept()
            except OSError:
                return
            self.calls.append(monotonic())
            if len(self.calls) == CALLS:
                self.enough.set()
            with channel:
                if self._words:
                    channel.recv(4096)
                    channel.sendall(self._words)
                if self._may_hang_up:
                    self._may_hang_up.wait(20)


@contextmanager
def calling(words, may_hang_up=None):
    broker = HangingUp(words, may_hang_up)
    events = []
    settings = BrokerSettings(host="127.0.0.1", port=broker.port)
    will = Message("muster/v1/example/s1/state", b"{}", retained=True)
    uplink = Broker(settings, "s1", will, ("have",), events.append)
    broker.uplink = uplink
    uplink.start()
    try:
        yield broker, events
    finally:
        assert uplink.stop(will, 20)
        broker.close()


@pytest.mark.parametrize("words", [b"", WELCOME], ids=["at once", "after a welcome"])
def test_a_broker_that_hangs_up_is_called_less_and_less_often(words):
    with calling(words) as (broker, events):
        assert broker.enough.wait(60)
        assert broker.calls[CALLS - 1] - broker.calls[0] >= PAUSES_SECONDS
    assert any(isinstance(event, Connected) for event in events) is bool(words)
    assert isinstance(events[-1], Lost)


def test_a_refusal_is_told_in_the_brokers_words():
    with calling(bytes.fromhex("2003008700")) as (broker, events):
        assert broker.enough.wait(60)
    assert "Not authorized" in events[0].reason
    assert {type(event) for event in events} == {Lost}


def test_every_file_of_the_settings_that_cannot_be_read_is_named(tmp_path):
    settings = BrokerSettings(ca_file=tmp_path / "ca.pem", key_file=tmp_path / "s1.key")
    with pytest.raises(SettingsError) as caught:
        check_files(settings)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "broker.ca_file",
        "broker.key_file",
    ]
    assert str(tmp_path / "ca.pem") in caught.value.problems[0]


def test_settings_without_files_need_none():
    check_files(BrokerSettings(host="127.0.0.1"))


def test_sockets_stay_open_while_somebody_sends(monkeypatch):
    """The connection is lost in the middle of a word; paho's sockets are closed after it."""
    send, closed, begun = mqtt.Client.publish, [], threading.Event()

    def slowly(client, *words, **more):
        begun.set()
        until = monotonic() + 0.5
        while monotonic() < until:
            closed.append(client._sockpairW is None)
            sleep(0.01)
        return send(client, *words, **more)

    monkeypatch.setattr(mqtt.Client, "publish", slowly)
    word = Message("muster/v1/example/s1/state", b"{}", retained=True)
    with calling(WELCOME, begun) as (broker, _):
        while not begun.is_set():
            broker.uplink.publish(word)
            sleep(0.01)
    assert not any(closed)
