import sqlite3
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from contracts.entry import Draft
from contracts.errors import IndexStoreError
from contracts.tree import leaf_hash
from index.auditing import audit_station
from index.core.receiving import Commit
from index.store import Store
from index.stored import Proven
from tests.support.joined import START, WITNESS, Office, Station, introduced, moment, talk
from tests.support.postgres import Postgres


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/index.db"
    return request.getfixturevalue("postgres").url()


@pytest.fixture
def office(url):
    return Office(url)


@pytest.fixture
def station(tmp_path):
    found = Station(tmp_path / "s1")
    yield found
    found.ledger.close()


def append(station, *drafts, at=START):
    station.ledger.append(drafts, moment(at))


def test_what_was_stored_is_there_after_opening_again(office, station, url):
    append(station, Draft("t", "s", {"n": 1}), Draft("t", "s", {"n": 2}))
    introduced(station, office)
    again = Store.open(url)
    (row,) = again.stations()
    assert row.frontier == office.intake.stations["s1"].mirror.frontier
    assert [e.body for e in again.entries_of(row.id, 9)] == station.ledger.raw(1, 4)
    assert audit_station(again, row, WITNESS.verifying) == ()
    again.close()


def test_moments_come_back_aware_and_in_utc(office, station):
    introduced(station, office)
    at = datetime(2026, 9, 21, 8, tzinfo=timezone(timedelta(hours=8)))
    row = office.intake.stations["s1"].row
    office.store.note_contacts({row.id: (at, None)})
    heard_at = office.store.stations()[0].heard_at
    assert (heard_at, heard_at.tzinfo) == (at, UTC)


def test_text_that_a_database_cannot_hold_does_not_stop_a_station(office, station):
    append(station, Draft("t\0" + "长" * 3_000, "s\0" + "x" * 3_000, {}))
    introduced(station, office)
    assert office.have() == 2


def test_a_commit_that_another_index_was_faster_with_is_not_stored_twice(url, station):
    first = Office(url)
    introduced(station, first)
    second = Office(url)
    append(station, Draft("t", "s", {}))
    station.ship(START)
    said = station.take_said()
    first.take(said)
    assert not [answer for answer in second.take(said) if answer.topic.endswith("/witness")]
    assert second.have() == first.have() == 2
    assert len(first.store.checkpoints(first.intake.stations["s1"].row.id)) == 2


def test_a_failed_commit_stores_nothing_at_all(office, station):
    introduced(station, office)
    known = office.intake.stations["s1"]
    newest = office.store.newest_checkpoint(known.row.id)
    append(station, Draft("t", "s", {}))
    (entry,) = station.ledger.entries(2, 3)
    same = station.ledger.checkpoint_at(1)
    frontier = station.ledger.frontier(2)
    leaves = (leaf_hash(entry.raw),) * 2
    bad = Commit(1, (entry, entry), leaves, frontier, checkpoint_of(same), same)
    with pytest.raises(IndexStoreError):
        office.store.commit([Proven("s1", known.row.id, bad, same)], START)
    assert office.store.newest_checkpoint(known.row.id) == newest
    assert len(list(office.store.entries_of(known.row.id, 9))) == 1


def proven(station, known, old, size):
    """The commit of entries `old` + 1 to `size`."""
    entries = tuple(station.ledger.entries(old + 1, size + 1))
    leaves = tuple(leaf_hash(entry.raw) for entry in entries)
    note = station.ledger.checkpoint_at(size)
    commit = Commit(old, entries, leaves, station.ledger.frontier(size), checkpoint_of(note), note)
    return Proven("s1", known.row.id, commit, note)


def test_two_commits_of_a_station_are_stored_in_one_turn(office, station):
    introduced(station, office)
    known = office.intake.stations["s1"]
    append(station, Draft("t", "s", {"n": 2}), Draft("t", "s", {"n": 3}), Draft("t", "s", {}))
    office.store.commit([proven(station, known, 1, 2), proven(station, known, 2, 4)], START)
    (row,) = office.store.stations()
    assert row.frontier == station.ledger.frontier(4)
    assert [c.size for c in office.store.checkpoints(row.id)] == [1, 2, 4]
    assert [e.body for e in office.store.entries_of(row.id, 9)] == station.ledger.raw(1, 5)


def test_commits_between_which_something_is_missing_are_not_stored(office, station):
    introduced(station, office)
    known = office.intake.stations["s1"]
    append(station, Draft("t", "s", {"n": 2}), Draft("t", "s", {"n": 3}), Draft("t", "s", {}))
    with pytest.raises(IndexStoreError):
        office.store.commit([proven(station, known, 1, 2), proven(station, known, 3, 4)], START)
    assert office.store.stations()[0].frontier.size == 1


