"""The simulated station: the real deciding loop, workers, shipper and ledger, turned by hand.

It is put together as `agent.main` does it, without its threads.
"""

import queue
from collections import deque
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.copyist import Copyist, Desk
from agent.core.copies import FOLDED as COPIES_FOLDED
from agent.core.custody import FOLDED
from agent.core.effect import Release
from agent.core.event import Asked, DevicesSeen, Event, Ticked
from agent.core.inquiries import FOLDED as INQUIRIES_FOLDED
from agent.core.plan import Proven
from agent.core.recorder import Device, MediaFacts, Spoken
from agent.core.station import Station
from agent.core.storage import FOLDED as STORAGE_FOLDED
from agent.loop import Hands, Incoming, Loop
from agent.recalling import objects, proven_of
from agent.shipper import Shipper
from agent.worker import Order, Tools, Worker
from contracts.commands import Command
from contracts.dock import DockState
from contracts.errors import RecorderGoneError
from contracts.facts import AgentStarted, draft_of
from contracts.messages import Message, StationMeta, Topics
from contracts.roster import parse_roster
from contracts.settings import parse_station
from ledger.store import Ledger
from outside.broker import Connected, Lost
from tests.instruments.simulation.parts import Clock, Life
from tests.instruments.simulation.recorder import Card, SimulatedRecorder
from tests.instruments.simulation.second import WHERE, Second, Shelf
from tests.instruments.simulation.vault import Disk, Vault

DOCKS = (1, 2)
RECORDERS = ("R1", "R2")
NAME = "s1"
TOPICS = Topics("muster", "example")
SETTINGS = parse_station(
    f'[station]\norganisation = "example"\nid = "{NAME}"\nname = "s"\n'
    '[folders]\narchive = "/a"\nstate = "/s"\nrun = "/r"\nroster = "/r.toml"\n'
    f'[second_copy]\npath = "{WHERE}"\n'
    + "".join(f'[[dock]]\nnumber = {n}\nport = "virtual:{n}"\n' for n in DOCKS),
    "station.toml",
)
ROSTER = parse_roster(
    '[[policy]]\nname = "p"\ndeadline = { rule = "after_issue", hours = 24 }\nset_clock = true\n'
    '[[department]]\nid = "d1"\nname = "d"\npolicy = "p"\n'
    '[[person]]\nid = "p1"\nname = "x"\ndepartment = "d1"\nrole = "officer"\npin_hash = "h"\n'
    + "".join(
        f'[[recorder]]\nnumber = "{n}"\ndepartment = "d1"\ndevice_number = "{n}"\n'
        for n in RECORDERS
    ),
    "roster.toml",
)
_NOTHING_SEEN = MediaFacts("not_media")


class _Hand:
    """A dock's worker without its thread; whoever turns the station has it do an order."""

    def __init__(self, dock: int, tools: Tools) -> None:
        self._worker = Worker(dock, tools)
        self.orders: deque[Order] = deque()

    def give(self, order: Order) -> None:
        if isinstance(order, Release):
            self._worker.abandon()
        self.orders.append(order)

    def work(self) -> None:
        self._worker.perform(self.orders.popleft())


class _MortalLedger:
    """The ledger of a process that may die right before or right after a commit."""

    def __init__(self, ledger: Ledger, life: Life) -> None:
        self._ledger = ledger
        self._life = life

    def append(self, *what: object) -> object:
        self._life.verb()
        entries = self._ledger.append(*what)
        self._life.verb()
        return entries

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)


