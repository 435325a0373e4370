"""A turn of many stations is one transaction; whose part of it is bad falls alone."""

import sqlite3
from datetime import timedelta

import pytest

from contracts.checkpoint import WitnessRequest
from contracts.facts import AgentStopped
from contracts.loading import from_json
from contracts.messages import Have, Message
from index.auditing import audit_station
from tests.support.joined import START, WITNESS, Office, Station, introduced, talk

LATER = START + timedelta(minutes=1)


@pytest.fixture
def office(tmp_path):
    return Office(f"sqlite:///{tmp_path}/index.db")


@pytest.fixture
def stations(tmp_path, office):
    found = [Station(tmp_path / name, name) for name in ("s1", "s2", "s3")]
    for station in found:
        introduced(station, office)
    yield found
    for station in found:
        station.ledger.close()


def enter(stations, count):
    for station in stations:
        station.enter(*(AgentStopped(f"stop {number}") for number in range(count)))


def all_say(stations, now=LATER):
    """Let all ship and return everything they said, as one turn."""
    for station in stations:
        station.ship(now)
    return [message for station in stations for message in station.take_said()]


def haves(answers):
    found = (a for a in answers if a.topic.endswith("/have"))
    return {answer.topic.split("/")[3]: from_json(answer.payload, Have).size for answer in found}


def test_a_turn_of_many_stations_is_stored_and_every_station_answered(office, stations):
    enter(stations, 5)
    assert haves(office.take(all_say(stations), LATER)) == {"s1": 6, "s2": 6, "s3": 6}
    for row in office.store.stations():
        assert audit_station(office.store, row, WITNESS.verifying) == ()


def test_of_several_windows_in_one_turn_only_the_last_is_answered(office, stations):
    station = stations[0]
    enter([station], 10)
    payload = b"\n".join(station.ledger.raw(2, 12))
    said = [entry_of(station, payload), *(head_of(station, old, old + 5) for old in (1, 6))]
    answers = office.take(said, LATER)
    assert haves(answers) == {"s1": 11}
    assert [answer.topic.rpartition("/")[2] for answer in answers] == ["have", "witness"]
    row = office.intake.stations["s1"].row
    assert [c.size for c in office.store.checkpoints(row.id)] == [1, 6, 11]


def entry_of(station, payload):
    return Message(f"muster/v1/example/{station.name}/entry", payload)


def head_of(station, old, size):
    ledger = station.ledger
    request = WitnessRequest(old, ledger.consistency(old, size), ledger.checkpoint_at(size))
    return Message(f"muster/v1/example/{station.name}/checkpoint", request.format())


def test_an_older_head_within_the_same_turn_is_no_fork(office, stations):
    station = stations[0]
    enter([station], 10)
    payload = b"\n".join(station.ledger.raw(2, 12))
    heads = [head_of(station, 1, 11), *(head_of(station, 1, size) for size in range(2, 12))]
    office.take([entry_of(station, payload), *heads], LATER)
    assert not office.intake.stations["s1"].mirror.is_forked
    assert office.have("s1") == 11


def test_a_station_whose_part_cannot_be_stored_does_not_fail_the_others(office, stations):
    row = office.intake.stations["s2"].row
    with sqlite3.connect(office.store._engine.url.database) as database:
        database.execute(
            "INSERT INTO entry SELECT station_id, 3, type, subject, at, body, leaf_hash"
            " FROM entry WHERE station_id = ?",
            (row.id,),
        )
    enter(stations, 5)
    answers = office.take(all_say(stations), LATER)
    assert haves(answers) == {"s1": 6, "s2": 1, "s3": 6}
    assert not [a for a in answers if a.topic.endswith("s2/witness")]
    assert {entry.source.split("/")[2] for entry in office.committed[3:]} == {"s1", "s3"}


def test_what_could_not_be_stored_is_stored_when_it_is_sent_again(office, stations):
    database = office.store._engine.url.database
    with sqlite3.connect(database) as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    enter(stations, 300)
    for station in stations:
        station.hear(office.take(all_say([station]), LATER))
    assert {office.have(station.name) for station in stations} == {1}
    with sqlite3.connect(database) as other:
        other.execute("DROP TRIGGER full")
    for station in stations:
        talk(station, office, now=LATER + timedelta(seconds=20))
    assert {office.have(station.name) for station in stations} == {301}


def test_what_waits_of_all_stations_together_is_bounded(office, stations):
    office.intake.max_pending_bytes = 5_000
    enter(stations, 4)
    enter(stations[1:2], 20)
    entries = [message for message in all_say(stations) if message.topic.endswith("/entry")]
    assert haves(office.take(entries, LATER)) == {"s2": 1}
    mirrors = [office.intake.stations[station.name].mirror for station in stations]
    assert [mirror.is_behind for mirror in mirrors] == [True, False, True]
    for station in stations:
        talk(station, office, now=LATER + timedelta(seconds=20))
    assert [mirror.have for mirror in mirrors] == [5, 25, 5]


def test_a_key_pinned_anew_takes_over_within_a_turn(stations, office, tmp_path):
    enter(stations[:1], 3)
    said = all_say(stations[:1])
    replacement = Station(tmp_path / "replacement")
    office.intake._pinned["s1"] = str(replacement.ledger.verifying_key)
    replacement.connect(LATER)
    office.take([*said, *replacement.take_said()], LATER)
    assert [row.frontier.size for row in office.store.stations(every_ledger=True)][:1] == [4]
    assert office.have("s1") == 0
    replacement.ledger.close()


def test_what_cannot_be_stored_is_not_asked_for_at_once_and_logged_once(office, stations, caplog):
    station = stations[0]
    with sqlite3.connect(office.store._engine.url.database) as other:
        trigger = (
            "CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        for round_ in range(2):
            other.execute(trigger)
            enter([station], 5)
            at = LATER + timedelta(minutes=round_)
            station.ship(at)
            said = [m for m in station.take_said() if not m.topic.endswith("/state")]
            for second in range(5):
                assert office.take(said, at + timedelta(seconds=second)) == []
            assert len(caplog.records) == round_ + 1
            other.execute("DROP TRIGGER full")
            assert haves(office.take(said, at + timedelta(seconds=9))) == {"s1": 6 + 5 * round_}
            station.hear(office.take(said, at + timedelta(seconds=20)))
