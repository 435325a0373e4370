"""An index and stations joined by lists, one of them attacked, one honest beside it, an oracle."""

import random
from datetime import timedelta
from pathlib import Path

from contracts.entry import Draft
from contracts.messages import Message
from index.stored import StoredStation
from tests.instruments.messages.spoiling import TOPICS, Overheard
from tests.support.joined import START, Office, Station, introduced, moment

VICTIM, LIVE, OTHER = "s1", "s2", "s3"
TURN = 64
ENTERED_EACH_TURN = 2
TO_STATION = ("/have", "/witness")


class World:
    """What is attacked. Time goes on by two seconds each turn."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.office = Office(f"sqlite:///{folder}/index.db")
        self.chance = random.Random(seed)
        self.stations = {name: Station(folder / name, name) for name in (VICTIM, LIVE, OTHER)}
        self.now = START
        self.said: list[Message] = []
        for station in self.stations.values():
            introduced(station, self.office)
            self.enter(station, 30)
        self.settle()
        origin = self.stations[VICTIM].ledger.origin
        self.overheard = Overheard(VICTIM, origin, self._by(VICTIM), self._by(OTHER))

    def enter(self, station: Station, count: int) -> None:
        """Let a station enter something."""
        station.ledger.append(
            [Draft("t", "s", {"n": self.chance.randrange(10**9)}) for _ in range(count)],
            moment(self.now),
        )

    def turn(self, hostile: list[Message]) -> None:
        """One turn: hostile words among those of the live station and the victim."""
        self.now += timedelta(seconds=2)
        live, victim = self.stations[LIVE], self.stations[VICTIM]
        self.enter(live, ENTERED_EACH_TURN)
        for station in (live, victim):
            station.ship(self.now)
        honest = [*live.take_said(), *victim.take_said()]
        for message in hostile:
            if message.topic.endswith(TO_STATION) or message.topic == TOPICS.index_state:
                victim.shipper.take(message.topic, message.payload)
        place = self.chance.randrange(len(hostile) + 1)
        self._answered(self.office.take([*hostile[:place], *honest, *hostile[place:]], self.now))

    def settle(self, turns: int = 12) -> None:
        """Let all stations talk undisturbed until nothing should be left to say."""
        for _ in range(turns):
            self.now += timedelta(seconds=11)
            for station in self.stations.values():
                station.ship(self.now)
                said = station.take_said()
                self.said += said
                self._answered(self.office.take(said, self.now))

    def violations(self) -> list[str]:
        """Return where what is stored, believed or said differs from the honest ledgers."""
        found = [
            f"{name}: {problem}"
            for name, station in self.stations.items()
            for problem in self._differs(name, station)
        ]
        known = {row.enrolment.station for row in self.office.store.stations()}
        if known != self.stations.keys():
            found.append(f"enrolled: {sorted(known)}")
        return found

    def close(self) -> None:
        """Close everything."""
        for station in self.stations.values():
            station.ledger.close()
        self.office.store.close()

    def _differs(self, name: str, station: Station) -> list[str]:
        known = self.office.intake.stations[name]
        size = station.ledger.size
        problems = []
        if known.mirror.is_forked:
            problems.append("called a liar")
        if self.stored(known.row) != station.ledger.raw(1, size + 1):
            problems.append(f"stored entries differ from the ledger's {size}")
        if station.ledger.witnessed_size != size:
            problems.append(f"witnessed {station.ledger.witnessed_size} of {size}")
        return problems

    def stored(self, row: StoredStation) -> list[bytes]:
        """Return the entries that the index holds."""
        return [entry.body for entry in self.office.store.entries_of(row.id, 2**40)]

    def _answered(self, answers: list[Message]) -> None:
        for station in self.stations.values():
            own = TOPICS.station(station.name, "have").removesuffix("have")
            station.hear([a for a in answers if a.topic.startswith(own)])

    def _by(self, station: str) -> tuple[Message, ...]:
        prefix = TOPICS.station(station, "have").removesuffix("have")
        return tuple(message for message in self.said if message.topic.startswith(prefix))
