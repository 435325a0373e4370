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
from ledger.reading import Search
from station.detail import Details
from station.forms import LABELS
from station.kiosk import not_found
from station.page import Asked, Desk, Download, Outcome, Page
from station.usage import UsageRow, months_back, rows_of_month, usage_rows
from station.wording import Speaker, title_of

PAGE_ENTRIES = 50
_HANDOVERS = (RecorderIssued.TYPE, RecorderReturned.TYPE)
# Stations' own types; the index's are never in this ledger, but a search must find what is there.
_TYPES = tuple((name, title_of(name)) for name in FACTS)


def ledger(desk: Desk, asked: Asked) -> Page:
    """Show entries, newest first, that match what was asked."""
    search = _search(desk, asked.query)
    with desk.ledger() as book:
        entries = book.search(search, PAGE_ENTRIES + 1)
        values = {"size": book.size, "witnessed": book.witnessed_size}
    shown, older = entries[:PAGE_ENTRIES], ""
    if len(entries) > PAGE_ENTRIES:
        older = "?" + urlencode({**_kept(asked.query), "before": str(shown[-1].sequence)})
    newest = "?" + urlencode(_kept(asked.query)) if search.before else ""
    filled = {"entries": shown, "older": older, "newest": newest, "filters": asked.query}
    speaker = Speaker(desk.names.person, desk.zone)
    return Page("ledger.html", {**values, **filled, "types": _TYPES, "speaker": speaker})


def entry(desk: Desk, asked: Asked) -> Page:
    """Show one entry, what it holds, and whether its proof holds right now."""
    sequence = int(asked.part)
    with desk.ledger() as book:
        found = book.get(sequence)
        if found is None:
            return not_found(desk, asked)
        values = {
            "entry": found,
            "report": check(book.prove(sequence), None),
            "size": book.size,
            "rows": Details(desk.zone).rows(found),
            "raw": tuple(flatten(found.data)),
            "speaker": Speaker(desk.names.person, desk.zone),
        }
    return Page("entry.html", values)


def bundle(desk: Desk, asked: Asked) -> Outcome:
    """Hand over the proof bundle of an entry."""
    sequence = int(asked.part)
    with desk.ledger() as book:
        if book.get(sequence) is None:
            return not_found(desk, asked)
        body = book.prove(sequence)
    return Download(f"muster-{desk.settings.station.id}-{sequence}.proof.json", body)


def usage(desk: Desk, asked: Asked) -> Page:
    """Show the register 执法记录仪使用档案 for a month, ready to print."""
    months = months_back(asked.now.astimezone(desk.zone).date())
    month = asked.query.get("month", "")
    month = month if month in months else months[0]
    departments = desk.roster.department
    unit = desk.names.department(asked.query.get("department", ""))
    with desk.ledger() as book:
        rows = usage_rows(_handovers_since(book.select(types=_HANDOVERS), month, desk))
    values: dict[str, object] = {
        "rows": rows_of_month(_named(rows, desk), month, desk.zone, unit),
        "month": month,
        "months": months,
        "departments": departments,
        "department": asked.query.get("department", ""),
        "unit": unit or desk.settings.station.name,
        "by": asked.query.get("by", "").strip()[:40],
    }
    return Page("usage.html", values)


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


def _handovers_since(entries: Iterator[Entry], month: str, desk: Desk) -> Iterator[Entry]:
    first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=desk.zone)
    return (entry for entry in entries if entry.moment.at >= first)


def _named(rows: tuple[UsageRow, ...], desk: Desk) -> Iterator[UsageRow]:
    return (replace(row, department=desk.names.department(row.department)) for row in rows)


def _search(desk: Desk, query: Mapping[str, str]) -> Search:
    since, until = (_day(desk, query.get(name, "")) for name in ("since", "until"))
    return Search(
        text=query.get("text", "").strip() or None,
        type=query.get("type") or None,
        subject=query.get("recorder", "").strip() or None,
        since=since,
        until=until + timedelta(days=1) if until else None,
        before=_number(query.get("before", "")),
    )


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


def _kept(query: Mapping[str, str]) -> dict[str, str]:
    names = ("text", "recorder", "type", "since", "until")
    return {name: query[name] for name in names if query.get(name)}
