"""The real agent, as its main program builds it, between a virtual recorder and a made-up office.

Only its edges are others: no USB, no kiosk and no network; cards are handed to it, and what stands
for the index is a witness that cosigns whatever it is sent. It says what it has promised.
"""

import logging
import queue
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.core.event import CopyEnded, DevicesSeen, FileImported, FromDock, VisitFailed
from agent.core.recorder import Device
from agent.loop import Stop
from agent.main import VERSION, Agent
from agent.shipper import Shipper
from contracts.checkpoint import WitnessRequest
from contracts.loading import to_json
from contracts.messages import Have, IndexState, Message, StationMeta, Topics
from contracts.note import COSIGNATURE, SigningKey
from contracts.settings import parse_station
from ledger.store import Ledger
from outside import clock
from outside.broker import Connected

WITNESS_NAME = "muster/example/index/11112222"
WITNESS_KEY = SigningKey(bytes(range(32)))
WITNESS = WITNESS_KEY.verifying(WITNESS_NAME, COSIGNATURE)
TOPICS = Topics("muster", "example")
PREFIX = "muster/example/s1"
_AWAY = ("detector",)  # there are no devices but those that are handed over
Say = Callable[[Mapping[str, Any]], None]
_SETTINGS = """
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
_ROSTER = """
person = []
[[policy]]
name = "plain"
deadline = { rule = "after_issue", hours = 24 }
[[department]]
id = "d1"
name = "一中队"
policy = "plain"
"""


def open_ledger(root: Path, kind: type[Ledger] = Ledger) -> Ledger:
    """Open the station's ledger below a root."""
    return kind.open(root / "state" / "ledger", PREFIX, clock.moment(), VERSION)


def visit(root: Path, cards: Sequence[Path], say: Say) -> None:
    """Start a station, dock these cards at once, and stop it when their visits have ended."""
    run = cards[0].parent.parent / "beside"
    run.mkdir(exist_ok=True)
    docks = "".join(
        f'[[dock]]\nnumber = {number}\nport = "virtual:{number}"\n'
        for number, _ in enumerate(cards, 1)
    )
    recorders = "".join(
        f'[[recorder]]\nnumber = "{one.name}"\ndepartment = "d1"\ndevice_number = "{one.name}"\n'
        for one in cards
    )
    (run / "roster.toml").write_text(_ROSTER + recorders, encoding="utf-8")
    logging.disable()
    _Station(root, run, docks, cards, say).run()


class _Station(Agent):
    """The agent with other edges."""

    def __init__(self, root: Path, run: Path, docks: str, cards: Sequence[Path], say: Say) -> None:
        text = _SETTINGS.format(root=root, run=run) + docks
        super().__init__(parse_station(text, "station.toml"))
        self._root = root
        self._say = say
        self._inbox = _Inbox(say, len(cards))
        self._devices = tuple(
            Device(f"virtual:{number}", "virtual", card, card.name, card.name)
            for number, card in enumerate(cards, 1)
        )

    def _open_ledger(self) -> Ledger:
        ledger = open_ledger(self._root, _telling(self._say))
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
        shipper.witness_key = station.custody.witness_key
        return shipper

    def _publish(self, ledger: Ledger, message: Message) -> None:
        if message.topic != TOPICS.station("s1", "checkpoint"):
            return
        note = WitnessRequest.parse(message.payload).note
        size = int(note.splitlines()[1])
        self._say({"published": size})
        cosigned = WITNESS_KEY.cosign(note, WITNESS_NAME, 1_790_000_000)
        self._inbox.put(Message(TOPICS.station("s1", "witness"), cosigned.encode()))
        self._inbox.put(_have(ledger, size))


class _Inbox(queue.SimpleQueue):
    """The loop's inbox: says what workers report, and asks for the end when they are done."""

    def __init__(self, say: Say, visits: int) -> None:
        super().__init__()
        self._say = say
        self._visits = visits

    def put(self, event, *_, **__):
        told = event.event if isinstance(event, FromDock) else None
        if isinstance(told, FileImported):
            self._say({"imported": [told.sha256, told.planned.file.size]})
        super().put(event)
        if isinstance(told, CopyEnded | VisitFailed):
            self._visits -= 1
            if not self._visits:
                super().put(Stop("SIGTERM"))


def _have(ledger: Ledger, size: int) -> Message:
    return Message(TOPICS.station("s1", "have"), to_json(Have(ledger.origin, size)))


def _telling(say: Say) -> type[Ledger]:
    class Telling(Ledger):
        """A ledger that says what it has promised, when its calls return."""

        def append(self, drafts, moment):
            entries = super().append(drafts, moment)
            if entries:
                say({"entered": self.size})
            return entries

        def accept_cosignature(self, note, witness):
            size = super().accept_cosignature(note, witness)
            say({"witnessed": size})
            return size

    return Telling
