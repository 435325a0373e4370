"""A whole agent in one thread: what `agent.main` builds, its threads taking turns.

Everything is the product's own except the clock (which only counts, so that a run makes the same
system calls every time) and the look into media (a process of its own). Strace counts calls by
thread; hence loop, worker and the sealing of a group take turns in one thread, and what only
waits for the world outside (socket, device detector, scrubber) is built and not started.
"""

import functools
import json
import math
import os
import queue
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from greenlet import getcurrent, greenlet

import agent.copyist
import agent.main
import agent.profiles
import agent.worker
from agent.copyist import Copyist
from agent.core.dock import Dock
from agent.core.event import DevicesSeen
from agent.core.recorder import Device, MediaFacts
from agent.loop import Stop
from agent.main import VERSION, Agent
from agent.shipper import Shipper
from contracts.checkpoint import WitnessRequest
from contracts.clearing import ClearingPhase
from contracts.entry import Moment
from contracts.loading import to_json
from contracts.messages import Have, IndexState, Message, StationMeta, Topics
from contracts.note import COSIGNATURE, SigningKey
from contracts.settings import (
    DockBinding,
    Folders,
    SecondCopySettings,
    StationIdentity,
    StationSettings,
)
from ledger.store import Ledger
from outside.broker import Connected

PREFIX = "muster/example/s1"
START = datetime(2026, 9, 21, 8, tzinfo=UTC)
ROSTER = """
[[policy]]
name = "p"
sm3 = true
deadline = { rule = "same_workday" }
{clear}[[department]]
id = "yi"
name = "执法一中队"
policy = "p"
[[person]]
id = "p01"
name = "王建国"
department = "yi"
role = "officer"
pin_hash = "x"
[[recorder]]
number = "LS-0001"
department = "yi"
device_number = "0001"
serial = "0001"
model = "V1"
"""
CLEAR = """[[policy.clear]]
model = "V1"
copies = 1
"""
SCRIPT = 'number = "0001"\nserial = "0001"\nbattery_percent = 90\nclock_offset_seconds = 0.0\n'
NOT_LOOKED_INTO = MediaFacts("not_media")
WITNESS = SigningKey(bytes(range(32)))
WITNESS_NAME = "muster/example/index/11112222"
WITNESS_KEY = WITNESS.verifying(WITNESS_NAME, COSIGNATURE)
TOPICS = Topics("muster", "example")
_LOOKS = 4  # of the copyist: its disk becomes the second copy's, is prepared, written, looked at


class Clock:
    """Counts on by a millisecond each time it is asked."""

    def __init__(self, minutes: int = 0) -> None:
        self._asked = count()
        self._start = START + timedelta(minutes=minutes)

    def wall_now(self) -> datetime:
        """Return the next moment."""
        return self._start + timedelta(milliseconds=next(self._asked))

    def moment(self) -> Moment:
        """Return the next moment as an entry has it."""
        return Moment(self.wall_now(), "example-boot", 1_500, "synchronised")

    def uptime_seconds(self) -> float:
        """Return the same time since boot for ever."""
        return 1.5

    def clock_state(self) -> str:
        """Return that the clock is right."""
        return "synchronised"


class Promises:
    """What the station said was so, in memory that outlives its process: no call is made."""

    def __init__(self, memory) -> None:
        self._memory = memory

    def succeed(self) -> None:
        """Say that all is done; strace shows this call, so that what fails later is told apart."""
        os.getpgid(0)
        self.write(succeeded=True)

    def write(self, **said) -> None:
        """Say something in place of what was said of this before."""
        whole = json.dumps({**self.read(), **said}).encode()
        self._memory.seek(0)
        self._memory.write(len(whole).to_bytes(4, "big") + whole)

    def read(self) -> dict:
        """Return everything that was said."""
        size = int.from_bytes(self._memory[:4], "big")
        return json.loads(self._memory[4 : 4 + size]) if size else {}

    def clear(self) -> None:
        """Forget everything."""
        self._memory[:4] = bytes(4)


class PromisingLedger(Ledger):
    """The ledger, remembering the head of every append that returned."""

    promises: Promises | None = None

    def append(self, drafts, moment):
        """Append, and promise what was returned."""
        entries = super().append(drafts, moment)
        if entries and self.promises:
            head = self._sign(self._frontier)
            self.promises.write(size=entries[-1].sequence, head=head)
        return entries


