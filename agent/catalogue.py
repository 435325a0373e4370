"""What `muster-agent recorders` prints: the known models, and which of them are plugged in."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agent.core.profile import Fact, Known, Match, Profile, candidates
from agent.core.recorder import Device
from agent.profiles import Loaded
from contracts.errors import DeviceRefusedError
from contracts.loading import to_object
from contracts.names import visible

_COLUMNS: tuple[tuple[Fact, str, str], ...] = (
    ("identity", "身份", "id"),
    ("battery", "电量", "batt"),
    ("clock_read", "读钟", "clock"),
    ("clock_set", "校时", "set"),
    ("storage", "存储", "room"),
    ("switch", "切换", "disk"),
    ("marks", "重点", "marks"),
    ("sidecars", "附属", "side"),
    ("clear", "清空", "clear"),
)
_NAME, _CELL = 18, 6
_INDENT = " " * 6


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that is plugged in; `dock` is where, `refusal` why it would not be opened."""

    device: Device
    dock: int | None = None
    refusal: DeviceRefusedError | None = None


def text(loaded: Loaded, seen: Sequence[Sighting]) -> Iterator[str]:
    """Yield the lines people read."""
    yield f"型号档案, 依次匹配 / recorder profiles, in the order they are tried: {_count(loaded)}"
    yield "+ 可以 / can    ~ 只能估计 / an estimate only    - 不能或未知 / cannot, or not known"
    yield "* 在真机上确认过; 其余来自公开资料 / seen on hardware; all else is from public sources"
    yield ""
    for words in ([zh for _, zh, _ in _COLUMNS], [en for _, _, en in _COLUMNS]):
        yield (" " * (len(_INDENT) + _NAME) + "".join(padded(w, _CELL) for w in words)).rstrip()
    for number, profile in enumerate(loaded.profiles, 1):
        yield from _profile(number, profile)
    yield from _refused(loaded)
    yield ""
    yield f"现在插着的 / plugged in now: {len(seen)}"
    for sighting in seen:
        yield from _sighting(sighting, loaded.profiles)


def document(loaded: Loaded, seen: Iterable[Sighting]) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "profiles": [_printable(profile) for profile in loaded.profiles],
        "refused": [
            {"file": error.fields["file"], "problems": list(error.problems)}
            for error in loaded.refused
        ],
        "devices": [_device(one, loaded.profiles) for one in seen],
    }


def _printable(profile: Profile) -> dict[str, Any]:
    """Return a profile without the options of its language, which may hold a password."""
    printed = to_object(profile)
    if printed["language"]:
        del printed["language"]["options"]
    return printed


def padded(word: str, width: int) -> str:
    """Return a word filled up to a width in cells of a terminal, where Chinese takes two each."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in word)
    return word + " " * (width - len(word) - wide)


def told_by(match: Match) -> str:
    """Return by what a model is told."""
    said = (
        ("USB", match.usb),
        ("INQUIRY", match.inquiry and (match.inquiry,)),
        ("接口类 / class", match.interfaces),
        ("卷标 / label", match.volume_label and (match.volume_label,)),
        ("端口 / port", match.ports),
        ("文件夹 / folder", match.folders),
    )
    words = [f"{name} {' '.join(values)}" for name, values in said if values]
    return ", ".join(words) or "任何存储 / any disk"


def _count(loaded: Loaded) -> str:
    refused = f", 拒绝 / refused: {len(loaded.refused)}" if loaded.refused else ""
    return f"{len(loaded.profiles)}{refused}"


def _profile(number: int, profile: Profile) -> Iterator[str]:
    cells = "".join(padded(_cell(profile, fact), _CELL) for fact, _, _ in _COLUMNS)
    yield f"{number:>4}  {padded(profile.name, _NAME)}{cells}".rstrip()
    yield f"{_INDENT}{profile.title}"
    spoken = profile.language
    how = f"; 语言 / speaks {spoken.family}, {spoken.transport}" if spoken else ""
    yield f"{_INDENT}识别 / told by {told_by(profile.match)}{how}"
    for warning in profile.warnings:
        yield f"{_INDENT}! {warning}"


def _cell(profile: Profile, fact: Fact) -> str:
    known: Known | None = profile.facts.get(fact)
    if known is None or (fact == "clear" and not profile.clearing):
        return "-"
    return ("~" if known.estimated else "+") + ("*" if known.confirmed else "")


def _refused(loaded: Loaded) -> Iterator[str]:
    for error in loaded.refused:
        yield ""
        yield f"未采用 / refused: {error.fields['file']}"
        yield from (f"{_INDENT}{visible(problem)}" for problem in error.problems)


def _sighting(sighting: Sighting, profiles: Sequence[Profile]) -> Iterator[str]:
    device = sighting.device
    dock = "" if sighting.dock is None else f"工位 / dock {sighting.dock}, "
    classes = f", 接口类 / class {' '.join(device.classes)}" if device.classes else ""
    usb = f", {device.vendor_id}:{device.model_id}" if device.vendor_id else ""
    yield f"  {dock}{visible(device.port)}"
    yield f"{_INDENT}{visible(device.description)}{usb}{classes}"
    if sighting.refusal is not None:
        yield f"{_INDENT}不打开 / not opened: {visible(str(sighting.refusal))}"
        return
    names = ", ".join(map(_candidate, candidates(device, profiles)))
    yield f"{_INDENT}→ {names or '虚拟记录仪 / virtual recorder'}"


def _candidate(profile: Profile) -> str:
    if not profile.match.folders:
        return profile.name
    folders = " ".join(profile.match.folders)
    return f"{profile.name} (若有文件夹 / if it has {folders})"


def _device(sighting: Sighting, profiles: Sequence[Profile]) -> dict[str, Any]:
    device, refusal = sighting.device, sighting.refusal
    return {
        "port": device.port,
        "dock": sighting.dock,
        "description": device.description,
        "usb": f"{device.vendor_id}:{device.model_id}" if device.vendor_id else None,
        "classes": list(device.classes),
        "refused": refusal and refusal.code,
        "profiles": [] if refusal else [one.name for one in candidates(device, profiles)],
    }
