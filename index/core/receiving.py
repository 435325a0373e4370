"""What the index believes of one station: nothing but what the station's signed heads vouch for.

Entries wait in memory, as bytes, until a checkpoint covers them and the root recomputed from them
is the signed one; only then they are read. Storing, answering and publishing are left to the
caller, who says `settle` when a commit is to be built upon and `retreat` if it was not stored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from contracts.batch import MAX_AHEAD_BYTES, MAX_AHEAD_ENTRIES, MAX_BATCH_BYTES, split_batch
from contracts.checkpoint import Checkpoint, WitnessRequest, verify_checkpoint
from contracts.entry import Entry, decode
from contracts.errors import EntryError, NoteError, ProofError
from contracts.note import VerifyingKey
from contracts.tree import Frontier, Head, leaf_hash, verify_consistency

# Twice what stations send ahead: what was sent again must not push out what is still wanted.
MAX_PENDING_BYTES = 2 * MAX_AHEAD_BYTES
ANSWER_PAUSE = timedelta(seconds=1)
Fault = Literal["oversized", "malformed", "foreign", "unsigned", "unknown_station", "unknown_topic"]


@dataclass(frozen=True, slots=True)
class Commit:
    """Entries to be stored in one transaction with their checkpoint, then `settle`d."""

    old_size: int
    entries: tuple[Entry, ...]
    leaves: tuple[bytes, ...]
    frontier: Frontier
    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class SayHave:
    """Tell the station how much the index has; that is also how a resend is asked for."""

    size: int


@dataclass(frozen=True, slots=True)
class SayWitnessed:
    """The station shows a head that is stored already: tell it again what the index has signed."""

    size: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Two histories under one key; the report stands alone. The station is frozen from here on."""

    why: str
    accepted: Head
    accepted_note: str | None
    request: WitnessRequest
    entries: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that changes nothing, and why."""

    fault: Fault
    why: str


Outcome = Commit | SayHave | SayWitnessed | Fork | Refused
RootAt = Callable[[int], bytes]


class StationMirror:
    """One station's ledger as far as it is proven, and what waits to be proven.

    `root_at` returns the root of the stored entries 1..n.
    """

    def __init__(
        self, key: VerifyingKey, frontier: Frontier, note: str | None, root_at: RootAt
    ) -> None:
        self.key = key
        self.frontier = frontier
        self.note = note
        self.is_forked = False
        self._root_at = root_at
        self._pending: dict[int, bytes] = {}
        self.pending_bytes = 0
        self._awaited: tuple[WitnessRequest, Checkpoint] | None = None
        self._answered_at: datetime | None = None

    @property
    def have(self) -> int:
        """How many entries are proven and stored."""
        return self.frontier.size

    @property
    def head(self) -> Head:
        """Size and root of what is proven and stored."""
        return Head(self.have, self.frontier.root())

    @property
    def is_behind(self) -> bool:
        """Tell whether the station is known to have entered more than is stored."""
        return bool(self._pending) or self._awaited is not None

    def freeze(self) -> None:
        """Believe nothing more of this station."""
        self.is_forked = True
        self.forget()

    def settle(self, commit: Commit) -> None:
        """Build upon a commit; what is beyond it goes on waiting."""
        self.frontier = commit.frontier
        self.note = commit.note
        for entry in commit.entries:
            self.pending_bytes -= len(self._pending.pop(entry.sequence))
        if self._awaited and self._awaited[1].size <= self.have:
            self._awaited = None

    def retreat(self, frontier: Frontier, note: str | None) -> None:
        """Go back to what was stored before commits that were settled and could not be stored."""
        self.frontier, self.note, self.is_forked = frontier, note, False
        self.forget()

    def answer(self, now: datetime, *, at_once: bool = False) -> tuple[SayHave, ...]:
        """Return what to tell a station that must know where to go on; not more than once a second.

        Every answer makes a station send a window again, so that answers must not echo.
        """
        paused = self._answered_at is not None and abs(now - self._answered_at) < ANSWER_PAUSE
        if self.is_forked or (paused and not at_once):
            return ()
        self._answered_at = now
        return (SayHave(self.have),)

    def take_entries(self, payload: bytes, now: datetime) -> tuple[Outcome, ...]:
        """Take in what claims to be a message of the station's entries."""
        if self.is_forked:
            return ()
        placed = self._placed(payload)
        if isinstance(placed, Refused):
            return (placed,)
        first, last = min(placed), max(placed)
        if last <= self.have:
            return ()
        if last > self.have + MAX_AHEAD_ENTRIES:
            return self.answer(now)
        self._keep(placed)
        if first > self.have + 1 and first - 1 not in self._pending:
            return self.answer(now)
        return self._weigh(now) if self._awaited else ()

    def take_checkpoint(self, body: bytes, now: datetime) -> tuple[Outcome, ...]:
        """Take in what claims to be a signed checkpoint with its proof (tlog-witness)."""
        if self.is_forked:
            return ()
        try:
            request = WitnessRequest.parse(body)
            checkpoint = verify_checkpoint(request.note, self.key)
        except NoteError as error:
            return (Refused("unsigned", str(error.fields["why"])),)
        if checkpoint.size <= self.have:
            return self._compare(request, checkpoint, now)
        if self._awaited is None or self._awaited[1].size <= checkpoint.size:
            self._awaited = (request, checkpoint)
        return self._weigh(now)

    def _placed(self, payload: bytes) -> dict[int, bytes] | Refused:
        """Return the entries of a message by the places they claim; only the first is read."""
        if len(payload) > MAX_BATCH_BYTES:
            return Refused("oversized", f"a message of {len(payload)} bytes")
        try:
            entries = split_batch(payload)
            first = decode(entries[0])
        except EntryError as error:
            return Refused("malformed", str(error.fields["why"]))
        if first.source != self.key.name:
            return Refused("foreign", f"an entry of {first.source}")
        return dict(enumerate(entries, first.sequence))

    def _keep(self, placed: dict[int, bytes]) -> None:
        """Let entries wait; for more than a station sends ahead, what waited makes room."""
        wanted = {number: raw for number, raw in placed.items() if number > self.have}
        known = sum(len(self._pending[number]) for number in wanted.keys() & self._pending.keys())
        more = sum(map(len, wanted.values())) - known
        if self.pending_bytes + more > MAX_PENDING_BYTES:
            self.forget()
            more += known
        self._pending.update(wanted)
        self.pending_bytes += more

    def _compare(
        self, request: WitnessRequest, checkpoint: Checkpoint, now: datetime
    ) -> tuple[Outcome, ...]:
        """Judge a head that is not newer than ours: it must be one that ours grew from."""
        if checkpoint.size == self.have:
            ours = self.frontier.root()
        else:
            ours = self._root_at(checkpoint.size)
        if checkpoint.root != ours:
            return (self._fork(f"two roots for size {checkpoint.size}", request),)
        said = self.answer(now)
        return (*said, SayWitnessed(self.have)) if said else ()

    def _weigh(self, now: datetime) -> tuple[Outcome, ...]:
        """Judge what waits against the newest signed head."""
        assert self._awaited is not None  # noqa: S101  # callers ask only then
        request, checkpoint = self._awaited
        wanted = range(self.have + 1, checkpoint.size + 1)
        if len(wanted) <= len(self._pending) and all(n in self._pending for n in wanted):
            leaves = tuple(leaf_hash(self._pending[number]) for number in wanted)
            frontier = self.frontier.grown(leaves)
            if frontier.root() != checkpoint.root:
                return self._doubt(request, checkpoint, now)
            entries = self._read(wanted)
            if isinstance(entries, Refused):
                self.forget()
                return (entries,)
            self._answered_at = now
            return (Commit(self.have, entries, leaves, frontier, checkpoint, request.note),)
        if request.old_size == self.have and (why := self._broken_proof(request, checkpoint)):
            return (self._fork(why, request),)
        return self.answer(now)

    def _read(self, wanted: range) -> tuple[Entry, ...] | Refused:
        """Read entries that are signed; a station can sign what is no entry of its."""
        try:
            entries = tuple(decode(self._pending[number]) for number in wanted)
        except EntryError as error:
            return Refused("malformed", str(error.fields["why"]))
        for number, entry in zip(wanted, entries, strict=True):
            if (entry.sequence, entry.source) != (number, self.key.name):
                return Refused("foreign", f"entry {entry.sequence} of {entry.source} as {number}")
        return entries

    def _doubt(
        self, request: WitnessRequest, checkpoint: Checkpoint, now: datetime
    ) -> tuple[Outcome, ...]:
        """Tell who is wrong when entries and head disagree: what waits, or the station.

        Waiting entries are not signed. If the head provably extends ours, they are to be sent
        again; a proof from another size than ours proves nothing, and is asked for anew.
        """
        if request.old_size == self.have and (why := self._broken_proof(request, checkpoint)):
            return (self._fork(why, request),)
        self.forget()
        return self.answer(now, at_once=True)

    def _broken_proof(self, request: WitnessRequest, checkpoint: Checkpoint) -> str | None:
        try:
            verify_consistency(self.head, checkpoint.head, request.proof)
        except ProofError as error:
            return str(error.fields["why"])
        return None

    def _fork(self, why: str, request: WitnessRequest) -> Fork:
        entries = tuple(self._pending[number] for number in sorted(self._pending))
        fork = Fork(why, self.head, self.note, request, entries)
        self.freeze()
        return fork

    def forget(self) -> None:
        """Let nothing wait any more; the station will be asked for it again."""
        self._pending.clear()
        self.pending_bytes = 0
        self._awaited = None
