"""Whether a card may be cleared, and the steps that lead there: nothing is removed without them.

`may_clear` is the one gate (docs/clearing.md). `advance` asks it again and again while a recorder
is docked: it orders the second reading, has the intent entered, and gives the order to remove only
when the intent itself is witnessed and the gate is still open.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent.core.effect import ClearCard, Effect, Enter, LookAgain, ReadCardAgain
from agent.core.event import CardReadAgain, ClearEnded, LookedAgain, Noted, Trouble
from agent.core.plan import modified_us
from agent.core.recorder import INFO_DAT, PARAM_INI, CardFile, Listing, Reread
from contracts.clearing import ClearingPhase, Reason
from contracts.errors import ClearingStoppedError, FilesLeftError, RecorderGoneError
from contracts.facts import ClearingRefused, Counts, RecorderCleared, RecorderClearing
from contracts.reading import Identity
from contracts.roster import ClearRule, RecorderRecord

CLEARED = "cleared"
# An entry made before the witness signed it and read after: farther apart, one clock is wrong.
CLOCK_TOLERANCE = timedelta(seconds=60)
REASON_MAX = 1000
_MARKS = frozenset(b"/".join(names).lower() for names in (PARAM_INI, INFO_DAT))
_P = ClearingPhase


@dataclass(frozen=True, slots=True)
class Witness:
    """Who cosigned the first `size` entries, and when by its own clock."""

    size: int
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the gate asks of the station; as long as nothing is known, it stays shut.

    `claimed` are the recorders that a device in another dock claims to be, `handed_out` those
    that are issued. `is_confirmed` tells of a digest whether the second copy has it.
    """

    clock: str = "unknown"
    witness: Witness | None = None
    pinned: str | None = None
    is_archive_healthy: bool = False
    claimed: frozenset[str] = frozenset()
    handed_out: frozenset[str] = frozenset()
    has_second_copy: bool = False
    is_second_copy_reachable: bool = False
    is_confirmed: Callable[[str], bool] = lambda _: False


NOTHING_KNOWN = Surroundings()


@dataclass(frozen=True, slots=True)
class SecondReading:
    """What reading the whole card once more found; `files` are those that may be removed."""

    can_clear: bool
    identity: Identity
    listing: Listing
    differing: int
    lacking: int
    files: tuple[Reread, ...]

    @classmethod
    def of(cls, event: CardReadAgain) -> "SecondReading":
        """Return what a worker's report comes to."""
        return cls(
            event.can_clear,
            event.identity,
            event.listing,
            sum(one.sha256 is None or one.sha256 != one.known for one in event.files)
            + len(event.listing.files)
            - len(event.files),
            sum(not one.is_archived for one in event.files),
            tuple(one for one in event.files if is_removable(one.file)),
        )


@dataclass(frozen=True, slots=True)
class Case:
    """All that the gate weighs, of one visit. `identities`: each answer to who it is, in turn.

    `uncopied`: how many of the files that would go have no confirmed second copy.
    """

    now: datetime
    rule: ClearRule | None
    record: RecorderRecord | None
    listing: Listing
    counts: Counts
    completed: Noted | None
    second: SecondReading | None
    identities: tuple[Identity, ...]
    battery_percent: int | None
    battery_percent_min: int
    is_troubled: bool
    around: Surroundings
    uncopied: int = 0


def may_clear(case: Case) -> tuple[Reason, ...]:
    """Return everything that bars the card from being cleared: nothing means yes."""
    return tuple(reason for reason, bars in _BARS if bars(case))


def is_removable(file: CardFile) -> bool:
    """Tell whether a file is footage, and not a mark by which the recorder tells who it is."""
    return not file.mark.is_identity and file.path.lower() not in _MARKS


@dataclass(frozen=True, slots=True)
class Seat:
    """Whose clearing it is."""

    dock: int
    visit: str
    recorder: str


