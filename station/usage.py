"""The register 执法记录仪使用档案 (S2 A6): its rows, made from issues and returns in the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from contracts.entry import Entry
from contracts.facts import RecorderIssued, RecorderReturned, fact_of
from contracts.text import Text


@dataclass(frozen=True)
class UsageRow:
    """One handover; `returned_at` is None while the recorder is out."""

    department: str
    recorder: str
    person: str
    approver: str
    issued_at: datetime
    returned_at: datetime | None
    remark: Text


@dataclass(frozen=True)
class Register:
    """A month's rows, of one department if `unit` names it, and who fills the form in."""

    rows: tuple[UsageRow, ...]
    month: str
    unit: str
    by: str


def usage_rows(entries: Iterable[Entry]) -> tuple[UsageRow, ...]:
    """Return a row for each issue among entries in ledger order, with the return that ends it."""
    issued: dict[str, tuple[datetime, RecorderIssued]] = {}
    returned: dict[str, datetime] = {}
    for entry in entries:
        if entry.type == RecorderIssued.TYPE:
            fact = fact_of(entry, RecorderIssued)
            issued[fact.handover] = (entry.moment.at, fact)
        elif entry.type == RecorderReturned.TYPE:
            returned[fact_of(entry, RecorderReturned).handover] = entry.moment.at
    return tuple(_row(at, fact, returned.get(key)) for key, (at, fact) in issued.items())


def rows_of_month(
    rows: Iterable[UsageRow], month: str, zone: ZoneInfo, department: str = ""
) -> tuple[UsageRow, ...]:
    """Return the rows whose issue lies in a local month (`2026-11`), of one department if named."""
    return tuple(
        row
        for row in rows
        if row.issued_at.astimezone(zone).strftime("%Y-%m") == month
        and department in ("", row.department)
    )


def months_back(today: date, count: int = 24) -> tuple[str, ...]:
    """Return the names of this month and those before it, newest first."""
    ordinal = today.year * 12 + today.month - 1
    return tuple(f"{(ordinal - n) // 12}-{(ordinal - n) % 12 + 1:02d}" for n in range(count))


def _row(at: datetime, fact: RecorderIssued, returned_at: datetime | None) -> UsageRow:
    remark = Text("", "")
    if fact.override:
        reason = fact.override.reason
        remark = Text(f"检查未通过, 理由: {reason}", f"Checks overridden: {reason}")
    return UsageRow(
        department=fact.department,
        recorder=fact.recorder,
        person=fact.person_name,
        approver=fact.approver_name or "",
        issued_at=at,
        returned_at=returned_at,
        remark=remark,
    )
