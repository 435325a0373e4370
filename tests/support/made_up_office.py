"""A made-up office for the pages: real ledgers, shipped to a real index, and its roll called."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.entry import Moment
from contracts.facts import (
    Counts,
    DutyDeclared,
    RecorderCleared,
    RecorderIssued,
    RecorderReturned,
    RecorderService,
    VisitCompleted,
)
from contracts.loading import to_json
from contracts.messages import Message, StationState
from contracts.questions import FootageQuestioned
from contracts.roster import Deadline, Department, Person, Policy, RecorderRecord, Roster
from contracts.settings import IndexSettings
from index.board import Board, View
from index.calendars import official_day
from index.core.alerts import AlertBook
from index.core.calendar import Calendar
from index.core.register import Register
from index.pages import build_pages
from index.rolling import Papers, Rolling, Rules
from ledger.store import Ledger
from tests.support.joined import TOPICS, Office, Station

ZONE = ZoneInfo("Asia/Shanghai")
# An ordinary Wednesday, half past twelve at the office.
NOON = datetime(2026, 11, 18, 4, 30, tzinfo=UTC)
DEPARTMENTS = ("执法一中队", "执法二中队", "市容管理科")


def roster_of(departments=DEPARTMENTS, daily=()):
    """Return a roster in which every department has one person and recorder, kept if `daily`."""
    policy = Policy("同日", Deadline("same_workday"))
    kept = Policy("专人", Deadline("same_workday"), daily=True)
    ids = [f"d{number}" for number in range(1, len(departments) + 1)]
    return Roster(
        policy=(policy, kept),
        department=tuple(
            Department(key, name, kept.name if key in daily else policy.name)
            for key, name in zip(ids, departments, strict=True)
        ),
        person=tuple(Person(f"p-{key}", f"保管人{key}", key, "officer", "x") for key in ids),
        recorder=tuple(
            RecorderRecord(f"K-{key}", key, keeper=f"p-{key}") for key in ids if key in daily
        ),
    )


class MadeUpOffice:
    """An index with its pages; `enter`, `ship` and `roll` make it know something."""

    def __init__(self, folder, roster=None, official=official_day):
        self.roster = roster or roster_of()
        self.now = NOON
        self.folder = folder
        database = f"sqlite:///{folder}/index.db"
        self.office = Office(database)
        self.papers = Papers(Register(), AlertBook())
        self.own = Ledger.open(folder / "own", "muster/example/index", _moment(NOON), "0.1.0")
        self.stations = {}
        calendar = Calendar(ZONE, official)
        rules = Rules(self.roster, calendar, timedelta(minutes=10))
        store = self.office.store
        self.rolling = Rolling(rules, self.papers, self.office.intake, store, self.own)
        self.board = Board(calendar, self.roster.department, store, View(NOON))
        self.settings = IndexSettings("example", "示范县执法监督中心", database, folder, folder)
        self.pages = build_pages(self.board, self.settings, lambda: self.now)

    def station(self, name="s1", called="政务大厅采集站"):
        """Return a station of this office, new or known."""
        if name not in self.stations:
            self.stations[name] = Station(self.folder / name, name, called)
        return self.stations[name]

    def issue(self, recorder, person, department="d1", *, at, station="s1"):
        """Enter that a recorder was handed to a person."""
        handover = f"{recorder}-{at:%m%d%H%M}"
        fact = RecorderIssued(handover, recorder, f"p-{person}", person, department, ())
        self.station(station).enter(fact, at=at)
        return handover

    def give_back(self, recorder, handover, person, *, at, station="s1"):
        """Enter that a recorder came back."""
        self.station(station).enter(
            RecorderReturned(handover, recorder, f"p-{person}", visit="v1"), at=at
        )

    def visit(self, recorder, *, at, station="s1"):
        """Enter that all footage of a recorder was imported."""
        counts = Counts(listed=2, imported=2)
        visit = f"{recorder}-{at:%m%d%H%M}"
        fact = VisitCompleted(visit, recorder, 1, at, counts, 10**6, "0" * 64, ())
        self.station(station).enter(fact, at=at + timedelta(minutes=3))

    def clear(self, recorder, *, docked_at, at, station="s1", code="cleared"):
        """Enter how the clearing of a recorder's card ended in the visit that began then."""
        visit = f"{recorder}-{docked_at:%m%d%H%M}"
        fact = RecorderCleared(visit, recorder, 1, 2, 2, 0, 1, code)
        self.station(station).enter(fact, at=at)

    def declare(self, recorder, kind, reason, *, at, until=None):
        """Enter an answer to that day's duty at station s1."""
        day = at.astimezone(ZONE).date()
        fact = DutyDeclared(recorder, day, kind, reason, "p-周科长", until)
        self.station().enter(fact, at=at)

    def repair(self, recorder, reason, *, at):
        """Enter at station s1 that a recorder is out of service."""
        fact = RecorderService(recorder, "in_repair", reason, "p-周科长")
        self.station().enter(fact, at=at)

    def ship(self, name="s1", at=None):
        """Let a station ship all it has; it is heard for the last time at that moment."""
        at, station = at or self.now, self.station(name)
        start = at - timedelta(minutes=1)
        station.connect(start)
        while messages := station.take_said():
            station.hear(self.office.take(messages, start))
            station.ship(start)
        alive = Message(TOPICS.station(name, "state"), to_json(StationState("ready", at)))
        self.office.take([alive], at)

    def roll(self, at=None):
        """Call the roll."""
        self.now = at or self.now
        for entry in self.office.committed:
            _prefix, _organisation, station, _key = entry.source.split("/")
            self.papers.register.enter(station, entry)
        connected_at = self.now - timedelta(days=2)
        self.rolling.call(self.board, TOPICS, _moment(self.now), connected_at)

    def close(self):
        """Close every ledger and the database."""
        for station in self.stations.values():
            station.ledger.close()
        self.own.close()
        self.office.store.close()


