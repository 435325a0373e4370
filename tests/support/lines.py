"""The programs' real connections to a broker, and what has come in on each."""

import gc
import time
from contextlib import ExitStack
from dataclasses import replace

from contracts.messages import Message
from outside.broker import Broker, Connected, Lost

PATIENCE_SECONDS = 4


class Line:
    """One connection; `events` is everything it has delivered, in order."""

    def __init__(self, settings, client_id, topics, will):
        self.events = []
        self.will = will
        self.broker = Broker(settings, client_id, will, topics, self.events.append)
        self.broker.start()

    def say(self, topic, payload=b"{}", *, retain=False):
        """Publish."""
        self.broker.publish(Message(topic, payload, retain))

    def close(self):
        """Say what the will would have said, and end."""
        assert self.broker.stop(self.will, PATIENCE_SECONDS)

    def until(self, wanted):
        """Wait for the first event for which `wanted` is true, and return it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := [event for event in self.events if wanted(event)]):
            assert time.monotonic() < deadline, self.events
            time.sleep(0.01)
        return found[0]

    def until_kind(self, *kinds):
        """Wait for the first event of one of these kinds."""
        return self.until(lambda event: isinstance(event, kinds))

    def until_topic(self, topic, payload=None):
        """Wait for a message on a topic."""
        return self.until(
            lambda event: (
                isinstance(event, Message)
                and event.topic == topic
                and payload in (None, event.payload)
            )
        )

    def of_kind(self, *kinds):
        """Return the events of these kinds."""
        return [event for event in self.events if isinstance(event, kinds)]

    def topics(self):
        """Return the topics of all messages that have come in."""
        return {event.topic for event in self.of_kind(Message)}


class Lines:
    """Makes connections to one broker, each with a certificate, and ends them all."""

    def __init__(self, authority, port):
        self._authority = authority
        self._port = port
        self._resources = ExitStack()

    def station(self, name, *topics, client_id=None, will_of=None, connects=True, **changed):
        """Connect as a station; its will is its own state's unless it is another's."""
        topic = f"muster/v1/example/{will_of or name}/state"
        will = Message(topic, b'{"state":"lost"}', retained=True)
        settings = self._settings(name, changed)
        heard = topics or (f"muster/v1/example/{name}/have",)
        line = Line(settings, client_id or name, heard, will)
        return self._made(line, Connected if connects else Lost)

    def index(self, *topics):
        """Connect as the index."""
        will = Message("muster/v1/example/index/state", b'{"state":"lost"}', retained=True)
        line = Line(self._settings("index", {}), "muster-index", topics, will)
        return self._made(line, Connected)

    def _settings(self, name, changed):
        return replace(self._authority.settings(name, self._port), **changed)

    def _made(self, line, first):
        self._resources.callback(line.close)
        line.until_kind(first)
        return line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._resources.close()
        gc.collect()  # what paho dropped without closing it is missed now, not in the next test
