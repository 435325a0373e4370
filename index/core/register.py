"""What the roll call needs, read from entries: duties, visits, declarations.

Entries may come twice and in any order; the result is the same.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from contracts.entry import Entry
from contracts.facts import (
    DutyDeclared,
    KeeperNoted,
    RecorderCleared,
    RecorderIssued,
    RecorderReturned,
    RecorderService,
    VisitCompleted,
    fact_of,
)
from contracts.questions import FootageQuestioned
from contracts.roster import Policy, Roster
from index.core.calendar import Calendar
from index.core.inquiries import TYPES as QUESTION_TYPES
from index.core.inquiries import Inquiries
from index.core.roll import Declaration, Duty, Service, Visit
from index.core.storages import TYPES as STORAGE_TYPES
from index.core.storages import Storages

# What a topic level must not hold, and what makes one hard to read or to type.
_UNSAFE = re.compile(r"[/+#%\x00-\x20\x7f-\xa0]")
_CLEARED = "cleared"  # every file that was to go is gone; any other code says why not
_PLAUSIBLE = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Issued:
    """An issue, with where and when it was entered."""

    station: str
    at: datetime
    fact: RecorderIssued


@dataclass(frozen=True, slots=True)
class Kept:
    """Who keeps a recorder under the daily rule from a day on; nobody if `person` is None."""

    at: datetime
    fact: KeeperNoted


@dataclass
class Register:
    """The facts behind the roll, gathered entry by entry."""

    issued: set[Issued] = field(default_factory=set)
    returned_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    visits: set[Visit] = field(default_factory=set)
    declarations: set[Declaration | Service] = field(default_factory=set)
    kept: dict[str, list[Kept]] = field(default_factory=dict)
    storages: Storages = field(default_factory=Storages)
    inquiries: Inquiries = field(default_factory=Inquiries)
    completed: dict[tuple[str, datetime], tuple[str, str]] = field(default_factory=dict)
    cleared: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def enter(self, station: str, entry: Entry) -> None:
        """Take in a station's entry; of other types than `TYPES` nothing is kept.

        Raises:
            ValueError: the entry does not say what its type must, or at no plausible time.
        """
        if entry.type in _READERS:
            _plausible(entry.moment.at)
            _READERS[entry.type](self, station, entry)

    def enter_own(self, entry: Entry) -> None:
        """Take in an entry of the index's own ledger; only keepers are noted there."""
        if entry.type == KeeperNoted.TYPE:
            fact = fact_of(entry, KeeperNoted)
            kept = Kept(entry.moment.at, fact)
            line = self.kept.setdefault(fact.recorder, [])
            if kept not in line:
                line.append(kept)
                line.sort(key=lambda kept: (kept.fact.from_day, kept.at))

    def cleared_at(self, recorder: str, completed_at: datetime) -> datetime | None:
        """Return when the card was cleared in the visit that was completed then."""
        visit = self.completed.get((recorder, completed_at))
        return self.cleared.get(visit) if visit else None

    def duties(self, roster: Roster, calendar: Calendar, today: date) -> tuple[Duty, ...]:
        """Return every duty up to a day."""
        names = {department.id: department.name for department in roster.department}
        issues = (self._issue_duty(issued, names, calendar) for issued in self.issued)
        daily = (
            _daily_duty(kept.fact, names, calendar, day)
            for line in self.kept.values()
            for kept, days in _terms(line, today)
            for day in days
            if calendar.on(day).kind == "workday"
        )
        return (*issues, *daily)

    def keepers_to_note(self, roster: Roster, today: date) -> tuple[KeeperNoted, ...]:
        """Return in which recorders the roster's daily rule differs from what was last noted."""
        wanted = {
            recorder.number: (recorder.keeper, recorder.department)
            for recorder in roster.recorder
            if recorder.keeper and roster.policy_of(recorder.department).daily
        }
        noted = {
            recorder: (line[-1].fact.person, line[-1].fact.department)
            for recorder, line in self.kept.items()
            if line[-1].fact.person is not None
        }
        return tuple(
            _note(roster, recorder, wanted.get(recorder), today)
            for recorder in sorted(wanted.keys() | noted.keys())
            if wanted.get(recorder) != noted.get(recorder)
        )

    def _issue_duty(self, issued: Issued, names: dict[str, str], calendar: Calendar) -> Duty:
        fact = issued.fact
        return Duty(
            id=topic_safe(f"{fact.recorder}@{fact.handover}"),
            kind="issue",
            recorder=fact.recorder,
            person=fact.person,
            person_name=fact.person_name,
            department=fact.department,
            department_name=names.get(fact.department, fact.department),
            day=calendar.local_day(issued.at),
            opened_at=issued.at,
            returned_at=self.returned_at.get((fact.recorder, fact.handover)),
            station=issued.station,
        )


