"""The index's database: what stations signed, stored as it was signed (SQLite or PostgreSQL).

Rows are keyed by (station's ledger, sequence). What the pages read is in `index.board`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from contracts.entry import Entry, decode
from contracts.errors import IndexDamagedError, IndexStoreError, SettingsError
from contracts.note import VerifyingKey
from contracts.tree import HASH_BYTES, Frontier
from index import migrations
from index.board import KeptFork, RecentEntry
from index.core.receiving import Commit
from index.schema import CHECKPOINT, ENTRY, FORK, STATION, insert_entries

_PAGE = 1_000
_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
_STATIONS = sa.select(STATION).order_by(STATION.c.enrolled_at, STATION.c.id)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A station as it introduced itself, and whether its key was pinned in the settings."""

    station: str
    name: str
    version: str
    docks: int
    key: VerifyingKey
    pinned: bool


@dataclass(frozen=True, slots=True)
class StoredStation:
    """One ledger of a station; one that got a new key has several, the last enrolled counts.

    `known_at`: up to when the index knows all that the station entered.
    """

    id: int
    enrolment: Enrolment
    enrolled_at: datetime
    heard_at: datetime | None
    known_at: datetime | None
    frontier: Frontier
    forked: bool


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint as the station signed it, and as the index cosigned it."""

    size: int
    root: bytes
    note: str
    cosigned: str
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A stored entry, unverified."""

    sequence: int
    body: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class Proven:
    """A commit of one station's ledger with the checkpoint as the index cosigned it."""

    station: str
    station_id: int
    commit: Commit
    cosigned: str


