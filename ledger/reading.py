"""A ledger as other processes see it, while its writer runs or not: reading only."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from contracts.entry import Entry, decode, format_time
from ledger.database import Database
from ledger.records import Records


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; what is None does not matter. `before` is where the last page ended."""

    text: str | None = None
    type: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


class LedgerReader(Records):
    """A read-only view; open one for each process, and close it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Database.reader(folder), folder)

    def search(self, search: Search, limit: int = 50) -> tuple[Entry, ...]:
        """Return entries that match, newest first; go on with `before` = the last one's sequence.

        `since` is included, `until` is not; text is sought in the entry's bytes.
        """
        conditions = {
            "instr(lower(CAST(body AS TEXT)), lower(?)) > 0": _as_written(search.text),
            "type = ?": search.type,
            "subject = ?": search.subject,
            "at >= ?": search.since and format_time(search.since),
            "at < ?": search.until and format_time(search.until),
            "sequence < ?": search.before,
        }
        wanted = {sql: value for sql, value in conditions.items() if value is not None}
        where = " AND ".join(wanted) or "1"
        sql = f"SELECT body FROM entry WHERE {where} ORDER BY sequence DESC LIMIT ?"  # noqa: S608  # our own words
        return tuple(decode(row[0]) for row in self._database.rows(sql, *wanted.values(), limit))

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _as_written(text: str | None) -> str | None:
    """Return text as it stands inside a canonical JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1] if text else None