def policies(roster: Roster, duties: tuple[Duty, ...]) -> dict[str, Policy]:
    """Return every department's policy; one that the roster no longer knows is under the first."""
    known = {d.id: roster.policy_of(d.id) for d in roster.department}
    return {duty.department: roster.policy[0] for duty in duties} | known


def topic_safe(name: str) -> str:
    """Return a name that can be one level of a topic; other names give other results."""
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), name)


def _daily_duty(fact: KeeperNoted, names: dict[str, str], calendar: Calendar, day: date) -> Duty:
    return Duty(
        id=topic_safe(f"{fact.recorder}@{day}"),
        kind="daily",
        recorder=fact.recorder,
        person=fact.person or "",
        person_name=fact.person_name or "",
        department=fact.department,
        department_name=names.get(fact.department, fact.department),
        day=day,
        opened_at=calendar.start_of(day),
        # A kept recorder is at work all day: what runs from its return runs from the day's end.
        returned_at=calendar.end_of(day),
    )


def _terms(line: list[Kept], today: date) -> list[tuple[Kept, list[date]]]:
    """Return each keeper's days: from the day noted to the day before the next note."""
    ends = [*(kept.fact.from_day for kept in line[1:]), today + timedelta(days=1)]
    return [
        (kept, _days(kept.fact.from_day, end))
        for kept, end in zip(line, ends, strict=True)
        if kept.fact.person is not None
    ]


def _days(first: date, end: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((end - first).days)]


def _note(
    roster: Roster, recorder: str, wanted: tuple[str | None, str] | None, today: date
) -> KeeperNoted:
    keeper, department = wanted or (None, "")
    person = roster.find_person(keeper) if keeper else None
    return KeeperNoted(
        recorder=recorder,
        person=person.id if person else None,
        person_name=person.name if person else None,
        department=department,
        from_day=today,
    )


def _plausible(*moments: datetime | None) -> None:
    for moment in moments:
        if moment is not None and not (moment.tzinfo and _PLAUSIBLE[0] <= moment < _PLAUSIBLE[1]):
            raise ValueError(f"no plausible time: {moment}")


def _enter_issued(register: Register, station: str, entry: Entry) -> None:
    register.issued.add(Issued(station, entry.moment.at, fact_of(entry, RecorderIssued)))


def _enter_returned(register: Register, station: str, entry: Entry) -> None:
    fact = fact_of(entry, RecorderReturned)
    key = (fact.recorder, fact.handover)
    register.returned_at[key] = min(register.returned_at.get(key, entry.moment.at), entry.moment.at)


def _enter_visit(register: Register, station: str, entry: Entry) -> None:
    fact = fact_of(entry, VisitCompleted)
    _plausible(fact.docked_at)
    visit = Visit(fact.recorder, station, fact.docked_at, entry.moment.at, fact.found)
    register.visits.add(visit)
    register.completed[fact.recorder, entry.moment.at] = (station, fact.visit)


def _enter_cleared(register: Register, station: str, entry: Entry) -> None:
    fact = fact_of(entry, RecorderCleared)
    if fact.code == _CLEARED:
        register.cleared[station, fact.visit] = entry.moment.at


def _enter_declared(register: Register, station: str, entry: Entry) -> None:
    fact = fact_of(entry, DutyDeclared)
    _plausible(fact.until)
    register.declarations.add(
        Declaration(
            fact.recorder, fact.day, fact.kind, fact.reason, fact.by, entry.moment.at, fact.until
        )
    )


def _enter_service(register: Register, station: str, entry: Entry) -> None:
    fact = fact_of(entry, RecorderService)
    register.declarations.add(
        Service(fact.recorder, fact.state, fact.reason, fact.by, entry.moment.at)
    )


def _enter_storage(register: Register, station: str, entry: Entry) -> None:
    register.storages.enter(station, entry)


def _enter_question(register: Register, station: str, entry: Entry) -> None:
    if entry.type == FootageQuestioned.TYPE:
        fact = fact_of(entry, FootageQuestioned)
        _plausible(fact.from_at, fact.to_at)
    register.inquiries.enter(station, entry)


_READERS = {
    **dict.fromkeys(QUESTION_TYPES, _enter_question),
    **dict.fromkeys(STORAGE_TYPES, _enter_storage),
    RecorderIssued.TYPE: _enter_issued,
    RecorderReturned.TYPE: _enter_returned,
    VisitCompleted.TYPE: _enter_visit,
    RecorderCleared.TYPE: _enter_cleared,
    DutyDeclared.TYPE: _enter_declared,
    RecorderService.TYPE: _enter_service,
}
TYPES = tuple(_READERS)
