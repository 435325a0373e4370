"""The roll, called again and again: only what can have changed since the last call is judged anew.

What it says is what `roll_call` says of all papers at once: that is the definition.
"""

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from contracts.roster import Roster
from index.core.calendar import Calendar
from index.core.register import (
    Dossier,
    News,
    Register,
    department_names,
    dossier_of,
    policies,
)
from index.core.roll import (
    HAUNT,
    LONG_AGO,
    OWED,
    Duty,
    Roll,
    Service,
    Standing,
    in_order,
    roll_call,
)

Contacts = Mapping[str, datetime | None]
_NEVER = datetime.max.replace(tzinfo=UTC)


class Calling:
    """Every duty's standing, kept from call to call.

    A standing can change only by new papers of its recorder, by time, if it is owed or a service
    begins later than now, and by a station's contact, if it is overdue.
    """

    def __init__(self, roster: Roster, calendar: Calendar, patience: timedelta) -> None:
        self._names = department_names(roster)
        self._policy = policies(roster)
        self._calendar = calendar
        self._patience = patience
        self.standings: dict[str, Standing] = {}
        self._ids: defaultdict[str, set[str]] = defaultdict(set)
        self._daily: defaultdict[str, dict[str, Duty]] = defaultdict(dict)
        self._owed: dict[str, Standing] = {}
        self._later: set[tuple[datetime, str]] = set()
        self._contacts: dict[str, datetime | None] = {}
        self._called_at = _NEVER
        self._roll = Roll()

    def call(self, register: Register, contacts: Contacts, now: datetime) -> Roll:
        """Return where every duty stands now; the one caller takes the register's news."""
        news = register.take_news()
        if now < self._called_at:
            news = dict.fromkeys(register.dossiers, News(is_whole=True))
        self._begin_days(register, now, news)
        stirred = defaultdict(
            set,
            {
                key: self._stirred_by_papers(key, register.dossiers[key], one, now)
                for key, one in news.items()
            },
        )
        for key in self._services_begun(now):
            stirred[key] |= self._ids[key]
        for standing in self._stirred_by_contact(contacts, now):
            stirred[dossier_of(standing.duty.recorder)].add(standing.duty.id)
        found: dict[str, Standing | None] = {}
        for key, ids in stirred.items():
            found |= self._judge(key, ids, register.dossiers[key], contacts, now)
        self._keep(found)
        self._contacts, self._called_at = dict(contacts), now
        return self._roll

    def _stirred_by_papers(self, key: str, dossier: Dossier, news: News, now: datetime) -> set[str]:
        """Return the duties that new papers may concern.

        Whatever came, what is owed may have been seen at one station more.
        """
        if news.is_whole:
            today = self._calendar.local_day(now)
            daily = dossier.daily_duties(self._names, self._calendar, today)
            self._daily[key] = {duty.id: duty for duty in daily}
            for said in dossier.declarations:
                if isinstance(said, Service) and said.at > now:
                    self._later.add((said.at, key))
            return {*self._ids[key], *dossier.issued, *self._daily[key]}
        docked_at = max((visit.docked_at for visit in news.visits), default=LONG_AGO)
        completed_at = min((visit.completed_at for visit in news.visits), default=_NEVER)
        own = (self.standings[duty_id] for duty_id in self._ids[key])
        return news.ids | {
            one.duty.id
            for one in own
            if one.state in OWED
            or (one.duty.opened_at <= docked_at and completed_at < (one.met_at or _NEVER))
        }

    def _begin_days(self, register: Register, now: datetime, news: dict[str, News]) -> None:
        """Add the daily duties of the days begun since the last call."""
        before, today = map(self._calendar.local_day, (min(self._called_at, now), now))
        if before == today:
            return
        for key, dossier in register.dossiers.items():
            for duty in dossier.daily_duties(self._names, self._calendar, today, before):
                self._daily[key][duty.id] = duty
                news.setdefault(key, News()).ids.add(duty.id)

    def _services_begun(self, now: datetime) -> set[str]:
        """Return the dossiers in which something holds from now on that was said before."""
        begun = {(at, key) for at, key in self._later if at <= now}
        self._later -= begun
        return {key for _, key in begun}

    def _stirred_by_contact(self, contacts: Contacts, now: datetime) -> Iterator[Standing]:
        """Yield what is overdue, but for what no news of a station can change.

        As long as nobody is known up to an earlier moment than before, what is missing stays so.
        """
        before = self._contacts
        moved = {name for name, known_at in contacts.items() if before.get(name) != known_at}
        is_less = before.keys() != contacts.keys() or any(
            (contacts[name] or LONG_AGO) < (before[name] or LONG_AGO) for name in moved
        )
        for standing in self._owed.values():
            if standing.due_at is None or now <= standing.due_at:
                continue
            if is_less or standing.state == "pending" or _is_told_by(standing, moved):
                yield standing

    def _judge(
        self, key: str, ids: set[str], dossier: Dossier, contacts: Contacts, now: datetime
    ) -> dict[str, Standing | None]:
        """Judge some duties of a dossier by what is not too old to concern them."""
        duties: list[Duty] = []
        for duty_id in ids:
            duties += dossier.issue_duties(duty_id, self._names, self._calendar)
            if daily := self._daily[key].get(duty_id):
                duties.append(daily)
        since = min((duty.opened_at for duty in duties), default=now) - HAUNT
        others = (self.standings[duty_id].duty for duty_id in self._ids[key] - ids)
        standings = roll_call(
            (*duties, *(duty for duty in others if duty.opened_at >= since)),
            {visit for visit in dossier.visits if visit.docked_at >= since},
            dossier.declarations,
            contacts,
            self._calendar,
            self._policy,
            now,
            self._patience,
            ids,
        )
        found = {standing.duty.id: standing for standing in standings}
        self._ids[key] = (self._ids[key] - ids) | found.keys()
        return {duty_id: found.get(duty_id) for duty_id in ids}

    def _keep(self, found: Mapping[str, Standing | None]) -> None:
        days: defaultdict[date, dict[str, Standing | None]] = defaultdict(dict)
        for duty_id, standing in found.items():
            before = self.standings.get(duty_id)
            if before == standing:
                continue
            if before is not None:
                days[before.duty.day][duty_id] = None
                del self.standings[duty_id]
                self._owed.pop(duty_id, None)
            if standing is not None:
                days[standing.duty.day][duty_id] = self.standings[duty_id] = standing
                if standing.state in OWED:
                    self._owed[duty_id] = standing
        if days:
            kept = dict(self._roll.days) | {day: self._day(day, days[day]) for day in days}
            owed = in_order(self._owed.values())
            self._roll = Roll({day: own for day, own in kept.items() if own}, owed)

    def _day(self, day: date, changed: Mapping[str, Standing | None]) -> tuple[Standing, ...]:
        known = {standing.duty.id: standing for standing in self._roll.days.get(day, ())}
        return in_order(standing for standing in {**known, **changed}.values() if standing)


def _is_told_by(standing: Standing, stations: Container[str]) -> bool:
    return any(silence.station in stations for silence in standing.silent)
