"""Whether the kernel may bind its drivers to what was plugged in, judged by its descriptors; pure.

A USB controller of a station lets nothing in by itself (`authorized_default`), so a keyboard that
poses as a recorder never types: it is judged before any driver has seen it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from agent.core.device import bind
from agent.core.profile import Profile
from agent.core.recorder import Device

Verdict = Literal["admit", "shut_out", "leave"]
_STORAGE, _HUB = "08", "09"
_SOME_LINE = Path("/dev/tty")


def judge(
    plug: Device, docks: Mapping[str, int], own_ports: Sequence[str], profiles: Sequence[Profile]
) -> Verdict:
    """Return what is to become of a USB device of which only ids and classes are known.

    What is on one of the kiosk's own ports, hubs, and what a dock may take are admitted; whatever
    else is on a dock is shut out; and what is anywhere else, or shows no classes (yet), is left as
    it is.
    """
    if frozenset(plug.classes) == {_HUB}:
        return "admit"
    refused = bind([as_foreseen(plug)], docks, own_ports, profiles).refused
    if not refused:
        return "admit"
    return "shut_out" if plug.classes and refused[0].dock is not None else "leave"


def as_foreseen(plug: Device) -> Device:
    """Return a device as it will look once drivers are bound: a disk, or one with lines."""
    if _STORAGE in plug.classes:
        return replace(plug, kind="block")
    return replace(plug, lines=plug.lines or (_SOME_LINE,))


def is_foreseen(device: Device) -> bool:
    """Tell whether a device is shown only as it will look: no driver is bound to it yet."""
    return device.lines == (_SOME_LINE,) or (device.kind == "block" and not device.volumes)