@dataclass(frozen=True, slots=True)
class Clearing:
    """How far a visit's clearing is; `code` says why it failed, beside the gate's reasons."""

    phase: ClearingPhase
    since: datetime
    reasons: tuple[Reason, ...] = ()
    completed: Noted | None = None
    second: SecondReading | None = None
    intent: RecorderClearing | None = None
    intended: Noted | None = None
    looked: Identity | None = None
    bytes_done: int = 0
    code: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is not over yet."""
        return self.phase not in (_P.CLEARED, _P.KEPT)


Turn = tuple[Clearing, tuple[Effect, ...]]


def begin(files: Iterable[CardFile], now: datetime) -> Clearing | None:
    """Return the clearing of a completed visit, or None where there is nothing to remove."""
    return Clearing(_P.WAITING, now) if any(map(is_removable, files)) else None


def note(clearing: Clearing, event: Noted) -> Clearing:
    """Remember where the ledger has the visit's end, or the intent."""
    if event.type == RecorderClearing.TYPE:
        return replace(clearing, intended=event)
    return replace(clearing, completed=event)


def advance(clearing: Clearing, case: Case, seat: Seat) -> Turn:
    """Take the next step, if the gate and the step before allow it."""
    step = _STEPS.get(clearing.phase)
    if step is None:
        return clearing, ()
    reasons = may_clear(case)
    if not all(reason.passes for reason in reasons):
        return keep(clearing, tuple(r for r in reasons if not r.passes), seat, case.now)
    return step(replace(clearing, reasons=reasons), case, seat)


def read(clearing: Clearing, event: CardReadAgain, now: datetime) -> Clearing:
    """Take over what the second reading found; the gate weighs it next."""
    return replace(clearing, phase=_P.WAITING, since=now, second=SecondReading.of(event))


def look(clearing: Clearing, event: LookedAgain) -> Clearing:
    """Take over who the recorder says it is, at the last moment."""
    return replace(clearing, looked=event.identity)


def keep(clearing: Clearing, reasons: tuple[Reason, ...], seat: Seat, now: datetime) -> Turn:
    """Leave the card as it is, and enter why."""
    kept = replace(clearing, phase=_P.KEPT, since=now, reasons=reasons)
    if clearing.intent is None:
        codes = tuple(map(str, reasons))
        return kept, (Enter(ClearingRefused(seat.visit, seat.recorder, seat.dock, codes)),)
    said = "; ".join(f"{reason.sentence} [{reason}]" for reason in reasons)[:REASON_MAX]
    return kept, (Enter(_closing(clearing.intent, 0, None, str(reasons[0]), said)),)


def break_off(clearing: Clearing, trouble: Trouble, seat: Seat, now: datetime) -> Turn:
    """End a clearing that something else ended; what was removed until then is not known."""
    broken = replace(clearing, phase=_P.KEPT, since=now, reasons=(), code=trouble.code)
    if clearing.intent is not None:
        removed = None if clearing.phase is _P.REMOVING else 0
        said = str(trouble.sentence)[:REASON_MAX]
        return broken, (Enter(_closing(clearing.intent, removed, None, trouble.code, said)),)
    if trouble.code in (RecorderGoneError.code, ClearingStoppedError.code):
        return broken, ()  # nobody promised anything: it is cleared at its next visit
    refused = ClearingRefused(seat.visit, seat.recorder, seat.dock, (trouble.code,))
    return broken, (Enter(refused),)


def end(clearing: Clearing, event: ClearEnded, now: datetime) -> Turn:
    """Enter what the card still holds after the removing."""
    if clearing.intent is None or clearing.second is None:
        raise RuntimeError(f"{event.visit}: cleared without an intent")
    listing = event.listing if event.listing and event.listing.error is None else None
    trouble = event.trouble
    removed = others = None
    if listing is not None:
        there = {file.path for file in listing.files}
        left = sum(one.file.path in there for one in clearing.second.files)
        removed, others = clearing.intent.files - left, len(there) - left
        if left and trouble is None:
            trouble = Trouble.of(FilesLeftError(left=left))
    elif trouble is None:
        why = event.listing.error if event.listing else "?"
        trouble = Trouble.of(FilesLeftError(left=why))
    code = trouble.code if trouble else CLEARED
    said = str(trouble.sentence)[:REASON_MAX] if trouble else ""
    phase = _P.KEPT if trouble else _P.CLEARED
    ended = replace(clearing, phase=phase, since=now, code=trouble.code if trouble else None)
    return ended, (Enter(_closing(clearing.intent, removed, others, code, said)),)


