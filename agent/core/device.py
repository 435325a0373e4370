"""Which device stands on which dock, what is refused, and whose recorder it is; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from agent.core.profile import Profile, admitted, candidates
from agent.core.recorder import Device
from contracts.errors import (
    DeviceRefusedError,
    DockTakenError,
    IdentityConflictError,
    NotAdmittedError,
    NotARecorderError,
    PortUnboundError,
)
from contracts.reading import Identity

# Beside mass storage and what a profile of this very device admits only the maker's own commands
# ("ff") are let through: a keyboard, a network card or a serial line on the same plug is an attack
# or a mistake (fault A01).
_STORAGE_CLASSES = frozenset({"08", "ff"})
_MARKS = ("device_number", "serial", "volume")  # the most telling first


@dataclass(frozen=True, slots=True)
class RefusedDevice:
    """A device that must not be opened, and the code of why."""

    device: Device
    code: str
    dock: int | None = None

    @property
    def error(self) -> DeviceRefusedError:
        """The refusal in words."""
        return _REFUSALS[self.code](port=self.device.port, device=self.device.description)


@dataclass(frozen=True, slots=True)
class Bindings:
    """What stands on each dock, and what is refused, each in the order of its port."""

    docked: Mapping[int, Device]
    refused: tuple[RefusedDevice, ...]

    @property
    def barred(self) -> Mapping[int, RefusedDevice]:
        """What is refused on docks on which nothing else stands."""
        return {r.dock: r for r in self.refused if r.dock is not None and r.dock not in self.docked}


class Registered(Protocol):
    """What matching needs of a recorder in the roster."""

    @property
    def number(self) -> str:
        """The agency's number of the recorder."""

    @property
    def device_number(self) -> str | None:
        """The number the recorder gives itself."""

    @property
    def serial(self) -> str | None:
        """Its USB serial number."""

    @property
    def volume(self) -> str | None:
        """The UUID of its card's file system."""


def bind(
    devices: Iterable[Device],
    docks: Mapping[str, int],
    own_ports: Sequence[str] = (),
    profiles: Sequence[Profile] = (),
) -> Bindings:
    """Return which device stands on which dock and which are refused.

    `docks` maps ports to dock numbers; ports that match one of the `own_ports` patterns hold the
    kiosk's own keyboard, touch screen and disks, and are nobody's business. What shows no disk
    stands on a dock only if one of the `profiles` says how it is spoken with; a drive without a
    medium that cannot be spoken with is nothing yet.
    """
    docked: dict[int, Device] = {}
    refused: list[RefusedDevice] = []
    for device in sorted(devices, key=lambda device: (device.port, str(device.node))):
        if any(fnmatchcase(device.port, pattern) for pattern in own_ports):
            continue
        dock = docks.get(device.port)
        error = _refusal(device, dock, docked, profiles)
        is_alien = error is NotARecorderError
        if device.kind == "drive" and not is_alien and not languages(device, profiles):
            continue
        if dock is None or error is not None:
            refused.append(RefusedDevice(device, (error or PortUnboundError).code, dock))
        else:
            docked[dock] = device
    return Bindings(docked, tuple(refused))


def languages(device: Device, profiles: Sequence[Profile]) -> tuple[Profile, ...]:
    """Return the profiles in whose language a device may be asked, in order.

    One that does not say by what its recorder is told is never among them: nothing is sent to a
    device that nothing is known of.
    """
    return tuple(
        profile
        for profile in candidates(device, profiles)
        if profile.language and _is_telling(profile)
    )


def match_recorder(identity: Identity, registered: Iterable[Registered]) -> str | None:
    """Return the number of the registered recorder that this is, or None if it is none of them.

    What the recorder says of itself goes before its plug, and its plug before its card; but all
    that is known must agree, since a card moves from recorder to recorder and cheap ones share a
    serial number (fault A03).

    Raises:
        IdentityConflictError: two recorders fit, or two marks point to different ones.
    """
    known = tuple(registered)
    answers = [found for mark in _MARKS if (found := _fitting(identity, known, mark))]
    if not answers:
        return None
    sure = next((found for found in answers if len(found) == 1), frozenset[str]())
    if not sure or not all(sure <= found for found in answers):
        claimed = sorted(frozenset[str]().union(*answers))
        raise IdentityConflictError(recorders=", ".join(claimed))
    return next(iter(sure))


def _fitting(identity: Identity, known: Iterable[Registered], mark: str) -> frozenset[str]:
    shown = getattr(identity, mark)
    if not shown:
        return frozenset()
    return frozenset(one.number for one in known if getattr(one, mark) == shown)


def _is_telling(profile: Profile) -> bool:
    match = profile.match
    named = match.usb or match.inquiry or match.ports
    return bool(named or frozenset(match.interfaces) - _STORAGE_CLASSES)


def _refusal(
    device: Device, dock: int | None, docked: Mapping[int, Device], profiles: Sequence[Profile]
) -> type[DeviceRefusedError] | None:
    if not frozenset(device.classes) <= _STORAGE_CLASSES | admitted(device, profiles):
        return NotARecorderError
    if device.kind == "other" and not languages(device, profiles):
        return NotARecorderError
    if dock is None:
        return PortUnboundError
    if device.is_barred:
        return NotAdmittedError
    return DockTakenError if dock in docked else None


_REFUSALS: dict[str, type[DeviceRefusedError]] = {
    error.code: error
    for error in (PortUnboundError, NotARecorderError, NotAdmittedError, DockTakenError)
}