class InLine:
    """In place of a thread that settles groups: settles them at once."""

    def __init__(self, *_) -> None:
        """Take what a pool of threads takes."""

    def submit(self, work, *what) -> Future:
        """Do the work now."""
        future = Future()
        try:
            future.set_result(work(*what))
        except Exception as error:  # noqa: BLE001  # as a pool does
            future.set_exception(error)
        return future

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class NoProbe:
    """Looks into nothing: the probe is a process of its own, with tests of its own."""

    def look(self, path: Path, name: str) -> MediaFacts:
        """Return that it is no media."""
        return NOT_LOOKED_INTO

    def close(self) -> None:
        """There is nothing to close."""


class Turns:
    """The loop's inbox and the worker's orders: who finds his own empty lets the other go on."""

    def __init__(self) -> None:
        self._events = deque()
        self.is_patient = False  # whether what a turn decided at its end is done before the stop
        self.orders = _Orders(self)
        self._thread = threading.get_ident()
        self.loop = getcurrent()
        self.worker = greenlet(lambda: None)
        self.copyist = greenlet(lambda: None)
        self.looks = 0  # that the copyist may take yet; it would go on for ever

    def put(self, event) -> None:
        """Take an event; the loop has a worker's report entered before the worker goes on."""
        self._events.append(event)
        is_ours = getcurrent() in (self.worker, self.copyist)
        if threading.get_ident() == self._thread and is_ours:
            self.loop.switch()

    def get(self, timeout=None):
        """Return the next event; when nobody has anything to do, it is time to stop."""
        if not self._events and not self.worker.dead:
            self.worker.switch()
        if not self._events and self.looks and not self.copyist.dead:
            self.looks -= 1
            self._let_copy()
        if not self._events and self.is_patient:
            self.is_patient = False
            raise queue.Empty
        return self._events.popleft() if self._events else Stop("idle")

    def get_nowait(self):
        """Return the next event if it is there."""
        if not self._events:
            raise queue.Empty
        return self._events.popleft()

    def end(self) -> None:
        """Let the worker end."""
        self.orders.put(None)
        while not self.worker.dead:
            self.worker.switch()

    def take_in(self, copyist: Copyist) -> None:
        """Give the copyist turns as well, when the worker has nothing to do."""
        copyist._orders = _CopyOrders()
        self.copyist = greenlet(copyist.run)
        self.looks = _LOOKS

    def end_copying(self, copyist: Copyist) -> None:
        """Let the copyist end."""
        copyist.stop(0)
        while not self.copyist.dead:
            self._let_copy()

    def _let_copy(self) -> None:
        """Give the copyist a turn; strace shows by these calls which are its own."""
        os.getsid(0)
        self.copyist.switch()
        os.getsid(0)


class _Orders:
    def __init__(self, turns: Turns) -> None:
        self._orders = deque()
        self._turns = turns

    def put(self, order) -> None:
        self._orders.append(order)

    def get(self):
        while not self._orders:
            self._turns.loop.switch()
        return self._orders.popleft()


class _CopyOrders(deque):
    """The copyist's orders: it waits for none, for its next look is due."""

    put = deque.append

    def get(self, timeout):
        if not self:
            raise queue.Empty
        return self.popleft()


@dataclass(frozen=True)
class Folder:
    """Where one station keeps everything; the card is elsewhere and shared."""

    root: Path
    card: Path
    is_cleared: bool = False
    has_second: bool = False

    @property
    def archive(self) -> Path:
        """The archive's root."""
        return self.root / "archive"

    @property
    def second(self) -> Path:
        """The second copy's root."""
        return self.root / "second"

    @property
    def ledger(self) -> Path:
        """The ledger's folder."""
        return self.root / "state" / "ledger"

    @property
    def settings(self) -> StationSettings:
        """The settings of a station of one dock."""
        state, run, roster = (self.root / name for name in ("state", "run", "roster.toml"))
        identity = StationIdentity("example", "s1", "站")
        folders = Folders(self.archive, state, run, roster)
        docks = (DockBinding(1, "virtual:1"),)
        witness = str(WITNESS_KEY) if self.is_cleared else None
        second = SecondCopySettings(self.second) if self.has_second else None
        return StationSettings(identity, folders, docks, witness_key=witness, second_copy=second)

    def make(self) -> None:
        """Make what an installer makes."""
        self.archive.mkdir()
        (self.root / "state").mkdir()
        roster = ROSTER.replace("{clear}", CLEAR if self.is_cleared else "")
        (self.root / "roster.toml").write_text(roster, encoding="utf-8")


