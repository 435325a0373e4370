"""Takes in what stations say, stores what is proven, and returns what to answer.

Called by the deciding thread only; it has no broker: tests join it to stations by a list.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from contracts.entry import Entry
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
from contracts.note import COSIGNATURE, SigningKey, VerifyingKey
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
from index.forks import ForkReport, fork_report
from index.store import Enrolment, Store, StoredStation

MAX_PLAIN_BYTES = 64 * 1024
# A station ships its next window at once; one that was quiet for longer has nothing to ship.
QUIET = timedelta(seconds=5)
T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Witness:
    """The key that cosigns, and its name `muster/{organisation}/witness/{fingerprint}`."""

    key: SigningKey
    name: str

    @classmethod
    def of(cls, key: SigningKey, organisation: str) -> "Witness":
        """Return the witness with the key's own name."""
        return cls(key, f"muster/{organisation}/witness/{key.fingerprint}")

    def cosign(self, note: str, now: datetime) -> str:
        """Return a checkpoint with the index's cosignature."""
        return self.key.cosign(note, self.name, int(now.timestamp()))

    @property
    def verifying(self) -> VerifyingKey:
        """The public half, for cosignatures."""
        return self.key.verifying(self.name, COSIGNATURE)


@dataclass
class KnownStation:
    """One station as the deciding thread knows it."""

    row: StoredStation
    mirror: StationMirror
    heard_at: datetime | None
    known_at: datetime | None
    active_at: datetime
    state: Literal["ready", "disconnected", "lost"] | None = None
    is_key_refused: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return self.row.enrolment.name or self.row.enrolment.station

    def hear(self, now: datetime) -> None:
        """Count a live message as contact; all is known only of a station with nothing to ship."""
        if self.state == "lost":
            return
        self.heard_at = now
        has_all = not (self.mirror.is_behind or self.mirror.is_forked)
        if has_all and now - self.active_at >= QUIET:
            self.known_at = now


@dataclass(frozen=True, slots=True)
class Notice:
    """What the rest of the index is told of: entries now proven, a station enrolled or forked."""

    committed: Callable[[str, tuple[Entry, ...]], None]
    enrolled: Callable[[Enrolment], None]
    forked: Callable[[ForkReport], None]


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
        """Take in one message; whatever it is, it harms nobody but its sender.

        The index hears its own state, because stations' states are heard; that is all right.
        """
        if message.topic == self._topics.index_state:
            return []
        parsed = self._topics.parse(message.topic)
        if parsed and parsed[0] == "index":
            return []  # what we say ourselves matches the filter for stations
        if parsed is None or parsed[0] in RESERVED_IDS or not ID_PATTERN.fullmatch(parsed[0]):
            self._refuse("?", Refused("unknown_topic", message.topic))
            return []
        station, kind = parsed
        try:
            return self._take(station, kind, message, now)
        except (ValueError, NoteError) as error:
            self._refuse(station, Refused("malformed", f"{kind}: {error}"))
        except IndexStoreError:
            log.exception("not stored: %s", station)
        return []

    def _take(self, station: str, kind: str, message: Message, now: datetime) -> list[Message]:
        outcomes = self._outcomes(station, kind, message, now)
        answers: list[Message] = []
        for outcome in outcomes:
            answers += self._carry_out(station, outcome, now)
        known = self.stations.get(station)
        was_refused = any(isinstance(outcome, Refused) for outcome in outcomes)
        if known and not message.retained and not was_refused:
            known.hear(now)
        return answers

    def _outcomes(
        self, station: str, kind: str, message: Message, now: datetime
    ) -> tuple[Outcome, ...]:
        known = self.stations.get(station)
        if kind == "meta":
            return self._meet(station, known, _plain(message.payload, StationMeta), now)
        if known is None:
            return (Refused("unknown_station", kind),)
        if kind == "entry":
            return known.mirror.take_entry(message.payload, now)
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
        known = self._known(self._store.enrol(enrolment, now))
        known.active_at = now
        self.stations[enrolment.station] = known
        self._notice.enrolled(enrolment)
        return known.mirror.answer(now, at_once=True)

    def _carry_out(self, station: str, outcome: Outcome, now: datetime) -> list[Message]:
        if isinstance(outcome, Refused):
            self._refuse(station, outcome)
            return []
        if isinstance(outcome, SayHave):
            return [self._have(station, outcome.size)]
        if isinstance(outcome, Commit):
            return self._commit(station, outcome, now)
        if isinstance(outcome, Fork):
            self._fork(station, outcome, now)
            return []
        return self._witnessed_so_far(station)

    def _commit(self, station: str, commit: Commit, now: datetime) -> list[Message]:
        """Store, and only then believe, answer and cosign in public."""
        known = self.stations[station]
        cosigned = self._witness.cosign(commit.note, now)
        try:
            self._store.commit(known.row.id, commit, cosigned, now)
        except IndexStoreError:
            # Whether it was stored is unknown: what the database says counts.
            self.stations[station] = self._known(self._row(station))
            raise
        known.mirror.settle(commit)
        known.active_at = now
        entered_at = min(commit.entries[-1].moment.at, now)
        known.known_at = max(known.known_at or entered_at, entered_at)
        self._notice.committed(station, commit.entries)
        return [
            self._have(station, known.mirror.have),
            self._witnessed(station, cosigned),
        ]

    def _fork(self, station: str, fork: Fork, now: datetime) -> None:
        known = self.stations[station]
        report = fork_report(station, known.row.enrolment.key, fork, self._leaves(known), now)
        self._notice.forked(report)
        self._store.keep_fork(known.row.id, report.body, report.sha256, now)
        log.error("%s showed two histories: %s", station, fork.why)

    def _leaves(self, known: KnownStation) -> list[bytes]:
        entries = self._store.entries_of(known.row.id, known.mirror.have)
        return [entry.leaf_hash for entry in entries]

    def _refuse(self, station: str, refused: Refused) -> None:
        """Count what is refused, and log each kind once: whoever floods us must not fill a disk."""
        self.refused[station, refused.fault] += 1
        if self.refused[station, refused.fault] == 1:
            log.warning("%s: %s: %.200r", station, refused.fault, refused.why)

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
            lambda size: self._store.root_at(row.id, size),
        )
        mirror.is_forked = row.forked
        active_at = datetime.min.replace(tzinfo=UTC)
        return KnownStation(row, mirror, row.heard_at, row.known_at, active_at)


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
