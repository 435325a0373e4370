import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.checkpoint import Checkpoint, verify_checkpoint
from contracts.entry import decode
from contracts.facts import AgentStopped
from contracts.loading import from_json, to_json
from contracts.messages import Have, IndexState, Message, StationMeta, StationState
from contracts.note import VerifyingKey, verify_cosignature
from index.auditing import audit_station
from tests.support.joined import START, TOPICS, WITNESS, Office, Station, introduced, talk

LATER = START + timedelta(minutes=1)


@pytest.fixture
def office(tmp_path):
    return Office(f"sqlite:///{tmp_path}/index.db")


@pytest.fixture
def station(tmp_path):
    found = Station(tmp_path / "s1")
    yield found
    found.ledger.close()


def enter(station, count):
    station.enter(*(AgentStopped(f"stop {number}") for number in range(count)))


def stored(office, station="s1"):
    row = office.intake.stations[station].row
    return [entry.body for entry in office.store.entries_of(row.id, 2**40)]


def meta_of(sender, /, **changed):
    meta = {
        "organisation": "example",
        "station": sender.name,
        "name": "x",
        "version": "1",
        "docks": 1,
        "origin": sender.ledger.origin,
        "key": str(sender.ledger.verifying_key),
    }
    return Message(f"muster/v1/example/{sender.name}/meta", to_json(StationMeta(**meta | changed)))


def test_the_index_holds_the_very_bytes_of_the_station(office, station):
    enter(station, 450)
    introduced(station, office)
    assert stored(office) == station.ledger.raw(1, 452)


def test_the_station_gets_its_newest_head_cosigned(office, station):
    enter(station, 3)
    introduced(station, office)
    assert station.ledger.witnessed_size == 4
    cosigned_at = verify_cosignature(station.ledger.cosigned.note, WITNESS.verifying)
    assert cosigned_at == (START + timedelta(seconds=2)).timestamp()


def test_what_is_proven_is_told_once_and_in_order(office, station):
    enter(station, 250)
    introduced(station, office)
    assert [entry.sequence for entry in office.committed] == list(range(1, 252))


def test_the_position_is_told_before_the_cosignature_and_both_after_the_commit(office, station):
    introduced(station, office)
    enter(station, 1)
    station.ship(LATER)
    have, witness = office.take(station.take_said(), LATER)[-2:]
    assert from_json(have.payload, Have) == Have(station.ledger.origin, 2)
    assert (witness.topic, witness.retained) == ("muster/v1/example/s1/witness", True)
    assert len(stored(office)) == 2


def test_a_station_is_enrolled_once_with_the_key_it_showed_first(office, station):
    introduced(station, office)
    station.connect(LATER)
    office.take(station.take_said(), LATER)
    assert [enrolment.key for enrolment in office.enrolled] == [station.ledger.verifying_key]


def test_a_new_name_of_a_station_is_taken_over(office, station):
    introduced(station, office)
    office.take([meta_of(station, name="新名", docks=8)])
    assert office.intake.stations["s1"].name == "新名"
    assert office.store.stations()[0].enrolment.docks == 8


def test_another_key_of_a_known_station_is_refused_and_said(office, station, tmp_path):
    introduced(station, office)
    thief = Station(tmp_path / "thief")
    introduced(thief, office)
    assert office.intake.stations["s1"].is_key_refused
    assert thief.ledger.witnessed_size == 0
    assert office.have() == 1
    thief.ledger.close()


def test_the_right_key_seen_again_ends_the_suspicion(office, station, tmp_path):
    introduced(station, office)
    office.intake.stations["s1"].is_key_refused = True
    office.take([meta_of(station)])
    assert not office.intake.stations["s1"].is_key_refused


def test_a_pinned_key_is_the_only_one_that_is_enrolled(station, tmp_path):
    other = Station(tmp_path / "other")
    url = f"sqlite:///{tmp_path}/pinned.db"
    office = Office(url, pinned={"s1": str(other.ledger.verifying_key)})
    introduced(station, office)
    assert office.intake.stations == {}
    introduced(other, office)
    assert office.enrolled[0].pinned
    other.ledger.close()


def test_a_replaced_station_is_let_in_by_pinning_its_new_key(station, tmp_path):
    url = f"sqlite:///{tmp_path}/index.db"
    enter(station, 5)
    introduced(station, Office(url))
    replacement = Station(tmp_path / "replacement")
    office = Office(url, pinned={"s1": str(replacement.ledger.verifying_key)})
    introduced(replacement, office)
    assert replacement.ledger.witnessed_size == 1
    assert [row.frontier.size for row in office.store.stations(every_ledger=True)] == [6, 1]
    replacement.ledger.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"organisation": "other"},
        {"station": "s2"},
        {"origin": "muster/example/s1/00000000"},
        {"key": "nonsense"},
        {"key": "muster/example/s2/0+a7a18b10+AXXX"},
    ],
)
def test_a_station_that_introduces_itself_wrongly_is_not_enrolled(office, station, changed):
    office.take([meta_of(station, **changed)])
    assert office.intake.stations == {}
    assert sum(office.intake.refused.values()) == 1


