"""A real station's shipper and a real index's intake, joined by lists instead of a broker."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from agent.shipper import Shipper
from contracts.entry import Moment
from contracts.facts import draft_of
from contracts.messages import Message, StationMeta, Topics
from contracts.note import SigningKey
from index.intake import Intake
from index.known import Notice, Witness
from index.store import Store
from ledger.store import Ledger

TOPICS = Topics("muster", "example")
START = datetime(2026, 9, 21, 8, tzinfo=UTC)
WITNESS = Witness.of(SigningKey(bytes(range(32))), "example")


def moment(at=START):
    return Moment(at, "example-boot", 1_500, "synchronised")


class Station:
    """A station's ledger and shipper; what it says waits in `said`."""

    def __init__(self, folder, name="s1", called=None):
        self.name = name
        self.ledger = Ledger.open(folder, f"muster/example/{name}", moment(), "0.1.0")
        self.said = []
        meta = StationMeta(
            organisation="example",
            station=name,
            name=called or f"Station {name}",
            version="0.1.0",
            docks=2,
            origin=self.ledger.origin,
            key=str(self.ledger.verifying_key),
        )
        self.shipper = Shipper(self.ledger, TOPICS, meta, self._say)

    def enter(self, *facts, at=START):
        self.ledger.append([draft_of(fact) for fact in facts], moment(at))

    def connect(self, now=START):
        self.shipper.connected(now)

    def ship(self, now=START):
        self.shipper.ship(now)

    def hear(self, publishes):
        for publish in publishes:
            self.shipper.take(publish.topic, publish.payload)

    def take_said(self):
        said, self.said = self.said, []
        return said

    def _say(self, message):
        # Whoever is subscribed already is not told that a message is retained.
        self.said.append(Message(message.topic, message.payload))


class Office:
    """An index's intake on a database; remembers what it was told of."""

    opened: ClassVar[list["Office"]] = []

    def __init__(self, url, pinned=None):
        self.store = Store.open(url)
        self.opened.append(self)
        self.committed, self.enrolled, self.reports = [], [], []
        notice = Notice(
            lambda station, entries: self.committed.extend(entries),
            self.enrolled.append,
            self.reports.append,
        )
        self.intake = Intake(TOPICS, pinned or {}, self.store, WITNESS, notice)

    @classmethod
    def close_all(cls):
        while cls.opened:
            cls.opened.pop().store.close()

    def take(self, messages, now=START):
        """Take in messages as one turn."""
        return self.intake.take_all(messages, now)

    def have(self, station="s1"):
        known = self.intake.stations.get(station)
        return known.mirror.have if known else 0


def talk(station, office, rounds=10, now=START):
    """Let both talk until `rounds` are over; seconds pass between rounds."""
    for number in range(rounds):
        at = now + timedelta(seconds=2 * number)
        station.ship(at)
        station.hear(office.take(station.take_said(), at))


def introduced(station, office, now=START, rounds=10):
    """Let a station and an office meet, index first."""
    station.hear(office.intake.connected(now))
    station.connect(now)
    talk(station, office, rounds, now)


__all__ = ["START", "TOPICS", "WITNESS", "Office", "Station", "introduced", "talk"]
