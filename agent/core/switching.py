"""Asking a recorder in its own language and its switch to a disk, as actions of the dock's table.

`agent.core.dock` takes these rows into its table, so nothing else moves a dock. A recorder in
command mode leaves the port when it is switched and comes back as a disk: one visit all the same.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agent.core import checks, settling
from agent.core.device import match_recorder
from agent.core.effect import Effect, Enter, Identify, Interview, Survey, SwitchToDisk
from agent.core.ending import end_badly
from agent.core.event import (
    Docked,
    Identified,
    Interviewed,
    NotBack,
    Removed,
    SwitchBegun,
    Trouble,
)
from agent.core.recorder import Device
from contracts.dock import DockState
from contracts.errors import IdentityConflictError, NotBackAsDiskError
from contracts.facts import RecorderChecked, RecorderSwitched

if TYPE_CHECKING:
    from agent.core.dock import Around, Dock, Step


def ask(dock: "Dock") -> "Step":
    """Return the dock of a recorder whose language was found, about to be asked."""
    return replace(dock, state=DockState.ASKING), (Interview(dock.number, dock.visit),)


def hear(dock: "Dock", event: Interviewed, around: "Around") -> "Step":
    """Enter what it told, have its clock set where policy asks, and have it show its disk."""
    recorder = dock.recorder or ""
    policy = around.policy(recorder)
    findings = checks.told(event.readings, policy.limits) if policy else ()
    heard = replace(
        dock,
        readings=event.readings,
        told=event.readings,
        findings=findings,
        remarks=event.remarks,
        switch_seconds=event.switch_seconds,
    )
    heard, orders = settling.measure_clock(heard, policy, around)
    effects: list[Effect] = list(orders)
    if policy:
        checked = RecorderChecked(dock.visit, recorder, event.readings, findings)
        effects.insert(0, Enter(checked))
    if dock.device is not None and shows_files(dock.device):
        heard = replace(heard, state=DockState.IDENTIFYING, since=around.now)
        return heard, (*effects, _identify(dock, dock.device))
    return heard, (*effects, SwitchToDisk(dock.number, dock.visit))


def let_go(dock: "Dock", event: SwitchBegun, around: "Around") -> "Step":
    """Wait for the disk: from now on the recorder may leave the port."""
    return replace(dock, state=DockState.SWITCHING, since=around.now), ()


def miss(dock: "Dock", event: Removed, around: "Around") -> "Step":
    """Remember that it left the port, as it was to."""
    return replace(dock, device=None), ()


def come_back(dock: "Dock", event: Docked, around: "Around") -> "Step":
    """Ask the disk who it is; what shows no file system yet is waited for."""
    seen = replace(dock, device=event.device)
    if not shows_files(event.device):
        return seen, ()
    back = replace(seen, state=DockState.IDENTIFYING, since=around.now, is_switched=True)
    return back, (_identify(dock, event.device),)


def give_up(dock: "Dock", event: NotBack, around: "Around") -> "Step":
    """End the visit of a recorder that did not come back as a disk."""
    error = NotBackAsDiskError(seconds=round(dock.switch_seconds))
    return end_badly(dock, around, Trouble.of(error))


def recognise(dock: "Dock", event: Identified, around: "Around") -> "Step":
    """Go on with the visit if the disk is the recorder's that was asked."""
    recorder = dock.recorder or ""
    try:
        found = match_recorder(event.identity, around.roster.recorder)
    except IdentityConflictError as error:
        return end_badly(dock, around, Trouble.of(error))
    # Many a disk says less of itself than the recorder did; it must not say anything else.
    if found not in (None, recorder):
        conflict = IdentityConflictError(recorders=f"{recorder}, {found}")
        return end_badly(dock, around, Trouble.of(conflict))
    known = replace(dock, state=DockState.CHECKING, since=around.now, identity=event.identity)
    order = Survey(dock.number, dock.visit, recorder)
    if not dock.is_switched or dock.device is None:
        return known, (order,)
    device = dock.device.description
    fact = RecorderSwitched(
        dock.visit, recorder, dock.number, device, event.identity, event.profile
    )
    return known, (Enter(fact), order)


def shows_files(device: Device) -> bool:
    """Tell whether a device shows a disk with a file system on it."""
    return device.kind == "block" and any(one.file_system for one in device.volumes)


def is_overdue(dock: "Dock", now: datetime) -> bool:
    """Tell whether a recorder that was switched should have been back by now."""
    # A wall clock that was set back must not make it wait for hours.
    away = (now - dock.since).total_seconds()
    return dock.state is DockState.SWITCHING and not 0 <= away <= dock.switch_seconds


def is_still(dock: "Dock", there: Device, *, is_docked: bool) -> bool:
    """Tell whether what stands in a dock is what stood in it; `is_docked`: it may be opened."""
    if dock.device is None:
        return False
    was_barred = dock.state is DockState.REFUSED and not dock.visit
    if is_docked is was_barred:
        return False
    if _mark(there) == _mark(dock.device):
        return True
    # The disk of a recorder in command mode may appear while it is asked over its other lines.
    is_asked = dock.state is DockState.ASKING or (
        dock.state is DockState.IDENTIFYING and not dock.visit_open
    )
    had_no_disk = dock.device.kind in ("drive", "other")
    plug = dock.device.usb
    return is_asked and had_no_disk and plug is not None and plug == there.usb


def _mark(device: Device) -> tuple[object, ...]:
    # What udev finds out a moment later does not make it another device; another arrival does.
    return (device.port, device.node, device.arrival)


def _identify(dock: "Dock", device: Device) -> Identify:
    return Identify(dock.number, dock.visit, device, as_disk=True)


_S = DockState
ROWS: dict[tuple[DockState, type], Callable[["Dock", Any, "Around"], "Step"]] = {
    (_S.ASKING, Interviewed): hear,
    (_S.ASKING, SwitchBegun): let_go,
    (_S.SWITCHING, Removed): miss,
    (_S.SWITCHING, Docked): come_back,
    (_S.SWITCHING, NotBack): give_up,
}
