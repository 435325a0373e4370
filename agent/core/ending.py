"""How a visit or a clearing ends before it is complete."""

from dataclasses import replace
from typing import TYPE_CHECKING

from agent.core import settling
from agent.core.custody import Custody
from agent.core.effect import Effect, Enter, Release
from agent.core.event import Trouble
from contracts.dock import DockState
from contracts.facts import Counts, RecorderCleared, VisitInterrupted

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


def unended_clearings(custody: Custody) -> list[Enter]:
    """Return the ends of the clearings that the last run left open."""
    # Nothing is known of a card that was being cleared when the power failed.
    why = "采集程序重启 / The agent was restarted"
    return [
        Enter(
            RecorderCleared(
                left.visit, left.recorder, left.dock, left.files, None, None, None,
                "agent_restarted", why,
            )
        )
        for left in custody.clearings.values()
    ]  # fmt: skip


def unended_visits(custody: Custody) -> list[Enter]:
    """Return the ends of the visits that the last run left open."""
    return [
        Enter(
            VisitInterrupted(
                visit=left.docked.visit,
                recorder=left.docked.recorder,
                dock=left.docked.dock,
                docked_at=left.docked_at,
                counts=Counts(),
                code="agent_restarted",
                reason="采集程序重启, 未数 / The agent was restarted, not counted",
            )
        )
        for left in custody.open_visits.values()
    ]
