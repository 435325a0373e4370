"""What waits to be taken in: a bounded inbox, served in turns that are fair between stations.

The broker's thread puts and waits while too much does; the deciding thread takes turns. A station
that catches up on a week shares each turn with all others; those with little to say come first.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Event

from contracts.messages import Message
from outside.broker import BrokerEvent

MAX_WAITING = 256
TURN_BYTES = 2 * 1024 * 1024
SHARE_BYTES = 256 * 1024
SHARE_MESSAGES = 32
# Whoever has no more than that waiting has nothing to catch up on.
LITTLE_BYTES = 16 * 1024
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Stop:
    """Someone asked the index to stop."""


Control = BrokerEvent | Stop


class Inbox:
    """Messages by station, and what else happens, each in its order."""

    def __init__(self, station_of: Callable[[str], str]) -> None:
        self._station_of = station_of
        self._arrived: SimpleQueue[Control] = SimpleQueue()
        self._room = BoundedSemaphore(MAX_WAITING)
        self._closed = Event()
        self._waiting: dict[str, deque[Message]] = {}
        self._control: Control | None = None

    def put(self, event: BrokerEvent) -> None:
        """Put what the broker brings; while too many messages wait, it waits too."""
        if isinstance(event, Message):
            while not self._room.acquire(timeout=_LOOK_SECONDS):
                if self._closed.is_set():
                    return
        self._arrived.put(event)

    def put_stop(self) -> None:
        """Ask the deciding thread to stop; may be called from a signal handler."""
        self._arrived.put(Stop())

    def close(self) -> None:
        """Let go of whoever waits for room; what comes now is dropped."""
        self._closed.set()

    def turn(self, timeout_seconds: float) -> list[Message] | Control:
        """Return what to do next: a turn's messages, if any came in time, or another event.

        An event is returned when all that came before it was; a station's messages keep their
        order.
        """
        self._collect(0 if self._waiting else timeout_seconds)
        if self._waiting:
            return self._next_turn()
        control, self._control = self._control, None
        return [] if control is None else control

    def _collect(self, timeout_seconds: float) -> None:
        try:
            while self._control is None:
                event = self._arrived.get(timeout=timeout_seconds) if timeout_seconds else None
                event = event or self._arrived.get_nowait()
                timeout_seconds = 0
                if isinstance(event, Message):
                    station = self._station_of(event.topic)
                    self._waiting.setdefault(station, deque()).append(event)
                else:
                    self._control = event
        except Empty:
            return

    def _next_turn(self) -> list[Message]:
        turn: list[Message] = []
        room = TURN_BYTES
        # Sorting keeps the order of those alike: whoever was served last is at the end.
        for station in sorted(self._waiting, key=self._has_much):
            if room <= 0:
                break
            share = self._share(self._waiting.pop(station), station)
            room -= sum(len(message.payload) for message in share)
            turn += share
        for _ in turn:
            self._room.release()
        return turn

    def _share(self, waiting: deque[Message], station: str) -> list[Message]:
        """Take a station's share of a turn; what is left goes to the end of the line."""
        share: list[Message] = []
        room = SHARE_BYTES
        while waiting and room > 0 and len(share) < SHARE_MESSAGES:
            share.append(waiting.popleft())
            room -= len(share[-1].payload)
        if waiting:
            self._waiting[station] = waiting
        return share

    def _has_much(self, station: str) -> bool:
        return sum(len(message.payload) for message in self._waiting[station]) > LITTLE_BYTES