def checkpoint_of(note):
    from contracts.checkpoint import Checkpoint  # noqa: PLC0415

    return Checkpoint.of_note(note)


def test_a_commit_upon_what_is_not_the_newest_stores_nothing(office, station):
    introduced(station, office)
    known = office.intake.stations["s1"]
    append(station, Draft("t", "s", {}))
    (entry,) = station.ledger.entries(2, 3)
    same = station.ledger.checkpoint_at(2)
    frontier = station.ledger.frontier(2)
    late = Commit(0, (entry,), (leaf_hash(entry.raw),), frontier, checkpoint_of(same), same)
    with pytest.raises(IndexStoreError, match="another index"):
        office.store.commit([Proven("s1", known.row.id, late, same)], START)
    assert len(list(office.store.entries_of(known.row.id, 9))) == 1


def test_entries_are_found_by_type_and_time(office, station):
    append(station, Draft("a", "s", {}), at=START)
    append(station, Draft("b", "s", {}), at=START + timedelta(days=1))
    introduced(station, office)
    found = office.store.entries(("a", "b"), START + timedelta(hours=1))
    assert [(name, entry.type) for name, entry in found] == [("s1", "b")]


def test_entries_of_many_days_are_read_a_page_at_a_time(office, station):
    count, body = 3_000, "x" * 8_000
    append(station, *(Draft("t", "s", {"body": body}) for _ in range(count)))
    introduced(station, office, rounds=60)
    tracemalloc.start()
    read = sum(1 for _ in office.store.entries(("t",), START))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == count
    assert most < 2 / 3 * count * len(body)


def test_the_latest_entries_come_first(office, station):
    for number in range(3):
        append(station, Draft(f"t{number}", "s", {}), at=START + timedelta(hours=number + 1))
    introduced(station, office)
    assert [entry.type for entry in office.store.recent_entries(2)] == ["t2", "t1"]


def test_roots_of_any_size_are_those_of_the_station(office, station):
    append(station, *(Draft("t", "s", {"n": n}) for n in range(20)))
    introduced(station, office)
    row = office.intake.stations["s1"].row
    sizes = range(1, 22)
    roots = [office.store.root_at(row.id, size) for size in sizes]
    assert roots == [station.ledger.frontier(size).root() for size in sizes]


def test_sqlite_is_set_up_to_survive_a_power_cut(tmp_path):
    with closing(Store.open(f"sqlite:///{tmp_path}/index.db")) as store:
        (mode,) = store._rows(sa.text("PRAGMA journal_mode"))
        (synchronous,) = store._rows(sa.text("PRAGMA synchronous"))  # it is each connection's own
    assert (mode[0], synchronous[0]) == ("wal", 2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE entry SET body = body || x'20' WHERE sequence = 2", "entry_changed"),
        ("DELETE FROM entry WHERE sequence = 2", "entry_missing"),
        ("DELETE FROM entry WHERE sequence = 3", "tail_missing"),
        ("UPDATE checkpoint SET note = 'x'", "checkpoint_malformed"),
        ("UPDATE checkpoint SET cosigned = note", "cosignature_wrong"),
        ("DELETE FROM checkpoint", "checkpoint_missing"),
        ("DELETE FROM entry WHERE sequence = 1", "entry_missing"),
        ("UPDATE entry SET sequence = 9 WHERE sequence = 3", "entry_missing"),
    ],
)
def test_whatever_is_changed_in_the_database_is_found_and_named(tmp_path, station, change, code):
    office = Office(f"sqlite:///{tmp_path}/index.db")
    append(station, Draft("t", "s", {"n": 1}), Draft("t", "s", {"n": 2}))
    introduced(station, office)
    with sqlite3.connect(tmp_path / "index.db") as database:
        database.execute(change)
    (row,) = office.store.stations()
    problems = audit_station(office.store, row, WITNESS.verifying)
    assert code in {problem.code for problem in problems}
    assert all(str(problem) for problem in problems)


def test_two_stations_do_not_mix(office, station, tmp_path):
    other = Station(tmp_path / "s2", "s2")
    append(other, Draft("t", "s", {}))
    introduced(station, office)
    introduced(other, office)
    talk(station, office)
    assert (office.have("s1"), office.have("s2")) == (1, 2)
    other.ledger.close()