class SimulatedStation:
    """One life of the agent; `Killed` comes out of everything it does when that life is over."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        disk: Disk,
        cards: dict[str, Card],
        publish: Callable[[Message], None],
    ) -> None:
        self.life = Life()
        self.clock = clock
        self._disk = disk
        self._cards = cards
        self._tickets = 0
        self._inbox: queue.SimpleQueue[Incoming] = queue.SimpleQueue()
        self.ledger = Ledger.open(folder, f"muster/example/{NAME}", clock.moment(), "0.1.0")
        self.station = Station(SETTINGS, ROSTER, clock.now())
        for sha256, size in objects(self.ledger):
            self.station.copies.prove(sha256, size)
        types = {*FOLDED, *STORAGE_FOLDED, *INQUIRIES_FOLDED, *COPIES_FOLDED}
        for entry in self.ledger.select(types=sorted(types)):
            self.station.fold(entry)
        if disk.second.is_to_be_commissioned:
            self._commission(disk.second)
        self._copyist = self._made_copyist()
        self.hands = {number: _Hand(number, self._tools()) for number in DOCKS}
        mortal = _MortalLedger(self.ledger, self.life)
        self._loop = Loop(
            self.station,
            self._inbox,
            Hands(
                ledger=mortal,
                workers=self.hands,
                shipper=self._shipper(mortal, publish),
                answer=lambda _ticket, _answer: self.life.verb(),
                write_snapshot=lambda _: self.life.verb(),
                moment=clock.moment,
                tick=self._tick,
                scrub=lambda: None,
                alive=lambda: None,
                version="0.1.0",
                bring=self._copyist.give,
            ),
        )
        self._loop.enter(AgentStarted("0.1.0", len(DOCKS), "-"))
        self._loop.owe(self.station.resume())

    def turn(self) -> None:
        """Decide on everything that has come."""
        events = []
        while not self._inbox.empty():
            events.append(self._inbox.get())
        self._loop.turn(events)

    def copy(self) -> None:
        """Have the second copy's disk looked at and, while no dock copies, an order obeyed."""
        self._copyist._see()
        if not self.station.is_copying and not self._copyist._orders.empty():
            self._copyist._bring(self._copyist._orders.get())

    def look(self) -> None:
        """See which recorders are docked."""
        docked = [card for card in self._cards.values() if card.dock is not None]
        self._inbox.put(DevicesSeen(tuple(map(_device, docked))))

    def ask(self, command: Command) -> None:
        """Have somebody with the right PIN ask for something."""
        self._tickets += 1
        self._inbox.put(Asked(self._tickets, command, frozenset({"p1"})))

    def hear(self, message: Message) -> None:
        """Hear what the broker brings."""
        self._inbox.put(message)

    def reach(self) -> None:
        """Reach the broker."""
        self._inbox.put(Connected())

    def lose(self) -> None:
        """Lose the broker."""
        self._inbox.put(Lost("played"))

    def state(self, dock: int) -> DockState:
        """Return a dock's state."""
        return self.station.docks[dock].state

    def close(self) -> None:
        """Let go of the ledger, as the kernel does for a process that died."""
        self.life.end()
        self.ledger.close()

    def _commission(self, shelf: Shelf) -> None:
        known = self.station.copies.commissioned
        fact = shelf.commission(known.copy if known else None)
        for entry in self.ledger.append([draft_of(fact)], self.clock.moment()):
            self.station.fold(entry)

    def _made_copyist(self) -> Copyist:
        copies = self.station.copies
        second = Second(self._disk.second, self._disk.objects, self.life)
        return Copyist(
            Desk(second, lambda: copies.commissioned, lambda _: (), lambda: False, self._deliver)
        )

    def _tools(self) -> Tools:
        return Tools(
            attach=self._attach,
            speak=lambda _: Spoken(),
            archive=Vault(self._disk, self.life),
            look=lambda _path, _name: _NOTHING_SEEN,
            archive_root=Path("/a"),
            proven=self._proven,
            deliver=self._deliver,
            now=self.clock.now,
            zone=ZoneInfo("Asia/Shanghai"),
        )

    def _attach(self, device: Device) -> SimulatedRecorder:
        self.life.verb()
        card = self._cards[device.description]
        if card.dock is None or device.arrival != str(card.arrival):
            raise RecorderGoneError
        return SimulatedRecorder(card)

    def _proven(self, recorder: str) -> list[Proven]:
        return list(proven_of(self.ledger, recorder, lambda _: False))

    def _deliver(self, event: Event) -> None:
        self.life.verb()
        self._inbox.put(event)

    def _tick(self) -> Ticked:
        free = 0 if self._disk.is_full else 10**12
        return Ticked(free, 2 * 10**12, "synchronised")

    def _shipper(self, ledger: object, publish: Callable[[Message], None]) -> Shipper:
        def send(message: Message) -> None:
            self.life.verb()
            publish(message)

        meta = StationMeta(
            "example", NAME, "s", "0.1.0", len(DOCKS), self.ledger.origin,
            str(self.ledger.verifying_key),
        )  # fmt: skip
        shipper = Shipper(ledger, TOPICS, meta, send)
        shipper.witness_key = self.station.custody.witness_key
        return shipper


def _device(card: Card) -> Device:
    port = f"virtual:{card.dock}"
    return Device(port, "virtual", Path("/x"), card.number, arrival=str(card.arrival))
