"""One dock's life as a table of state and event; everything that moves a dock is in this file.

An action takes the dock, the event and what is known around it, and returns the dock after it and
the effects to carry out. A pair that is not in the table is our bug: it raises and changes nothing.
What a worker reports for a visit that has ended never reaches the table (`step` drops it).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from agent.core import emptying, settling, switching
from agent.core.checks import check, check_card, completed, told
from agent.core.clearing import NOTHING_KNOWN, Clearing, Surroundings
from agent.core.device import match_recorder
from agent.core.effect import (
    CopyFiles,
    Effect,
    Enter,
    Identify,
    Release,
    Survey,
    TakeReadings,
)
from agent.core.ending import end_badly, interrupted
from agent.core.event import (
    Barred,
    ClockCorrected,
    CopyEnded,
    Docked,
    DockEvent,
    FileImported,
    FileUnreadable,
    Identified,
    Progressed,
    ReadAgain,
    Removed,
    RetryAsked,
    Surveyed,
    Trouble,
    VisitFailed,
    WorkerEvent,
)
from agent.core.plan import Plan, PlannedCopy, is_same, joined, news, plan_copies, relisted
from agent.core.recorder import Device, Listing
from agent.core.storage import GOOD, StorageHealth
from contracts.clearing import ClearingPhase
from contracts.dock import DockState
from contracts.errors import (
    IdentityConflictError,
    ListingUnsteadyError,
    RecorderNumberTwiceError,
    RecorderUnknownError,
)
from contracts.facts import (
    ClockSet,
    Counts,
    RecorderChecked,
    RecorderClearing,
    RecorderDocked,
    VisitCompleted,
)
from contracts.finding import Finding, blocks_issue
from contracts.reading import Identity, Reading
from contracts.roster import Limits, Policy, Roster

INBOX = "inbox"
LISTINGS_MAX = 4  # of one visit; a card that is listed otherwise each time is never settled
NOTHING = Counts()
UNLISTED = Listing(())


@dataclass(frozen=True, slots=True)
class Dock:
    """One dock. `visit_open`: the ledger has this visit's beginning and not yet its end.

    `told` is what the recorder said in its own language, before it was a disk, and `switch_seconds`
    how long it may then be away.
    """

    number: int
    name: str
    since: datetime
    state: DockState = DockState.EMPTY
    device: Device | None = None
    found: bool = False  # there when the agent looked, not seen being plugged in
    visit: str = ""
    visit_open: bool = False
    docked_at: datetime | None = None
    identity: Identity | None = None
    recorder: str | None = None
    told: tuple[Reading, ...] = ()
    switch_seconds: float = 0.0
    is_switched: bool = False
    readings: tuple[Reading, ...] = ()
    findings: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()
    clock_offset_ms: int | None = None  # as measured before anything corrected it
    clock_uncertainty_ms: int | None = None
    listing: Listing | None = None
    known: Listing = UNLISTED  # all that this visit ever listed: each is accounted for once
    plan: Plan | None = None
    counts: Counts = NOTHING
    listings: int = 1
    imported_bytes: int = 0
    settled_bytes: int = 0
    bytes_done: int = 0
    copying_since: datetime | None = None
    trouble: Trouble | None = None
    clearing: Clearing | None = None

    @property
    def is_vacant(self) -> bool:
        """Whether nothing stands in it and nothing is to come back."""
        return self.device is None and self.state is not DockState.SWITCHING


@dataclass(frozen=True, slots=True)
class Around:
    """What an action may know beyond its own dock: the moment, the roster, who is where.

    `unfinished` are the clearings of which it is not known what they removed, by recorder.
    """

    now: datetime
    roster: Roster
    docked: Mapping[str, int]
    storage: StorageHealth = GOOD
    surroundings: Surroundings = NOTHING_KNOWN
    unfinished: Mapping[str, RecorderClearing] = field(default_factory=dict)

    def policy(self, recorder: str) -> Policy | None:
        """Return the policy a recorder is under; the inbox is under none."""
        record = self.roster.find_recorder(recorder)
        return self.roster.policy_of(record.department) if record else None


Step = tuple[Dock, tuple[Effect, ...]]
Action = Callable[[Dock, Any, Around], Step]


def step(dock: Dock, event: DockEvent, around: Around) -> Step:
    """Return the dock after an event, and what is to be done.

    Raises:
        RuntimeError: the table has no such pair: a wrong order of calls, which is our bug.
    """
    if isinstance(event, WorkerEvent) and event.visit != dock.visit:
        return dock, ()
    action = TABLE.get((dock.state, type(event)))
    if action is None:
        raise RuntimeError(f"dock {dock.number}: {type(event).__name__} in {dock.state}")
    return action(dock, event, around)


def begin(dock: Dock, event: Docked, around: Around) -> Step:
    """Take hold of what was plugged in."""
    started, effects = _fresh(dock, around.now, event.device, event.visit)
    return replace(started, found=event.found), effects


def begin_again(dock: Dock, event: RetryAsked, around: Around) -> Step:
    """Start a new visit of the recorder that is still there."""
    if dock.device is None:
        raise RuntimeError(f"dock {dock.number}: nothing to retry")
    started, effects = _fresh(dock, around.now, dock.device, event.visit)
    # Until its recorder was known, a visit that failed has entered nothing: this one stands for it.
    found = dock.found or dock.recorder is not None
    _, closing = emptying.broken_off(dock, settling.BEGUN_AGAIN, around)
    return replace(started, found=found), (*closing, Release(dock.number), *effects)


def bar(dock: Dock, event: Barred, around: Around) -> Step:
    """Show a device that must not be opened; if it came for a recorder, that visit is over."""
    shown = _emptied(dock, around.now)
    effects = end_badly(dock, around, event.trouble)[1] if dock.visit_open else ()
    barred = replace(shown, state=DockState.REFUSED, device=event.device, trouble=event.trouble)
    return barred, effects


def identify(dock: Dock, event: Identified, around: Around) -> Step:
    """Match what was plugged in against the roster, and ask or survey it if it is one of ours."""
    if dock.visit_open:
        return switching.recognise(dock, event, around)
    recorder, trouble = _who(dock, event.identity, around)
    if recorder is None:
        return replace(
            dock,
            state=DockState.REFUSED,
            since=around.now,
            identity=event.identity,
            trouble=trouble,
        ), (Release(dock.number),)
    known = replace(
        dock,
        state=DockState.CHECKING,
        since=around.now,
        visit_open=True,
        identity=event.identity,
        recorder=recorder,
        told=event.unanswered,
    )
    fact = RecorderDocked(
        visit=dock.visit,
        dock=dock.number,
        port=_device(dock).port,
        recorder=recorder,
        identity=event.identity,
        device=_device(dock).description,
        profile=event.profile,
    )
    if event.asks:
        asking, orders = switching.ask(known)
        return asking, (Enter(fact), *orders)
    return known, (Enter(fact), Survey(dock.number, dock.visit, recorder))


def survey(dock: Dock, event: Surveyed, around: Around) -> Step:
    """Check the readings, enter them, and order the copy."""
    recorder = _recorder(dock)
    policy = around.policy(recorder)
    readings = completed(event.readings, dock.told)
    findings = check(readings, policy.limits) if policy else ()
    plan = plan_copies(event.listing, event.proven)
    refused = event.listing.refused
    counts = Counts(
        listed=len(event.listing.files) + len(refused), held=len(plan.held), refused=len(refused)
    )
    measured, orders = settling.measure_clock(replace(dock, readings=readings), policy, around)
    surveyed = replace(
        measured,
        state=DockState.COPYING,
        since=around.now,
        copying_since=around.now,
        findings=findings,
        remarks=(
            *measured.remarks,
            *settling.listing_findings(event.listing),
            *settling.unfinished_finding(event.listing, plan, around.unfinished.get(recorder)),
        ),
        listing=event.listing,
        known=event.listing,
        plan=plan,
        counts=counts,
    )
    effects: list[Effect] = []
    if policy:
        effects.append(Enter(RecorderChecked(dock.visit, recorder, readings, findings)))
    effects += settling.refused_items(dock.visit, recorder, refused)
    effects += orders
    barred = around.storage.barring(plan.total_bytes)
    if barred is not None:
        ended, last = end_badly(surveyed, around, barred)
        return ended, (*effects, *last)
    sm3 = policy.sm3 if policy else False
    offset_ms = surveyed.clock_offset_ms
    effects.append(CopyFiles(dock.number, dock.visit, recorder, plan, offset_ms, sm3))
    return surveyed, tuple(effects)


def correct(dock: Dock, event: ClockCorrected, around: Around) -> Step:
    """Enter that the clock was set, and what it shows since."""
    recorder = _recorder(dock)
    again, effects = _check_again(dock, event.readings, around, always=True)
    fact = ClockSet(dock.visit, recorder, event.offset_ms_before, event.set_at)
    return again, (Enter(fact), *effects)


def read_again(dock: Dock, event: ReadAgain, around: Around) -> Step:
    """Take new readings over; enter them when a check comes out otherwise."""
    return _check_again(dock, event.readings, around, always=False)


def progress(dock: Dock, event: Progressed, around: Around) -> Step:
    """Remember how far the copy is."""
    return replace(dock, bytes_done=event.bytes_done), ()


def take_file(dock: Dock, event: FileImported, around: Around) -> Step:
    """Count and enter a proven file."""
    counts = dock.counts
    size = event.planned.file.size
    counts = (
        replace(counts, held=counts.held + 1)
        if event.held
        else replace(counts, imported=counts.imported + 1)
    )
    measured = (dock.clock_offset_ms, dock.clock_uncertainty_ms)
    fact = settling.imported(event, _recorder(dock), dock.number, measured)
    taken = replace(
        _relisted(dock, event.planned),
        counts=counts,
        imported_bytes=dock.imported_bytes + (0 if event.held else size),
        settled_bytes=dock.settled_bytes + size,
        bytes_done=max(dock.bytes_done, dock.settled_bytes + size),
        remarks=settling.merge(dock.remarks, fact.findings),
    )
    return taken, (Enter(fact),)


def miss_file(dock: Dock, event: FileUnreadable, around: Around) -> Step:
    """Count and enter a file that could not be read."""
    unreadable = dock.counts.unreadable + 1
    fact = settling.unreadable(event, _recorder(dock))
    policy = around.policy(_recorder(dock))
    found = check_card(unreadable, policy.limits if policy else Limits())
    others = tuple(remark for remark in dock.remarks if remark.code != found.code)
    missed = replace(
        _relisted(dock, event.planned),
        counts=replace(dock.counts, unreadable=unreadable),
        settled_bytes=dock.settled_bytes + event.planned.file.size,
        remarks=(*others, found),
    )
    return missed, (Enter(fact),)


def complete(dock: Dock, event: CopyEnded, around: Around) -> Step:
    """End the visit, if the card lists the same twice and every listed file is accounted for."""
    if not is_same(_listing(dock), event.listing):
        return _import_news(dock, event.listing, around)
    if dock.counts.settled != dock.counts.listed:
        return end_badly(dock, around, settling.COUNTS_DIFFER)
    fact = VisitCompleted(
        visit=dock.visit,
        recorder=_recorder(dock),
        dock=dock.number,
        docked_at=dock.docked_at or dock.since,
        counts=dock.counts,
        imported_bytes=dock.imported_bytes,
        manifest_sha256=event.manifest_sha256,
        findings=(*dock.findings, *dock.remarks),
        found=dock.found,
    )
    is_good = not blocks_issue((*dock.findings, *dock.remarks))
    completed = replace(
        dock,
        state=DockState.READY if is_good else DockState.ATTENTION,
        since=around.now,
        visit_open=False,
    )
    return emptying.started(completed, around), (Enter(fact),)


def fail(dock: Dock, event: VisitFailed, around: Around) -> Step:
    """Show why the visit cannot go on, and enter it if the visit had begun."""
    return end_badly(dock, around, event.trouble)


def leave(dock: Dock, event: Removed, around: Around) -> Step:
    """Empty the dock; a visit that was under way was interrupted."""
    _, closing = emptying.broken_off(dock, settling.TAKEN_OUT, around)
    effects: tuple[Effect, ...] = (*closing, Release(dock.number))
    if dock.visit_open:
        effects = (Enter(interrupted(dock, settling.TAKEN_OUT)), *effects)
    return _emptied(dock, around.now), effects


_S = DockState
_PLUGGED = (
    _S.IDENTIFYING,
    _S.ASKING,
    _S.CHECKING,
    _S.COPYING,
    _S.READY,
    _S.ATTENTION,
    _S.CLEARING,
    _S.FAILED,
)
_BUSY = (_S.IDENTIFYING, _S.ASKING, _S.SWITCHING, _S.CHECKING, _S.COPYING)
TABLE: dict[tuple[DockState, type], Action] = {
    # A dock shows why its recorder did not come back until something else does.
    **{(state, Docked): begin for state in (_S.EMPTY, _S.FAILED)},
    **{(state, Barred): bar for state in (_S.EMPTY, _S.FAILED, _S.SWITCHING)},
    (_S.REFUSED, Removed): leave,
    **{(state, Removed): leave for state in _PLUGGED},
    **{(state, RetryAsked): begin_again for state in (_S.READY, _S.ATTENTION, _S.FAILED)},
    **{(state, VisitFailed): fail for state in _BUSY},
    (_S.IDENTIFYING, Identified): identify,
    (_S.CHECKING, Surveyed): survey,
    # A recorder that shows a disk already is identified as one while its clock is being set.
    **{(s, ClockCorrected): correct for s in (_S.ASKING, _S.IDENTIFYING, _S.COPYING)},
    (_S.COPYING, Progressed): progress,
    (_S.COPYING, FileImported): take_file,
    (_S.COPYING, FileUnreadable): miss_file,
    (_S.COPYING, CopyEnded): complete,
    **{(state, ReadAgain): read_again for state in (_S.READY, _S.ATTENTION, _S.CLEARING)},
    **switching.ROWS,
    **emptying.ROWS,
}


def idle_orders(dock: Dock) -> tuple[Effect, ...]:
    """Return what a finished dock does now and then: read the battery again."""
    if dock.clearing is not None and dock.clearing.phase is ClearingPhase.READING:
        return ()  # they would only wait behind the reading
    if dock.state in (DockState.READY, DockState.ATTENTION) and dock.recorder != INBOX:
        return (TakeReadings(dock.number, dock.visit),)
    return ()


def _fresh(dock: Dock, now: datetime, device: Device, visit: str) -> Step:
    started = replace(
        _emptied(dock, now),
        state=DockState.IDENTIFYING,
        device=device,
        visit=visit,
        docked_at=now,
    )
    return started, (Identify(dock.number, visit, device),)


def _emptied(dock: Dock, now: datetime) -> Dock:
    return Dock(number=dock.number, name=dock.name, since=now)


def _who(dock: Dock, identity: Identity, around: Around) -> tuple[str | None, Trouble | None]:
    if _device(dock).kind == "inbox":
        return INBOX, None
    try:
        number = match_recorder(identity, around.roster.recorder)
    except IdentityConflictError as error:
        return None, Trouble.of(error)
    if number is None:
        seen = identity.device_number or identity.serial or identity.volume or "?"
        return None, Trouble.of(RecorderUnknownError(seen=seen))
    other = around.docked.get(number)
    if other is not None and other != dock.number:
        return None, Trouble.of(RecorderNumberTwiceError(recorder=number, dock=other))
    return number, None


def _check_again(
    dock: Dock, readings: tuple[Reading, ...], around: Around, *, always: bool
) -> Step:
    recorder = _recorder(dock)
    policy = around.policy(recorder)
    is_asked = dock.listing is None  # in its own language; the disk has not been asked yet
    known = readings if is_asked else completed(readings, dock.told)
    checks = told if is_asked else check
    findings = checks(known, policy.limits) if policy else ()
    changed = {f.code for f in findings} != {f.code for f in dock.findings}
    again = replace(dock, readings=known, told=known if is_asked else dock.told, findings=findings)
    if dock.state in (DockState.READY, DockState.ATTENTION):
        is_good = not blocks_issue((*findings, *dock.remarks))
        again = replace(again, state=DockState.READY if is_good else DockState.ATTENTION)
    if not (changed or always):
        return again, ()
    return again, (Enter(RecorderChecked(dock.visit, recorder, known, findings)),)


def _import_news(dock: Dock, listing: Listing, around: Around) -> Step:
    """Order what the card lists by now and never did before; give up when it never settles."""
    again = replace(dock, listing=listing, listings=dock.listings + 1)
    if again.listings == LISTINGS_MAX:
        unsteady = ListingUnsteadyError(times=again.listings)
        return end_badly(again, around, Trouble.of(unsteady))
    recorder, counts = _recorder(dock), dock.counts
    new = news(dock.known, listing)
    plan = plan_copies(new, ())
    before = dock.plan or Plan((), ())
    policy = around.policy(recorder)
    added = replace(
        again,
        known=joined(dock.known, new),
        plan=replace(before, copies=(*before.copies, *plan.copies)),
        counts=replace(
            counts,
            listed=counts.listed + len(new.files) + len(new.refused),
            refused=counts.refused + len(new.refused),
        ),
        remarks=settling.relisting_remarks(dock.remarks, listing, new),
    )
    sm3 = policy.sm3 if policy else False
    order = CopyFiles(dock.number, dock.visit, recorder, plan, dock.clock_offset_ms, sm3)
    return added, (*settling.refused_items(dock.visit, recorder, new.refused), order)


def _relisted(dock: Dock, copy: PlannedCopy) -> Dock:
    listing, known = relisted(_listing(dock), copy), relisted(dock.known, copy)
    return replace(dock, listing=listing, known=known)


def _listing(dock: Dock) -> Listing:
    return dock.listing or UNLISTED


def _device(dock: Dock) -> Device:
    if dock.device is None:
        raise RuntimeError(f"dock {dock.number}: no device")
    return dock.device


def _recorder(dock: Dock) -> str:
    if dock.recorder is None:
        raise RuntimeError(f"dock {dock.number}: no recorder")
    return dock.recorder
