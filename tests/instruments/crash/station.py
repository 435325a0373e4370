"""The real agent, as its main program builds it, between a virtual recorder and a made-up office.

Only its edges are others: no USB, no kiosk and no network; cards are handed to it, and what stands
for the index is a witness that cosigns whatever it is sent. It says what it has promised.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import agent.copyist
import agent.seconding
from agent import storekeeping
from agent.archive.second import SecondCopy
from agent.core.event import (
    CardReadAgain,
    CopyEnded,
    DevicesSeen,
    FileImported,
    FromDock,
    VisitFailed,
)
from agent.core.recorder import Device
from agent.loop import Stop
from agent.main import VERSION, Agent
from agent.shipper import Shipper
from contracts.checkpoint import WitnessRequest
from contracts.loading import to_json
from contracts.messages import Have, IndexState, Message, StationMeta, Topics
from contracts.note import COSIGNATURE, SigningKey
from contracts.settings import StationSettings, parse_station
from ledger.store import Ledger
from outside import clock
from outside.broker import Connected

WITNESS_NAME = "muster/example/index/11112222"
WITNESS_KEY = SigningKey(bytes(range(32)))
WITNESS = WITNESS_KEY.verifying(WITNESS_NAME, COSIGNATURE)
TOPICS = Topics("muster", "example")
PREFIX = "muster/example/s1"
SECOND = "second"  # where a station that has this folder keeps its second copy
_AWAY = ("detector",)  # there are no devices but those that are handed over
_ENDS = {"recorder.cleared", "clearing.refused"}
_PATIENCE_SECONDS = 60
MODIFIED_NS = 1_790_000_000_000_000_000  # of every file on a card
Say = Callable[[Mapping[str, Any]], None]
_SETTINGS = """
{pinned}
[station]
organisation = "example"
id = "s1"
name = "示范站"
[folders]
archive = "{root}/archive"
state = "{root}/state"
run = "{run}/run"
roster = "{run}/roster.toml"
"""
_COPY = """[second_copy]
path = "{root}/second"
"""
_CLEAR = """[[policy.clear]]
model = "V1"
unknown_battery = true
copies = {copies}
"""
_ROSTER = """
person = []
[[policy]]
name = "plain"
deadline = { rule = "after_issue", hours = 24 }
{clear}[[department]]
id = "d1"
name = "一中队"
policy = "plain"
"""


def open_ledger(root: Path, kind: type[Ledger] = Ledger) -> Ledger:
    """Open the station's ledger below a root."""
    return kind.open(root / "state" / "ledger", PREFIX, clock.moment(), VERSION)


def visit(root: Path, cards: Sequence[Path], say: Say, *, clear: bool = False) -> None:
    """Start a station, dock these cards at once, and stop it when their visits have ended.

    `clear`: cards may be cleared, and a visit ends when its card is, or is refused to be.
    """
    settings = _settings(root, cards, clear=clear)
    logging.disable()
    _Station(settings, root, cards, say, clear=clear).run()


def scrub(root: Path, cards: Sequence[Path]) -> None:
    """Have the archive read again, as by hand while no agent runs."""
    storekeeping.scrub(_settings(root, cards, clear=False), VERSION)


def _settings(root: Path, cards: Sequence[Path], *, clear: bool) -> StationSettings:
    """Write the roster; return the settings."""
    run = root.parent / "beside"
    run.mkdir(exist_ok=True)
    docks = "".join(
        f'[[dock]]\nnumber = {number}\nport = "virtual:{number}"\n'
        for number, _ in enumerate(cards, 1)
    )
    recorders = "".join(
        f'[[recorder]]\nnumber = "{one.name}"\ndepartment = "d1"\ndevice_number = "{one.name}"\n'
        f'serial = "{one.name}"\nmodel = "V1"\n'
        for one in cards
    )
    has_second = (root / SECOND).exists()
    rule = _CLEAR.format(copies=1 + has_second) if clear else ""
    roster = _ROSTER.replace("{clear}", rule) + recorders
    (run / "roster.toml").write_text(roster, encoding="utf-8")
    pinned = f'witness_key = "{WITNESS}"' if clear else ""
    text = _SETTINGS.format(root=root, run=run, pinned=pinned)
    text += _COPY.format(root=root) if has_second else ""
    return parse_station(text + docks, "station.toml")


class _OnOneDisk(SecondCopy):
    """The second copy where folders of one file system stand for disks."""

    def _check_place(self, disk):
        """Let it be beside the archive."""


agent.seconding.SecondCopy = _OnOneDisk
agent.copyist.LOOK_SECONDS = 0.05


