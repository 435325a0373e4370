"""Builds the index, runs it until it is told to stop, and closes in reverse; only this wires."""

import logging
import signal
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from contracts.entry import Entry
from contracts.errors import IndexStoreError, SettingsError
from contracts.facts import Fact, StationEnrolled, StationForked, draft_of
from contracts.messages import Message, Topics
from contracts.roster import Roster, parse_roster
from contracts.settings import IndexSettings
from index.board import Board, View
from index.calendars import official_day
from index.core.alerts import AlertBook
from index.core.calendar import Calendar, CalendarTable, calendar_of, parse_calendar
from index.core.register import TYPES, Register
from index.forks import ForkReport
from index.inbox import Inbox, Stop
from index.intake import Intake
from index.known import Notice, Witness
from index.rolling import OWN_TYPES, Papers, Rolling, Rules, take_own
from index.serving import Served, Serving
from index.store import Store
from index.stored import Enrolment
from ledger.folder import load_or_create_key, write_durably
from ledger.records import Records
from ledger.store import Ledger
from outside import clock
from outside.broker import Broker, BrokerEvent, Connected, Lost, Refused, check_files
from outside.notifying import notify

VERSION = version("muster")
BuildPages = Callable[[Board, IndexSettings], Served]

_TICK_SECONDS = 0.5
_STOP_SECONDS = 5.0
# News is rolled at once, but a flood of it not more often than this.
_ROLL_PAUSE = timedelta(seconds=1)
# With many duties the roll takes long; taking messages in gets at least nine tenths of the time.
_ROLL_SHARE = 10
# The roll looks back so far, and as far as the oldest open alert and what led to it.
_HORIZON = timedelta(days=400)
_BEFORE_ALERT = timedelta(days=60)
log = logging.getLogger(__name__)


def run(settings: IndexSettings, build_pages: BuildPages) -> None:
    """Run the index until SIGTERM or SIGINT.

    Raises:
        MusterError: it cannot start or go on.
    """
    topics = Topics(settings.broker.root, settings.organisation)
    inbox = Inbox(lambda topic: (topics.parse(topic) or ("", ""))[0])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: inbox.put_stop())
    with ExitStack() as resources:
        check_files(settings.broker)
        index = Index(settings, resources)
        pages = Serving(
            build_pages(index.board, settings), settings.pages.host, settings.pages.port
        )
        resources.callback(pages.stop)
        broker = Broker(
            settings.broker,
            f"muster-index-{settings.organisation}",
            index.intake.will,
            index.intake.subscriptions,
            inbox.put,
        )
        resources.callback(
            lambda: broker.stop(index.intake.farewell(clock.moment().at), _STOP_SECONDS)
        )
        resources.callback(inbox.close)
        index.publish = broker.publish
        index.call_roll()
        if settings.broker.host:
            broker.start()
        log.info("ready: http://%s:%s/", settings.pages.host, pages.port)
        log.info("witness key: %s", index.intake.witness_key)
        notify("READY=1")
        resources.callback(lambda: notify("STOPPING=1"))
        index.work(inbox)