def list_sha256(files: Iterable[Reread]) -> str:
    """Return the digest of an exact list of files, as docs/clearing.md lays it down."""
    running = hashlib.sha256()
    for one in files:
        file = one.file
        running.update(f"{one.sha256} {file.size} {modified_us(file)} ".encode())
        running.update(file.path + b"\0")
    return running.hexdigest()


def _wait(clearing: Clearing, case: Case, seat: Seat) -> Turn:
    if clearing.reasons == (Reason.NOT_READ_AGAIN,):
        reading = replace(clearing, phase=_P.READING, since=case.now)
        return reading, (ReadCardAgain(seat.dock, seat.visit, seat.recorder),)
    witness, second = case.around.witness, case.second
    if clearing.reasons or witness is None or second is None:
        return clearing, ()
    intent = RecorderClearing(
        visit=seat.visit,
        recorder=seat.recorder,
        dock=seat.dock,
        files=len(second.files),
        total_bytes=sum(one.file.size for one in second.files),
        list_sha256=list_sha256(second.files),
        witnessed=witness.size,
        witness=witness.key,
    )
    intended = replace(clearing, phase=_P.INTENDED, since=case.now, intent=intent)
    return intended, (Enter(intent),)


def _await_witness(clearing: Clearing, case: Case, seat: Seat) -> Turn:
    if not _is_covered(case.around, clearing.intended):
        shown = dict.fromkeys((*clearing.reasons, Reason.NOT_WITNESSED))
        return replace(clearing, reasons=tuple(shown)), ()
    if clearing.reasons:
        return clearing, ()
    looking = replace(clearing, phase=_P.LOOKING, since=case.now, looked=None)
    return looking, (LookAgain(seat.dock, seat.visit),)


def _await_look(clearing: Clearing, case: Case, seat: Seat) -> Turn:
    if clearing.looked is None or case.second is None:
        return clearing, ()
    if clearing.reasons or not _is_covered(case.around, clearing.intended):
        return replace(clearing, phase=_P.INTENDED, since=case.now, looked=None), ()
    removing = replace(clearing, phase=_P.REMOVING, since=case.now)
    files = tuple(one.file for one in case.second.files)
    return removing, (ClearCard(seat.dock, seat.visit, files),)


def _closing(
    intent: RecorderClearing, removed: int | None, others: int | None, code: str, reason: str
) -> RecorderCleared:
    return RecorderCleared(
        visit=intent.visit,
        recorder=intent.recorder,
        dock=intent.dock,
        files=intent.files,
        removed=removed,
        left=None if removed is None else intent.files - removed,
        others=others,
        code=code,
        reason=reason,
    )


def uncopied(second: SecondReading, is_confirmed: Callable[[str], bool]) -> int:
    """Return how many of the files that would be removed have no confirmed second copy."""
    return sum(one.known is None or not is_confirmed(one.known) for one in second.files)


def _wants_second_copy(case: Case) -> bool:
    return case.rule is not None and case.rule.copies > 1


def _is_covered(around: Surroundings, noted: Noted | None) -> bool:
    witness = around.witness
    return witness is not None and noted is not None and witness.size >= noted.sequence


def _is_listing_incomplete(case: Case) -> bool:
    listings = (case.listing, *((case.second.listing,) if case.second else ()))
    return any(listing.error is not None or _unread(listing) for listing in listings)


def _unread(listing: Listing) -> bool:
    return any(item.reason in ("unlistable_folder", "unreadable") for item in listing.refused)


