"""SQLite's settings are read back: it takes what it cannot do without a word."""

from contextlib import closing

import apsw
import pytest

from contracts.errors import LedgerStorageError
from ledger.database import _set


def test_a_setting_that_sqlite_took_and_did_not_keep_is_an_error(tmp_path):
    # A database in memory has no WAL; asked for one, SQLite says nothing and goes on without.
    with closing(apsw.Connection(":memory:")) as connection:
        with pytest.raises(LedgerStorageError, match="journal_mode is memory"):
            _set(connection, {"journal_mode": "wal"}, tmp_path)
        _set(connection, {"synchronous": 2}, tmp_path)
