"""The ledger's schema as a later version would have it; the product has had one so far."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ledger.database

_SHIPPED = ledger.database._migrations
_LATER = "CREATE INDEX entry_at ON entry (at); CREATE TABLE later (x ANY) STRICT;"


@contextmanager
def _of(migrations: Callable[[], tuple[str, ...]]) -> Iterator[None]:
    now = ledger.database._migrations
    ledger.database._migrations = migrations
    ledger.database._expected_schema.cache_clear()
    try:
        yield
    finally:
        ledger.database._migrations = now
        ledger.database._expected_schema.cache_clear()


@contextmanager
def later_schema() -> Iterator[None]:
    """Have one migration more."""
    with _of(lambda: (*_SHIPPED(), _LATER)):
        yield


@contextmanager
def shipped_schema() -> Iterator[None]:
    """Have none more, within what has."""
    with _of(_SHIPPED):
        yield
