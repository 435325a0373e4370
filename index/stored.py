"""What the index's store is given and gives back."""

from dataclasses import dataclass
from datetime import datetime

from contracts.note import VerifyingKey
from contracts.tree import Frontier
from index.core.receiving import Commit


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A station as it introduced itself, and whether its key was pinned in the settings."""

    station: str
    name: str
    version: str
    docks: int
    key: VerifyingKey
    pinned: bool


@dataclass(frozen=True, slots=True)
class StoredStation:
    """One ledger of a station; one that got a new key has several, the last enrolled counts.

    `known_at`: up to when the index knows all that the station entered.
    """

    id: int
    enrolment: Enrolment
    enrolled_at: datetime
    heard_at: datetime | None
    known_at: datetime | None
    frontier: Frontier
    forked: bool


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint as the station signed it, and as the index cosigned it."""

    size: int
    root: bytes
    note: str
    cosigned: str
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A stored entry, unverified."""

    sequence: int
    body: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class Proven:
    """A commit of one station's ledger with the checkpoint as the index cosigned it."""

    station: str
    station_id: int
    commit: Commit
    cosigned: str
