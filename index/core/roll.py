"""The roll call: where every duty stands at a moment. Nothing here accuses a cut cable's victim.

What duties, visits and declarations there are is read from entries by `index.core.register`.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Literal

from contracts.facts import DeclarationKind
from contracts.roster import Deadline, Policy
from index.core.calendar import Calendar

State = Literal["pending", "met", "late", "declared", "missing", "unconfirmed"]
ServiceKind = Literal["in_repair", "lost", "in_service"]
Answer = DeclarationKind | ServiceKind

# What nobody has shown or answered for yet.
OWED = ("pending", "missing", "unconfirmed")
# How long a station at which a recorder was seen counts as one where it may dock again.
HAUNT = timedelta(days=30)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Duty:
    """A recorder's footage that must be imported: one issue, or one workday of a kept recorder.

    `id` never changes; footage from `opened_at` on is owed. `station` is None for a daily duty.
    """

    id: str
    kind: Literal["issue", "daily"]
    recorder: str
    person: str
    person_name: str
    department: str
    department_name: str
    day: date
    opened_at: datetime
    returned_at: datetime | None = None
    station: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """A completed visit: every listed file of the recorder was accounted for.

    `found`: the recorder was not seen being plugged in, so that it may never have left.
    """

    recorder: str
    station: str
    docked_at: datetime
    completed_at: datetime
    found: bool = False


@dataclass(frozen=True, slots=True)
class Declaration:
    """Someone answered for a recorder's day; `off_site` only moves the deadline to `until`."""

    recorder: str
    day: date
    kind: DeclarationKind
    reason: str
    by: str
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A recorder went out of service, was lost, or came back, at a moment."""

    recorder: str
    kind: ServiceKind
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Silence:
    """A station of which everything is known only up to `since`; None: nothing ever."""

    station: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one duty stands. `due_at` is None as long as its deadline has not begun to run."""

    duty: Duty
    state: State
    due_at: datetime | None
    met_at: datetime | None = None
    answer: Answer | None = None
    reason: str = ""
    answered_by: str = ""
    extended: bool = False
    silent: tuple[Silence, ...] = ()


@dataclass(frozen=True, slots=True)
class Roll:
    """Where every duty stands, by day, and what is still owed; each in order of deadline."""

    days: Mapping[date, tuple[Standing, ...]] = field(default_factory=dict)
    owed: tuple[Standing, ...] = ()

    @classmethod
    def of(cls, standings: Iterable[Standing]) -> "Roll":
        """Return the roll of all standings."""
        days: defaultdict[date, list[Standing]] = defaultdict(list)
        for standing in standings:
            days[standing.duty.day].append(standing)
        ordered = {day: in_order(own) for day, own in days.items()}
        return cls(ordered, in_order(s for own in days.values() for s in own if s.state in OWED))


def in_order(standings: Iterable[Standing]) -> tuple[Standing, ...]:
    """Return standings in order of deadline, those without one last."""
    return tuple(sorted(standings, key=_by_deadline))


def roll_call(  # noqa: PLR0913, PLR0917  # all that the roll depends on
    duties: Iterable[Duty],
    visits: Iterable[Visit],
    declarations: Iterable[Declaration | Service],
    contacts: Mapping[str, datetime | None],
    calendar: Calendar,
    policy: Mapping[str, Policy],
    now: datetime,
    patience: timedelta = timedelta(0),
    only: Container[str] | None = None,
) -> tuple[Standing, ...]:
    """Return where every duty stands, in order of deadline; repeats and order do not matter.

    `contacts` says of every station up to when the index knows all it entered; `policy` is by
    department and must hold every duty's. A station has `patience` after a deadline to be heard
    from; until then its duty is pending, not unconfirmed. `only`: the ids of the duties to judge;
    the others are but part of what is known.
    """
    known = _earliest(duties)
    cases = _cases(known.values(), set(visits), set(declarations))
    standings = (
        _standing(
            cases[duty.recorder],
            _Term.of(duty, policy[duty.department].deadline, calendar, cases[duty.recorder]),
            contacts,
            (now, patience),
        )
        for duty in known.values()
        if only is None or duty.id in only
    )
    return in_order(standings)


def _earliest(duties: Iterable[Duty]) -> dict[str, Duty]:
    """Return duties by id; of two of one id the earlier opened wins, whichever arrived first."""
    known: dict[str, Duty] = {}
    for duty in duties:
        other = known.setdefault(duty.id, duty)
        if other != duty and (duty.opened_at, repr(duty)) < (other.opened_at, repr(other)):
            known[duty.id] = duty
    return known


def deadline(duty: Duty, rule: Deadline, calendar: Calendar) -> datetime | None:
    """Return until when a duty must be met; None while what it runs from has not happened."""
    hours = timedelta(hours=rule.hours, seconds=rule.seconds)
    if rule.rule == "same_workday":
        return calendar.end_of(duty.day)
    if rule.rule == "after_issue":
        return duty.opened_at + hours
    if rule.rule == "after_return":
        return duty.returned_at + hours if duty.returned_at else None
    if rule.rule == "days":
        return calendar.end_of(duty.day + timedelta(days=rule.days))
    return calendar.end_of(calendar.workdays_after(duty.day, rule.days))


