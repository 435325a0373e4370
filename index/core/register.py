"""What the roll call needs, read from entries: duties, visits, declarations; and of whom is news.

Entries may come twice and in any order; the result is the same.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import chain

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


@dataclass(slots=True)
class Dossier:
    """The papers of one recorder; of several whose duties could have the same id."""

    issued: defaultdict[str, set[Issued]] = field(default_factory=lambda: defaultdict(set))
    returned_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    visits: set[Visit] = field(default_factory=set)
    declarations: set[Declaration | Service] = field(default_factory=set)
    kept: dict[str, list[Kept]] = field(default_factory=dict)

    def issue_duties(
        self, duty_id: str, names: Mapping[str, str], calendar: Calendar
    ) -> Iterator[Duty]:
        """Yield what was issued under an id; `names` are the departments'."""
        for issued in self.issued.get(duty_id, ()):
            returned_at = self.returned_at.get((issued.fact.recorder, issued.fact.handover))
            yield _issue_duty(duty_id, issued, returned_at, names, calendar)

    def daily_duties(
        self, names: Mapping[str, str], calendar: Calendar, today: date, after: date = date.min
    ) -> Iterator[Duty]:
        """Yield the workdays of kept recorders, up to today."""
        for line in self.kept.values():
            for kept, days in _terms(line, today):
                for day in days:
                    if day > after and calendar.on(day).kind == "workday":
                        yield _daily_duty(kept.fact, names, calendar, day)


@dataclass(slots=True)
class News:
    """What came to a dossier: ids of duties, visits; `is_whole`: what may touch every duty."""

    ids: set[str] = field(default_factory=set)
    visits: list[Visit] = field(default_factory=list)
    is_whole: bool = False


@dataclass(slots=True)
class Cards:
    """Which visit was completed when, and when the card was cleared in which visit."""

    completed: dict[tuple[str, datetime], tuple[str, str]] = field(default_factory=dict)
    cleared: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def cleared_at(self, recorder: str, completed_at: datetime) -> datetime | None:
        """Return when the card was cleared in the visit that was completed then."""
        visit = self.completed.get((recorder, completed_at))
        return self.cleared.get(visit) if visit else None

    def still(self) -> "Cards":
        """Return the cards as they are now; without one that was cleared there are none."""
        return Cards(dict(self.completed), dict(self.cleared)) if self.cleared else Cards()


@dataclass
class Register:
    """The facts behind the roll, gathered entry by entry."""

    dossiers: defaultdict[str, Dossier] = field(default_factory=lambda: defaultdict(Dossier))
    storages: Storages = field(default_factory=Storages)
    inquiries: Inquiries = field(default_factory=Inquiries)
    cards: Cards = field(default_factory=Cards)
    _news: defaultdict[str, News] = field(default_factory=lambda: defaultdict(News))

    @property
    def visits(self) -> set[Visit]:
        """Every completed visit."""
        return set(chain.from_iterable(one.visits for one in self.dossiers.values()))

    @property
    def declarations(self) -> set[Declaration | Service]:
        """All that was said of duties and recorders."""
        return set(chain.from_iterable(one.declarations for one in self.dossiers.values()))

    def take_news(self) -> dict[str, News]:
        """Return what came since it was asked last, by dossier."""
        news, self._news = self._news, defaultdict(News)
        return news

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
            dossier, news = self.papers_of(fact.recorder)
            line = dossier.kept.setdefault(fact.recorder, [])
            if kept not in line:
                news.is_whole = True
                line.append(kept)
                line.sort(key=lambda kept: (kept.fact.from_day, kept.at))

    def papers_of(self, recorder: str) -> tuple[Dossier, News]:
        """Return where a recorder's papers lie, and where it is noted that something came."""
        key = dossier_of(recorder)
        return self.dossiers[key], self._news[key]

    def duties(self, roster: Roster, calendar: Calendar, today: date) -> tuple[Duty, ...]:
        """Return every duty up to a day."""
        names = department_names(roster)
        return tuple(
            duty
            for dossier in self.dossiers.values()
            for duties in (
                *(dossier.issue_duties(key, names, calendar) for key in dossier.issued),
                dossier.daily_duties(names, calendar, today),
            )
            for duty in duties
        )

    def keepers_to_note(self, roster: Roster, today: date) -> tuple[KeeperNoted, ...]:
        """Return in which recorders the roster's daily rule differs from what was last noted."""
        wanted = {
            recorder.number: (recorder.keeper, recorder.department)
            for recorder in roster.recorder
            if recorder.keeper and roster.policy_of(recorder.department).daily
        }
        noted = {
            recorder: (line[-1].fact.person, line[-1].fact.department)
            for dossier in self.dossiers.values()
            for recorder, line in dossier.kept.items()
            if line[-1].fact.person is not None
        }
        return tuple(
            _note(roster, recorder, wanted.get(recorder), today)
            for recorder in sorted(wanted.keys() | noted.keys())
            if wanted.get(recorder) != noted.get(recorder)
        )


