"""What `muster-agent ask` does: one conversation with one device, which changes nothing on it.

For whoever adds a recorder, or reads a board in a dock: every fact the device tells, how it was
asked for and how sure it is; neither the clock is set nor the mode switched.
"""

from collections.abc import Callable, Iterator
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
from contracts.errors import NoAnswerError, NotAskableError, RecorderSilentError
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


def ask(profile: Profile, node: Path | None, serial: str | None) -> tuple[Answer, ...]:
    """Speak with whatever is at a node, or has this USB serial number, as a profile says.

    Raises:
        NotAskableError: the profile has no language that can be asked like this.
        RecorderSilentError: nothing there speaks this language.
        RecorderGoneError, TransportError: as `Transport.ask`.
    """
    language = profile.language
    opens = ways().get(language.transport) if language else None
    if language is None or opens is None or language.family not in FAMILIES:
        raise NotAskableError(profile=profile.name)
    family = FAMILIES[language.family](language.options)
    transport = opens(_device(node, serial), language.options)
    try:
        if not converse(family.probe(), transport):
            at = str(node or serial or language.transport)
            raise RecorderSilentError(device=at, tried=profile.name)
        return tuple(answers(family, transport))
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
    for mark in ("number", "serial", "model"):
        value = getattr(identity, "device_number" if mark == "number" else mark, None)
        how = identity.how if identity else why
        yield Answer(mark, value, how, "reported" if value else "unknown")
    asking("battery")
    yield _answer("battery_percent", *_told(family.battery, transport))
    asking("clock")
    yield _answer("clock", *_told(family.clock, transport))
    asking("storage")
    storage, why = _told(family.storage, transport)
    for at, fact in enumerate(("free_bytes", "total_bytes")):
        yield _answer(fact, storage[at] if storage else None, why)
    if isinstance(family, Grammar):
        asking("values")
        for told in converse(family.values(), transport):
            sure = "unknown" if told.value is None else "reported"
            yield Answer(told.name, told.value, told.how, sure, unit=told.unit)


def text(told: tuple[Answer, ...]) -> Iterator[str]:
    """Yield the lines people read."""
    for answer in told:
        yield f"{_WORDS.get(answer.fact, visible(answer.fact))}: {_shown(answer)}"


def document(told: tuple[Answer, ...]) -> list[dict[str, object]]:
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