class Store:
    """An open database. One thread writes; any may read."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._where = engine.url.render_as_string(hide_password=True)
        # What is done past SQLAlchemy fails as the driver says it.
        self._driver_error = engine.dialect.loaded_dbapi.Error

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a database, made or brought up to date where needed.

        Raises:
            SettingsError: the URL is none.
            IndexStoreError: the database cannot be opened.
        """
        try:
            engine = sa.create_engine(url, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            problem = f"database: {error}"
            raise SettingsError(file="index.toml", problems=(problem,)) from error
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _set_pragmas)
        store = cls(engine)
        with store._transaction() as connection:
            migrations.upgrade(connection)
        return store

    def stations(self, *, every_ledger: bool = False) -> tuple[StoredStation, ...]:
        """Return the ledger that counts of every station, in order of station; or all of them."""
        rows = self._rows(_STATIONS)
        if every_ledger:
            return tuple(map(_station, rows))
        newest = {row.station: row for row in rows}
        return tuple(_station(newest[station]) for station in sorted(newest))

    def enrol(self, enrolment: Enrolment, now: datetime) -> StoredStation:
        """Add a station's ledger, or find it again by its origin; from now on it counts."""
        row = {
            "station": enrolment.station,
            "origin": enrolment.key.name,
            "key": str(enrolment.key),
            "pinned": enrolment.pinned,
            "name": enrolment.name,
            "version": enrolment.version,
            "docks": enrolment.docks,
            "enrolled_at": now,
            "have": 0,
            "frontier": b"",
            "forked": False,
        }
        with self._transaction() as connection:
            origin = STATION.c.origin == enrolment.key.name
            again = sa.update(STATION).where(origin).values(enrolled_at=now)
            if connection.execute(again).rowcount == 0:
                connection.execute(sa.insert(STATION).values(row))
            return _station(connection.execute(sa.select(STATION).where(origin)).one())

    def describe(self, station_id: int, name: str, version: str, docks: int) -> None:
        """Replace how a station describes itself."""
        with self._transaction() as connection:
            _change(connection, station_id, name=name, version=version, docks=docks)

    def note_contacts(self, contacts: Mapping[int, tuple[datetime, datetime | None]]) -> None:
        """Remember when stations were heard, and up to when all is known of them."""
        with self._transaction() as connection:
            for station_id, (heard_at, known_at) in contacts.items():
                _change(connection, station_id, heard_at=heard_at, known_at=known_at)

    def commit(self, proven: Sequence[Proven], now: datetime) -> None:
        """Store commits, of any stations, whole, durably, and each only after what it extends.

        Raises:
            IndexStoreError: nothing was stored; also when another index was faster.
        """
        with self._transaction() as connection:
            for one in proven:
                self._commit_one(connection, one, now)

    def _commit_one(self, connection: sa.Connection, one: Proven, now: datetime) -> None:
        commit = one.commit
        frontier = b"".join(commit.frontier.hashes)
        here = sa.and_(STATION.c.id == one.station_id, STATION.c.have == commit.old_size)
        grown = {"have": commit.frontier.size, "frontier": frontier}
        if connection.execute(sa.update(STATION).where(here).values(grown)).rowcount != 1:
            what = f"another index writes to station {one.station_id}"
            raise IndexStoreError(where=self._where, what=what)
        insert_entries(connection, one.station_id, commit)
        row = {
            "station_id": one.station_id,
            "size": commit.checkpoint.size,
            "root": commit.checkpoint.root,
            "note": commit.note,
            "cosigned": one.cosigned,
            "stored_at": now,
            "frontier": frontier,
        }
        connection.execute(sa.insert(CHECKPOINT).values(row))

    def keep_fork(self, station_id: int, report: bytes, sha256: str, now: datetime) -> None:
        """Keep a fork report and freeze the station."""
        row = {
            "station_id": station_id,
            "report_sha256": sha256,
            "report": report,
            "found_at": now,
        }
        with self._transaction() as connection:
            connection.execute(sa.insert(FORK).values(row))
            _change(connection, station_id, forked=True)

    def fork_reports(self) -> tuple[KeptFork, ...]:
        """Return the reports of all forks, the newest first."""
        joined = sa.join(FORK, STATION, FORK.c.station_id == STATION.c.id)
        columns = (STATION.c.station, FORK.c.report_sha256, FORK.c.report, FORK.c.found_at)
        order = FORK.c.found_at.desc()
        query = sa.select(*columns).select_from(joined).order_by(order)
        return tuple(KeptFork(*row) for row in self._rows(query))

    def newest_checkpoint(self, station_id: int) -> StoredCheckpoint | None:
        """Return the newest checkpoint of a station's ledger."""
        rows = self._rows(_checkpoints(station_id).order_by(CHECKPOINT.c.size.desc()).limit(1))
        return _checkpoint(rows[0]) if rows else None

    def checkpoints(self, station_id: int) -> tuple[StoredCheckpoint, ...]:
        """Return all checkpoints of a station's ledger, the smallest first."""
        rows = self._rows(_checkpoints(station_id).order_by(CHECKPOINT.c.size))
        return tuple(map(_checkpoint, rows))

    def root_at(self, station_id: int, size: int) -> bytes:
        """Return the root of a station's first `size` stored entries."""
        known = sa.and_(CHECKPOINT.c.size <= size, CHECKPOINT.c.frontier.is_not(None))
        nearest = _checkpoints(station_id).where(known).order_by(CHECKPOINT.c.size.desc()).limit(1)
        frontier = Frontier()
        for row in self._rows(nearest):
            stored = Frontier(row.size, _hashes(row.frontier))
            # Whoever tampered with it must not make an honest station look like a liar.
            frontier = stored if stored.root() == _raw(row.root) else frontier
        query = (
            sa.select(ENTRY.c.leaf_hash)
            .where(ENTRY.c.station_id == station_id)
            .where(ENTRY.c.sequence > frontier.size, ENTRY.c.sequence <= size)
            .order_by(ENTRY.c.sequence)
        )
        return frontier.grown(_raw(row.leaf_hash) for row in self._rows(query)).root()

    def entries_of(self, station_id: int, last: int) -> Iterator[StoredEntry]:
        """Yield a station's entries 1 to `last`, a page at a time."""
        columns = (ENTRY.c.sequence, ENTRY.c.body, ENTRY.c.leaf_hash)
        query = sa.select(*columns).where(ENTRY.c.station_id == station_id)
        after = 0
        while page := self._rows(
            query.where(ENTRY.c.sequence > after, ENTRY.c.sequence <= last)
            .order_by(ENTRY.c.sequence)
            .limit(_PAGE)
        ):
            after = page[-1].sequence
            yield from (StoredEntry(r.sequence, _raw(r.body), _raw(r.leaf_hash)) for r in page)

    def entries(self, types: Sequence[str], since: datetime) -> Iterator[tuple[str, Entry]]:
        """Yield the entries of some types since a moment, each with its station."""
        joined = sa.join(ENTRY, STATION, ENTRY.c.station_id == STATION.c.id)
        query = (
            sa.select(STATION.c.station, ENTRY.c.body)
            .select_from(joined)
            .where(ENTRY.c.type.in_(types), ENTRY.c.at >= since)
        )
        for row in self._rows(query):
            yield row.station, decode(bytes(row.body))

    def recent_entries(self, limit: int) -> tuple[RecentEntry, ...]:
        """Return the latest entries of all stations, the newest first."""
        joined = sa.join(ENTRY, STATION, ENTRY.c.station_id == STATION.c.id)
        columns = (ENTRY.c.sequence, ENTRY.c.type, ENTRY.c.subject, ENTRY.c.at)
        order = (ENTRY.c.at.desc(), ENTRY.c.station_id, ENTRY.c.sequence.desc())
        query = (
            sa.select(STATION.c.station, *columns).select_from(joined).order_by(*order).limit(limit)
        )
        return tuple(RecentEntry(*row) for row in self._rows(query))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, self._driver_error) as error:
            what = str(error).splitlines()[0]
            raise IndexStoreError(where=self._where, what=what) from error

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        with self._transaction() as connection:
            return connection.execute(query).fetchall()


