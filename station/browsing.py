"""The ledger's pages: search, one entry with its proof checked on the spot, the register."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from contracts.entry import Entry
from contracts.errors import FormError
from contracts.facts import FACTS, RecorderIssued, RecorderReturned
from contracts.proof import check
from ledger.reading import LedgerReader, Search
from station.detail import Details
from station.forms import LABELS
from station.page import Asked, Desk, Download, Outcome, Page
from station.questioning import answered_by
from station.usage import Register, UsageRow, months_back, rows_of_month, usage_rows
from station.wording import Speaker, title_of

PAGE_ENTRIES = 50
_HANDOVERS = (RecorderIssued.TYPE, RecorderReturned.TYPE)
# Stations' own types; the index's are never in this ledger, but a search must find what is there.
_TYPES = tuple((name, title_of(name)) for name in FACTS)


def ledger(desk: Desk, asked: Asked) -> Page:
    """Show entries, newest first, that match what was asked."""
    search = search_of(desk, asked.query)
    with desk.ledger() as book:
        entries = book.search(search, PAGE_ENTRIES + 1)
        values = {"size": book.size, "witnessed": book.witnessed_size}
        shown, older = entries[:PAGE_ENTRIES], ""
        speaker = Speaker(desk.names.person, desk.zone, answered_by(book, shown))
    if len(entries) > PAGE_ENTRIES:
        older = "?" + urlencode({**kept(asked.query), "before": str(shown[-1].sequence)})
    newest = "?" + urlencode(kept(asked.query)) if search.before else ""
    filled = {"entries": shown, "older": older, "newest": newest, "filters": asked.query}
    filled["asked"] = urlencode(kept(asked.query))
    return Page("ledger.html", {**values, **filled, "types": _TYPES, "speaker": speaker})


def entry(desk: Desk, asked: Asked) -> Page:
    """Show one entry, what it holds, and whether its proof holds right now."""
    sequence = int(asked.part)
    with desk.ledger() as book:
        found = book.get(sequence)
        if found is None:
            return Page("missing.html", {"size": book.size}, 404)
        questions = answered_by(book, (found,))
        values = {
            "entry": found,
            "questions": tuple(questions.values()),
            "report": check(book.prove(sequence), None),
            "size": book.size,
            "rows": Details(desk.zone).rows(found),
            "raw": tuple(flatten(found.data)),
            "speaker": Speaker(desk.names.person, desk.zone, questions),
        }
    return Page("entry.html", values)


def bundle(desk: Desk, asked: Asked) -> Outcome:
    """Hand over the proof bundle of an entry."""
    sequence = int(asked.part)
    with desk.ledger() as book:
        if book.get(sequence) is None:
            return Page("missing.html", {"size": book.size}, 404)
        body = book.prove(sequence)
    return Download(f"muster-{desk.settings.station.id}-{sequence}.proof.json", body)


def usage(desk: Desk, asked: Asked) -> Page:
    """Show the register 执法记录仪使用档案 for a month, ready to print."""
    with desk.ledger() as book:
        register = register_of(desk, asked, handovers(book))
    kept_by = {"month": register.month, "department": asked.query.get("department", "")}
    values: dict[str, object] = {
        "rows": register.rows,
        "months": _months(desk, asked),
        "departments": desk.roster.department,
        **kept_by,
        "unit": register.unit or desk.settings.station.name,
        "by": register.by,
        "asked": urlencode({**kept_by, "by": register.by}),
    }
    return Page("usage.html", values)


def handovers(book: LedgerReader) -> Iterator[Entry]:
    """Yield the entries that the register is made of."""
    return book.select(types=_HANDOVERS)


def register_of(desk: Desk, asked: Asked, entries: Iterator[Entry]) -> Register:
    """Return the register that was asked for, of these entries."""
    months = _months(desk, asked)
    month = asked.query.get("month", "")
    month = month if month in months else months[0]
    unit = desk.names.department(asked.query.get("department", ""))
    rows = _named(usage_rows(_handovers_since(entries, month, desk)), desk)
    by = asked.query.get("by", "").strip()[:40]
    return Register(rows_of_month(rows, month, desk.zone, unit), month, unit, by)


def flatten(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every leaf of an entry's data with its path."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from flatten(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from flatten(item, f"{path}[{place}]")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def search_of(desk: Desk, query: Mapping[str, str]) -> Search:
    """Return what was asked for, on one page of the list.

    Raises:
        FormError: a day is none.
    """
    since, until = (_day(desk, query.get(name, "")) for name in ("since", "until"))
    return Search(
        text=query.get("text", "").strip() or None,
        type=query.get("type") or None,
        subject=query.get("recorder", "").strip() or None,
        since=since,
        until=until + timedelta(days=1) if until else None,
        before=_number(query.get("before", "")),
    )


def kept(query: Mapping[str, str]) -> dict[str, str]:
    """Return what was asked for, without which page of it."""
    names = ("text", "recorder", "type", "since", "until")
    return {name: query[name] for name in names if query.get(name)}


def _months(desk: Desk, asked: Asked) -> tuple[str, ...]:
    return months_back(asked.now.astimezone(desk.zone).date())


def _handovers_since(entries: Iterator[Entry], month: str, desk: Desk) -> Iterator[Entry]:
    first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=desk.zone)
    return (entry for entry in entries if entry.moment.at >= first)


def _named(rows: tuple[UsageRow, ...], desk: Desk) -> Iterator[UsageRow]:
    return (replace(row, department=desk.names.department(row.department)) for row in rows)


def _day(desk: Desk, text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(hour=0, minute=0, second=0, tzinfo=desk.zone)
    except ValueError as error:
        raise FormError(LABELS["day"]) from error


def _number(text: str) -> int | None:
    with suppress(ValueError):
        return int(text) if len(text) < 16 else None  # noqa: PLR2004  # fits SQLite's integers
    return None