def test_a_key_that_names_another_station_is_not_enrolled(office, station, tmp_path):
    other = Station(tmp_path / "s2", "s2")
    key = other.ledger.verifying_key
    office.take([meta_of(station, origin=key.name, key=str(key))])
    assert office.intake.stations == {}
    other.ledger.close()


def test_a_restored_older_index_gets_everything_again(station, tmp_path):
    enter(station, 50)
    old = Office(f"sqlite:///{tmp_path}/old.db")
    introduced(station, old)
    enter(station, 50)
    newer = Office(f"sqlite:///{tmp_path}/new.db")
    introduced(station, newer)
    again = Office(f"sqlite:///{tmp_path}/old.db")
    station.hear(again.intake.connected(LATER))
    talk(station, again, now=LATER)
    assert stored(again) == stored(newer) == station.ledger.raw(1, 102)


def test_a_restarted_index_goes_on_where_it_was(office, station, tmp_path):
    enter(station, 50)
    introduced(station, office)
    again = Office(f"sqlite:///{tmp_path}/index.db")
    enter(station, 5)
    station.hear(again.intake.connected(LATER))
    talk(station, again, now=LATER)
    assert [entry.sequence for entry in again.committed] == [52, 53, 54, 55, 56]


def test_a_forked_station_is_frozen_reported_and_stays_so(office, station, tmp_path):
    enter(station, 5)
    introduced(station, office)
    twin = forked_twin(station, tmp_path)
    introduced(twin, office, LATER)
    assert office.intake.stations["s1"].mirror.is_forked
    assert len(office.reports) == 1
    assert Office(f"sqlite:///{tmp_path}/index.db").intake.stations["s1"].mirror.is_forked
    assert twin.ledger.witnessed_size == 0
    twin.ledger.close()


def forked_twin(station, tmp_path):
    """Return a station with the same key and another history, longer than the first."""
    station.ledger.close()
    folder = tmp_path / "twin"
    folder.mkdir()
    (folder / "ledger.key").write_bytes((tmp_path / "s1" / "ledger.key").read_bytes())
    (folder / "ledger.key").chmod(0o600)
    twin = Station(folder)
    twin.enter(*(AgentStopped(f"another past {number}") for number in range(8)))
    return twin


def test_a_fork_report_can_be_judged_without_index_or_station(office, station, tmp_path):
    enter(station, 5)
    introduced(station, office)
    introduced(forked_twin(station, tmp_path), office, LATER)
    report = json.loads(office.reports[0].body)
    key = VerifyingKey.parse(report["key"])
    accepted = verify_checkpoint(report["accepted"]["note"], key)
    presented = verify_checkpoint(report["presented"]["note"], key)
    assert (accepted.size, presented.size) == (6, 9)
    assert report["presented"]["old"] == 6


def test_a_shorter_forked_head_is_reported_with_the_proof_of_what_was_there(
    office, station, tmp_path
):
    enter(station, 9)
    introduced(station, office)
    twin = forked_twin(station, tmp_path)
    office.take([head_of(twin, 7)], LATER)
    report = json.loads(office.reports[0].body)
    presented = Checkpoint.of_note(report["presented"]["note"])
    assert report["accepted"]["root_then"] != presented.root
    assert report["accepted"]["proof"]
    twin.ledger.close()


def head_of(station, size):
    body = f"old 0\n\n{station.ledger.checkpoint_at(size)}"
    return Message("muster/v1/example/s1/checkpoint", body.encode())


def test_a_live_message_is_contact_and_a_retained_one_is_not(office, station):
    introduced(station, office)
    ready = to_json(StationState("ready", START))
    office.take([Message("muster/v1/example/s1/state", ready, retained=True)], LATER)
    assert office.intake.stations["s1"].heard_at < LATER
    office.take([Message("muster/v1/example/s1/state", ready)], LATER)
    assert office.intake.stations["s1"].heard_at == LATER
    assert office.intake.stations["s1"].known_at == LATER


def test_the_brokers_word_that_a_station_is_lost_is_no_contact(office, station):
    introduced(station, office)
    lost = to_json(StationState("lost"))
    office.take([Message("muster/v1/example/s1/state", lost)], LATER)
    assert office.intake.stations["s1"].heard_at < LATER
    assert office.intake.stations["s1"].state == "lost"


