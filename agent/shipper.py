"""Ships the ledger: joins the pure shipping rules to the ledger's bytes and the uplink's topics.

Called by the deciding thread only.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from agent.core import shipping
from agent.core.event import Trouble, UplinkChanged
from agent.core.shipping import Shipping, Window
from contracts.batch import MAX_AHEAD_BYTES, MAX_AHEAD_ENTRIES, batches
from contracts.checkpoint import WitnessRequest
from contracts.errors import (
    LedgerBehindIndexError,
    LedgerCommitError,
    LedgerError,
    MusterError,
    UplinkError,
    WitnessKeyDiffersError,
)
from contracts.facts import WitnessMet
from contracts.loading import from_json, to_json
from contracts.messages import Have, IndexState, Message, StationMeta, StationState, Topics
from contracts.note import VerifyingKey
from contracts.snapshot import DockView
from ledger.store import Ledger

# A station with nothing to say is not a silent one: the roll call tells them apart by this.
LIFE_SIGN = timedelta(seconds=10)
# As many windows as may be under way together stay within what the index lets wait.
WINDOW_BYTES = MAX_AHEAD_BYTES * shipping.WINDOW_ENTRIES // MAX_AHEAD_ENTRIES
Publish = Callable[[Message], None]
log = logging.getLogger(__name__)


class Shipper:
    """What the station says to the office, and what it makes of the office's answers."""

    def __init__(self, ledger: Ledger, topics: Topics, meta: StationMeta, publish: Publish) -> None:
        self._ledger = ledger
        self._topics = topics
        self._meta = meta
        self._publish = publish
        self._shipping = Shipping()
        self._trouble: Trouble | None = None
        self._shown: dict[int, DockView] = {}
        self._complained: set[tuple[str, type[Exception]]] = set()
        self._life_sign_at: datetime | None = None
        self.witness_key: str | None = None

    @property
    def state(self) -> UplinkChanged:
        """How things stand with the index."""
        cosigned = self._ledger.cosigned
        return UplinkChanged(
            connected=self._shipping.connected and self._shipping.has is not None,
            index_has=self._shipping.index_has,
            witnessed=cosigned.size if cosigned else 0,
            trouble=self._trouble,
            witness=cosigned.witness if cosigned else "",
            witnessed_at=datetime.fromtimestamp(cosigned.timestamp, UTC) if cosigned else None,
        )

    def connected(self, now: datetime) -> None:
        """Introduce the station to a broker it has just reached."""
        self._shipping = shipping.connected(self._shipping, is_connected=True)
        self._shown.clear()
        self._complained.clear()
        self._introduce()
        self._give_life_sign(now)

    def lost(self) -> None:
        """Remember that the broker is out of reach."""
        self._shipping = shipping.connected(self._shipping, is_connected=False)

    def refused(self, trouble: Trouble) -> None:
        """Show that the broker refuses what the station says."""
        self._trouble = trouble

    def take(self, topic: str, payload: bytes) -> WitnessMet | None:
        """Take in a message; return a fact if the index's key was met for the first time.

        What makes no sense is logged and changes nothing.

        Raises:
            LedgerCommitError: whether a cosignature was kept is unknown; the program must end.
        """
        try:
            if topic == self._topics.index_state:
                return self._meet(from_json(payload, IndexState))
            if topic == self._topic("have"):
                self._heard(from_json(payload, Have))
            elif topic == self._topic("witness") and self.witness_key:
                self._ledger.accept_cosignature(
                    payload.decode(), VerifyingKey.parse(self.witness_key)
                )
        except LedgerCommitError:
            raise
        except (ValueError, LedgerError, UplinkError) as error:
            self._complain(topic, error)
        return None

    def ship(self, now: datetime) -> None:
        """Send a sign of life when one is due, and the next windows, if there are any to send."""
        last = self._life_sign_at
        is_recent = last is not None and timedelta() <= now - last < LIFE_SIGN
        if self._shipping.connected and not is_recent:
            if self._shipping.has is None:
                self._introduce()  # what a broker acknowledged may never have reached the index
            self._give_life_sign(now)
        size = self._ledger.size
        self._shipping, window = shipping.next_window(self._shipping, size, now)
        while window is not None:
            sent = self._send(window)
            is_full = sent != window
            self._shipping = shipping.under_way(self._shipping, sent, now, is_full=is_full)
            self._shipping, window = shipping.next_window(self._shipping, size, now)

    def _send(self, wanted: Window) -> Window:
        """Send a window, or as much of its beginning as is not too many bytes."""
        entries = _fitting(self._ledger.raw(wanted.old + 1, wanted.size + 1))
        window = Window(wanted.old, wanted.old + len(entries))
        for payload in batches(entries):
            self._publish(Message(self._topic("entry"), payload))
        request = WitnessRequest(
            old_size=window.old,
            proof=self._ledger.consistency(window.old, window.size),
            note=self._ledger.checkpoint_at(window.size),
        )
        self._publish(Message(self._topic("checkpoint"), request.format(), retained=True))
        return window

    def show(self, docks: tuple[DockView, ...]) -> None:
        """Publish the docks that look otherwise than when last shown."""
        for dock in docks:
            if self._shipping.connected and self._shown.get(dock.number) != dock:
                self._shown[dock.number] = dock
                topic = self._topics.dock(self._meta.station, dock.number)
                self._publish(Message(topic, to_json(dock), retained=True))

    def farewell(self, now: datetime) -> Message:
        """Return the last word of a station that stops in good order."""
        state = StationState("disconnected", now)
        return Message(self._topic("state"), to_json(state), retained=True)

    def _complain(self, topic: str, error: Exception) -> None:
        """Show what is wrong, and log each kind once: whoever floods us must not fill a disk."""
        if isinstance(error, MusterError):
            self._trouble = Trouble.of(error)
        if (topic, type(error)) not in self._complained:
            self._complained.add((topic, type(error)))
            log.warning("%s: %.200s", topic, str(error).replace("\n", " "))

    def _introduce(self) -> None:
        self._publish(Message(self._topic("meta"), to_json(self._meta), retained=True))

    def _give_life_sign(self, now: datetime) -> None:
        self._life_sign_at = now
        self._publish(
            Message(self._topic("state"), to_json(StationState("ready", now)), retained=True)
        )

    def _meet(self, state: IndexState) -> WitnessMet | None:
        if self.witness_key is None:
            VerifyingKey.parse(state.key)
            self.witness_key = state.key
            return WitnessMet(state.key, pinned=False)
        if state.key != self.witness_key:
            raise WitnessKeyDiffersError(shown=state.key)
        return None

    def _heard(self, have: Have) -> None:
        if have.origin != self._meta.origin:
            return
        if have.size < 0:
            raise ValueError(f"{have.size} entries")
        if have.size > self._ledger.size:
            raise LedgerBehindIndexError(index_has=have.size, size=self._ledger.size)
        self._trouble = None
        self._shipping = shipping.heard(self._shipping, have.size)

    def _topic(self, kind: str) -> str:
        return self._topics.station(self._meta.station, kind)  # type: ignore[arg-type]


def _fitting(entries: list[bytes]) -> list[bytes]:
    room = WINDOW_BYTES
    for place, raw in enumerate(entries):
        room -= len(raw)
        if room < 0:
            return entries[:place]
    return entries
