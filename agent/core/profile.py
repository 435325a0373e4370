"""What is known of a recorder model, as data: how it is told, spoken with, read and treated.

Profiles are read from config/recorders/*.toml (docs/recorders/profiles.md); the first that matches
wins, one that fits any disk is last. A profile only says what code may do: it brings none.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from agent.core.recorder import Device
from contracts.text import Text

TransportName = Literal["scsi", "usb", "serial", "tcp", "adb", "library", "ptp"]
Fact = Literal[
    "probe",
    "identity",
    "battery",
    "clock_read",
    "clock_set",
    "storage",
    "switch",
    "layout",
    "marks",
    "sidecars",
    "clear",
]
_STRICT = {"extra": "forbid"}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_USB = re.compile(r"[0-9a-f*?]{1,4}:[0-9a-f*?]{1,4}")
_CLASS = re.compile(r"[0-9a-f]{2}")
_KEYBOARD = "03"
_PTP = "06"  # still image capture: a class with one language, which any of its devices speaks


@dataclass(frozen=True)
class Match:
    """By what a device is told before anything is asked; all that is given must fit.

    `kinds`: it shows a disk ("block"), its plug can be opened ("usb"), it has a serial line.
    `usb` are "vvvv:pppp" in small hex digits, `inquiry` the SCSI vendor and model as the kernel
    shows them ("NOVATEK*"), `volume_label` the file system's, `ports` physical ports as in
    station.toml; all may hold `*` and `?`. `interfaces` are USB interface classes ("08") that must
    all be there. `folders` must all be on the mounted card ("DCIM/Movie", "DPB1*").
    """

    __pydantic_config__ = _STRICT
    kinds: tuple[Literal["block", "usb", "serial"], ...] = ("block",)
    usb: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    inquiry: str = ""
    volume_label: str = ""
    ports: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def is_generic(self) -> bool:
        """Whether it fits everything of its kinds."""
        named = (self.usb, self.interfaces, self.inquiry, self.volume_label, self.ports)
        return not any(named) and not self.folders


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
class NumberMark:
    """A file on the card that tells the recorder's number.

    With `key` it is that key's value, in one of the `sections` where some are given ("[ZFY]");
    without, the first field of the first line, `separator` between fields. Letters' case is free.
    """

    __pydantic_config__ = _STRICT
    file: str
    sections: tuple[str, ...] = ()
    key: str = ""
    separator: str = ";"


NUMBER_MARKS = (
    NumberMark("PARAM.INI", ("ZFY", "ZHY"), "DevNo"),
    NumberMark("DCIM/100MEDIA/Info.dat"),
)


@dataclass(frozen=True)
class Card:
    """What is known of the files on its card; letters' case is free in all of it.

    `identity` are tried in order; `label_is_number` says that the file system's name is the number
    where none of them tells it.
    `important` are name endings before the extension ("_IMP") of marked recordings, and
    `read_only_is_important` says that the attribute marks them as well; `important_folders` are
    folders of marked ones. `sidecars` are extensions of files that belong to a recording of the
    same name (".NMEA"). `chapters` is a pattern for a name without its extension: names that agree
    in its group `recording` and differ in the number `part` are one recording; and so are names of
    the same kind of which one begins within `segment_gap_seconds` of the other's end.
    `battery` is a file and the key in it ("LOG/BATTERY.TXT", "Battery0").
    """

    __pydantic_config__ = _STRICT
    identity: tuple[NumberMark, ...] = NUMBER_MARKS
    label_is_number: bool = False
    important: tuple[str, ...] = ()
    read_only_is_important: bool = False
    important_folders: tuple[str, ...] = ()
    sidecars: tuple[str, ...] = ()
    chapters: str = ""
    segment_gap_seconds: int = 3
    battery: tuple[str, str] | None = None


@dataclass(frozen=True)
class Known:
    """How one thing is done with a model, and whether that was seen on hardware.

    `estimated`: what it gives is no more than a hint.
    """

    __pydantic_config__ = _STRICT
    how: str
    confirmed: bool = False
    estimated: bool = False


@dataclass(frozen=True)
class Profile:
    """One recorder model or family. `admits` are interface classes let through beside storage.

    `facts` says how each thing is done, as far as it can be; what is left out cannot be done or is
    not known. `sources` is where that is known from. `clearing` says whether this model's cards may
    be cleared at all, where policy asks for it.
    """

    __pydantic_config__ = _STRICT
    name: str
    title: Text
    match: Match
    language: Language | None = None
    card: Card = field(default_factory=Card)
    admits: tuple[str, ...] = ()
    clearing: bool = False
    facts: dict[Fact, Known] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    warnings: tuple[Text, ...] = ()


# Of a disk that no profile fits: it is read, and nothing is known of it.
PLAIN = Profile("plain", Text("未知型号的存储", "a disk of no known model"), Match())


def problems(profile: Profile) -> tuple[str, ...]:
    """Return what is wrong with a profile that its types do not show, each with its key."""
    return tuple(_problems(profile))


def in_order(profiles: Iterable[Profile]) -> tuple[Profile, ...]:
    """Return profiles as they are tried: one that fits everything would hide those behind it."""
    return tuple(sorted(profiles, key=lambda profile: profile.match.is_generic))


def chosen(
    device: Device, profiles: Iterable[Profile], holds: Callable[[str], bool]
) -> Profile | None:
    """Return the first profile that fits a mounted card; `holds` tells of a folder on it.

    The one in whose language it answered goes before all: another may be of the same id.
    """
    fitting = sorted(
        candidates(device, tuple(profiles)), key=lambda one: one.name != device.profile
    )
    return next((one for one in fitting if all(map(holds, one.match.folders))), None)


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
        and (not match.ports or any(fnmatchcase(device.port, pattern) for pattern in match.ports))
    )


def _kinds(device: Device) -> frozenset[str]:
    is_disk = device.kind in ("block", "drive")
    shown = {"block": is_disk, "usb": device.usb, "serial": device.lines}
    return frozenset(kind for kind, is_there in shown.items() if is_there)


def _problems(profile: Profile) -> Iterator[str]:
    match, language = profile.match, profile.language
    if not _NAME.fullmatch(profile.name):
        yield f"name: {profile.name!r} 应为小写字母、数字、连字符 / must be of a-z, 0-9 and -"
    yield from _unlike("match.usb", match.usb, _USB, "vvvv:pppp")
    yield from _unlike("match.interfaces", match.interfaces, _CLASS, "08")
    yield from _unlike("admits", profile.admits, _CLASS, "02")
    if _KEYBOARD in profile.admits:
        yield "admits: '03' 键盘一律拒绝 / a keyboard is never let through"
    if language and not (match.usb or match.inquiry or match.ports or _PTP in match.interfaces):
        yield "match: 未指明对谁说话 (usb, inquiry, ports) / does not say whom to speak with"
    if language and (language.probe_seconds <= 0 or language.switch_seconds <= 0):
        yield "language: 秒数应为正数 / seconds must be above 0"
    if profile.clearing and "clear" not in profile.facts:
        yield "facts.clear: 允许清空须说明方法 / clearing is allowed, so it must say how"
    if not match.kinds:
        yield "match.kinds: 至少一种, 否则什么也不符合 / at least one: nothing fits none"
    yield from _bad_names(profile.card)
    yield from _bad_chapters(profile.card.chapters)


def _unlike(key: str, values: Iterable[str], shape: re.Pattern[str], example: str) -> Iterator[str]:
    for value in values:
        if not shape.fullmatch(value):
            yield f"{key}: {value!r} 应形如 / must be like {example!r}"


def _bad_names(card: Card) -> Iterator[str]:
    for one in card.sidecars:
        if not one.startswith(".") or one == ".":
            yield f"card.sidecars: {one!r} 应以点开头 / must begin with a dot, as '.gpx'"
    for one in card.important:
        if not one or "." in one:
            yield f"card.important: {one!r} 应为扩展名之前的结尾 / must end before the extension"


def _bad_chapters(pattern: str) -> Iterator[str]:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        yield f"card.chapters: {error}"
        return
    if pattern and not {"recording", "part"} <= groups.keys():
        yield "card.chapters: 缺少命名组 / lacks a group named recording or part"
