"""The clearing of a docked card as actions of the dock's table; the gate is `agent.core.clearing`.

`agent.core.dock` takes these rows into its table, so nothing else moves a dock.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agent.core import clearing, settling
from agent.core.checks import completed, value_of
from agent.core.clearing import Case, Clearing, Seat
from agent.core.effect import Effect, Enter, TakeReadings
from agent.core.event import (
    CardReadAgain,
    ClearEnded,
    LookedAgain,
    Noted,
    Progressed,
    Trouble,
    VisitFailed,
    Weighed,
)
from contracts.clearing import ClearingPhase
from contracts.dock import DockState
from contracts.facts import RecorderCleared
from contracts.finding import Finding, blocks_issue
from contracts.roster import ClearRule, Limits

if TYPE_CHECKING:
    from agent.core.dock import Around, Dock, Step

_P = ClearingPhase


def started(dock: "Dock", around: "Around") -> "Dock":
    """Return the dock of a completed visit with its clearing begun, where policy asks for one."""
    record = around.roster.find_recorder(dock.recorder or "")
    policy = around.policy(record.number) if record else None
    if record is None or policy is None or policy.clears(record.model) is None:
        return dock
    files = dock.listing.files if dock.listing else ()
    return replace(dock, clearing=clearing.begin(files, around.now))


def broken_off(dock: "Dock", trouble: Trouble, around: "Around") -> "Step":
    """Return the dock with its clearing ended by something else, and what is entered about it."""
    if dock.clearing is None or not dock.clearing.is_open:
        return dock, ()
    return _turned(dock, *clearing.break_off(dock.clearing, trouble, _seat(dock), around.now))


def note(dock: "Dock", event: Noted, around: "Around") -> "Step":
    """Remember where the ledger has the visit's end or the intent to clear."""
    return replace(dock, clearing=clearing.note(_clearing(dock), event)), ()


def weigh(dock: "Dock", event: Weighed, around: "Around") -> "Step":
    """Ask the gate, and take the clearing's next step if it is open."""
    known = _clearing(dock)
    return _turned(dock, *clearing.advance(known, case_of(dock, around), _seat(dock)))


def show_reading(dock: "Dock", event: Progressed, around: "Around") -> "Step":
    """Remember how far the second reading is."""
    return replace(dock, clearing=replace(_clearing(dock), bytes_done=event.bytes_done)), ()


def take_reading(dock: "Dock", event: CardReadAgain, around: "Around") -> "Step":
    """Take over the second reading, and ask the gate."""
    # The gate is asked every second: a listing of 20,000 files compares at once with itself.
    same = dock.listing if event.listing == dock.listing else None
    known = clearing.read(
        _clearing(dock), replace(event, listing=same or event.listing), around.now
    )
    return weigh(replace(dock, clearing=known), Weighed(), around)


def take_look(dock: "Dock", event: LookedAgain, around: "Around") -> "Step":
    """Take over the last look at the recorder, and ask the gate."""
    known = clearing.look(_clearing(dock), event)
    looked = replace(dock, clearing=known, readings=completed(event.readings, dock.told))
    return weigh(looked, Weighed(), around)


def end(dock: "Dock", event: ClearEnded, around: "Around") -> "Step":
    """Enter what the clearing came to, and have the free space read anew."""
    ended, effects = _turned(dock, *clearing.end(_clearing(dock), event, around.now))
    return ended, (*effects, TakeReadings(dock.number, dock.visit))


def give_up(dock: "Dock", event: VisitFailed, around: "Around") -> "Step":
    """End a clearing that the worker cannot go on with; the visit itself is long complete."""
    return broken_off(dock, event.trouble, around)


def case_of(dock: "Dock", around: "Around") -> Case:
    """Return what the gate weighs about a dock."""
    known, record = _clearing(dock), around.roster.find_recorder(dock.recorder or "")
    policy = around.policy(dock.recorder or "")
    if dock.listing is None or dock.identity is None:
        raise RuntimeError(f"dock {dock.number}: a clearing without a visit")
    rule = policy.clears(record.model) if policy and record else None
    asked = (known.second.identity if known.second else None, known.looked)
    return Case(
        now=around.now,
        rule=rule,
        record=record,
        listing=dock.listing,
        counts=dock.counts,
        completed=known.completed,
        second=known.second,
        identities=(dock.identity, *(one for one in asked if one is not None)),
        battery_percent=value_of(dock.readings, "battery_percent"),
        battery_percent_min=(policy.limits if policy else Limits()).battery_percent_min,
        is_troubled=dock.trouble is not None or blocks_issue(dock.remarks),
        around=around.surroundings,
        uncopied=_uncopied(known, rule, around),
    )


def _uncopied(known: Clearing, rule: ClearRule | None, around: "Around") -> int:
    if known.second is None or rule is None or rule.copies == 1:
        return 0
    return clearing.uncopied(known.second, around.surroundings.is_confirmed)


def _turned(dock: "Dock", known: Clearing, effects: tuple[Effect, ...]) -> "Step":
    remarks = dock.remarks
    closings = [e.fact for e in effects if isinstance(e, Enter)]
    if known.phase is _P.KEPT and any(isinstance(fact, RecorderCleared) for fact in closings):
        code = known.code or ", ".join(known.reasons)
        remarks = settling.merge(remarks, [Finding("clearing_failed", "warning", code)])
    turned = replace(dock, clearing=known, remarks=remarks)
    if known.phase is _P.REMOVING:
        return replace(turned, state=DockState.CLEARING), effects
    is_good = not blocks_issue((*turned.findings, *turned.remarks))
    return replace(turned, state=DockState.READY if is_good else DockState.ATTENTION), effects


def _clearing(dock: "Dock") -> Clearing:
    if dock.clearing is None:
        raise RuntimeError(f"dock {dock.number}: no clearing")
    return dock.clearing


def _seat(dock: "Dock") -> Seat:
    return Seat(dock.number, dock.visit, dock.recorder or "")


ROWS: dict[tuple[DockState, type], Callable[["Dock", Any, "Around"], "Step"]] = {
    **{
        (state, event): action
        for state in (DockState.READY, DockState.ATTENTION)
        for event, action in (
            (Noted, note),
            (Weighed, weigh),
            (Progressed, show_reading),
            (CardReadAgain, take_reading),
            (LookedAgain, take_look),
            # A recorder pulled out of a finished dock is noticed before the port is empty.
            (VisitFailed, give_up),
        )
    },
    (DockState.CLEARING, ClearEnded): end,
    (DockState.CLEARING, VisitFailed): give_up,
}
