"""Which entries are sent to the index next: replication by position, without I/O.

The ledger is the queue. The index says "I have 1..n" after its commit; from there windows are sent,
each followed by the checkpoint of exactly its end and the proof that it extends its beginning.
Several may be under way, more while the index answers at once and fewer when it is slow. Nothing
else is remembered: after a reconnect the index's next word decides, and n may go down (faults 3.5).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contracts.batch import MAX_AHEAD_ENTRIES

WINDOW_ENTRIES = 500
FIRST_AHEAD_ENTRIES = 200
PATIENCE = timedelta(seconds=10)
PROMPT = timedelta(seconds=1)
SLOW = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Window:
    """Entries `old + 1 .. size` to be sent, then the checkpoint of `size`."""

    old: int
    size: int


@dataclass(frozen=True, slots=True)
class Shipping:
    """What is known of the index's position. `has` is None until the index has spoken.

    `sent`: up to where entries are under way. `ahead`: how many may be. `is_full`: they are as many
    bytes as may be. `is_asked`: the index said its position again. `since`: since when it owes an
    answer. `timed`: a window and when it was sent, to see how fast the index is.
    """

    connected: bool = False
    has: int | None = None
    sent: int = 0
    ahead: int = FIRST_AHEAD_ENTRIES
    is_full: bool = False
    is_asked: bool = False
    since: datetime | None = None
    timed: tuple[int, datetime] | None = None

    @property
    def index_has(self) -> int:
        """The index's position as far as known."""
        return self.has or 0


def connected(shipping: Shipping, *, is_connected: bool) -> Shipping:
    """Return the shipping after a connect or disconnect: whatever was under way is forgotten."""
    return Shipping(is_connected, None if is_connected else shipping.has)


def heard(shipping: Shipping, size: int) -> Shipping:
    """Return the shipping after the index said how much it has.

    A position that goes on within what is under way is progress; any other asks for what follows.
    The same one again, while something is under way, is judged by `next_window`.
    """
    if shipping.has == size < shipping.sent:
        return replace(shipping, is_asked=True)
    if shipping.has is not None and shipping.has < size <= shipping.sent:
        return replace(shipping, has=size, since=None)
    return _from(shipping, size)


def next_window(shipping: Shipping, size: int, now: datetime) -> tuple[Shipping, Window | None]:
    """Return what to send now, if anything; `under_way` is to be told when it is sent.

    A window that could still grow waits until nothing is under way; all that is under way is sent
    again after `PATIENCE`.
    """
    if not shipping.connected or shipping.has is None:
        return shipping, None
    shipping = _judged(shipping, shipping.has, now)
    index_has = shipping.index_has
    room = min(size, index_has + shipping.ahead) - shipping.sent
    waits = shipping.sent > index_has and (shipping.is_full or room < WINDOW_ENTRIES)
    if room <= 0 or waits:
        return shipping, None
    return shipping, Window(shipping.sent, shipping.sent + min(room, WINDOW_ENTRIES))


def under_way(
    shipping: Shipping, window: Window, now: datetime, *, is_full: bool = False
) -> Shipping:
    """Return the shipping after a window was sent; `is_full` if bytes left room for no more."""
    return replace(
        shipping,
        sent=window.size,
        is_full=is_full,
        since=shipping.since or now,
        timed=shipping.timed or (window.size, now),
    )


def _from(shipping: Shipping, size: int) -> Shipping:
    """Nothing is under way: what follows `size` is next."""
    return replace(
        shipping, has=size, sent=size, is_full=False, is_asked=False, since=None, timed=None
    )


def _judged(shipping: Shipping, index_has: int, now: datetime) -> Shipping:
    """Judge by the time it takes the index to answer how much it can be sent."""
    if shipping.sent > index_has:
        since = shipping.since or now
        if not timedelta() <= now - since < PATIENCE:
            return replace(_from(shipping, index_has), ahead=FIRST_AHEAD_ENTRIES)
        if shipping.is_asked and now - since < PROMPT:
            # Something was lost. A slow index rather answers what was sent before: no echo.
            return _from(shipping, index_has)
        shipping = replace(shipping, since=since, is_asked=False)
    if shipping.timed is None or shipping.timed[0] > index_has:
        return shipping
    took = now - shipping.timed[1]
    ahead = shipping.ahead
    if timedelta() <= took < PROMPT:
        ahead = min(2 * ahead, MAX_AHEAD_ENTRIES)
    elif took >= SLOW:
        ahead = max(ahead // 2, FIRST_AHEAD_ENTRIES)
    return replace(shipping, ahead=ahead, timed=None)