@dataclass(frozen=True, slots=True)
class _Case:
    """All that is known of one recorder; `completed[i]`: the earliest end of visit i or a later.

    Both are of visits that began with the recorder being plugged in; `found` are the others.
    """

    docked: Sequence[datetime]
    completed: Sequence[datetime]
    found: Sequence[Visit]
    declared: Sequence[Declaration]
    services: Sequence[Service]
    seen: Sequence[tuple[datetime, str]]

    def met_at(self, duty: Duty) -> datetime | None:
        """Return when the first visit that shows the duty's footage was completed."""
        first = bisect_left(self.docked, duty.opened_at)
        ends = self.completed[first : first + 1]
        if self.found:
            ends = [*ends, *(v.completed_at for v in self.found if _shows(v, duty))]
        return min(ends, default=None)

    def service_at(self, moment: datetime) -> Service | None:
        """Return what was last said of the recorder's service at a moment."""
        return next((s for s in reversed(self.services) if s.at <= moment), None)


@dataclass(frozen=True, slots=True)
class _Term:
    """A duty with its deadline, moved where an off-site declaration moves it."""

    duty: Duty
    due_at: datetime | None
    extended: bool

    @classmethod
    def of(cls, duty: Duty, rule: Deadline, calendar: Calendar, case: _Case) -> "_Term":
        due_at = deadline(duty, rule, calendar)
        until = [
            d.until for d in case.declared if d.day == duty.day and d.kind == "off_site" and d.until
        ]
        if due_at is None or max(until, default=due_at) <= due_at:
            return cls(duty, due_at, extended=False)
        return cls(duty, max(until), extended=True)


def _standing(
    case: _Case,
    term: _Term,
    contacts: Mapping[str, datetime | None],
    clock: tuple[datetime, timedelta],
) -> Standing:
    duty, due_at = term.duty, term.due_at
    now, patience = clock
    met_at = case.met_at(duty)
    if met_at is not None and (due_at is None or met_at <= due_at):
        return Standing(duty, "met", due_at, met_at, extended=term.extended)
    bare = Standing(duty, "pending", due_at, met_at, extended=term.extended)
    answer = _answer(case, term, now)
    if answer is not None:
        who, why = answer.by, answer.reason
        return replace(bare, state="declared", answer=answer.kind, reason=why, answered_by=who)
    if met_at is not None:
        return replace(bare, state="late")
    if due_at is None or now <= due_at:
        return bare
    if not (silent := _silent(case, duty, due_at, contacts)):
        return replace(bare, state="missing")
    has_waited = now > due_at + patience
    return replace(bare, state="unconfirmed", silent=silent) if has_waited else bare


def _answer(case: _Case, term: _Term, now: datetime) -> Declaration | Service | None:
    """Return what answers a duty in place of footage: said of its day, or of the recorder.

    Being out of service answers at the deadline and for as long as it lasts. A recorder issued
    although it was out of service owes what it recorded since.
    """
    for declared in case.declared:
        if declared.day == term.duty.day and declared.kind != "off_site":
            return declared
    for moment in (term.due_at, now):
        service = case.service_at(moment) if moment else None
        if service is None or service.kind == "in_service":
            continue
        if term.duty.kind == "daily" or service.at >= term.duty.opened_at:
            return service
    return None


def _silent(
    case: _Case, duty: Duty, due_at: datetime, contacts: Mapping[str, datetime | None]
) -> tuple[Silence, ...]:
    """Return the stations that may hold the footage unbeknownst to the index."""
    near = {station for at, station in case.seen if at >= duty.opened_at - HAUNT}
    return tuple(
        Silence(station, contacts.get(station))
        for station in sorted(near or contacts)
        if (contacts.get(station) or LONG_AGO) < due_at
    )


def _cases(
    duties: Iterable[Duty], visits: Iterable[Visit], declarations: Iterable[Declaration | Service]
) -> dict[str, _Case]:
    cases = {duty.recorder: _Notes() for duty in duties}
    for duty in duties:
        if duty.station is not None:
            cases[duty.recorder].seen.append((duty.opened_at, duty.station))
    for visit in visits:
        if visit.recorder in cases:
            cases[visit.recorder].visits.append(visit)
            cases[visit.recorder].seen.append((visit.docked_at, visit.station))
    for declared in declarations:
        if declared.recorder in cases:
            cases[declared.recorder].declarations.append(declared)
    return {recorder: notes.case() for recorder, notes in cases.items()}


@dataclass(slots=True)
class _Notes:
    visits: list[Visit] = field(default_factory=list)
    declarations: list[Declaration | Service] = field(default_factory=list)
    seen: list[tuple[datetime, str]] = field(default_factory=list)

    def case(self) -> _Case:
        plugged = [visit for visit in self.visits if not visit.found]
        visits = sorted(plugged, key=lambda visit: visit.docked_at)
        ends = accumulate((visit.completed_at for visit in reversed(visits)), min)
        said = sorted(self.declarations, key=lambda declared: (declared.at, repr(declared)))
        return _Case(
            docked=[visit.docked_at for visit in visits],
            completed=list(ends)[::-1],
            found=[visit for visit in self.visits if visit.found],
            declared=[d for d in said if isinstance(d, Declaration)],
            services=[s for s in said if isinstance(s, Service)],
            seen=self.seen,
        )


def _shows(found: Visit, duty: Duty) -> bool:
    """Tell whether a visit of a recorder found in its dock came after the wearer was done."""
    done_at = duty.opened_at if duty.kind == "daily" else duty.returned_at
    return (
        done_at is not None and found.completed_at >= done_at and found.docked_at >= duty.opened_at
    )


def _by_deadline(standing: Standing) -> tuple[bool, datetime, str]:
    due_at = standing.due_at
    return (due_at is None, due_at or standing.duty.opened_at, standing.duty.id)