def _do_listings_differ(case: Case) -> bool:
    return case.second is not None and _names(case.second.listing) != _names(case.listing)


def _names(listing: Listing) -> tuple[object, ...]:
    return listing.files, tuple((item.path, item.reason) for item in listing.refused)


def _is_foreign(case: Case) -> bool:
    witness = case.around.witness
    return case.around.pinned is None or (witness is not None and witness.key != case.around.pinned)


def _is_identity_unproven(case: Case) -> bool:
    # Who copies a card's PARAM.INI copies its number; the plug or the file system must agree.
    record, first = case.record, case.identities[0]
    return record is None or not any(
        mark is not None and mark == shown
        for mark, shown in ((record.serial, first.serial), (record.volume, first.volume))
    )


def _is_clock_unsure(case: Case) -> bool:
    if case.around.clock == "synchronised":
        return False
    witness, completed = case.around.witness, case.completed
    if witness is None or completed is None:
        return True
    earliest, latest = completed.at - CLOCK_TOLERANCE, case.now + CLOCK_TOLERANCE
    return not earliest <= witness.at <= latest


def _is_battery_low(case: Case) -> bool:
    return case.battery_percent is not None and case.battery_percent < case.battery_percent_min


def _is_battery_unknown(case: Case) -> bool:
    is_accepted = case.rule is not None and case.rule.unknown_battery
    return case.battery_percent is None and not is_accepted


_BARS: tuple[tuple[Reason, Callable[[Case], bool]], ...] = (
    (Reason.NOT_ALLOWED, lambda case: case.rule is None),
    (Reason.IMPOSSIBLE, lambda case: case.second is not None and not case.second.can_clear),
    (Reason.LISTING_INCOMPLETE, _is_listing_incomplete),
    (Reason.LISTINGS_DIFFER, _do_listings_differ),
    (Reason.COUNTS_DIFFER, lambda case: case.counts.settled != case.counts.listed),
    (Reason.FILES_UNPROVEN, lambda case: case.counts.unreadable > 0),
    (Reason.NOT_READ_AGAIN, lambda case: case.second is None),
    (Reason.CARD_DIFFERS, lambda case: case.second is not None and case.second.differing > 0),
    (Reason.ARCHIVE_LACKS, lambda case: case.second is not None and case.second.lacking > 0),
    (Reason.ARCHIVE_UNHEALTHY, lambda case: not case.around.is_archive_healthy),
    (
        Reason.NO_SECOND_COPY,
        lambda case: _wants_second_copy(case) and not case.around.has_second_copy,
    ),
    (
        Reason.SECOND_COPY_AWAY,
        lambda case: (
            _wants_second_copy(case)
            and case.around.has_second_copy
            and not case.around.is_second_copy_reachable
        ),
    ),
    (
        Reason.NOT_COPIED,
        lambda case: _wants_second_copy(case) and case.around.has_second_copy and case.uncopied > 0,
    ),
    (Reason.NOT_WITNESSED, lambda case: not _is_covered(case.around, case.completed)),
    (Reason.WITNESS_NOT_PINNED, _is_foreign),
    (Reason.IDENTITY_UNPROVEN, _is_identity_unproven),
    (Reason.IDENTITY_CHANGED, lambda case: len(set(case.identities)) > 1),
    (
        Reason.RECORDER_TWICE,
        lambda case: case.record is not None and case.record.number in case.around.claimed,
    ),
    (Reason.CLOCK_UNSURE, _is_clock_unsure),
    (Reason.BATTERY_LOW, _is_battery_low),
    (Reason.BATTERY_UNKNOWN, _is_battery_unknown),
    (
        Reason.HANDED_OUT,
        lambda case: case.record is not None and case.record.number in case.around.handed_out,
    ),
    (Reason.DOCK_TROUBLE, lambda case: case.is_troubled),
)
_STEPS: dict[ClearingPhase, Callable[[Clearing, Case, Seat], Turn]] = {
    _P.WAITING: _wait,
    _P.INTENDED: _await_witness,
    _P.LOOKING: _await_look,
}
