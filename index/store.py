"""The index's database: what stations signed, stored as it was signed (SQLite or PostgreSQL).

Rows are keyed by (station's ledger, sequence). What the pages read is in `index.board`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from contracts.entry import Entry, decode
from contracts.errors import IndexDamagedError, IndexStoreError, SettingsError
from contracts.note import VerifyingKey
from contracts.tree import HASH_BYTES, Frontier
from index import migrations
from index.board import KeptFork, RecentEntry
from index.stored import Enrolment, Proven, StoredCheckpoint, StoredEntry, StoredStation

_PAGE = 1_000
_COLUMN_CHARACTERS = 200
_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "busy_timeout": 10_000,
    # Pages of many stations' places in the indexes stay in memory, and are written back seldom.
    "cache_size": -64 * 1024,
    "wal_autocheckpoint": 8 * 1024,
}


class _UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment in UTC; SQLite, which knows no zones, holds it without one."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return what the database is given."""
        if value is None:
            return None
        at = value.astimezone(UTC)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return what the database gave as an aware moment."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


_METADATA = sa.MetaData()
_STATION = sa.Table(
    "station",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("station", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, unique=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("pinned", sa.Boolean, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("docks", sa.Integer, nullable=False),
    sa.Column("enrolled_at", _UtcDateTime, nullable=False),
    sa.Column("heard_at", _UtcDateTime),
    sa.Column("known_at", _UtcDateTime),
    sa.Column("have", sa.BigInteger, nullable=False),
    sa.Column("frontier", sa.LargeBinary, nullable=False),
    sa.Column("forked", sa.Boolean, nullable=False),
)
_ENTRY = sa.Table(
    "entry",
    _METADATA,
    sa.Column("station_id", sa.ForeignKey("station.id"), primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("at", _UtcDateTime, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
)
_CHECKPOINT = sa.Table(
    "checkpoint",
    _METADATA,
    sa.Column("station_id", sa.ForeignKey("station.id"), primary_key=True),
    sa.Column("size", sa.BigInteger, primary_key=True),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("cosigned", sa.Text, nullable=False),
    sa.Column("stored_at", _UtcDateTime, nullable=False),
    sa.Column("frontier", sa.LargeBinary),
)
_FORK = sa.Table(
    "fork",
    _METADATA,
    sa.Column("station_id", sa.ForeignKey("station.id"), primary_key=True),
    sa.Column("report_sha256", sa.Text, primary_key=True),
    sa.Column("report", sa.LargeBinary, nullable=False),
    sa.Column("found_at", _UtcDateTime, nullable=False),
)
_STATIONS = sa.select(_STATION).order_by(_STATION.c.enrolled_at, _STATION.c.id)
_HEAR = (
    sa.update(_STATION)
    .where(_STATION.c.id == sa.bindparam("of"))
    .values(heard_at=sa.bindparam("heard"), known_at=sa.bindparam("known"))
)
_GROW = (
    sa.update(_STATION)
    .where(_STATION.c.id == sa.bindparam("of"), _STATION.c.have == sa.bindparam("from_size"))
    .values(have=sa.bindparam("to_size"), frontier=sa.bindparam("to_frontier"))
)
_ENTRY_COLUMNS = tuple(column.name for column in _ENTRY.columns)
_INTO = f"({', '.join(_ENTRY_COLUMNS)})"
_INSERT = f"INSERT INTO entry {_INTO} VALUES ({', '.join('?' * len(_ENTRY_COLUMNS))})"  # noqa: S608  # no outside text
_COPY = f"COPY entry {_INTO} FROM STDIN"


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
            origin = _STATION.c.origin == enrolment.key.name
            again = sa.update(_STATION).where(origin).values(enrolled_at=now)
            if connection.execute(again).rowcount == 0:
                connection.execute(sa.insert(_STATION).values(row))
            return _station(connection.execute(sa.select(_STATION).where(origin)).one())

    def describe(self, station_id: int, name: str, version: str, docks: int) -> None:
        """Replace how a station describes itself."""
        with self._transaction() as connection:
            _change(connection, station_id, name=name, version=version, docks=docks)

    def note_contacts(self, contacts: Mapping[int, tuple[datetime, datetime | None]]) -> None:
        """Remember when stations were heard, and up to when all is known of them."""
        rows = [
            {"of": station_id, "heard": heard_at, "known": known_at}
            for station_id, (heard_at, known_at) in contacts.items()
        ]
        with self._transaction() as connection:
            connection.execute(_HEAR, rows)

    def commit(self, proven: Sequence[Proven], now: datetime) -> None:
        """Store commits, of any stations, whole, durably, and each only after what it extends.

        Raises:
            IndexStoreError: nothing was stored; also when another index was faster.
        """
        with self._transaction() as connection:
            self._grow(connection, proven)
            _insert_entries(connection, proven)
            rows = [_checkpoint_row(one, now) for one in proven]
            if rows:
                connection.execute(sa.insert(_CHECKPOINT), rows)

    def _grow(self, connection: sa.Connection, proven: Sequence[Proven]) -> None:
        """Let ledgers grow, each in one step over all its commits."""
        steps: dict[int, dict[str, Any]] = {}
        for one in proven:
            step = steps.setdefault(one.station_id, {"of": one.station_id})
            if step.setdefault("to_size", one.commit.old_size) != one.commit.old_size:
                what = f"commits of station {one.station_id} do not follow each other"
                raise IndexStoreError(where=self._where, what=what)
            step.setdefault("from_size", one.commit.old_size)
            step["to_size"] = one.commit.frontier.size
            step["to_frontier"] = b"".join(one.commit.frontier.hashes)
        if steps and connection.execute(_GROW, list(steps.values())).rowcount != len(steps):
            what = "another index writes to these stations"
            raise IndexStoreError(where=self._where, what=what)

    def keep_fork(self, station_id: int, report: bytes, sha256: str, now: datetime) -> None:
        """Keep a fork report and freeze the station."""
        row = {
            "station_id": station_id,
            "report_sha256": sha256,
            "report": report,
            "found_at": now,
        }
        with self._transaction() as connection:
            connection.execute(sa.insert(_FORK).values(row))
            _change(connection, station_id, forked=True)

    def fork_reports(self) -> tuple[KeptFork, ...]:
        """Return the reports of all forks, the newest first."""
        joined = sa.join(_FORK, _STATION, _FORK.c.station_id == _STATION.c.id)
        columns = (_STATION.c.station, _FORK.c.report_sha256, _FORK.c.report, _FORK.c.found_at)
        order = _FORK.c.found_at.desc()
        query = sa.select(*columns).select_from(joined).order_by(order)
        return tuple(KeptFork(*row) for row in self._rows(query))

    def newest_checkpoint(self, station_id: int) -> StoredCheckpoint | None:
        """Return the newest checkpoint of a station's ledger."""
        rows = self._rows(_checkpoints(station_id).order_by(_CHECKPOINT.c.size.desc()).limit(1))
        return _checkpoint(rows[0]) if rows else None

    def checkpoints(self, station_id: int) -> tuple[StoredCheckpoint, ...]:
        """Return all checkpoints of a station's ledger, the smallest first."""
        rows = self._rows(_checkpoints(station_id).order_by(_CHECKPOINT.c.size))
        return tuple(map(_checkpoint, rows))

    def root_at(self, station_id: int, size: int) -> bytes:
        """Return the root of a station's first `size` stored entries."""
        known = sa.and_(_CHECKPOINT.c.size <= size, _CHECKPOINT.c.frontier.is_not(None))
        nearest = _checkpoints(station_id).where(known).order_by(_CHECKPOINT.c.size.desc()).limit(1)
        frontier = Frontier()
        for row in self._rows(nearest):
            stored = Frontier(row.size, _hashes(row.frontier))
            # Whoever tampered with it must not make an honest station look like a liar.
            frontier = stored if stored.root() == _raw(row.root) else frontier
        query = (
            sa.select(_ENTRY.c.leaf_hash)
            .where(_ENTRY.c.station_id == station_id)
            .where(_ENTRY.c.sequence > frontier.size, _ENTRY.c.sequence <= size)
            .order_by(_ENTRY.c.sequence)
        )
        return frontier.grown(_raw(row.leaf_hash) for row in self._rows(query)).root()

    def entries_of(self, station_id: int, last: int) -> Iterator[StoredEntry]:
        """Yield a station's entries 1 to `last`, a page at a time."""
        columns = (_ENTRY.c.sequence, _ENTRY.c.body, _ENTRY.c.leaf_hash)
        query = sa.select(*columns).where(_ENTRY.c.station_id == station_id)
        after = 0
        while page := self._rows(
            query.where(_ENTRY.c.sequence > after, _ENTRY.c.sequence <= last)
            .order_by(_ENTRY.c.sequence)
            .limit(_PAGE)
        ):
            after = page[-1].sequence
            yield from (StoredEntry(r.sequence, _raw(r.body), _raw(r.leaf_hash)) for r in page)

    def entries(self, types: Sequence[str], since: datetime) -> Iterator[tuple[str, Entry]]:
        """Yield the entries of some types since a moment with their stations; a page in memory."""
        joined = sa.join(_ENTRY, _STATION, _ENTRY.c.station_id == _STATION.c.id)
        query = (
            sa.select(_STATION.c.station, _ENTRY.c.body)
            .select_from(joined)
            .where(_ENTRY.c.type.in_(types), _ENTRY.c.at >= since)
        )
        with self._transaction() as connection:
            paged = connection.execution_options(yield_per=_PAGE)
            for row in paged.execute(query):
                yield row.station, decode(bytes(row.body))

    def entries_between(
        self, entry_type: str, since: datetime, until: datetime, limit: int
    ) -> Iterator[tuple[str, Entry]]:
        """Yield the first entries of a type in a time, each with its station."""
        joined = sa.join(_ENTRY, _STATION, _ENTRY.c.station_id == _STATION.c.id)
        query = (
            sa.select(_STATION.c.station, _ENTRY.c.body)
            .select_from(joined)
            .where(_ENTRY.c.type == entry_type, _ENTRY.c.at >= since, _ENTRY.c.at < until)
            .order_by(_ENTRY.c.at, _ENTRY.c.station_id, _ENTRY.c.sequence)
            .limit(limit)
        )
        for row in self._rows(query):
            yield row.station, decode(bytes(row.body))

    def recent_entries(self, limit: int) -> tuple[RecentEntry, ...]:
        """Return the latest entries of all stations, the newest first."""
        joined = sa.join(_ENTRY, _STATION, _ENTRY.c.station_id == _STATION.c.id)
        columns = (_ENTRY.c.sequence, _ENTRY.c.type, _ENTRY.c.subject, _ENTRY.c.at)
        order = (_ENTRY.c.at.desc(), _ENTRY.c.station_id, _ENTRY.c.sequence.desc())
        query = (
            sa.select(_STATION.c.station, *columns)
            .select_from(joined)
            .order_by(*order)
            .limit(limit)
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
    connection.execute(sa.update(_STATION).where(_STATION.c.id == station_id).values(values))


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
    return sa.select(_CHECKPOINT).where(_CHECKPOINT.c.station_id == station_id)


def _checkpoint(row: Any) -> StoredCheckpoint:  # noqa: ANN401  # a row
    return StoredCheckpoint(row.size, _raw(row.root), row.note, row.cosigned, row.stored_at)


def _hashes(frontier: bytes) -> tuple[bytes, ...]:
    raw = bytes(frontier)
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))


def _raw(value: bytes | str) -> bytes:
    # Whoever tampers with SQLite need not respect the types of its columns.
    return value.encode() if isinstance(value, str) else bytes(value)


def _checkpoint_row(one: Proven, now: datetime) -> dict[str, object]:
    checkpoint = one.commit.checkpoint
    return {
        "station_id": one.station_id,
        "size": checkpoint.size,
        "root": checkpoint.root,
        "note": one.commit.note,
        "cosigned": one.cosigned,
        "stored_at": now,
        "frontier": b"".join(one.commit.frontier.hashes),
    }


def _insert_entries(connection: sa.Connection, proven: Sequence[Proven]) -> None:
    """Insert what was proven, past the layers that cost more than the database itself."""
    cursor: Any = connection.connection.cursor()  # a driver's own
    if connection.dialect.name == "sqlite":
        cursor.executemany(_INSERT, _entry_rows(proven, _sqlite_moment))
    else:
        with cursor.copy(_COPY) as copy:
            for row in _entry_rows(proven, _same):
                copy.write_row(row)
    cursor.close()


def _entry_rows(
    proven: Sequence[Proven], moment: Callable[[datetime], object]
) -> Iterator[tuple[object, ...]]:
    for one in proven:
        for entry, leaf in zip(one.commit.entries, one.commit.leaves, strict=True):
            yield (
                one.station_id,
                entry.sequence,
                _column(entry.type),
                _column(entry.subject),
                moment(entry.moment.at),
                entry.raw,
                leaf,
            )


def _sqlite_moment(at: datetime) -> str:
    # As the type above writes it: SQLAlchemy's own text form of a moment without a zone.
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _same(at: datetime) -> datetime:
    return at


def _column(text: str) -> str:
    # PostgreSQL holds no NUL in text and nothing long in an index; the body, which is what was
    # signed, keeps both.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_COLUMN_CHARACTERS]