def department_names(roster: Roster) -> dict[str, str]:
    """Return the departments' names by their ids."""
    return {department.id: department.name for department in roster.department}


def policies(roster: Roster) -> Mapping[str, Policy]:
    """Return every department's policy; one that the roster does not know is under the first."""
    known = {d.id: roster.policy_of(d.id) for d in roster.department}
    return defaultdict(lambda: roster.policy[0], known)


def dossier_of(recorder: str) -> str:
    """Return under what a recorder's papers lie; duties of one id always lie together.

    An id is a recorder's name and what comes after an `@`, which names may hold too.
    """
    return recorder.partition("@")[0]


def topic_safe(name: str) -> str:
    """Return a name that can be one level of a topic; other names give other results."""
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), name)


def _issue_duty(
    duty_id: str,
    issued: Issued,
    returned_at: datetime | None,
    names: Mapping[str, str],
    calendar: Calendar,
) -> Duty:
    fact = issued.fact
    return Duty(
        id=duty_id,
        kind="issue",
        recorder=fact.recorder,
        person=fact.person,
        person_name=fact.person_name,
        department=fact.department,
        department_name=names.get(fact.department, fact.department),
        day=calendar.local_day(issued.at),
        opened_at=issued.at,
        returned_at=returned_at,
        station=issued.station,
    )


def _daily_duty(fact: KeeperNoted, names: Mapping[str, str], calendar: Calendar, day: date) -> Duty:
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
    fact = fact_of(entry, RecorderIssued)
    dossier, news = register.papers_of(fact.recorder)
    key = _duty_id(fact)
    dossier.issued[key].add(Issued(station, entry.moment.at, fact))
    news.ids.add(key)


def _enter_returned(register: Register, station: str, entry: Entry) -> None:
    fact = fact_of(entry, RecorderReturned)
    dossier, news = register.papers_of(fact.recorder)
    key, at = (fact.recorder, fact.handover), entry.moment.at
    dossier.returned_at[key] = min(dossier.returned_at.get(key, at), at)
    news.ids.add(_duty_id(fact))


def _enter_visit(register: Register, station: str, entry: Entry) -> None:
    fact = fact_of(entry, VisitCompleted)
    _plausible(fact.docked_at)
    visit = Visit(fact.recorder, station, fact.docked_at, entry.moment.at, fact.found)
    dossier, news = register.papers_of(fact.recorder)
    dossier.visits.add(visit)
    news.visits.append(visit)
    register.cards.completed[fact.recorder, entry.moment.at] = (station, fact.visit)


def _enter_cleared(register: Register, station: str, entry: Entry) -> None:
    fact = fact_of(entry, RecorderCleared)
    if fact.code == _CLEARED:
        register.cards.cleared[station, fact.visit] = entry.moment.at


def _enter_declared(register: Register, station: str, entry: Entry) -> None:
    fact = fact_of(entry, DutyDeclared)
    _plausible(fact.until)
    by, at = fact.by, entry.moment.at
    _enter_said(
        register, Declaration(fact.recorder, fact.day, fact.kind, fact.reason, by, at, fact.until)
    )


def _enter_service(register: Register, station: str, entry: Entry) -> None:
    fact = fact_of(entry, RecorderService)
    at = entry.moment.at
    _enter_said(register, Service(fact.recorder, fact.state, fact.reason, fact.by, at))


def _enter_said(register: Register, said: Declaration | Service) -> None:
    dossier, news = register.papers_of(said.recorder)
    dossier.declarations.add(said)
    news.is_whole = True


def _duty_id(fact: RecorderIssued | RecorderReturned) -> str:
    return topic_safe(f"{fact.recorder}@{fact.handover}")


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
