"""A running station and a real Mosquitto, which comes late, goes, lies and comes again."""

import json
import queue
import time
from contextlib import contextmanager

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from contracts.batch import split_batch
from contracts.messages import Topics
from contracts.note import COSIGNATURE, SigningKey
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.running_agent import World, running

TOPICS = Topics("muster", "example")
INDEX = SigningKey(bytes(range(32)))
INDEX_KEY = str(INDEX.verifying("muster/example/index/11112222", COSIGNATURE))


class Office:
    """A client that hears everything and says what the index, or anyone, might say."""

    def __init__(self, port):
        self.heard = queue.SimpleQueue()
        self._unasked = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = lambda _c, _d, message: self.heard.put(message)
        self._client.on_connect = lambda client, *_: client.subscribe("muster/#", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, kind, payload, *, retain=False):
        topic = kind if "/" in kind else TOPICS.station("s1", kind)
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._client.publish(topic, raw, qos=1, retain=retain).wait_for_publish(10)

    def wait(self, wanted):
        """Return the first message that is wanted; the others wait their turn."""
        deadline = time.monotonic() + 30
        while True:
            while not self.heard.empty():
                self._unasked.append(self.heard.get())
            for message in self._unasked:
                if wanted(message):
                    self._unasked.remove(message)
                    return message
            assert time.monotonic() < deadline, [one.topic for one in self._unasked]
            time.sleep(0.02)

    def hears(self, kind, wanted=lambda said: True):
        topic = TOPICS.station("s1", kind)
        message = self.wait(lambda m: m.topic == topic and wanted(json.loads(m.payload)))
        return json.loads(message.payload)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def office(broker):
    made = Office(broker.port)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def broker():
    with Mosquitto() as started:
        yield started


def at(world, port):
    world.write(more=f'[broker]\nhost = "127.0.0.1"\nport = {port}\n')


def ask_for_all(listening, world):
    origin = listening.hears("meta")["origin"]
    listening.say(TOPICS.index_state, {"state": "ready", "key": INDEX_KEY}, retain=True)
    listening.say("have", {"origin": origin, "size": 0})
    return origin


def entries_heard(listening, count):
    topic = TOPICS.station("s1", "entry")
    heard = []
    while len(heard) < count:
        heard += split_batch(listening.wait(lambda m: m.topic == topic).payload)
    return heard[:count]


def test_without_a_broker_everything_works_and_the_queue_grows(world):
    at(world, free_port())
    world.card("R1", {"a.bin": b"a"})
    with running(world) as agent:
        world.plug("R1")
        assert agent.settled().state == "ready"
        shown = agent.wait(lambda shown: shown.ledger_size >= 5)
    assert (shown.index_connected, shown.index_has) == (False, 0)


def test_a_broker_that_appears_late_is_found_and_told_everything(world):
    at(world, free_port())
    with running(world) as agent:
        port = int(world.config.read_text("utf-8").rpartition("port = ")[2])
        with Mosquitto(f"listener {port} 127.0.0.1") as broker, office(broker) as listening:
            assert listening.hears("state")["state"] == "ready"
            ask_for_all(listening, world)
            size = agent.wait(lambda shown: shown.index_connected).ledger_size
            assert entries_heard(listening, size) == [one.raw for one in world.entries()][:size]


def test_what_the_station_introduces_itself_with_is_retained(world, broker):
    at(world, broker.port)
    world.card("R1", {"a.bin": b"a"})
    with office(broker) as early, running(world) as agent:
        world.plug("R1")
        agent.settled()
        early.hears("meta")
        early.hears("dock/1", lambda said: said["state"] == "ready")
        early.hears("dock/2")
        with office(broker) as late:
            seen = {}
            while seen.keys() < {"state", "meta", "dock/1", "dock/2"}:
                message = late.wait(lambda m: m.retain)
                seen[TOPICS.parse(message.topic)[1]] = json.loads(message.payload)
    assert (seen["meta"]["name"], seen["meta"]["docks"]) == ("示范站", 2)
    assert (seen["dock/1"]["state"], seen["dock/1"]["recorder"]) == ("ready", "R1")
    assert seen["dock/2"]["state"] == "empty"


def test_a_stop_is_told_and_a_kill_is_told_by_the_will(world, broker):
    at(world, broker.port)
    with office(broker) as listening, running(world) as agent:
        assert listening.hears("state")["state"] == "ready"
        agent.stop()
        assert listening.hears("state")["state"] == "disconnected"
        agent.start()
        assert listening.hears("state")["state"] == "ready"
        agent.kill()
        assert listening.hears("state")["state"] == "lost"


def test_a_broker_killed_and_started_again_is_told_what_it_forgot(world, broker):
    at(world, broker.port)
    with running(world) as agent:
        with office(broker) as listening:
            listening.hears("meta")
        broker.restart()
        with office(broker) as listening:
            assert listening.hears("state")["state"] == "ready"
            ask_for_all(listening, world)
            agent.wait(lambda shown: shown.index_connected)


def test_an_index_that_goes_back_is_sent_everything_again(world, broker):
    at(world, broker.port)
    with running(world) as agent, office(broker) as listening:
        origin = ask_for_all(listening, world)
        size = agent.wait(lambda shown: shown.index_connected).ledger_size
        first = entries_heard(listening, size)
        listening.say("have", {"origin": origin, "size": size})
        agent.wait(lambda shown: shown.index_has == size)
        listening.say("have", {"origin": origin, "size": size - 1})
        assert entries_heard(listening, 1) == first[-1:]


GARBAGE = (
    b"", b"\xff\xfe", b"null", b"[]", b"{}", b"[" * 60_000, b"x" * 500_000,
    b'{"origin": "someone/else", "size": 1}', b'{"state": "ready", "key": "no key"}',
    b'{"state": "ready", "key": ""}', b'{"origin": 1, "size": "many"}',
)  # fmt: skip


def sizes(origin):
    return [{"origin": origin, "size": size} for size in (-1, -(2**70), 2**70, 10**6, 1.5, True)]


def test_garbage_on_every_topic_the_station_hears_changes_nothing(world, broker):
    at(world, broker.port)
    world.card("R1", {"a.bin": b"a"})
    with running(world) as agent, office(broker) as listening:
        origin = ask_for_all(listening, world)
        agent.wait_entry("witness.met")
        for kind in ("have", "witness", TOPICS.index_state):
            for payload in (*GARBAGE, *sizes(origin)):
                listening.say(kind, payload)
        listening.say("have", {"origin": origin, "size": 2})
        agent.wait(lambda shown: shown.index_has == 2)
        world.plug("R1")
        assert agent.settled().state == "ready"
    assert len(world.entries("witness.met")) == 1
    assert world.tell("verify").returncode == 0


def test_an_index_that_holds_more_than_the_ledger_is_shown_as_trouble(world, broker):
    at(world, broker.port)
    with running(world) as agent, office(broker) as listening:
        origin = ask_for_all(listening, world)
        listening.say("have", {"origin": origin, "size": 10**6})
        assert agent.wait(lambda shown: shown.trouble_zh).trouble_en