class Index:
    """The deciding thread's side of everything."""

    def __init__(self, settings: IndexSettings, resources: ExitStack) -> None:
        self._state = Path(settings.state)
        self._topics = Topics(settings.broker.root, settings.organisation)
        self._roll_pause = timedelta(seconds=settings.roll_seconds)
        rules = load_rules(settings)
        prefix = f"muster/{settings.organisation}/index"
        self._ledger = Ledger.open(self._state / "ledger", prefix, clock.moment(), VERSION)
        resources.callback(self._ledger.close)
        store = Store.open(settings.database)
        resources.callback(store.close)
        self._papers = load_papers(store, self._ledger, clock.moment().at)
        notice = Notice(self._committed, self._enrolled, self._forked)
        witness = load_witness(settings)
        self.intake = Intake(self._topics, settings.station_keys, store, witness, notice)
        self._rolling = Rolling(rules, self._papers, self.intake, store, self._ledger)
        self.board = Board(
            rules.calendar,
            rules.roster.department,
            store,
            View(clock.moment().at),
        )
        self.publish: Callable[[Message], None] = lambda message: None
        self._connected_at: datetime | None = None
        self._is_to_greet = False
        self._is_store_away = False
        self._rolled_at: datetime | None = None
        self._is_news = False
        self._news_pause = _ROLL_PAUSE

    def work(self, inbox: Inbox) -> None:
        """Take in what comes until a `Stop` does; a database that fails is tried again."""
        while not isinstance(event := inbox.turn(_TICK_SECONDS), Stop):
            try:
                self._turn(event)
            except IndexStoreError:
                if not self._is_store_away:
                    log.exception("the database is away")
                self._is_store_away = True
                self._rolled_at, self._is_news = clock.moment().at, True

    def _turn(self, event: list[Message] | BrokerEvent) -> None:
        """Do a turn; what fails with the database is still to do in the next."""
        if isinstance(event, list):
            self._publish_all(self.intake.take_all(event, clock.moment().at))
        else:
            self._note(event)
        if self._is_to_greet:
            self._greet()
        if self._is_roll_due(clock.moment().at):
            self.call_roll()

    def _note(self, event: BrokerEvent) -> None:
        """Note an event of the broker that is no message."""
        if isinstance(event, Connected):
            self._connected_at = clock.moment().at
            log.info("connected to the broker")
            self._is_to_greet = True
        elif isinstance(event, Lost):
            if self._connected_at is not None:
                log.warning("lost the broker: %s", event.reason)
            self._connected_at = None
        elif isinstance(event, Refused):
            log.error("the broker bars us: %s", event.reason)

    def _greet(self) -> None:
        """Say all that a broker we have just reached must hear."""
        now = clock.moment().at
        self._publish_all(self.intake.connected(now))
        self._publish_all(self._rolling.connected(self._topics, now))
        self._is_to_greet = False
        self._is_news = True

    def call_roll(self) -> None:
        """Call the roll now."""
        moment = clock.moment()
        self._publish_all(self._rolling.call(self.board, self._topics, moment, self._connected_at))
        self._rolled_at, self._is_news = moment.at, False
        if self._is_store_away:
            log.info("the database is back")
        self._is_store_away = False
        took = timedelta(milliseconds=clock.moment().uptime_ms - moment.uptime_ms)
        self._news_pause = max(_ROLL_PAUSE, took * _ROLL_SHARE)

    def _is_roll_due(self, now: datetime) -> bool:
        pause = max(self._roll_pause, self._news_pause)
        since = now - self._rolled_at if self._rolled_at else pause
        if since < timedelta(0) or since >= pause:
            return True
        due_at = self._rolling.next_due_at
        has_news = self._is_news or (due_at is not None and due_at < now)
        return has_news and since >= self._news_pause

    def _publish_all(self, messages: list[Message]) -> None:
        for message in messages:
            self.publish(message)

    def _committed(self, station: str, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            enter(self._papers.register, station, entry)
        self._is_news = True

    def _enrolled(self, enrolment: Enrolment) -> None:
        key = enrolment.key
        fact = StationEnrolled(enrolment.station, key.name, str(key), pinned=enrolment.pinned)
        self._enter(fact)
        log.info("enrolled %s", key)

    def _forked(self, report: ForkReport) -> None:
        folder = self._state / "forks"
        folder.mkdir(exist_ok=True)
        write_durably(folder / report.file_name, report.body)
        self._enter(StationForked(report.station, report.sha256, report.why))
        self._is_news = True

    def _enter(self, fact: Fact) -> None:
        self._ledger.append([draft_of(fact)], clock.moment())


def load_rules(settings: IndexSettings) -> Rules:
    """Return the roster and the calendar that the settings name.

    Raises:
        SettingsError: one of them cannot be read, or does not say what it must.
    """
    roster = _load_roster(Path(settings.roster))
    table = CalendarTable()
    if settings.calendar is not None:
        table = parse_calendar(read_text(Path(settings.calendar)), str(settings.calendar))
    calendar: Calendar = calendar_of(table, ZoneInfo(settings.zone), official_day)
    return Rules(roster, calendar, timedelta(seconds=settings.silent_seconds))


def load_papers(store: Store, own: Records, now: datetime) -> Papers:
    """Return what the ledgers say so far: duties and what answers them, and alerts."""
    papers = Papers(Register(), AlertBook())
    for entry in own.select(types=OWN_TYPES):
        take_own(papers, entry)
    oldest = min((alert.opened_at for alert in papers.book.open.values()), default=now)
    since = min(now - _HORIZON, oldest - _BEFORE_ALERT)
    for station, entry in store.entries(TYPES, since):
        enter(papers.register, station, entry)
    return papers


def load_witness(settings: IndexSettings) -> Witness:
    """Return the key that cosigns, made at first start."""
    key = load_or_create_key(Path(settings.state) / "witness.key")
    return Witness.of(key, settings.organisation)


def enter(register: Register, station: str, entry: Entry) -> None:
    """Take an entry into the register; one that makes no sense stays on record and is logged."""
    try:
        register.enter(station, entry)
    except ValueError as error:
        log.warning("%s entry %s (%.80r): %.200s", station, entry.sequence, entry.type, error)


def read_text(path: Path) -> str:
    """Return the text of a settings file.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError.unreadable(path, error) from error


def _load_roster(path: Path) -> Roster:
    roster = parse_roster(read_text(path), str(path))
    if not roster.policy:
        problem = "policy: 至少要有一条 / there must be at least one"
        raise SettingsError(file=str(path), problems=(problem,))
    return roster
