"""Which entries are sent to the index next: replication by position, without I/O.

The ledger is the queue. The index says "I have 1..n" after its commit; from there a window is sent,
followed by the checkpoint of exactly that size and the proof that it extends n. Nothing else is
remembered: after a reconnect the index's next word decides, and n may go down (faults 3.5).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW_ENTRIES = 200
PATIENCE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Window:
    """Entries `old + 1 .. size` to be sent, then the checkpoint of `size`."""

    old: int
    size: int


@dataclass(frozen=True, slots=True)
class Shipping:
    """What is known of the index's position. `has` is None until the index has spoken."""

    connected: bool = False
    has: int | None = None
    sent: Window | None = None
    sent_at: datetime | None = None

    @property
    def index_has(self) -> int:
        """The index's position as far as known."""
        return self.has or 0


def connected(shipping: Shipping, *, is_connected: bool) -> Shipping:
    """Return the shipping after a connect or disconnect: whatever was under way is forgotten."""
    return Shipping(is_connected, None if is_connected else shipping.has)


def heard(shipping: Shipping, size: int) -> Shipping:
    """Return the shipping after the index said how much it has."""
    return Shipping(shipping.connected, size)


def next_window(shipping: Shipping, size: int, now: datetime) -> tuple[Shipping, Window | None]:
    """Return what to send now, if anything: one window at a time, again after `PATIENCE`."""
    if not shipping.connected or shipping.has is None or shipping.has >= size:
        return shipping, None
    is_under_way = shipping.sent_at is not None and now - shipping.sent_at < PATIENCE
    if is_under_way and now >= (shipping.sent_at or now):
        return shipping, None
    window = Window(shipping.has, min(size, shipping.has + WINDOW_ENTRIES))
    return Shipping(True, shipping.has, window, now), window