def open_ledger(folder: Folder, clock: Clock, promises: Promises | None = None) -> Ledger:
    """Open the station's ledger."""
    PromisingLedger.promises = promises
    return PromisingLedger.open(folder.ledger, PREFIX, clock.moment(), VERSION)


def _close(opened) -> None:
    with suppress(OSError):
        opened.close()


class Office:
    """An index that has, and cosigns, whatever it is sent."""

    def __init__(self, ledger: Ledger, inbox: Turns) -> None:
        self._origin, self._inbox = ledger.origin, inbox
        key = str(ledger.verifying_key)
        meta = StationMeta("example", "s1", "站", VERSION, 1, ledger.origin, key)
        self.shipper = Shipper(ledger, TOPICS, meta, self._take)
        self.shipper.witness_key = str(WITNESS_KEY)
        inbox.put(Connected())
        inbox.put(Message(TOPICS.index_state, to_json(IndexState("ready", str(WITNESS_KEY)))))
        self._has(0)

    def _take(self, message: Message) -> None:
        if message.topic != TOPICS.station("s1", "checkpoint"):
            return
        note = WitnessRequest.parse(message.payload).note
        cosigned = WITNESS.cosign(note, WITNESS_NAME, int(START.timestamp()))
        self._inbox.put(Message(TOPICS.station("s1", "witness"), cosigned.encode()))
        self._has(int(note.splitlines()[1]))
        self._inbox.is_patient = True

    def _has(self, size: int) -> None:
        have = to_json(Have(self._origin, size))
        self._inbox.put(Message(TOPICS.station("s1", "have"), have))


class InTurns(Agent):
    """The agent, none of whose threads is started."""

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder.settings)
        self._card = folder.card
        self._is_cleared = folder.is_cleared
        self._inbox = Turns()
        self._inbox.is_patient = folder.is_cleared
        self.station = None

    def _build(self):
        loop = super()._build()
        self.station = loop._station
        self._inbox.put(DevicesSeen((Device("virtual:1", "virtual", self._card, "card"),)))
        return loop

    def _workers(self, *what):
        workers = super()._workers(*what)
        (worker,) = workers.values()
        worker._orders = self._inbox.orders
        self._inbox.worker = greenlet(worker._run)
        self._resources.callback(self._inbox.end)
        return workers

    def _shipper(self, ledger, station):
        return Office(ledger, self._inbox).shipper if self._is_cleared else None

    def _sources(self):
        return []

    def _started(self, name, start, stop) -> None:
        if name == "storage":
            start.__self__.see()  # what it does before its thread begins
        if name == "copyist":
            self._inbox.take_in(start.__self__)
            self._resources.callback(self._inbox.end_copying, start.__self__)
        if name == "counter":
            self._resources.callback(_close, start.__self__._socket)


def visit(folder: Folder, clock: Clock, promises: Promises | None = None) -> str:
    """Start the agent with the card docked, let it do all it does; return the dock's state.

    Raises:
        MusterError: what the agent would end with.
    """
    PromisingLedger.promises = promises
    agent.main.clock = clock
    running = InTurns(folder)
    with running._resources:
        loop = running._build()
        loop.run()
        dock = running.station.docks[1]
        state, trouble = str(dock.state), dock.trouble
        if promises:
            promises.write(trouble=trouble and [trouble.code, str(trouble.sentence)])
            if state == "ready" and (not folder.is_cleared or _is_cleared(dock)):
                copies = running.station.copies
                if not copies.owed and copies.trouble is None:
                    promises.succeed()
    return state


def _is_cleared(dock: Dock) -> bool:
    return dock.clearing is not None and dock.clearing.phase is ClearingPhase.CLEARED


agent.main.Ledger = PromisingLedger
agent.main.Probe = NoProbe
agent.worker.ThreadPoolExecutor = InLine
# The files are read every time; what they say is parsed once for all points.
agent.profiles.from_toml = functools.cache(agent.profiles.from_toml)
agent.copyist.LOOK_SECONDS = math.inf  # nothing goes by the time that has passed
agent.copyist.WRITE_SECONDS = 0
