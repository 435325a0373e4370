"""SQLite as the ledger needs it: opened with settings that are read back, or not opened at all.

What the tables mean is left to `ledger.records`, `ledger.store` and `ledger.verifying`.
"""

import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import RLock
from typing import Any

import apsw

from contracts.errors import LedgerCommitError, LedgerError, LedgerNewerError, LedgerStorageError

# Earlier versions could lose a committed WAL transaction when connections reset the log at once.
OLDEST_SQLITE = (3, 51, 3)
DATABASE_NAME = "ledger.db"

_BUSY_MS = 5_000
_WRITER = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: a commit is on disk when it returns
    "foreign_keys": 1,
    "recursive_triggers": 1,  # else INSERT OR REPLACE would delete past the triggers
    "trusted_schema": 0,
    "cell_size_check": 1,
    "mmap_size": 0,  # a stray write through a mapping would reach the file
}
_READER = {"query_only": 1, "trusted_schema": 0, "cell_size_check": 1, "mmap_size": 0}

Row = tuple[Any, ...]


class Database:
    """One connection to a ledger's database; its foreign exceptions stop here."""

    def __init__(self, connection: apsw.Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._lock = RLock()  # apsw refuses two threads at once on one connection

    @classmethod
    def writer(cls, folder: Path, scripts: Sequence[str] | None = None) -> "Database":
        """Open, or create, the database in a folder for writing, and bring it up to date.

        `scripts` make an empty database one of this version, each from the version before it.

        Raises:
            LedgerNewerError: a newer version has written it.
            LedgerStorageError: a setting did not take, or any I/O failed.
        """
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        database = cls._open(folder, flags, _WRITER)
        with _translated(folder):
            # -wal and -shm stay when the last connection closes: without them a reader that may
            # not write to the folder could not open the database.
            keep = ctypes.c_int(1)
            database._connection.file_control(  # noqa: SLF001
                "main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(keep)
            )
        try:
            database._migrate(scripts or _migrations())  # noqa: SLF001
            database._commit_again()  # noqa: SLF001
        except LedgerError:
            database.close()
            raise
        return database

    @classmethod
    def reader(cls, folder: Path) -> "Database":
        """Open the database in a folder for reading only; needs no right to write there.

        Raises:
            LedgerNewerError: a newer version has written it.
            LedgerStorageError: there is none, or its writer has not yet brought it up to date.
        """
        database = cls._open(folder, apsw.SQLITE_OPEN_READONLY, _READER)
        try:
            version = database._known_version(len(_migrations()))  # noqa: SLF001
            if version != len(_migrations()):
                raise LedgerStorageError(where=folder, what=f"schema version {version}")
        except LedgerError:
            database.close()
            raise
        return database

    @classmethod
    def _open(cls, folder: Path, flags: int, settings: Mapping[str, object]) -> "Database":
        if tuple(map(int, apsw.sqlite_lib_version().split("."))) < OLDEST_SQLITE:
            raise LedgerStorageError(where=folder, what=f"SQLite {apsw.sqlite_lib_version()}")
        with _translated(folder):
            connection = apsw.Connection(str(folder / DATABASE_NAME), flags=flags)
        try:
            with _translated(folder):
                connection.set_busy_timeout(_BUSY_MS)
                _set(connection, settings, folder)
        except LedgerStorageError:
            connection.close()
            raise
        return cls(connection, folder)

    @property
    def schema_version(self) -> int:
        """How many migrations this database has had."""
        with _translated(self._folder):
            return int(self._connection.pragma("user_version"))

    def rows(self, sql: str, *bindings: object) -> list[Row]:
        """Return the rows of a query."""
        with self._lock, _translated(self._folder):
            return list(self._connection.execute(sql, bindings))

    def stream(self, sql: str, *bindings: object) -> Iterator[Row]:
        """Yield the rows of a query one by one; the connection must be this thread's alone."""
        with _translated(self._folder):
            yield from self._connection.execute(sql, bindings)

    def row(self, sql: str, *bindings: object) -> Row | None:
        """Return the first row of a query, if there is one."""
        found = self.rows(sql, *bindings)
        return found[0] if found else None

    def value(self, sql: str, *bindings: object) -> Any:  # noqa: ANN401  # what SQLite holds
        """Return the one value of a query that always has one row."""
        return self.rows(sql, *bindings)[0][0]

    def insert(self, sql: str, rows: Sequence[Row]) -> None:
        """Insert rows inside a transaction."""
        with self._lock, _translated(self._folder):
            self._connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write in one transaction, rolled back if the block raises.

        Raises:
            LedgerCommitError: the commit failed; whether it took place is unknown.
        """
        with self._lock:
            with _translated(self._folder):
                self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._roll_back()
                raise
            self._commit()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read everything in the block as it was at its first query."""
        with self._lock:
            with _translated(self._folder):
                self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._roll_back()

    def integrity(self) -> list[str]:
        """Return what SQLite itself finds wrong with the file."""
        with _translated(self._folder):
            found = [str(row[0]) for row in self._connection.execute("PRAGMA integrity_check")]
        return [] if found == ["ok"] else found

    def schema_differences(self) -> list[str]:
        """Return the tables, indexes and triggers that are not as the migrations make them."""
        with self._lock, _translated(self._folder):
            found = _schema(self._connection)
        return sorted({" ".join(item[:2]) for item in found ^ _expected_schema()})

    def back_up(self, target: Path) -> None:
        """Copy the database into another folder as one self-contained file, on disk on return.

        Raises:
            LedgerStorageError: the target cannot be written, or has a ledger already.
        """
        path = target / DATABASE_NAME
        if path.exists():
            raise LedgerStorageError(where=target, what="there is a ledger already")
        with self._lock, _translated(target):
            copy = apsw.Connection(str(path))
            try:
                # In one step: SQLite begins anew whenever a writer comes between two.
                with copy.backup("main", self._connection, "main") as backup:
                    backup.step(-1)
                copy.pragma("journal_mode", "delete")
            finally:
                copy.close()
        _sync(path)
        _sync(target)

    def close(self) -> None:
        """Close the connection; may be called twice."""
        with _translated(self._folder):
            self._connection.close()

    def _commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            raise LedgerCommitError(where=self._folder, what=_reason(error)) from error

    def _roll_back(self) -> None:
        # After some failures SQLite has rolled back by itself.
        if not self._connection.get_autocommit():
            with _translated(self._folder):
                self._connection.execute("ROLLBACK")

    def _known_version(self, newest: int) -> int:
        version = self.schema_version
        if version > newest:
            raise LedgerNewerError(where=self._folder, found=version, known=newest)
        return version

    def _migrate(self, scripts: Sequence[str]) -> None:
        version = self._known_version(len(scripts))
        for number, script in enumerate(scripts[version:], version + 1):
            with self.transaction(), _translated(self._folder):
                self._connection.execute(script)
                self._connection.pragma("user_version", number)

    def _commit_again(self) -> None:
        """Bring to the medium what a killed process has written and not synced.

        SQLite reads such commits as if they were durable, and a checkpoint of them would be signed;
        any commit syncs all of the log before it.
        """
        with self.transaction(), _translated(self._folder):
            self._connection.pragma("user_version", self.schema_version)


@cache
def _migrations() -> tuple[str, ...]:
    found = (files("ledger") / "migrations").iterdir()
    scripts = sorted((file for file in found if file.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(script.read_text(encoding="utf-8") for script in scripts)


@cache
def _expected_schema() -> frozenset[tuple[str, str, str]]:
    connection = apsw.Connection(":memory:")
    try:
        for script in _migrations():
            connection.execute(script)
        return _schema(connection)
    finally:
        connection.close()


def _schema(connection: apsw.Connection) -> frozenset[tuple[str, str, str]]:
    sql = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
    return frozenset(connection.execute(sql))


def _set(connection: apsw.Connection, settings: Mapping[str, object], folder: Path) -> None:
    for name, wanted in settings.items():
        connection.pragma(name, wanted)
        actual = connection.pragma(name)
        if actual != wanted:
            raise LedgerStorageError(where=folder, what=f"PRAGMA {name} is {actual}, not {wanted}")


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except (apsw.Error, UnicodeDecodeError) as error:
        raise LedgerStorageError(where=folder, what=_reason(error)) from error


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
