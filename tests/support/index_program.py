"""The real muster-index as a process, with settings, roster and folders of its own."""

import contextlib
import json
import queue
import threading
import time
import urllib.request
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from agent.shipper import Shipper
from contracts.entry import Moment
from contracts.facts import draft_of
from contracts.loading import to_json
from contracts.messages import Message, StationMeta, StationState, Topics
from contracts.settings import BrokerSettings
from ledger.store import Ledger
from outside.broker import Broker, Connected
from outside.clock import moment
from tests.support import loaded
from tests.support.mosquitto import free_port

TOPICS = Topics("muster", "example")
PATIENCE_SECONDS = 60
ROSTER = """
[[policy]]
name = "p"
deadline = { rule = "after_issue", seconds = 2 }
[[department]]
id = "d1"
name = "一中队"
policy = "p"
[[person]]
id = "p1"
name = "王五"
department = "d1"
role = "officer"
pin_hash = ""
[[recorder]]
number = "R1"
department = "d1"
"""


def until(claim, what="it never came true", patience_seconds=PATIENCE_SECONDS):
    """Wait until a claim is true and return what made it so."""
    deadline = time.monotonic() + patience_seconds
    while not (found := claim()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def _reached(broker):
    """Return the settings of a broker, of which the port is enough if it lets everybody in."""
    is_open = isinstance(broker, int)
    return BrokerSettings(host="127.0.0.1", port=broker) if is_open else broker


def _as_toml(settings):
    known = {name: value for name, value in vars(settings).items() if value not in ("", None)}
    return "\n".join(f"{name} = {json.dumps(value, default=str)}" for name, value in known.items())


class IndexProgram:
    """Started, killed and started again on the same folders."""

    def __init__(self, folder, broker, database=None, more=""):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.page_port = free_port()
        self.database = database or f"sqlite:///{self.folder}/index.db"
        (self.folder / "roster.toml").write_text(ROSTER)
        self.config = self.folder / "index.toml"
        self.config.write_text(
            f'organisation = "example"\nname = "中心"\ndatabase = "{self.database}"\n'
            f'state = "{self.folder}/state"\nroster = "{self.folder}/roster.toml"\n'
            f"roll_seconds = 1\nsilent_seconds = 5\n{more}\n"
            f"[broker]\n{_as_toml(_reached(broker))}\n"
            f"[pages]\nport = {self.page_port}\n"
        )
        self.process = None

    def start(self, patience_seconds=PATIENCE_SECONDS, *, anew=False):
        self.launch(anew=anew)
        until(self.answers, "the index does not answer", patience_seconds)

    def launch(self, *, anew=False):
        """Start the index and wait for nothing."""
        words = ("run", "--config", str(self.config))
        self.process = loaded.launch("muster-index", words, self.folder / "log", anew=anew)

    def answers(self):
        assert self.process.poll() is None, self.log()
        try:
            url = f"http://127.0.0.1:{self.page_port}/"
            return urllib.request.urlopen(url, timeout=2).status == 200
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def log(self):
        return (self.folder / "log").read_text()

    def ask(self, *words):
        """Run a command of the index and return its exit code and what it printed."""
        done = loaded.run("muster-index", *words, "--config", str(self.config))
        return done.returncode, done.stdout + done.stderr


class LiveStation:
    """A station's real ledger, shipper and uplink, on a thread instead of a daemon."""

    def __init__(self, folder, broker, name="s1"):
        self.ledger = Ledger.open(Path(folder), f"muster/example/{name}", moment(), "0.1.0")
        self.inbox = queue.SimpleQueue()
        lost = to_json(StationState("lost"))
        self.will = Message(TOPICS.station(name, "state"), lost, retained=True)
        topics = (
            TOPICS.index_state,
            TOPICS.station(name, "have"),
            TOPICS.station(name, "witness"),
        )
        self.uplink = Broker(_reached(broker), f"station-{name}", self.will, topics, self.inbox.put)
        key = str(self.ledger.verifying_key)
        meta = StationMeta("example", name, f"{name} 站", "0.1.0", 2, self.ledger.origin, key)
        self.shipper = Shipper(self.ledger, TOPICS, meta, self.uplink.publish)
        self.state_topic = TOPICS.station(name, "state")
        self.is_speaking = True
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.uplink.start()

    def enter(self, *facts, at=None):
        now = moment()
        at = Moment(at or now.at, now.boot_id, now.uptime_ms, now.clock)
        return self.ledger.append([draft_of(fact) for fact in facts], at)

    def close(self):
        self._stopping.set()
        self._thread.join()
        self.uplink.stop(self.will, 10)
        self.ledger.close()

    def _run(self):
        spoke_at = 0.0
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Empty):
                self._take(self.inbox.get(timeout=0.05))
            if not self.is_speaking:
                continue
            self.shipper.ship(moment().at)
            if time.monotonic() - spoke_at > 1:
                spoke_at = time.monotonic()
                ready = to_json(StationState("ready", moment().at))
                self.uplink.publish(Message(self.state_topic, ready, retained=True))

    def _take(self, event):
        if isinstance(event, Connected):
            self.shipper.connected(moment().at)
        elif isinstance(event, Message):
            self.shipper.take(event.topic, event.payload)
        else:
            self.shipper.lost()


class Listener:
    """Someone with mosquitto_sub: the last payload of every topic."""

    def __init__(self, broker_port, topic="muster/#"):
        self.last = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", broker_port)
        self._client.loop_start()

    def say(self, topic, payload, *, retain=False):
        self._client.publish(topic, payload, 1, retain).wait_for_publish(PATIENCE_SECONDS)

    def read(self, topic):
        raw = self.last.get(topic)
        return json.loads(raw) if raw else None

    def alerts(self, kind):
        start = f"muster/v1/example/alert/{kind}/"
        return {t: json.loads(raw) for t, raw in self.last.items() if t.startswith(start) and raw}

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client, _data, message):
        self.last[message.topic] = bytes(message.payload)
