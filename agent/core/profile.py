"""What is known of a recorder model, as data: how it is told, spoken with, read and treated.

Profiles are read from config/recorders/*.toml (docs/recorders/profiles.md); the first that matches
wins, the generic one is last. A profile only says what code may do: it brings none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from agent.core.recorder import Device
from contracts.text import Text

TransportName = Literal["scsi", "usb", "serial", "tcp", "adb", "library", "ptp"]
Fact = Literal["identity", "battery", "clock_read", "clock_set", "storage", "switch", "clear"]
_STRICT = {"extra": "forbid"}


@dataclass(frozen=True)
class Match:
    """By what a device is told before anything is asked; all that is given must fit.

    `usb` are "vvvv:pppp" in small hex digits, `inquiry` the SCSI vendor and model as the kernel
    shows them ("NOVATEK*"), `volume_label` the file system's; all may hold `*` and `?`.
    `interfaces` are USB interface classes ("08") that must all be there. `folders` must all be on
    the mounted card.
    """

    __pydantic_config__ = _STRICT
    kinds: tuple[Literal["block", "usb", "serial"], ...] = ("block",)
    usb: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    inquiry: str = ""
    volume_label: str = ""
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Language:
    """How a recorder in command mode is spoken with.

    `options` belong to the family. `probe_seconds`: no sensible answer within it is no answer;
    `switch_seconds`: how long a recorder may be away when it comes back as a disk.
    """

    __pydantic_config__ = _STRICT
    family: str
    transport: TransportName
    options: dict[str, object] = field(default_factory=dict)
    probe_seconds: float = 5.0
    switch_seconds: float = 30.0


@dataclass(frozen=True)
class Card:
    """What is known of the files on its card.

    `important` are name endings before the extension ("_IMP") of marked recordings, and
    `read_only_is_important` says that the attribute marks them as well; `important_folders` are
    folders of marked ones. `sidecars` are extensions of files that belong to a recording of the
    same name (".NMEA"). `battery` is a file and the key in it ("LOG/BATTERY.TXT", "Battery0").
    `clock` allows the newest file's time as an estimate.
    """

    __pydantic_config__ = _STRICT
    important: tuple[str, ...] = ()
    read_only_is_important: bool = False
    important_folders: tuple[str, ...] = ()
    sidecars: tuple[str, ...] = ()
    battery: tuple[str, str] | None = None
    clock: bool = True


@dataclass(frozen=True)
class Profile:
    """One recorder model or family. `admits` are interface classes let through beside storage.

    `confirmed` names the facts seen on hardware; all others come from documents or code. `clearing`
    says whether this model's cards may be cleared at all, where policy asks for it.
    """

    __pydantic_config__ = _STRICT
    name: str
    title: Text
    match: Match
    language: Language | None = None
    card: Card = field(default_factory=Card)
    admits: tuple[str, ...] = ()
    clearing: bool = False
    confirmed: tuple[Fact, ...] = ()
    warnings: tuple[Text, ...] = ()


def candidates(device: Device, profiles: Sequence[Profile]) -> tuple[Profile, ...]:
    """Return the profiles a device may be of, in order, before it is asked or mounted."""
    return tuple(profile for profile in profiles if _may_be(device, profile.match))


def admitted(device: Device, profiles: Iterable[Profile]) -> frozenset[str]:
    """Return the interface classes that some profile of this device lets through."""
    fitting = candidates(device, tuple(profiles))
    return frozenset(one for profile in fitting for one in profile.admits)


def _may_be(device: Device, match: Match) -> bool:
    usb = f"{device.vendor_id}:{device.model_id}"
    return (
        not _kinds(device).isdisjoint(match.kinds)
        and (not match.usb or any(fnmatchcase(usb, pattern) for pattern in match.usb))
        and frozenset(match.interfaces) <= frozenset(device.classes)
        and (not match.inquiry or fnmatchcase(device.inquiry, match.inquiry))
        and (not match.volume_label or fnmatchcase(device.label or "", match.volume_label))
    )


def _kinds(device: Device) -> frozenset[str]:
    shown = {"block": device.kind == "block", "usb": device.usb, "serial": device.lines}
    return frozenset(kind for kind, is_there in shown.items() if is_there)