def _change(connection: sa.Connection, station_id: int, **values: object) -> None:
    connection.execute(sa.update(STATION).where(STATION.c.id == station_id).values(values))


def _set_pragmas(connection: Any, _record: object) -> None:  # noqa: ANN401  # a driver's own
    cursor = connection.cursor()
    for name, wanted in _PRAGMAS.items():
        cursor.execute(f"PRAGMA {name} = {wanted}")
        if (found := cursor.execute(f"PRAGMA {name}").fetchone()[0]) != wanted:
            raise IndexStoreError(where="sqlite", what=f"PRAGMA {name} is {found}, not {wanted}")
    cursor.close()


def _station(row: Any) -> StoredStation:  # noqa: ANN401  # a row
    enrolment = Enrolment(
        station=row.station,
        name=row.name,
        version=row.version,
        docks=row.docks,
        key=VerifyingKey.parse(row.key),
        pinned=row.pinned,
    )
    hashes = _hashes(row.frontier)
    if len(hashes) != row.have.bit_count():
        raise IndexDamagedError(station=row.station, what="frontier")
    return StoredStation(
        row.id,
        enrolment,
        row.enrolled_at,
        row.heard_at,
        row.known_at,
        Frontier(row.have, hashes),
        forked=row.forked,
    )


def _checkpoints(station_id: int) -> sa.Select[Any]:
    return sa.select(CHECKPOINT).where(CHECKPOINT.c.station_id == station_id)


def _checkpoint(row: Any) -> StoredCheckpoint:  # noqa: ANN401  # a row
    return StoredCheckpoint(row.size, _raw(row.root), row.note, row.cosigned, row.stored_at)


def _hashes(frontier: bytes) -> tuple[bytes, ...]:
    raw = bytes(frontier)
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))


def _raw(value: bytes | str) -> bytes:
    # Whoever tampers with SQLite need not respect the types of its columns.
    return value.encode() if isinstance(value, str) else bytes(value)
