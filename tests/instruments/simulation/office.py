"""The simulated office: the real intake on a database in memory, which may be set back."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from contracts.errors import IndexStoreError
from contracts.messages import Message, Topics
from contracts.note import SigningKey
from contracts.tree import Frontier, leaf_hash
from index.intake import Intake, Notice, Witness
from index.stored import Enrolment, Proven, StoredCheckpoint, StoredEntry, StoredStation
from tests.instruments.simulation.parts import Clock, Life

KEY = SigningKey(bytes(range(32)))


class Rows:
    """What outlives the process, and is what a backup holds."""

    def __init__(self) -> None:
        self.stations: list[StoredStation] = []
        self.bodies: dict[int, list[bytes]] = {}
        self.checkpoints: dict[int, list[StoredCheckpoint]] = {}
        self.forks: list[str] = []

    def copy(self) -> "Rows":
        """Return what a backup holds."""
        made = Rows()
        made.stations = list(self.stations)
        made.bodies = {number: list(bodies) for number, bodies in self.bodies.items()}
        made.checkpoints = {number: list(kept) for number, kept in self.checkpoints.items()}
        made.forks = list(self.forks)
        return made


class Database:
    """The store's interface over rows in memory; a commit may fail, done or not."""

    def __init__(self, rows: Rows, life: Life) -> None:
        self.rows = rows
        self._life = life
        self.fails: str | None = None

    def stations(self, *, every_ledger: bool = False) -> tuple[StoredStation, ...]:
        newest = {row.enrolment.station: row for row in self.rows.stations}
        return tuple(newest.values())

    def enrol(self, enrolment: Enrolment, now: datetime) -> StoredStation:
        self._life.verb()
        for row in self.rows.stations:
            if row.enrolment.key.name == enrolment.key.name:
                return row
        number = len(self.rows.stations) + 1
        row = StoredStation(number, enrolment, now, None, None, Frontier(), forked=False)
        self.rows.stations.append(row)
        self.rows.bodies[number] = []
        self.rows.checkpoints[number] = []
        return row

    def describe(self, station_id: int, name: str, version: str, docks: int) -> None:
        self._life.verb()

    def commit(self, proven: Sequence[Proven], now: datetime) -> None:
        self._life.verb()
        fails, self.fails = self.fails, None
        if fails == "before":
            raise IndexStoreError(where="memory", what="played")
        for one in proven:
            self._commit(one, now)
        if fails == "after":
            raise IndexStoreError(where="memory", what="played")
        self._life.verb()

    def _commit(self, one: Proven, now: datetime) -> None:
        place = one.station_id - 1
        row = self.rows.stations[place]
        if row.frontier.size != one.commit.old_size:
            raise IndexStoreError(where="memory", what="another index writes")
        self.rows.stations[place] = replace(row, frontier=one.commit.frontier)
        self.rows.bodies[row.id] += [entry.raw for entry in one.commit.entries]
        head = one.commit.checkpoint
        kept = StoredCheckpoint(head.size, head.root, one.commit.note, one.cosigned, now)
        self.rows.checkpoints[row.id].append(kept)

    def keep_fork(self, station_id: int, report: bytes, sha256: str, now: datetime) -> None:
        self.rows.forks.append(sha256)

    def newest_checkpoint(self, station_id: int) -> StoredCheckpoint | None:
        kept = self.rows.checkpoints[station_id]
        return kept[-1] if kept else None

    def root_at(self, station_id: int, size: int) -> bytes:
        frontier = Frontier()
        for body in self.rows.bodies[station_id][:size]:
            frontier, _ = frontier.append(leaf_hash(body))
        return frontier.root()

    def entries_of(self, station_id: int, last: int) -> Iterator[StoredEntry]:
        for number, body in enumerate(self.rows.bodies[station_id][:last], 1):
            yield StoredEntry(number, body, leaf_hash(body))


class Office:
    """The index as a process that dies and starts again."""

    def __init__(self, topics: Topics, clock: Clock) -> None:
        self._topics = topics
        self._clock = clock
        self._saved: Rows | None = None
        self.life = Life()
        self.database = Database(Rows(), self.life)
        self.start()

    def start(self) -> None:
        """Start, as after a death."""
        self.life = Life()
        self.database = Database(self.database.rows, self.life)
        nobody = Notice(lambda *_: None, lambda _: None, lambda _: None)
        witness = Witness.of(KEY, self._topics.organisation)
        self.intake = Intake(self._topics, {}, self.database, witness, nobody)

    def take(self, messages: Sequence[Message]) -> list[Message]:
        """Take in messages; return what to say."""
        return self.intake.take_all(messages, self._clock.now())

    def save(self) -> None:
        """Back the database up."""
        self._saved = self.database.rows.copy()

    def set_back(self) -> bool:
        """Restore the backup, if there is one; the process must be over."""
        if self._saved is None:
            return False
        self.database.rows = self._saved.copy()
        return True
