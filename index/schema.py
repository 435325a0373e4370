"""The index's tables, and how rows of many entries are written: the store asks, this knows how."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import sqlalchemy as sa

from index.core.receiving import Commit

_COLUMN_CHARACTERS = 200


class UtcDateTime(sa.types.TypeDecorator[datetime]):
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
STATION = sa.Table(
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
    sa.Column("enrolled_at", UtcDateTime, nullable=False),
    sa.Column("heard_at", UtcDateTime),
    sa.Column("known_at", UtcDateTime),
    sa.Column("have", sa.BigInteger, nullable=False),
    sa.Column("frontier", sa.LargeBinary, nullable=False),
    sa.Column("forked", sa.Boolean, nullable=False),
)
ENTRY = sa.Table(
    "entry",
    _METADATA,
    sa.Column("station_id", sa.ForeignKey("station.id"), primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
)
CHECKPOINT = sa.Table(
    "checkpoint",
    _METADATA,
    sa.Column("station_id", sa.ForeignKey("station.id"), primary_key=True),
    sa.Column("size", sa.BigInteger, primary_key=True),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("cosigned", sa.Text, nullable=False),
    sa.Column("stored_at", UtcDateTime, nullable=False),
    sa.Column("frontier", sa.LargeBinary),
)
FORK = sa.Table(
    "fork",
    _METADATA,
    sa.Column("station_id", sa.ForeignKey("station.id"), primary_key=True),
    sa.Column("report_sha256", sa.Text, primary_key=True),
    sa.Column("report", sa.LargeBinary, nullable=False),
    sa.Column("found_at", UtcDateTime, nullable=False),
)


def insert_entries(connection: sa.Connection, station_id: int, commit: Commit) -> None:
    """Insert the entries of a commit, past the layers that cost more than the database itself."""
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(_ENTRY_COLUMNS))
        rows = list(_entry_rows(station_id, commit, _sqlite_moment))
        connection.exec_driver_sql(f"INSERT INTO entry {_INTO} VALUES ({marks})", rows)  # noqa: S608  # no outside text
        return
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY entry {_INTO} FROM STDIN") as copy:
        for row in _entry_rows(station_id, commit, _same):
            copy.write_row(row)
    cursor.close()


_ENTRY_COLUMNS = tuple(column.name for column in ENTRY.columns)
_INTO = f"({', '.join(_ENTRY_COLUMNS)})"


def _entry_rows(
    station_id: int, commit: Commit, moment: Callable[[datetime], object]
) -> Iterator[tuple[object, ...]]:
    for entry, leaf in zip(commit.entries, commit.leaves, strict=True):
        yield (
            station_id,
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
