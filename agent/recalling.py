"""What the ledger says was proven, of one recorder or of all, and when a recorder was last here."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from agent.core.inquiries import EARLIER_MAX
from agent.core.plan import Proven
from contracts.facts import FootageImported, VisitCompleted, fact_of
from contracts.loading import from_json
from ledger.records import Records
from ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class _Bare:
    path: bytes
    size: int
    modified_us: int
    sha256: str
    view: str


@dataclass(frozen=True)
class _Imported:
    data: _Bare


@dataclass(frozen=True)
class _Recorded:
    data: Proven


@dataclass(frozen=True)
class _Object:
    sha256: str
    size: int


@dataclass(frozen=True)
class _Kept:
    data: _Object


def objects(records: Records) -> Iterator[tuple[str, int]]:
    """Yield the digest and size of every import, in order; of their entries only these are read."""
    for raw in records.select_raw(types=(FootageImported.TYPE,)):
        known = from_json(raw, _Kept).data
        yield known.sha256, known.size


def proven_of(
    ledger: Ledger, recorder: str, is_reported: Callable[[str], bool]
) -> Iterator[Proven]:
    """Yield what the ledger says is in the archive of a recorder's, save what is damaged.

    The newest tell what they recorded.
    """
    # What is damaged in the archive is copied anew as long as the recorder has it.
    # A card may hold 20,000 files; of most only what the plan needs is read of their entries.
    newest: deque[bytes] = deque()
    for raw in ledger.select_raw(subject=recorder, types=(FootageImported.TYPE,)):
        newest.append(raw)
        if len(newest) > EARLIER_MAX:
            bare = from_json(newest.popleft(), _Imported).data
            if not is_reported(bare.sha256):
                yield Proven(bare.path, bare.size, bare.modified_us, bare.sha256, bare.view)
    for raw in newest:
        known = from_json(raw, _Recorded).data
        if not is_reported(known.sha256):
            yield known


def last_seen(ledger: Ledger, recorder: str) -> datetime | None:
    """Return when the newest visit of a recorder was complete, if it left nothing unread."""
    visits = [*ledger.select(subject=recorder, types=(VisitCompleted.TYPE,))][-1:]
    # What could not be read then looks new now, and is not.
    whole = (one for one in visits if not fact_of(one, VisitCompleted).counts.unreadable)
    return next((one.moment.at for one in whole), None)