def test_a_station_that_is_catching_up_is_known_only_up_to_its_last_proven_entry(office, station):
    station.enter(AgentStopped("old"), at=START - timedelta(hours=5))
    introduced(station, office, now=LATER, rounds=2)
    assert office.intake.stations["s1"].known_at == START - timedelta(hours=5)


def test_a_station_that_comes_back_is_not_known_to_have_nothing_new(office, station):
    introduced(station, office)
    lost, ready = (to_json(StationState(state)) for state in ("lost", "ready"))
    office.take([Message("muster/v1/example/s1/state", word) for word in (lost, ready)], LATER)
    assert office.intake.stations["s1"].heard_at == LATER
    assert office.intake.stations["s1"].known_at < LATER


def test_the_birth_message_carries_the_key_that_cosigns(office):
    (ready,) = office.intake.connected(START)
    state = from_json(ready.payload, IndexState)
    assert (state.state, state.key) == ("ready", str(WITNESS.verifying))
    assert (ready.topic, ready.retained) == ("muster/v1/example/index/state", True)


GARBAGE = (
    b"",
    b"\x00",
    b"\xff" * 100,
    b"null",
    b"[]",
    b"{}",
    b"[" * 5_000,
    b'{"state":"ready","at":1e999}',
    b"9" * 5_000,
    b"x" * 100_000,
    b"old 0\n\n",
    b'{"origin":"muster/example/s1/0","size":-1}',
)
LEVELS = ("state", "meta", "entry", "checkpoint", "dock/1", "have", "witness", "dock", "x/y/z", "")


@pytest.mark.parametrize("place", ["s1", "unknown", "index", "alert", "UPPER", "a" * 500, "", "#"])
def test_garbage_on_every_topic_does_nothing(office, station, place):
    introduced(station, office)
    before = office.store.stations()
    junk = [Message(f"muster/v1/example/{place}/{k}", raw) for k in LEVELS for raw in GARBAGE]
    assert office.take([*junk, Message("", b""), Message("muster/v1/other/s1/meta", b"")]) == []
    assert office.store.stations() == before
    enter(station, 3)
    talk(station, office, now=LATER)
    assert office.have() == 4


def test_entries_of_a_station_nobody_knows_are_refused(office, station):
    office.take([Message("muster/v1/example/s1/entry", station.ledger.raw(1, 2)[0])])
    assert office.intake.refused == {("s1", "unknown_station"): 1}


def test_one_stations_entries_do_not_pass_for_anothers(office, station, tmp_path):
    other = Station(tmp_path / "s2", "s2")
    introduced(station, office)
    introduced(other, office)
    enter(other, 1)
    office.take([Message("muster/v1/example/s1/entry", other.ledger.raw(2, 3)[0])], LATER)
    assert office.intake.refused == {("s1", "foreign"): 1}
    other.ledger.close()


def test_everything_stored_stands_up_to_an_audit(office, station):
    enter(station, 20)
    introduced(station, office)
    (row,) = office.store.stations()
    assert audit_station(office.store, row, WITNESS.verifying) == ()


class Weather:
    """What may happen to a message between a station and the office."""

    def __init__(self, station, office, chance):
        self.station, self.office, self.chance = station, office, chance

    def carry(self, now):
        up = self.battered(self.station.take_said())
        down = self.office.take(up, now)
        self.station.hear(self.battered(down))

    def battered(self, messages):
        kept = [m for m in messages for _ in range(self.chance.choice((0, 1, 1, 1, 2)))]
        if self.chance.random() < 0.3:
            self.chance.shuffle(kept)
        return kept


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 250), min_size=2, max_size=4))
def test_loss_repetition_reordering_and_restarts_lose_and_double_nothing(
    tmp_path_factory, chance, batches
):
    folder = tmp_path_factory.mktemp("weather")
    url = f"sqlite:///{folder}/index.db"
    station, office = Station(folder / "s1"), Office(url)
    now = START
    for batch in batches:
        enter(station, batch)
        station.connect(now)
        weather = Weather(station, office, chance)
        for _ in range(3):
            now += timedelta(seconds=11)
            station.ship(now)
            weather.carry(now)
        office.store.close()
        office = Office(url)
    station.hear(office.intake.connected(now))
    station.connect(now)
    talk(station, office, rounds=15, now=now)
    size = station.ledger.size
    assert stored(office) == station.ledger.raw(1, size + 1)
    assert station.ledger.witnessed_size == size
    assert [decode(raw).sequence for raw in stored(office)] == list(range(1, size + 1))
    station.ledger.close()
    Office.close_all()


def test_topics_are_subscribed_by_kind(office):
    assert office.intake.subscriptions == (
        *(TOPICS.every_station(kind) for kind in ("state", "meta", "entry", "checkpoint")),
        "muster/v1/example/+/dock/+",
    )
