"""One simulated station and its office from a seed: days of faults, then peace, then the count."""

import hashlib
import logging
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.commands import Issue
from contracts.dock import DockState
from contracts.errors import MusterError
from contracts.facts import (
    FootageImported,
    RecorderDocked,
    VisitCompleted,
    VisitInterrupted,
)
from contracts.messages import Message
from ledger.verifying import verify
from tests.instruments.simulation.network import Line, Network
from tests.instruments.simulation.office import Office
from tests.instruments.simulation.parts import Clock, Killed
from tests.instruments.simulation.recorder import Card
from tests.instruments.simulation.station import DOCKS, NAME, RECORDERS, TOPICS, SimulatedStation
from tests.instruments.simulation.vault import Disk

STEPS = (2, 9)
_PATIENCE_TURNS = 400
_ENDED = (DockState.READY, DockState.ATTENTION)
_STATION_HEARS = (TOPICS.index_state, TOPICS.station(NAME, "have"), TOPICS.station(NAME, "witness"))
_OFFICE_HEARS = ("entry", "checkpoint", "meta", "state")


@dataclass
class Outcome:
    """What one seed did, and what was wrong at its end."""

    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


class Simulation:
    """A station, a broker and an office, moved by dice."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._dice = random.Random(seed)
        self._folder = folder
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self.clock, self._office_clock = Clock(), Clock()
        self.disk = Disk()
        self.cards = {number: Card(number) for number in RECORDERS}
        self.network = Network(self._dice)
        self.network.lines["office"] = Line(self._is_for_office)
        self.network.lines[NAME] = Line(lambda topic: topic in _STATION_HEARS)
        self.office = Office(TOPICS, self._office_clock)
        self.station = self._born()

    def run(self) -> Outcome:
        """Run it from the first fault to the last count."""
        self._reach("office")
        for _ in range(self._dice.randint(*STEPS)):
            self._fault()
            for _ in range(self._dice.randint(1, 4)):
                self._step()
        self.counts["kept in the storm"] = len(self.disk.objects)
        self._make_peace()
        self.violations += self._found()
        self.counts["entries"] = self.station.ledger.size
        self.counts["messages lost"] = self.network.lost
        self.station.close()
        return Outcome(self.counts, self.violations)

    def _fault(self) -> None:
        names, weights = zip(*_FAULTS.items(), strict=True)
        name = self._dice.choices(names, weights)[0]
        self.counts[name] += 1
        getattr(self, f"_{name}")()

    def _step(self) -> None:
        """Let some of the parties do something, in any order."""
        seconds = self._dice.choice((0, 0.1, 1, 5, 15))
        self.clock.go(seconds)
        self._office_clock.go(seconds)
        parts = (
            self._hear_office, self._hear_station, self._look, self._work_somewhere, self._copy,
        )  # fmt: skip
        for part in self._dice.sample(parts, self._dice.randint(2, len(parts))):
            part()
        self._live(self.station.turn)
        if not self._are_copies_there():
            self.violations.append("what counts as copied is not on the second copy's disk")
        if self.office.intake.stations and self._have() > self.station.ledger.size:
            self.violations.append("the office has more than the ledger")

    def _hear_office(self) -> None:
        self._office_hears(self._dice.randint(1, 20))

    def _hear_station(self) -> None:
        self._station_hears(self._dice.randint(1, 20))

    def _work_somewhere(self) -> None:
        for dock in DOCKS:
            self._work(dock)

    def _look(self) -> None:
        self.station.look()

    def _plug_in(self) -> None:
        free = [n for n in DOCKS if n not in {card.dock for card in self.cards.values()}]
        away = [card for card in self.cards.values() if card.dock is None]
        if free and away:
            card = self._dice.choice(away)
            self._record(card)
            self._dock(card, self._dice.choice(free))
            card.reads_left = self._dice.choice((None, None, self._dice.randrange(60)))

    def _pull_out(self) -> None:
        docked = [card for card in self.cards.values() if card.dock is not None]
        if docked:
            self._dice.choice(docked).dock = None

    def _issue(self) -> None:
        number = self._dice.choice(RECORDERS)
        self.station.ask(Issue(number, "p1", "pin"))

    def _kill_station(self) -> None:
        self.station.life.end()
        self._live(self.station.turn)

    def _doom_station(self) -> None:
        self.station.life.verbs_left = self._dice.randrange(25)

    def _kill_office(self) -> None:
        self.network.cut("office")
        if self._dice.random() < 0.3:
            self.office.save()
        elif self._dice.random() < 0.4:
            self.counts["set back"] += self.office.set_back()
        self.office.start()
        self._reach("office")

    def _fail_commit(self) -> None:
        self.office.database.fails = self._dice.choice(("before", "after"))

    def _wipe_broker(self) -> None:
        self.network.wipe()
        self.station.lose()
        self._reach("office")
        self._reach(NAME)

    def _cut_line(self) -> None:
        self.network.cut(NAME)
        self.station.lose()

    def _reach_broker(self) -> None:
        if not self.network.lines[NAME].is_up:
            self._reach(NAME)

    def _jump_clock(self) -> None:
        self.clock.jump(self._dice.choice((-86_400, -3_600, -2, 2, 3_600, 86_400)))

    def _fill_disk(self) -> None:
        self.disk.is_full = not self.disk.is_full

    def _copy(self) -> None:
        self._live(self.station.copy)

    def _move_second(self) -> None:
        """Take the second copy's disk away, put another there, or bring any of them back."""
        self.disk.second.here = self._dice.choice((None, *self.disk.second.disks))

    def _fill_second(self) -> None:
        self.disk.second.is_full = not self.disk.second.is_full

    def _replace_second(self) -> None:
        """Have a manager commission a new disk while the agent does not run."""
        shelf = self.disk.second
        shelf.here = f"new {len(shelf.disks)}"
        shelf.disks[shelf.here] = {}
        shelf.is_to_be_commissioned = True
        self._kill_station()

    def _are_copies_there(self) -> bool:
        copies = self.station.station.copies
        mark = copies.commissioned.copy if copies.commissioned else "first"
        there = map(bytes.fromhex, self.disk.second.disks[mark])
        return copies.confirmed.keys() <= {*there}

    def _is_copied(self) -> bool:
        copies = self.station.station.copies
        return not copies.owed and copies.trouble is None and self._are_copies_there()

    def _record(self, card: Card) -> None:
        for _ in range(self._dice.randrange(5)):
            path = f"DCIM/{card.number}_{len(card.files):03}.bin".encode()
            card.files[path] = self._dice.randbytes(self._dice.choice((0, 1, 60, 700))) + path
            if self._dice.random() < 0.05:
                card.bad.add(path)

    def _dock(self, card: Card, dock: int) -> None:
        card.dock, card.reads_left = dock, None
        card.arrival += 1

    def _work(self, dock: int) -> None:
        hand = self.station.hands[dock]
        if hand.orders:
            self._live(hand.work)

    def _live(self, do: Callable[[], object]) -> None:
        """Do something of the station's; when it dies of it, it is born again."""
        try:
            do()
        except Killed:
            self.counts["deaths"] += 1
            self.station.close()
            self.network.cut(NAME)
            self.station = self._born()

    def _born(self) -> SimulatedStation:
        self.clock.go(0.5)  # as long as a start takes

        def publish(message: Message) -> None:
            self.network.publish(NAME, message)

        made = SimulatedStation(self._folder, self.clock, self.disk, self.cards, publish)
        self.station = made
        self._reach(NAME)
        return made

    def _reach(self, name: str) -> None:
        self.network.connect(name)
        if name == NAME:
            self.station.reach()
        else:
            self._say(self.office.intake.connected(self._office_clock.now()))

    def _office_hears(self, most: int) -> None:
        self._say(self.office.take(self.network.take("office", most)))

    def _say(self, messages: list[Message]) -> None:
        for message in messages:
            self.network.publish("office", message)

    def _station_hears(self, most: int) -> None:
        for message in self.network.take(NAME, most):
            self.station.hear(message)

    def _make_peace(self) -> None:
        """End every fault; dock every recorder once more; let everything arrive."""
        self.network.is_calm = True
        self.disk.is_full = self.disk.second.is_full = False
        self.disk.second.here = None  # what ended an order stands until the disk was away
        self.station.life.verbs_left = None
        self.office.database.fails = None
        self._wipe_broker()
        for card in self.cards.values():
            card.dock = None
            card.bad.clear()
        if not self._until(lambda: self._are((DockState.EMPTY,)), "empty docks"):
            return
        for card, dock in zip(self.cards.values(), DOCKS, strict=True):
            self._dock(card, dock)
        if not self._until(lambda: self._are(_ENDED), "the visits' ends"):
            return
        known = self.station.station.copies.commissioned
        self.disk.second.here = known.copy if known else "first"
        if not self._until(self._is_copied, "the second copy"):
            return
        self._until(self._is_all_there, "the office has everything")

    def _are(self, states: Sequence[DockState]) -> bool:
        return all(self.station.state(dock) in states for dock in DOCKS)

    def _until(self, claim: Callable[[], bool], what: str) -> bool:
        for _ in range(_PATIENCE_TURNS):
            if claim():
                return True
            self.clock.go(1)
            self._office_clock.go(1)
            self._office_hears(1_000)
            self._station_hears(1_000)
            self.station.look()
            self.station.copy()
            self.station.turn()
            for dock in DOCKS:
                self._work(dock)
            self.station.turn()
        self.violations.append(f"never came true: {what}")
        return False

    def _is_all_there(self) -> bool:
        size = self.station.ledger.size
        return self._have() == size == self.station.ledger.witnessed_size

    def _have(self) -> int:
        return self.office.intake.stations[NAME].mirror.have

    def _is_for_office(self, topic: str) -> bool:
        return any(topic == TOPICS.station(NAME, kind) for kind in _OFFICE_HEARS)

    def _found(self) -> Iterator[str]:
        entries = tuple(self.station.ledger.select())
        rows = self.office.database.rows
        if rows.bodies.get(1) != [entry.raw for entry in entries]:
            yield "the office holds other entries than the ledger"
        yield from (f"a fork is claimed: {fork}" for fork in rows.forks)
        yield from (f"ledger: {problem}" for problem in verify(self._folder))
        imported = Counter(
            (e.data["recorder"], e.data["path"], e.data["sha256"])
            for e in entries
            if e.type == FootageImported.TYPE
        )
        kept = {sha256 for _, _, sha256 in imported}
        second = self.disk.second.disks[self.disk.second.here or ""]
        for sha256, content in self.disk.objects.items():
            if hashlib.sha256(content).hexdigest() != sha256:
                yield f"{sha256} holds something else"
        for card in self.cards.values():
            for path, content in card.files.items():
                sha256 = hashlib.sha256(content).hexdigest()
                if second.get(sha256) != content:
                    yield f"{path!r} of {card.number} has no second copy"
                if sha256 not in kept or self.disk.objects.get(sha256) != content:
                    yield f"{path!r} of {card.number} is missing"
        began = {e.data["visit"] for e in entries if e.type == RecorderDocked.TYPE}
        ends = Counter(
            e.data["visit"]
            for e in entries
            if e.type in (VisitCompleted.TYPE, VisitInterrupted.TYPE)
        )
        yield from (f"visit {visit} ended {n} times" for visit, n in ends.items() if n > 1)
        yield from (f"visit {visit} has no end" for visit in began - ends.keys())
        yield from (
            f"internal error in {e.data['visit']}: {e.data['reason']}"
            for e in entries
            if e.type == VisitInterrupted.TYPE and e.data["code"] == "internal"
        )


_FAULTS = {
    "plug_in": 8,
    "pull_out": 4,
    "issue": 3,
    "kill_station": 1,
    "doom_station": 4,
    "kill_office": 2,
    "fail_commit": 1,
    "wipe_broker": 1,
    "cut_line": 1,
    "reach_broker": 3,
    "jump_clock": 1,
    "fill_disk": 1,
    "move_second": 2,
    "fill_second": 1,
    "replace_second": 1,
}


def simulate(seed: int, scratch: Path) -> Outcome:
    """Run one seed in a folder of its own, which is gone afterwards."""
    folder = scratch / str(seed)
    folder.mkdir()
    try:
        return Simulation(seed, folder).run()
    except MusterError as error:
        return Outcome(violations=[f"{type(error).__name__}: {error}"])
    finally:
        shutil.rmtree(folder)


def be_quiet() -> None:
    """Log nothing: what a simulation makes happen is no news."""
    logging.disable(logging.CRITICAL)