class _Station(Agent):
    """The agent with other edges."""

    def __init__(
        self, settings: StationSettings, root: Path, cards: Sequence[Path], say: Say, *, clear: bool
    ) -> None:
        super().__init__(settings)
        self._root = root
        self._say = say
        self._inbox = _Inbox(say, len(cards), clear=clear)
        self._devices = tuple(
            Device(f"virtual:{number}", "virtual", card, card.name, card.name)
            for number, card in enumerate(cards, 1)
        )

    def run(self):
        late = threading.Timer(_PATIENCE_SECONDS, self.stop, ("nothing ends",))
        late.start()
        try:
            return super().run()
        finally:
            late.cancel()

    def _build(self):
        loop = super()._build()
        copies = loop._station.copies
        self._inbox.is_owed = lambda: bool(copies.owed)
        return loop

    def _start_second(self, second):
        desk, inbox = second.copyist.desk, self._inbox
        # The gate is asked while nothing but the copies is missing.
        second.copyist.desk = replace(
            desk, is_busy=lambda: desk.is_busy() or inbox.awaits_second_reading
        )
        super()._start_second(second)

    def _open_ledger(self) -> Ledger:
        ledger = open_ledger(self._root, _telling(self._say, self._inbox.entered))
        self._resources.callback(ledger.close)
        return ledger

    def _sources(self):
        return []

    def _started(self, name, start, stop):
        if name not in _AWAY:
            super()._started(name, start, stop)

    def _shipper(self, ledger, station):
        self._inbox.put(Connected())
        key = to_json(IndexState("ready", str(WITNESS)))
        self._inbox.put(Message(TOPICS.index_state, key))
        self._inbox.put(_have(ledger, 0))
        self._inbox.put(DevicesSeen(self._devices))
        origin, key = ledger.origin, str(ledger.verifying_key)
        meta = StationMeta("example", "s1", "示范站", VERSION, 1, origin, key)
        shipper = Shipper(ledger, TOPICS, meta, lambda message: self._publish(ledger, message))
        shipper.witness_key = self._settings.witness_key or station.custody.witness_key
        return shipper

    def _publish(self, ledger: Ledger, message: Message) -> None:
        if message.topic != TOPICS.station("s1", "checkpoint"):
            return
        note = WitnessRequest.parse(message.payload).note
        size = int(note.splitlines()[1])
        self._say({"published": size})
        cosigned = WITNESS_KEY.cosign(note, WITNESS_NAME, int(clock.wall_now().timestamp()))
        self._inbox.put(Message(TOPICS.station("s1", "witness"), cosigned.encode()))
        self._inbox.put(_have(ledger, size))


class _Inbox(queue.SimpleQueue):
    """The loop's inbox: says what workers report, and asks for the end when all is done."""

    def __init__(self, say: Say, visits: int, *, clear: bool) -> None:
        super().__init__()
        self._say = say
        self._visits = visits
        self._clear = clear
        self._completed = False
        self._is_read_again = False
        self.is_owed = lambda: False  # whether the second copy lacks something

    @property
    def awaits_second_reading(self) -> bool:
        """Whether a card is to be cleared and was not read a second time yet."""
        return self._clear and self._visits > 0 and not self._is_read_again

    def get(self, *args, **kwargs):
        """Return the next event; the end, once the visits have ended and nothing is owed."""
        if self._visits <= 0 and self.empty() and not self.is_owed():
            return Stop("SIGTERM")
        return super().get(*args, **kwargs)

    def put(self, event, *_, **__):
        told = event.event if isinstance(event, FromDock) else None
        if isinstance(told, FileImported):
            self._say({"imported": [told.sha256, told.planned.file.size]})
        self._is_read_again |= isinstance(told, CardReadAgain)
        super().put(event)
        is_more_to_come = self._clear and isinstance(told, CopyEnded) and told.listing.files
        if isinstance(told, CopyEnded | VisitFailed) and not is_more_to_come:
            self._visits -= 1

    def entered(self, kinds: Sequence[str]) -> None:
        """Hear which entries were made; those of a visit that was cut come before any other."""
        if self._completed and _ENDS & set(kinds):
            self._visits -= 1
        self._completed |= self._clear and "visit.completed" in kinds


def _have(ledger: Ledger, size: int) -> Message:
    return Message(TOPICS.station("s1", "have"), to_json(Have(ledger.origin, size)))


def _telling(say: Say, entered: Callable[[Sequence[str]], None]) -> type[Ledger]:
    class Telling(Ledger):
        """A ledger that says what it has promised, when its calls return."""

        def append(self, drafts, moment):
            entries = super().append(drafts, moment)
            if entries:
                kinds = [entry.type for entry in entries]
                say({"entered": self.size, "kinds": kinds})
                entered(kinds)
            return entries

        def accept_cosignature(self, note, witness):
            size = super().accept_cosignature(note, witness)
            say({"witnessed": size})
            return size

    return Telling
