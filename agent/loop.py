"""The deciding thread: takes events in, lets the core decide, enters, then has the rest done.

Nothing is done before it is entered: all facts of a batch are one ledger transaction, and only
after its commit the workers get their orders and the people their answers.
"""

import queue
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from agent.core.board import show
from agent.core.effect import BeginScrub, BringCopies, Effect, Enter, Reply
from agent.core.event import Asked, Event, Ticked, Trouble
from agent.core.station import INBOX_DOCK, Station
from agent.shipper import Shipper
from agent.worker import Order
from contracts.commands import Answer
from contracts.entry import Moment
from contracts.errors import BrokerRefusedError
from contracts.facts import AgentStopped, Fact, draft_of
from contracts.messages import Message
from contracts.snapshot import Snapshot
from ledger.store import Ledger
from outside.broker import BrokerEvent, Connected, Lost, Refused

BATCH_EVENTS = 256
TICK_SECONDS = 1.0
SHOW_SECONDS = 0.25  # between two snapshots, where something happens; else each tick makes one


@dataclass(frozen=True, slots=True)
class Stop:
    """The program was asked to end."""

    reason: str


@dataclass(frozen=True, slots=True)
class Broke:
    """A thread ended by an error that nobody foresaw."""

    error: BaseException


Incoming = Event | BrokerEvent | Stop | Broke


class Gives(Protocol):
    """A dock's worker, as the loop sees it."""

    def give(self, order: Order) -> None:
        """Queue an order."""


@dataclass(frozen=True)
class Hands:
    """Everything the loop acts through."""

    ledger: Ledger
    workers: Mapping[int, Gives]
    shipper: Shipper | None
    answer: Callable[[int, Answer], None]
    write_snapshot: Callable[[Snapshot], None]
    moment: Callable[[], Moment]
    tick: Callable[[], Ticked]
    scrub: Callable[[], None]
    alive: Callable[[], None]
    version: str
    moved_at: Callable[[], Mapping[int, datetime]] = dict
    bring: Callable[[BringCopies], None] = lambda order: None


class Loop:
    """One station's deciding loop; `run` returns when a `Stop` arrives."""

    def __init__(
        self, station: Station, inbox: "queue.SimpleQueue[Incoming]", hands: Hands
    ) -> None:
        self._station = station
        self._inbox = inbox
        self._hands = hands
        self._effects: list[Effect] = []
        self._ticked_at: datetime | None = None
        self._shown_at: datetime | None = None
        self._is_shown = False  # nothing has happened since

    def run(self) -> str:
        """Decide until told to stop; return why.

        Raises:
            LedgerError: the ledger cannot be relied on any more; the program must end.
        """
        reason = self.turn(())
        while reason is None:
            reason = self.turn(self._next_batch())
        return reason

    def turn(self, events: Iterable[Incoming]) -> str | None:
        """Decide on these events, enter, then act; return why to stop, if one of them says so.

        Raises:
            LedgerError: the ledger cannot be relied on any more; the program must end.
        """
        reason, now = None, self._hands.moment().at
        for event in events:
            if isinstance(event, Stop):
                reason = event.reason
                self.enter(AgentStopped(reason))
                break
            self._is_shown = False
            self._take(event, now)
        if reason is None:
            self._beat()
        self._flush()
        self._turn_outward()
        return reason

    def enter(self, *facts: Fact) -> None:
        """Append facts that no event asked for."""
        self._effects += [Enter(fact) for fact in facts]

    def owe(self, effects: list[Effect]) -> None:
        """Have effects done with the next batch."""
        self._effects += effects

    def _next_batch(self) -> list[Incoming]:
        batch: list[Incoming] = []
        is_idle = self._is_shown and not self._effects
        try:
            batch.append(self._inbox.get(timeout=TICK_SECONDS if is_idle else SHOW_SECONDS))
            while len(batch) < BATCH_EVENTS:
                batch.append(self._inbox.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _take(self, event: Incoming, now: datetime) -> None:
        if isinstance(event, Broke):
            # Half an agent would look well and see nothing; systemd starts a whole one.
            raise event.error
        if isinstance(event, BrokerEvent):
            self._take_uplink(event)
            return
        if isinstance(event, Asked):
            # A request is judged by a custody that knows every entry before it.
            self._flush()
            now = self._hands.moment().at
        self._effects += self._station.decide(event, now)
        if isinstance(event, Asked):
            self._flush()

    def _take_uplink(self, event: BrokerEvent) -> None:
        shipper = self._hands.shipper
        if shipper is None:
            return
        match event:
            case Connected():
                shipper.connected(self._hands.moment().at)
            case Lost():
                shipper.lost()
            case Refused():
                shipper.refused(Trouble.of(BrokerRefusedError(reason=event.reason)))
            case Message():
                fact = shipper.take(event.topic, event.payload)
                if fact is not None:
                    self.enter(fact)

    def _beat(self) -> None:
        now = self._hands.moment().at
        if _is_due(self._ticked_at, now, TICK_SECONDS):
            self._ticked_at = now
            self._is_shown = False
            self._hands.alive()
            self._station.moved_at = self._hands.moved_at()
            self._effects += self._station.decide(self._hands.tick(), now)

    def _flush(self) -> None:
        """Enter every fact at once, then do everything else in order."""
        effects, self._effects = self._effects, []
        drafts = [draft_of(effect.fact) for effect in effects if isinstance(effect, Enter)]
        entries = iter(self._hands.ledger.append(drafts, self._hands.moment()))
        sequence = None
        for effect in effects:
            if isinstance(effect, Enter):
                entry = next(entries)
                sequence = entry.sequence
                self._station.fold(entry)
            elif isinstance(effect, Reply):
                answer = replace(effect.answer, sequence=sequence if effect.entered else None)
                self._hands.answer(effect.ticket, answer)
            elif isinstance(effect, BeginScrub):
                self._hands.scrub()
            elif isinstance(effect, BringCopies):
                self._hands.bring(effect)
            else:
                self._hands.workers[effect.dock].give(effect)

    def _turn_outward(self) -> None:
        now = self._hands.moment().at
        shipper = self._hands.shipper
        if shipper is not None:
            shipper.ship(now)
            self._effects += self._station.decide(shipper.state, now)
        if self._is_shown or not _is_due(self._shown_at, now, SHOW_SECONDS):
            return
        self._is_shown, self._shown_at = True, now
        snapshot = show(self._station, self._hands.ledger.size, self._hands.version, now)
        self._hands.write_snapshot(snapshot)
        if shipper is not None:
            inbox = () if snapshot.inbox is None else (replace(snapshot.inbox, number=INBOX_DOCK),)
            shipper.show((*snapshot.docks, *inbox))


def _is_due(last: datetime | None, now: datetime, seconds: float) -> bool:
    # A wall clock that was set back must not stop the beat.
    return last is None or not 0 <= (now - last).total_seconds() < seconds
