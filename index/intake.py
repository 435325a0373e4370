"""Takes in what stations say, stores what is proven, and returns what to answer.

The messages of a turn are judged one after the other; what they prove is stored in one transaction,
and only then anybody hears of it. Called by the deciding thread only; it has no broker: tests join
it to stations by a list.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TypeVar

from contracts.errors import IndexDamagedError, IndexStoreError, NoteError
from contracts.loading import from_json, to_json
from contracts.messages import (
    Have,
    IndexState,
    Message,
    StationMeta,
    StationState,
    StationTopic,
    Topics,
)
from contracts.note import VerifyingKey
from contracts.settings import ID_PATTERN, RESERVED_IDS
from contracts.snapshot import DockView
from contracts.tree import EMPTY_ROOT
from index.core.receiving import (
    Commit,
    Fork,
    Outcome,
    Refused,
    SayHave,
    StationMirror,
)
from index.forks import fork_report
from index.known import KnownStation, Notice, Witness
from index.store import Store
from index.stored import Enrolment, Proven, StoredStation

MAX_PLAIN_BYTES = 64 * 1024
# What may wait of all stations together; beyond it the largest is asked to send again.
MAX_PENDING_BYTES = 64 * 1024 * 1024
T = TypeVar("T")
log = logging.getLogger(__name__)


class Intake:
    """Every station's mirror, and the rules by which messages reach it."""

    def __init__(
        self,
        topics: Topics,
        pinned: dict[str, str],
        store: Store,
        witness: Witness,
        notice: Notice,
    ) -> None:
        self._topics = topics
        self._pinned = pinned
        self._store = store
        self._witness = witness
        self._notice = notice
        self.max_pending_bytes = MAX_PENDING_BYTES
        self._proven: list[Proven] = []
        self._said: dict[str, Message] = {}
        self._unstored: set[str] = set()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.stations = {row.enrolment.station: self._known(row) for row in store.stations()}

    @property
    def witness_key(self) -> str:
        """The key stations may pin as `witness_key`."""
        return str(self._witness.verifying)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The topics to subscribe to."""
        kinds: tuple[StationTopic, ...] = ("state", "meta", "entry", "checkpoint")
        docks = self._topics.dock("+", 0).removesuffix("0") + "+"
        return (*(self._topics.every_station(kind) for kind in kinds), docks)

    def connected(self, now: datetime) -> list[Message]:
        """Return what to say to a broker just reached: that we are here, what we have and saw.

        The broker may have lost what it was to retain.
        """
        for known in self.stations.values():
            known.active_at, known.state = now, None
        ready = to_json(IndexState("ready", str(self._witness.verifying), now))
        return [
            Message(self._topics.index_state, ready, retained=True),
            *(self._have(name, known.mirror.have) for name, known in self.stations.items()),
            *(message for name in self.stations for message in self._witnessed_so_far(name)),
        ]

    def farewell(self, now: datetime) -> Message:
        """Return what to say last."""
        state = IndexState("disconnected", str(self._witness.verifying), now)
        return Message(self._topics.index_state, to_json(state), retained=True)

    @property
    def will(self) -> Message:
        """What the broker says for the index when it is gone without a word."""
        state = IndexState("lost", str(self._witness.verifying))
        return Message(self._topics.index_state, to_json(state), retained=True)

    def take(self, message: Message, now: datetime) -> list[Message]:
        """Take in one message, as a turn of its own."""
        return self.take_all((message,), now)

    def take_all(self, messages: Sequence[Message], now: datetime) -> list[Message]:
        """Take in a turn's messages; whatever they are, they harm nobody but their sender.

        Returned is what to say, now that all of it is stored: of each topic the newest word.
        """
        for message in messages:
            self._take(message, now)
        self._store_proven(now)
        self._bound_pending()
        said, self._said = self._said, {}
        return list(said.values())

    def _take(self, message: Message, now: datetime) -> None:
        # The index hears its own state, because stations' states are heard; that is all right.
        if message.topic == self._topics.index_state:
            return
        parsed = self._topics.parse(message.topic)
        if parsed and parsed[0] == "index":
            return  # what we say ourselves matches the filter for stations
        if parsed is None or parsed[0] in RESERVED_IDS or not ID_PATTERN.fullmatch(parsed[0]):
            self._refuse("?", Refused("unknown_topic", message.topic))
            return
        station, kind = parsed
        try:
            self._judge(station, kind, message, now)
        except (ValueError, NoteError) as error:
            self._refuse(station, Refused("malformed", f"{kind}: {error}"))
        except IndexStoreError as error:
            self._note_unstored(station, error)

    def _judge(self, station: str, kind: str, message: Message, now: datetime) -> None:
        outcomes = self._outcomes(station, kind, message, now)
        for outcome in outcomes:
            self._carry_out(station, outcome, now)
        known = self.stations.get(station)
        was_refused = any(isinstance(outcome, Refused) for outcome in outcomes)
        if known and not message.retained and not was_refused:
            known.hear(now)

    def _outcomes(
        self, station: str, kind: str, message: Message, now: datetime
    ) -> tuple[Outcome, ...]:
        known = self.stations.get(station)
        if kind == "meta":
            return self._meet(station, known, _plain(message.payload, StationMeta), now)
        if known is None:
            return (Refused("unknown_station", kind),)
        if kind == "entry":
            return known.mirror.take_entries(message.payload, now)
        if kind == "checkpoint":
            return known.mirror.take_checkpoint(message.payload, now)
        if kind == "state":
            return _change_state(known, _plain(message.payload, StationState), now)
        # What a dock shows is for wall screens; here it only says that the station is there.
        _plain(message.payload, DockView)
        return ()

    def _meet(
        self, station: str, known: KnownStation | None, meta: StationMeta, now: datetime
    ) -> tuple[Outcome, ...]:
        """Enrol a station at first sight, or see whether it still is who it was."""
        key = VerifyingKey.parse(meta.key)
        prefix = f"muster/{self._topics.organisation}/{station}/"
        claims = (meta.organisation, meta.station, meta.origin)
        if claims != (self._topics.organisation, station, key.name):
            return (Refused("foreign", f"meta of {meta.organisation}/{meta.station}"),)
        if not key.name.startswith(prefix):
            return (Refused("foreign", f"origin {key.name}"),)
        pinned = self._pinned.get(station)
        expected = pinned or (str(known.row.enrolment.key) if known else str(key))
        if str(key) != expected:
            if known:
                known.is_key_refused = True
            return (Refused("foreign", f"another key: {key}"),)
        enrolment = Enrolment(
            station, meta.name, meta.version, meta.docks, key, pinned=pinned is not None
        )
        if known is None or known.row.enrolment.key != key:
            return self._enrol(enrolment, now)
        known.is_key_refused = False
        if known.row.enrolment != enrolment:
            self._store.describe(known.row.id, meta.name, meta.version, meta.docks)
            known.row = self._row(station)
        return ()

    def _enrol(self, enrolment: Enrolment, now: datetime) -> tuple[Outcome, ...]:
        self._store_proven(now)  # of the ledger that counted until now
        known = self._known(self._store.enrol(enrolment, now))
        known.active_at = now
        self.stations[enrolment.station] = known
        self._notice.enrolled(enrolment)
        return known.mirror.answer(now, at_once=True)

    def _carry_out(self, station: str, outcome: Outcome, now: datetime) -> None:
        if isinstance(outcome, Refused):
            self._refuse(station, outcome)
        elif isinstance(outcome, SayHave):
            self._say(self._have(station, outcome.size))
        elif isinstance(outcome, Commit):
            self._commit(station, outcome, now)
        elif isinstance(outcome, Fork):
            self._fork(station, outcome, now)
        elif all(one.station != station for one in self._proven):
            # Else the turn's own cosignature is said as soon as it is stored.
            for message in self._witnessed_so_far(station):
                self._say(message)

    def _commit(self, station: str, commit: Commit, now: datetime) -> None:
        """Build upon a commit within this turn; before it is stored nobody hears of it."""
        known = self.stations[station]
        cosigned = self._witness.cosign(commit.note, now)
        known.mirror.settle(commit)
        known.active_at = now
        self._proven.append(Proven(station, known.row.id, commit, cosigned))

    def _store_proven(self, now: datetime) -> None:
        """Store what this turn has proven so far, and only then believe, answer and tell.

        What cannot be stored together is stored station by station: whose part is bad falls alone.
        """
        proven, self._proven = self._proven, []
        try:
            self._store.commit(proven, now)
        except IndexStoreError:
            for station in dict.fromkeys(one.station for one in proven):
                self._store_alone([one for one in proven if one.station == station], now)
            return
        self._believe(proven, now)

    def _store_alone(self, proven: list[Proven], now: datetime) -> None:
        station = proven[0].station
        try:
            self._store.commit(proven, now)
        except IndexStoreError as error:
            self._note_unstored(station, error)
            self._unbelieve(station)
            return
        self._believe(proven, now)

    def _believe(self, proven: list[Proven], now: datetime) -> None:
        for one in proven:
            known = self.stations[one.station]
            known.stored = known.mirror.frontier, known.mirror.note
            self._unstored.discard(one.station)
            entered_at = min(one.commit.entries[-1].moment.at, now)
            known.known_at = max(known.known_at or entered_at, entered_at)
            self._notice.committed(one.station, one.commit.entries)
            self._say(self._have(one.station, one.commit.frontier.size))
            self._say(self._witnessed(one.station, one.cosigned))

    def _note_unstored(self, station: str, error: IndexStoreError) -> None:
        """Log it once until it goes well again: stations send again and again."""
        if station not in self._unstored:
            log.error("not stored: %s: %s", station, error)
        self._unstored.add(station)

    def _unbelieve(self, station: str) -> None:
        """Go back to what is stored; whether the commit was is for the database to say.

        The station is told nothing: it sends again when its patience ends, which is soon enough.
        """
        known = self.stations[station]
        known.mirror.retreat(*known.stored)
        with suppress(IndexStoreError):
            row = self._row(station)
            if row.frontier.size != known.mirror.have:
                self.stations[station] = self._known(row)
        self._said.pop(self._topics.station(station, "witness"), None)

    def _fork(self, station: str, fork: Fork, now: datetime) -> None:
        self._store_proven(now)
        known = self.stations[station]
        if known.mirror.have != fork.accepted.size:
            return  # what it forked from could not be stored: it will come again
        report = fork_report(station, known.row.enrolment.key, fork, self._leaves(known), now)
        self._notice.forked(report)
        self._store.keep_fork(known.row.id, report.body, report.sha256, now)
        log.error("%s showed two histories: %s", station, fork.why)

    def _leaves(self, known: KnownStation) -> list[bytes]:
        entries = self._store.entries_of(known.row.id, known.mirror.have)
        return [entry.leaf_hash for entry in entries]

    def _bound_pending(self) -> None:
        mirrors = {station: known.mirror for station, known in self.stations.items()}
        while sum(mirror.pending_bytes for mirror in mirrors.values()) > self.max_pending_bytes:
            largest = max(mirrors, key=lambda station: mirrors[station].pending_bytes)
            mirrors[largest].forget()
            self._say(self._have(largest, mirrors[largest].have))

    def _refuse(self, station: str, refused: Refused) -> None:
        """Count what is refused, and log each kind once: whoever floods us must not fill a disk."""
        self.refused[station, refused.fault] += 1
        if self.refused[station, refused.fault] == 1:
            log.warning("%s: %s: %.200r", station, refused.fault, refused.why)

    def _say(self, message: Message) -> None:
        """Say something when the turn is over; of one topic only the newest word counts."""
        self._said.pop(message.topic, None)
        self._said[message.topic] = message

    def _have(self, station: str, size: int) -> Message:
        origin = self.stations[station].mirror.key.name
        return Message(self._topics.station(station, "have"), to_json(Have(origin, size)))

    def _witnessed_so_far(self, station: str) -> list[Message]:
        newest = self._store.newest_checkpoint(self.stations[station].row.id)
        return [self._witnessed(station, newest.cosigned)] if newest else []

    def _witnessed(self, station: str, cosigned: str) -> Message:
        topic = self._topics.station(station, "witness")
        return Message(topic, cosigned.encode(), retained=True)

    def _row(self, station: str) -> StoredStation:
        return next(row for row in self._store.stations() if row.enrolment.station == station)

    def _known(self, row: StoredStation) -> KnownStation:
        newest = self._store.newest_checkpoint(row.id)
        stored = (newest.size, newest.root) if newest else (0, EMPTY_ROOT)
        if (row.frontier.size, row.frontier.root()) != stored:
            raise IndexDamagedError(station=row.enrolment.station, what="newest checkpoint")
        mirror = StationMirror(
            row.enrolment.key,
            row.frontier,
            newest.note if newest else None,
            lambda size: self._root_at(row.enrolment.station, size),
        )
        mirror.is_forked = row.forked
        active_at = datetime.min.replace(tzinfo=UTC)
        stored_so_far = mirror.frontier, mirror.note
        return KnownStation(row, mirror, row.heard_at, row.known_at, active_at, stored_so_far)

    def _root_at(self, station: str, size: int) -> bytes:
        """Return the root at a size that a station's mirror has, stored or about to be."""
        known = self.stations[station]
        stored, _ = known.stored
        if size <= stored.size:
            return self._store.root_at(known.row.id, size)
        proven = (one.commit.leaves for one in self._proven if one.station == station)
        leaves = chain.from_iterable(proven)
        return stored.grown(islice(leaves, size - stored.size)).root()


def _change_state(known: KnownStation, state: StationState, now: datetime) -> tuple[Outcome, ...]:
    has_come = state.state == "ready" and known.state != "ready"
    if has_come:
        known.active_at = now
    known.state = state.state
    # A station that has come waits for our word; a mere sign of life may come while it ships.
    return known.mirror.answer(now, at_once=has_come) if state.state == "ready" else ()


def _plain(payload: bytes, kind: type[T]) -> T:
    if len(payload) > MAX_PLAIN_BYTES:
        raise ValueError(f"{len(payload)} bytes")
    return from_json(payload, kind)
