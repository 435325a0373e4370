"""Many stations in one process: each a connection of its own that speaks bare MQTT 3.1.1, QoS 1.

Bare, so that the publishers cost little beside what is measured; the rules by which they ship are
the agent's own (`agent.core.shipping`).
"""

import selectors
import socket
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from agent.core import shipping
from benchmarks.made_up_ledgers import MadeUpLedger
from contracts.batch import batches
from contracts.loading import from_json, to_json
from contracts.messages import Have, StationState, Topics

TOPICS = Topics("muster", "example")
MAX_UNACKED = 200
_LIFE_SIGN_SECONDS = 10
_PUBLISH, _PUBACK = 0x30, 0x40


class Line:
    """One connection: publishes with QoS 1, hears with QoS 0."""

    def __init__(self, port: int, name: str, hears: str | None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self._packet_id = 0
        self._unacked = 0
        self._queued: list[bytes] = []
        self._unsent = b""
        self._received = b""
        text = name.encode()
        body = b"\0\4MQTT\4\2\0\0" + struct.pack("!H", len(text)) + text
        self.socket.sendall(_packet(0x10, body))
        if hears is not None:
            topic = hears.encode()
            body = b"\0\1" + struct.pack("!H", len(topic)) + topic + b"\0"
            self.socket.sendall(_packet(0x82, body))
        self.socket.setblocking(False)

    @property
    def is_idle(self) -> bool:
        """Tell whether the broker has acknowledged everything."""
        return not (self._unacked or self._queued or self._unsent)

    def publish(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        """Send a message as soon as the broker takes it."""
        self._packet_id = self._packet_id % 65_535 + 1
        name = topic.encode()
        body = struct.pack("!H", len(name)) + name + struct.pack("!H", self._packet_id) + payload
        self._queued.append(_packet(0x33 if retained else 0x32, body))

    def write(self) -> None:
        """Send what may be sent."""
        room = MAX_UNACKED - self._unacked
        if not self._unsent and self._queued and room > 0:
            self._unsent = b"".join(self._queued[:room])
            self._unacked += len(self._queued[:room])
            del self._queued[:room]
        if self._unsent:
            try:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            except BlockingIOError:
                return

    def read(self) -> list[bytes]:
        """Return the payloads that arrived."""
        self._received += self.socket.recv(1 << 16)
        heard = []
        while packet := _first(self._received):
            kind, start, end = packet
            if kind == _PUBACK:
                self._unacked -= 1
            elif kind == _PUBLISH:
                (length,) = struct.unpack_from("!H", self._received, start)
                heard.append(self._received[start + 2 + length : end])
            self._received = self._received[end:]
        return heard


class MadeUpStation:
    """A ledger, its line and its shipping."""

    def __init__(self, port: int, ledger: MadeUpLedger) -> None:
        self.ledger = ledger
        name = ledger.station
        self.line = Line(port, name, TOPICS.station(name, "have"))
        self._shipping = shipping.heard(shipping.Shipping(connected=True), 0)
        self._shipping = shipping.connected(self._shipping, is_connected=True)
        self._entered: list[tuple[int, float]] = []
        self._state_at = 0.0
        self.waits: list[float] = []

    @property
    def is_done(self) -> bool:
        """Tell whether the index has said that it has everything."""
        return self._shipping.index_has >= self.ledger.size

    def introduce(self) -> None:
        """Say who it is, and that it is there."""
        self.line.publish(TOPICS.station(self.ledger.station, "meta"), self.ledger.meta)

    def enter(self, count: int) -> None:
        """Enter now, and remember when."""
        self.ledger.append(count, datetime.now(UTC), timedelta())
        self._entered.append((self.ledger.size, time.perf_counter()))

    def hear(self, payload: bytes) -> None:
        """Take in the index's position."""
        size = from_json(payload, Have).size
        now = time.perf_counter()
        while self._entered and self._entered[0][0] <= size:
            self.waits.append(now - self._entered.pop(0)[1])
        self._shipping = shipping.heard(self._shipping, size)

    def ship(self) -> None:
        """Send a sign of life and what may be sent now, as the agent does."""
        now = datetime.now(UTC)
        if time.monotonic() - self._state_at > _LIFE_SIGN_SECONDS:
            self._state_at = time.monotonic()
            topic = TOPICS.station(self.ledger.station, "state")
            self.line.publish(topic, to_json(StationState("ready", now)))
        step = shipping.next_window(self._shipping, self.ledger.size, now)
        while (window := step[1]) is not None:
            self._send(window)
            sent = shipping.under_way(step[0], window, now)
            step = shipping.next_window(sent, self.ledger.size, now)
        self._shipping = step[0]

    def send_all(self, entries_each: int) -> None:
        """Send everything at once, whatever anybody has: for a mere listener."""
        for old in range(0, self.ledger.size, shipping.WINDOW_ENTRIES):
            size = min(old + shipping.WINDOW_ENTRIES, self.ledger.size)
            self._send(shipping.Window(old, size), entries_each)

    def _send(self, window: shipping.Window, entries_each: int = 0) -> None:
        station, raw = self.ledger.station, self.ledger.raw(window.old + 1, window.size + 1)
        for payload in raw if entries_each == 1 else batches(raw):
            self.line.publish(TOPICS.station(station, "entry"), payload)
        topic = TOPICS.station(station, "checkpoint")
        self.line.publish(topic, self.ledger.request(window.old, window.size), retained=True)


def carry(
    stations: list[MadeUpStation], until: Callable[[], bool], each_turn: Callable[[], None]
) -> None:
    """Let all stations send and hear until something is so."""
    selector = selectors.DefaultSelector()
    for station in stations:
        selector.register(station.line.socket, selectors.EVENT_READ, station)
    while not until():
        for key, _ in selector.select(0.002):
            station = key.data
            for payload in station.line.read():
                station.hear(payload)
        each_turn()
        for station in stations:
            station.line.write()
    selector.close()


def _packet(kind: int, body: bytes) -> bytes:
    length, size = len(body), bytearray()
    while True:
        length, low = divmod(length, 128)
        size.append(low | (0x80 if length else 0))
        if not length:
            return bytes([kind]) + bytes(size) + body


def _first(received: bytes) -> tuple[int, int, int] | None:
    """Return kind, start and end of the first whole packet's body."""
    length = shift = 0
    for place in range(1, min(len(received), 5)):
        length |= (received[place] & 0x7F) << shift
        shift += 7
        if not received[place] & 0x80:
            start = place + 1
            whole = len(received) >= start + length
            return (received[0] & 0xF0, start, start + length) if whole else None
    return None
