"""Calls the roll: enters and publishes what changed, and renews what the pages show.

Called by the deciding thread only.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from contracts.checkpoint import Checkpoint
from contracts.entry import Entry, Moment
from contracts.facts import AlertCleared, AlertOpened, Fact, KeeperNoted, draft_of
from contracts.loading import to_json
from contracts.messages import DailyReport, Message, Topics
from contracts.roster import Roster
from index.board import Board, StationStatus, View
from index.core.alerts import (
    Alert,
    AlertBook,
    archive_alerts,
    calendar_alert,
    clearings,
    copy_alert,
    duty_alerts,
    fork_alert,
    key_alert,
    openings,
    silence_alert,
    storage_alert,
)
from index.core.calendar import Calendar
from index.core.calling import Calling
from index.core.inquiries import Inquiry
from index.core.register import Register
from index.core.report import count_departments
from index.core.roll import Roll, Silence, Standing
from index.intake import Intake
from index.known import KnownStation
from index.store import Store
from ledger.store import Ledger

SHOWN_ALERTS = 1_000
REPORTED_DAYS = 7
# Holidays of the coming weeks must be known before a deadline falls into them.
LOOKAHEAD = timedelta(days=14)
# Whoever missed a clearing hears of it again for so long.
RECLEARED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the roll is called by."""

    roster: Roster
    calendar: Calendar
    silent_after: timedelta


@dataclass(frozen=True, slots=True)
class Papers:
    """What is known: facts of the stations, alerts of the index's own ledger."""

    register: Register
    book: AlertBook


