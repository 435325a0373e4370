"""What the deciding thread holds of each station, with what it signs and whom it tells."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from contracts.entry import Entry
from contracts.note import COSIGNATURE, SigningKey, VerifyingKey
from contracts.tree import Frontier
from index.core.receiving import StationMirror
from index.forks import ForkReport
from index.stored import Enrolment, StoredStation

# A station ships its next window at once; one that was quiet for longer has nothing to ship.
QUIET = timedelta(seconds=5)


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
    """One station as the deciding thread knows it; `stored` is where its mirror can go back to."""

    row: StoredStation
    mirror: StationMirror
    heard_at: datetime | None
    known_at: datetime | None
    active_at: datetime
    stored: tuple[Frontier, str | None]
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
