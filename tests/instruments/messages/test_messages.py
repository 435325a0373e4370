"""The messages' share of every test run, the same at real programs, and that it sees a fault."""

import random
from collections import Counter
from pathlib import Path

import pytest

from agent.shipper import Shipper
from contracts.facts import AgentStopped
from contracts.loading import to_json
from contracts.messages import Have, StationMeta
from contracts.tree import leaf_hash
from index.core.receiving import Commit, StationMirror
from index.store import Store
from ledger.reading import LedgerReader
from tests.instruments.counts import Share
from tests.instruments.messages.__main__ import MAX_RSS_MIB, MESSAGES_IN_A_TEST, run
from tests.instruments.messages.judging import LIVE, VICTIM, World
from tests.instruments.messages.spoiling import NOWHERE, WAYS, Overheard, rewritten
from tests.support.index_program import TOPICS, IndexProgram, Listener, LiveStation, until
from tests.support.joined import Office
from tests.support.mosquitto import Mosquitto

THROUGH_A_BROKER = 3_000


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, 7)
    yield made
    made.close()
    Office.opened.clear()


def test_no_message_is_believed_without_proof(capsys):
    assert run(Share(20_261_122, MESSAGES_IN_A_TEST)) == 0, capsys.readouterr().out


@pytest.mark.parametrize("spoil", WAYS)
def test_each_way_makes_something(world, spoil):
    chance = random.Random(3)
    made = [message for _ in range(20) for message in spoil(chance, world.overheard)]
    assert len(made) >= 20
    assert any(message not in world.overheard.said for message in made) or spoil.__name__ in (
        "replayed",
        "reordered",
    )


class Gullible(StationMirror):
    """A mirror that believes whatever waits, once any head was signed."""

    def _doubt(self, request, checkpoint, now):
        wanted = range(self.have + 1, checkpoint.size + 1)
        leaves = tuple(leaf_hash(self._pending[number]) for number in wanted)
        frontier = self.frontier.grown(leaves)
        return (Commit(self.have, self._read(wanted), leaves, frontier, checkpoint, request.note),)


def test_an_index_that_believes_what_no_head_covers_is_a_violation(world):
    victim = world.stations[VICTIM]
    world.office.intake.stations[VICTIM].mirror.__class__ = Gullible
    world.enter(victim, 1)
    victim.ship(world.now.replace(hour=20))
    entry, head = [m for m in victim.take_said() if m.topic.endswith(("entry", "checkpoint"))]
    seen = Overheard(VICTIM, victim.ledger.origin, (entry,), ())
    for seed in range(10):
        world.office.take(rewritten(random.Random(seed), seen), world.now)
    world.office.take([head], world.now)
    assert any("differ" in violation for violation in world.violations())


def test_an_index_that_is_deaf_to_a_station_is_a_violation(world):
    world.office.intake.stations[LIVE].mirror.freeze()
    world.turn([])
    world.settle(2)
    assert [violation.partition(":")[0] for violation in world.violations()] == [LIVE] * 3


def rss_mib(pid):
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def overheard_of(station):
    """Return all that a live station says to an index that has nothing."""
    said, now = [], station.ledger.entries(1, 2)[0].moment.at
    meta = StationMeta("example", "s1", "s1", "0", 2, station.ledger.origin,
                       str(station.ledger.verifying_key))  # fmt: skip
    shipper = Shipper(station.ledger, TOPICS, meta, said.append)
    shipper.connected(now)
    shipper.take(TOPICS.station("s1", "have"), to_json(Have(station.ledger.origin, 0)))
    shipper.ship(now)
    return Overheard("s1", station.ledger.origin, tuple(said), tuple(said))


def test_a_real_index_behind_a_real_broker_serves_a_live_station_all_the_while(tmp_path):
    with Mosquitto() as broker:
        index = IndexProgram(tmp_path / "index", broker.port)
        index.start()
        victim = LiveStation(tmp_path / "s1", broker.port, "s1")
        live = LiveStation(tmp_path / "s2", broker.port, "s2")
        attacker = Listener(broker.port, "nothing")
        try:
            victim.enter(*(AgentStopped(f"stop {number}") for number in range(20)))
            until(lambda: victim.ledger.witnessed_size == victim.ledger.size, index.log())
            counts = attack_through(attacker, overheard_of(victim), live)
            for station in (victim, live):
                until(lambda one=station: one.ledger.witnessed_size == one.ledger.size, index.log())
            assert index.process.poll() is None
            assert rss_mib(index.process.pid) <= MAX_RSS_MIB, counts
        finally:
            attacker._client.disconnect()
            attacker._client.loop_stop()
            for station in (victim, live):
                station.close()
            index.close()
        honest = {name: entered(tmp_path / name) for name in ("s1", "s2")}
        assert stored(index) == honest


def attack_through(attacker, overheard, live):
    chance, counts, last = random.Random(7), Counter(), None
    while counts.total() < THROUGH_A_BROKER:
        spoil = chance.choice(WAYS)
        for message in spoil(chance, overheard):
            if message.topic in NOWHERE:
                continue  # what the broker itself does not carry, or would end us for
            counts[spoil.__name__] += 1
            last = attacker._client.publish(message.topic, message.payload, 1, message.retained)
            if counts.total() % 100 == 0:
                live.enter(AgentStopped(f"while {counts.total()}"))
                last.wait_for_publish(60)
    last.wait_for_publish(60)
    return counts


def stored(index):
    store = Store.open(index.database)
    found = {
        row.enrolment.station: [entry.body for entry in store.entries_of(row.id, 2**40)]
        for row in store.stations()
    }
    store.close()
    return found


def entered(folder):
    with LedgerReader(folder) as ledger:
        return ledger.raw(1, ledger.size + 1)