class Rolling:
    """The roll, its alerts and its reports."""

    def __init__(
        self, rules: Rules, papers: Papers, intake: Intake, store: Store, ledger: Ledger
    ) -> None:
        self._rules = rules
        self._papers = papers
        self._intake = intake
        self._store = store
        self._ledger = ledger
        self._calling = Calling(rules.roster, rules.calendar, rules.silent_after)
        self._reported: dict[date, DailyReport] = {}
        self._counted: dict[date, tuple[tuple[Standing, ...], list[Inquiry]]] = {}
        self._noted: dict[int, tuple[datetime, datetime | None]] = {}
        self.next_due_at: datetime | None = None

    def call(
        self, board: Board, topics: Topics, moment: Moment, connected_at: datetime | None
    ) -> list[Message]:
        """Call the roll; `connected_at` is None while the index itself is cut off."""
        now = moment.at
        self._note_contacts()
        register = self._papers.register
        self._enter(register.keepers_to_note(self._rules.roster, self._day(now)), moment)
        contacts = {name: known.known_at for name, known in self._intake.stations.items()}
        roll = self._calling.call(register, contacts, now)
        zone, open_alerts = self._rules.calendar.zone, self._papers.book.open
        wanted = (
            *duty_alerts(roll.owed, self._names, zone, now, open_alerts),
            *self._station_alerts(now, connected_at),
            *self._calendar_alerts(now),
        )
        published = self._renew(wanted, topics, moment)
        self.next_due_at = min(
            (s.due_at for s in roll.owed if s.state == "pending" and s.due_at), default=None
        )
        board.put(self._view(roll, now, connected_at))
        return [*published, *self._reports(roll, topics, now)]

    def connected(self, topics: Topics, now: datetime) -> list[Message]:
        """Return what a broker that was away must hear again: what is open, what is cleared."""
        book = self._papers.book
        cleared = {
            alert.key
            for alert in book.alerts
            if alert.cleared_at and now - alert.cleared_at < RECLEARED
        }
        self._reported.clear()
        self._counted.clear()
        return [
            *(_clear(topics, kind, about) for kind, about in sorted(cleared - book.open.keys())),
            *(_announce(topics, alert) for alert in book.open.values()),
        ]

    def _day(self, now: datetime) -> date:
        return self._rules.calendar.local_day(now)

    @property
    def _names(self) -> dict[str, str]:
        return {station: known.name for station, known in self._intake.stations.items()}

    def _note_contacts(self) -> None:
        """Write contacts before anybody is judged by them: a restart must judge the same."""
        contacts = {
            known.row.id: (known.heard_at, known.known_at)
            for known in self._intake.stations.values()
            if known.heard_at is not None
        }
        changed = {key: value for key, value in contacts.items() if self._noted.get(key) != value}
        if changed:
            self._store.note_contacts(changed)
            self._noted |= changed

    def _station_alerts(self, now: datetime, connected_at: datetime | None) -> Iterable[Alert]:
        book = self._papers.book
        for station, known in self._intake.stations.items():
            silence = Silence(station, known.heard_at)
            if connected_at is None:
                # Cut off ourselves, we can neither say that it is silent nor that it is not.
                if alert := book.open.get(("station_silent", station)):
                    yield alert
            elif self._is_silent(known, now, connected_at):
                yield silence_alert(silence, known.name, self._rules.calendar.zone, now)
            if known.mirror.is_forked:
                yield fork_alert(station, known.name, now)
            if known.is_key_refused:
                yield key_alert(station, known.name, now)
            yield from self._storage_alerts(station, known.name, now)

    def _storage_alerts(self, station: str, name: str, now: datetime) -> Iterable[Alert]:
        storage = self._papers.register.storages.stations.get(station)
        if storage is None:
            return
        if storage.fault is not None:
            yield storage_alert(station, name, storage.fault, now)
        if storage.copy_fault is not None:
            yield copy_alert(station, name, storage.copy_fault, now)
        zone = self._rules.calendar.zone
        yield from archive_alerts(station, name, storage.found.values(), zone, now)

    def _is_silent(self, known: KnownStation, now: datetime, connected_at: datetime) -> bool:
        heard_at = known.heard_at or known.row.enrolled_at
        if ("station_silent", known.row.enrolment.station) in self._papers.book.open:
            return now - heard_at > self._rules.silent_after
        return now - max(heard_at, connected_at) > self._rules.silent_after

    def _calendar_alerts(self, now: datetime) -> Iterable[Alert]:
        for year in sorted({self._day(now).year, self._day(now + LOOKAHEAD).year}):
            if not self._rules.calendar.knows(year):
                yield calendar_alert(year, now)

    def _renew(
        self,
        wanted: tuple[Alert, ...],
        topics: Topics,
        moment: Moment,
    ) -> list[Message]:
        """Enter what opened and ended, then publish it: nobody hears of what is not on record."""
        open_alerts = self._papers.book.open
        ended = clearings(wanted, open_alerts, self._calling.standings)
        opened = openings(wanted, open_alerts)
        self._enter((*(item.fact for item in ended), *(item.fact for item in opened)), moment)
        return [
            *(_clear(topics, *item.alert.key) for item in ended),
            *(_announce(topics, alert) for alert in opened),
        ]

    def _enter(self, facts: Iterable[Fact], moment: Moment) -> None:
        for entry in self._ledger.append([draft_of(fact) for fact in facts], moment):
            take_own(self._papers, entry)

    def _reports(self, roll: Roll, topics: Topics, now: datetime) -> list[Message]:
        today = self._day(now)
        days = [today - timedelta(days=back) for back in range(REPORTED_DAYS)]
        asked = self._asked_since(days[-1])
        told = {day: (roll.days.get(day, ()), asked.get(day, [])) for day in days}
        changed = [
            report
            for day in days
            if self._counted.get(day) != told[day]
            and not self._was_reported(report := self._report(day, *told[day], now))
        ]
        self._counted = told
        self._reported |= {report.day: report for report in changed}
        return [
            Message(topics.daily_report(report.day), to_json(report), retained=True)
            for report in changed
        ]

    def _asked_since(self, day: date) -> dict[date, list[Inquiry]]:
        """Return the questions without an answer about recordings from a day on, by day."""
        asked = self._papers.register.inquiries.unanswered()
        first_at = self._rules.calendar.start_of(day)
        days: dict[date, list[Inquiry]] = {}
        for one in asked[bisect_left(asked, first_at, key=lambda one: one.fact.from_at) :]:
            days.setdefault(self._day(one.fact.from_at), []).append(one)
        return days

    def _report(
        self, day: date, owed: tuple[Standing, ...], asked: list[Inquiry], now: datetime
    ) -> DailyReport:
        return DailyReport(day, now, count_departments(owed, self._rules.roster.department, asked))

    def _was_reported(self, report: DailyReport) -> bool:
        before = self._reported.get(report.day)
        return before is not None and before.departments == report.departments

    def _view(self, roll: Roll, now: datetime, connected_at: datetime | None) -> View:
        alerts = tuple(reversed(self._papers.book.alerts[-SHOWN_ALERTS:]))
        silent = {about for kind, about in self._papers.book.open if kind == "station_silent"}
        stations = tuple(
            _status(known, is_silent=station in silent)
            for station, known in sorted(self._intake.stations.items())
        )
        cards = self._papers.register.cards.still()
        asked = self._papers.register.inquiries.unanswered()
        is_connected = connected_at is not None
        ledgers = tuple(self._ledgers())
        return View(now, roll, alerts, stations, is_connected, cards, asked, ledgers)

    def _ledgers(self) -> Iterable[tuple[str, Checkpoint]]:
        if note := self._ledger.checkpoint:
            yield "", Checkpoint.of_note(note)
        for known in self._intake.stations.values():
            head = known.mirror.head
            yield known.name, Checkpoint(known.row.enrolment.key.name, head.size, head.root)


def take_own(papers: Papers, entry: Entry) -> None:
    """Take in an entry of the index's own ledger."""
    papers.register.enter_own(entry)
    papers.book.enter(entry)


OWN_TYPES = (KeeperNoted.TYPE, AlertOpened.TYPE, AlertCleared.TYPE)


def _status(known: KnownStation, *, is_silent: bool) -> StationStatus:
    enrolment = known.row.enrolment
    return StationStatus(
        station=enrolment.station,
        name=known.name,
        version=enrolment.version,
        docks=enrolment.docks,
        origin=enrolment.key.name,
        state=known.state,
        heard_at=known.heard_at,
        have=known.mirror.have,
        known_at=known.known_at,
        is_silent=is_silent,
        is_forked=known.mirror.is_forked,
        is_key_refused=known.is_key_refused,
    )


def _announce(topics: Topics, alert: Alert) -> Message:
    return Message(topics.alert(alert.kind, alert.about), to_json(alert.message), retained=True)


def _clear(topics: Topics, kind: str, about: str) -> Message:
    return Message(topics.alert(kind, about), b"", retained=True)
