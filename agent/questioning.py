"""What `muster-agent ask` does: one conversation with one device, which changes nothing on it.

For whoever adds a recorder, or reads a board in a dock: every fact the device tells, how it was
asked for and how sure it is; neither the clock is set nor the mode switched.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from agent.core.dialogue import Dialogue, Transport, converse
from agent.core.family import Family, Guarded, Told
from agent.core.profile import Profile
from agent.core.recorder import Device
from agent.families import FAMILIES
from agent.families.grammar import Grammar
from agent.ways import ways
from contracts.errors import (
    GoneWhileAskedError,
    NoAnswerError,
    NotAskableError,
    NothingPluggedInError,
    RecorderGoneError,
    RecorderSilentError,
)
from contracts.names import visible

T = TypeVar("T")
_WORDS = {
    "number": "编号 / number",
    "serial": "序列号 / serial",
    "model": "型号 / model",
    "login": "密码 / password",
    "battery_percent": "电量 / battery",
    "clock": "时钟 / clock",
    "free_bytes": "剩余 / free",
    "total_bytes": "容量 / capacity",
}
_LOGINS = {
    "none": "没有密码 / none to show",
    "accepted": "接受 / accepted",
    "refused": "拒绝 / refused",
    "default": "出厂密码 / a factory password",
}
_AT_NODES = frozenset({"scsi", "usb", "serial", "library"})
_UNITS = {"battery_percent": " %", "free_bytes": " B", "total_bytes": " B"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing a device was asked for; `value` is None where it is not known."""

    fact: str
    value: float | str | None
    how: str
    confidence: str = "unknown"
    uncertainty: int | None = None
    unit: str = ""


def ask(
    profile: Profile, node: Path | None, serial: str | None, tell: Callable[[Answer], object]
) -> None:
    """Speak with whatever is at a node, or has this USB serial number, as a profile says.

    Each answer is told as it comes.

    Raises:
        NotAskableError: the profile has no language that can be asked like this.
        RecorderSilentError: nothing there speaks this language.
        NothingPluggedInError: nothing is there.
        GoneWhileAskedError: it went away in between.
        TransportError: as `Transport.ask`.
    """
    language = profile.language
    opens = ways().get(language.transport) if language else None
    if language is None or opens is None or language.family not in FAMILIES:
        raise NotAskableError(profile=profile.name)
    family = FAMILIES[language.family](language.options)
    at = str(node or serial or language.transport)
    try:
        transport = opens(_device(node, serial), language.options)
    except RecorderGoneError as error:
        raise NothingPluggedInError(at=at) from error
    try:
        if not converse(family.probe(), transport):
            raise RecorderSilentError(device=at, tried=profile.name)
        for answer in answers(family, transport):
            tell(answer)
    except RecorderGoneError as error:
        raise GoneWhileAskedError(at=at) from error
    finally:
        transport.close()


def lacking(profile: Profile, node: Path | None, serial: str | None) -> str | None:
    """Return the option that is missing to say which device is meant; None where none is."""
    transport = profile.language.transport if profile.language else None
    if transport == "adb":
        return "--serial" if serial is None else None
    return "--device" if transport in _AT_NODES and node is None else None


def answers(
    family: Family, transport: Transport, asking: Callable[[str], object] = str
) -> Iterator[Answer]:
    """Yield all that a device tells; what it does not answer is unknown, with the reason.

    `asking` is told each fact before it is asked for.
    """
    if isinstance(family, Guarded):
        asking("login")
        login, why = _told(family.log_in, transport)
        yield Answer("login", login, why, "reported" if login else "unknown")
    asking("identity")
    identity, why = _told(family.identity, transport)
    why = why or _reason(family)
    for mark in ("number", "serial", "model"):
        value = getattr(identity, "device_number" if mark == "number" else mark, None)
        how = identity.how if identity and (value or not why) else why
        yield Answer(mark, value, how, "reported" if value else "unknown")
    asking("battery")
    battery, why = _told(family.battery, transport)
    yield _answer("battery_percent", battery, why or _reason(family))
    asking("clock")
    clock, why = _told(family.clock, transport)
    yield _answer("clock", clock, why or _reason(family))
    asking("storage")
    storage, why = _told(family.storage, transport)
    why = why or _reason(family)
    for at, fact in enumerate(("free_bytes", "total_bytes")):
        yield _answer(fact, storage[at] if storage else None, why)
    if isinstance(family, Grammar):
        asking("values")
        for told in converse(family.values(), transport):
            sure = "unknown" if told.value is None else "reported"
            yield Answer(told.name, told.value, told.how, sure, unit=told.unit)


def text(told: Iterable[Answer]) -> Iterator[str]:
    """Yield the lines people read."""
    for answer in told:
        yield f"{_WORDS.get(answer.fact, visible(answer.fact))}: {_shown(answer)}"


def document(told: Iterable[Answer]) -> list[dict[str, object]]:
    """Return the same for programs."""
    return [asdict(answer) for answer in told]


def _shown(answer: Answer) -> str:
    if answer.value is None:
        return "未知 / unknown" + (f" ({answer.how})" if answer.how else "")
    value = _LOGINS[str(answer.value)] if answer.fact == "login" else visible(str(answer.value))
    unit = _UNITS.get(answer.fact) or (f" {visible(answer.unit)}" if answer.unit else "")
    doubt = f" ±{answer.uncertainty}" if answer.uncertainty else ""
    how = f" ({answer.confidence}, {answer.how})" if answer.how else ""
    return f"{value}{doubt}{unit}{how}"


def _answer(fact: str, told: Told[int] | Told[datetime] | None, why: str) -> Answer:
    if told is None:
        return Answer(fact, None, why)
    value = told.value.isoformat(" ") if isinstance(told.value, datetime) else told.value
    return Answer(fact, value, told.how, told.confidence, told.uncertainty)


def _reason(family: Family) -> str:
    """Return why a declared language has no value for what was asked last."""
    return family.why if isinstance(family, Grammar) else ""


def _told(asked: Callable[[], Dialogue[T]], transport: Transport) -> tuple[T | None, str]:
    """Return an answer, or why there is none."""
    try:
        return converse(asked(), transport), ""
    except NoAnswerError as error:
        return None, str(error.text)


def _device(node: Path | None, serial: str | None) -> Device:
    """Return a node as whichever kind the profile's transport opens."""
    lines = () if node is None else (node,)
    return Device(
        port="", kind="other", node=node or Path(), description=str(node or serial or ""),
        serial=serial, usb=node, generic=node, lines=lines,
    )  # fmt: skip
