"""How a visit ends before it is complete."""

from dataclasses import replace
from typing import TYPE_CHECKING

from agent.core import settling
from agent.core.effect import Effect, Enter, Release
from agent.core.event import Trouble
from contracts.dock import DockState
from contracts.facts import VisitInterrupted

if TYPE_CHECKING:
    from agent.core.dock import Around, Dock, Step


def end_badly(dock: "Dock", around: "Around", trouble: Trouble) -> "Step":
    """Return the dock showing why its visit cannot go on; entered if the visit had begun."""
    effects: tuple[Effect, ...] = (Release(dock.number),)
    if dock.visit_open:
        effects = (Enter(interrupted(dock, trouble)), *effects)
    return replace(
        dock, state=DockState.FAILED, since=around.now, visit_open=False, trouble=trouble
    ), effects


def interrupted(dock: "Dock", trouble: Trouble) -> VisitInterrupted:
    """Return the fact that an open visit ended early.

    Raises:
        RuntimeError: there is no visit of a known recorder: our bug.
    """
    if dock.recorder is None:
        raise RuntimeError(f"dock {dock.number}: no recorder")
    return VisitInterrupted(
        visit=dock.visit,
        recorder=dock.recorder,
        dock=dock.number,
        docked_at=dock.docked_at or dock.since,
        counts=dock.counts,
        code=trouble.code,
        reason=str(trouble.sentence)[: settling.REASON_MAX],
    )