def busy_office(folder):
    """Return an office of a day in every state: each of the names below says where it stands."""
    office = MadeUpOffice(folder)
    yesterday, hour = NOON - timedelta(days=1), timedelta(hours=1)
    office.issue("R-MISSING", "王建国", at=yesterday)
    office.issue("R-LATE", "李秀英", at=yesterday)
    office.station("s2", "城东中队采集站")
    office.issue("R-UNCONFIRMED", "赵敏", "d2", at=yesterday, station="s2")
    office.issue("R-PENDING", "孙丽华", "d2", at=NOON - 3 * hour)
    office.issue("R-MET", "周伟", "d2", at=NOON - 3 * hour)
    office.issue("R-DECLARED", "吴静", "d3", at=NOON - 3 * hour)
    office.visit("R-MET", at=NOON - hour)
    office.declare("R-DECLARED", "no_footage", "全天参加会议", at=NOON - hour)
    office.ship("s2", yesterday + hour)
    office.ship("s1", NOON - 2 * hour)
    office.roll(NOON - 2 * hour)
    office.visit("R-LATE", at=NOON - hour)
    office.ship("s1", NOON)
    office.roll(NOON)
    return office


def hostile_office(folder, names):
    """Return an office in which everything that has a name bears a hostile one."""
    office = MadeUpOffice(folder, roster_of(names))
    at = NOON - timedelta(days=1)
    for number, name in enumerate(names, 1):
        office.station("s1", names[0])
        office.issue(f"{number}{name}", name, f"d{number}", at=at)
        office.issue(f"{name}-{number}", name, name, at=at)
        office.declare(f"{name}-{number}", "other", name, at=at)
        asked = FootageQuestioned(name, name, name, "overlap", name, at, at, name, name, (name,))
        office.station().enter(asked, at=at)
    office.ship()
    office.roll()
    return office


def _moment(at):
    return Moment(at, "example-boot", 1_500, "synchronised")
