"""The real agent behind a real broker, lied to on every topic it hears, beside an honest index."""

import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from contracts.checkpoint import WitnessRequest
from contracts.loading import to_json
from contracts.messages import Have, IndexState, Message
from contracts.note import COSIGNATURE, VerifyingKey, verify_cosignature
from index.store import Store
from ledger.reading import LedgerReader
from tests.instruments.counts import say
from tests.instruments.messages.spoiling import NOBODY, WAYS, Overheard
from tests.support.index_program import TOPICS, IndexProgram, Listener
from tests.support.mosquitto import Mosquitto
from tests.support.running_agent import RunningAgent, World, running

SAID = 2_000  # twice
UNDER_WAY = 100
MAX_RSS_MIB = 256
MAX_LOG_BYTES = 256 * 1024
HEARD = (TOPICS.station("s1", "have"), TOPICS.station("s1", "witness"), TOPICS.index_state)
FILES = {f"DCIM/{n:02}.mp4": bytes([n]) * 50_000 for n in range(20)}


class Attacker(Listener):
    """Hears all that is said, and says it spoiled on the topics that the agent hears."""

    def __init__(self, port: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.honest_key = ""
        self.overheard: list[Message] = []
        self.counts = Counter[str]()
        super().__init__(port, "muster/v1/example/#")

    def _hear(self, _client, _data, message):
        super()._hear(_client, _data, message)
        if len(self.overheard) < 500 and not self.counts:  # what is honest: nothing is said yet
            self.overheard.append(Message(message.topic, bytes(message.payload)))

    def attack(self, until_said: int) -> None:
        """Say so many hostile messages in all, a tenth of them for whoever comes later too."""
        while (said := self.counts.total()) < until_said:
            message = self._hostile()
            retained = message.retained or self.chance.random() < 0.1
            sent = self._client.publish(message.topic, message.payload, 1, retained)
            if said % UNDER_WAY == 0 or said == until_said - 1:
                sent.wait_for_publish(60)

    def _hostile(self) -> Message:
        spoil = self.chance.choice(SPOILS)
        honest = self._overheard()
        message = self.chance.choice(spoil(self.chance, honest) or [honest.said[0]])
        self.counts[spoil.__name__] += 1
        if message.topic in HEARD:
            return message
        return replace(message, topic=self.chance.choice(HEARD))

    def _overheard(self) -> Overheard:
        said = tuple(self.overheard)
        origin = self.read(TOPICS.station("s1", "meta"))["origin"]
        return Overheard("s1", origin, said, said)


def impersonated(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Cosign the station's own head under the honest index's name, with another key."""
    (state,) = [m for m in overheard.said if m.topic == TOPICS.index_state][-1:]
    name = str(state.payload.decode().partition('"key":"')[2].partition("+")[0])
    heads = [m.payload for m in overheard.said if m.topic.endswith("/checkpoint")]
    note = WitnessRequest.parse(chance.choice(heads)).note
    key = str(NOBODY.verifying(name, COSIGNATURE))
    return [
        Message(TOPICS.station("s1", "witness"), NOBODY.cosign(note, name, 1).encode()),
        Message(TOPICS.index_state, to_json(IndexState("ready", key)), retained=True),
    ]


def positions(chance: random.Random, overheard: Overheard) -> list[Message]:
    """Say positions that could be true."""
    size = chance.randrange(60)
    return [Message(TOPICS.station("s1", "have"), to_json(Have(overheard.origin, size)))]


SPOILS = (*WAYS, impersonated, positions)


@dataclass
class Site:
    """A station, its index, whoever attacks it."""

    world: World
    index: IndexProgram
    attacker: Attacker


@pytest.fixture
def site(tmp_path):
    with Mosquitto("max_queued_messages 0") as broker:  # it is to drop no lie
        world = World(tmp_path / "station")
        world.folder.mkdir()
        world.write(more=f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\n')
        index = IndexProgram(tmp_path / "index", broker.port)
        attacker = Attacker(broker.port, 20_261_122)
        try:
            index.start()
            yield Site(world, index, attacker)
        finally:
            attacker.close()
            index.close()


def all_is_witnessed(agent: RunningAgent):
    return agent.wait(lambda shown: shown.index_connected and shown.witnessed == shown.ledger_size)


def peak_rss_mib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def import_one(site: Site, agent: RunningAgent, number: str, lies: int) -> None:
    """Let a recorder be docked and taken out while so many lies are said."""
    site.world.card(number, {f"{number}/{name}": raw for name, raw in FILES.items()})
    site.world.plug(number)
    site.attacker.attack(site.attacker.counts.total() + lies)
    assert agent.settled().state == "ready", agent.tail()
    site.world.pull()
    agent.wait_dock(lambda dock: dock.state == "empty")


def check_nothing_was_believed(site: Site) -> None:
    key = site.attacker.honest_key
    assert [met["key"] for met in site.world.data("witness.met")] == [key]
    ledger = site.world.state / "ledger"
    with closing(sqlite3.connect(f"file:{ledger}/ledger.db?mode=ro", uri=True)) as database:
        known = database.execute("SELECT DISTINCT witness FROM cosignature").fetchall()
    assert known == [(key,)]
    verify_cosignature((ledger / "witness.note").read_text("utf-8"), VerifyingKey.parse(key))
    with LedgerReader(ledger) as reader:
        entered = reader.raw(1, reader.size + 1)
    store = Store.open(site.index.database)
    held = [entry.body for row in store.stations() for entry in store.entries_of(row.id, 2**40)]
    store.close()
    assert held == entered


def test_an_agent_that_is_lied_to_on_all_it_hears_goes_on_and_believes_the_index_alone(site):
    with running(site.world) as agent:
        all_is_witnessed(agent)
        site.attacker.honest_key = site.attacker.read(TOPICS.index_state)["key"]
        import_one(site, agent, "R1", SAID)
        peaks = [peak_rss_mib(agent.pid)]
        agent.kill()  # the next one finds with the broker whatever lies were left there
        agent.start()
        import_one(site, agent, "R2", SAID)
        import_one(site, agent, "R3", 0)  # what the index says of it comes behind all lies
        peaks.append(peak_rss_mib(agent.pid))
        shown = all_is_witnessed(agent)
        assert shown.trouble_en is None
        check_nothing_was_believed(site)
    said = site.attacker.counts
    log_bytes = agent.log.stat().st_size
    say(f"{said.total()} said {dict(said)}; agent's rss_mib {peaks}; log {log_bytes} bytes")
    assert set(said) == {spoil.__name__ for spoil in SPOILS}
    assert max(peaks) <= MAX_RSS_MIB
    assert log_bytes <= MAX_LOG_BYTES
