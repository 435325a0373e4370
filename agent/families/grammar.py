"""A language that a profile declares: requests, frames, and patterns for the answers.

For recorders and dock hardware on a line that need no code of their own (docs/recorders/serial.md).
What a request says is never told: it may hold a password.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

from agent.core.dialogue import Dialogue, Say, Tune
from agent.core.family import Told
from agent.core.line import AdbSettings, SerialSettings, TcpSettings
from agent.families.framing import Frame, framed, heard, raw, shown
from agent.families.pattern import compiled
from agent.families.values import moment, name, number, room, since_1970
from contracts.errors import NoAnswerError, SettingsError
from contracts.loading import from_table
from contracts.reading import Identity

FRAMES_MAX = 8  # frames that answer something else, passed over
SECONDS_MAX = 30.0
TRIES_MAX = 5
HOW = "grammar"
WHOLE = 100  # percent
DIGITS_MAX = 12  # of a number in the form "hex": six bytes
_STRICT = {"extra": "forbid"}
_UNITS = {"unix_s": timedelta(seconds=1), "unix_ms": timedelta(milliseconds=1)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Between them they show whether each part of a moment has its digits.
_SAMPLES = (
    datetime(2026, 11, 22, 18, 30, 5, tzinfo=UTC),
    datetime(2026, 1, 2, 3, 4, 55, tzinfo=UTC),
)
_PLACE = re.compile(r"\{(year|month|day|hour|minute|second|unix_s|unix_ms)(?::(0[1-9][dx]))?\}")
_PARTS = ("year", "month", "day", "hour", "minute", "second")
Groups = dict[str, str]


@dataclass(frozen=True)
class Ask:
    """One request. `answer` is a pattern (docs/recorders/serial.md) that `example` must fit.

    An empty request says nothing: what speaks by itself is only listened to.
    """

    __pydantic_config__ = _STRICT
    ask: str
    answer: str
    example: str
    seconds: float = 1.0
    tries: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= SECONDS_MAX or not 1 <= self.tries <= TRIES_MAX:
            raise ValueError(f"seconds 0-{SECONDS_MAX:g}, tries 1-{TRIES_MAX}")


@dataclass(frozen=True)
class AskBattery(Ask):
    """The group `percent`; where `full` is another number, that many steps are the whole."""

    full: int = WHOLE

    def __post_init__(self) -> None:
        Ask.__post_init__(self)
        if self.full < 1:
            raise ValueError("full >= 1")


@dataclass(frozen=True)
class AskClock(Ask):
    """The group `time` in this format, or the groups year, month, day, hour, minute, second.

    A format is `strptime`'s, "unix_s" or "unix_ms".
    """

    format: str = ""


@dataclass(frozen=True)
class AskStorage(Ask):
    """The groups `free` and `total`, in units of so many bytes."""

    unit_bytes: int = 1

    def __post_init__(self) -> None:
        Ask.__post_init__(self)
        if self.unit_bytes < 1:
            raise ValueError("unit_bytes >= 1")


@dataclass(frozen=True)
class AskValue(Ask):
    """Anything else: the group `value`, a number times `scale` or a text, by this name."""

    name: str = ""
    unit: str = ""
    kind: Literal["number", "text"] = "number"
    scale: float = 1.0

    def __post_init__(self) -> None:
        Ask.__post_init__(self)
        if not self.name:
            raise ValueError("name")


@dataclass(frozen=True)
class GrammarOptions:
    """What a profile declares. `numbers`: how the digits of the form "hex" are a number."""

    __pydantic_config__ = _STRICT
    probe: Ask
    frame: Frame = field(default_factory=Frame)
    numbers: Literal["big", "little", "bcd"] = "big"
    identity: Ask | None = None
    battery: AskBattery | None = None
    clock_read: AskClock | None = None
    clock_set: Ask | None = None
    storage: AskStorage | None = None
    switch: Ask | None = None
    value: tuple[AskValue, ...] = ()
    serial: SerialSettings | None = None
    tcp: TcpSettings | None = None
    adb: AdbSettings | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """Something a profile asks for beside the facts: None where it was not told, `how` says why."""

    name: str
    unit: str
    value: float | str | None
    how: str = HOW


class Grammar:
    """The language. A fact the profile does not declare is unknown, and is not asked for.

    `why` says why what was asked for last is unknown, in both languages.

    Raises:
        SettingsError: on making it, for options that cannot work, each with its key.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        self.why = ""
        self._options = from_table(options, GrammarOptions, "language.options")
        problems = tuple(self._problems())
        if problems:
            raise SettingsError(file="language.options", problems=problems)

    @property
    def frame(self) -> Frame:
        """What stands around each payload."""
        return self._options.frame

    def probe(self) -> Dialogue[bool]:
        """Ask the declared question at each declared speed, until it is answered."""
        bauds = self._options.serial.bauds if self._options.serial else (None,)
        for baud in bauds:
            if baud is not None:
                yield Tune(baud)
            try:
                answer = yield from self._asked("probe", self._options.probe)
            except NoAnswerError:
                continue
            if answer is not None:
                return True
        return False

    def identity(self) -> Dialogue[Identity]:
        """Ask for number, serial and model."""
        groups = (yield from self._asked("identity", self._options.identity)) or {}
        return Identity(
            device_number=self._name(groups.get("number")),
            serial=self._name(groups.get("serial")),
            model=self._name(groups.get("model")),
            how=HOW,
        )

    def battery(self) -> Dialogue[Told[int] | None]:
        """Ask for the battery; steps of a few are an estimate."""
        groups = yield from self._asked("battery", self._options.battery)
        return self._battery(groups or {})

    def clock(self) -> Dialogue[Told[datetime] | None]:
        """Ask for the clock."""
        groups = yield from self._asked("clock_read", self._options.clock_read)
        shown_ = self._clock(groups or {})
        return None if shown_ is None else Told(shown_, HOW)

    def storage(self) -> Dialogue[tuple[Told[int], Told[int]] | None]:
        """Ask for free and total bytes."""
        groups = yield from self._asked("storage", self._options.storage)
        return self._storage(groups or {})

    def set_clock(self, local: datetime) -> Dialogue[bool]:
        """Set the clock; False also where it is counted from 1970 UTC and no zone is given."""
        asked = self._options.clock_set
        if asked is None or (local.tzinfo is None and "{unix_" in asked.ask):
            return False
        return (yield from self._asked("clock_set", asked, local)) is not None

    def switch(self) -> Dialogue[bool]:
        """Have it show its card as a disk; one that says nothing may be gone already."""
        if self._options.switch is None:
            return False
        try:
            return (yield from self._asked("switch", self._options.switch)) is not None
        except NoAnswerError:
            return True

    def values(self) -> Dialogue[tuple[Value, ...]]:
        """Ask for whatever else the profile declares."""
        told = []
        for asked in self._options.value:
            groups: Groups = {}
            try:
                groups = (yield from self._asked(asked.name, asked)) or {}
            except NoAnswerError as error:
                self.why = str(error.text)
            value = self._value(asked, groups)
            told.append(Value(asked.name, asked.unit, value, self.why if value is None else HOW))
        return tuple(told)

    def _asked(
        self, fact: str, asked: Ask | None, now: datetime | None = None
    ) -> Dialogue[Groups | None]:
        """Ask, again if need be; None where only something else is answered or nothing declared."""
        if asked is None:
            self.why = "档案没有声明 / the profile does not declare it"
            return None
        answered = False
        for _ in range(asked.tries):
            if asked.ask:
                yield Say(_said(asked.ask, self._options.frame, now))
            for _ in range(FRAMES_MAX):
                try:
                    payload = yield from heard(self._options.frame, asked.seconds)
                except NoAnswerError:
                    break
                answered = True
                groups = self._matched(asked, payload)
                self.why = self._doubt(payload, fits=groups is not None)
                if groups is not None:
                    return groups
        if answered:
            return None
        raise NoAnswerError(request=fact, reason=f"{asked.tries} × {asked.seconds:g} s")

    def _doubt(self, payload: bytes | None, *, fits: bool) -> str:
        """Return why an answer may tell no value."""
        text = None if payload is None else shown(payload, self._options.frame)
        if payload is None:
            return "校验和或帧不符 / wrong checksum or frame"
        if text is None:
            return f"不是该编码 / not in its encoding: {payload.hex(' ')}"
        if fits:
            return f"不成值或超出范围 / no value, or out of range: {text!r}"
        return f"回答与样式不符 / the answer does not fit: {text!r}"

    def _problems(self) -> Iterator[str]:
        """Yield what of the declaration cannot work, each with its key."""
        options = self._options
        yield from self._wrong("probe", options.probe, (), dict.copy)
        yield from self._wrong("identity", options.identity, (), self._marks)
        yield from self._wrong("battery", options.battery, ("percent",), self._battery)
        yield from self._wrong(
            "clock_read", options.clock_read, _clock_groups(options), self._clock
        )
        yield from self._wrong("clock_set", options.clock_set, (), dict.copy)
        yield from self._wrong("storage", options.storage, ("free", "total"), self._storage)
        yield from self._wrong("switch", options.switch, (), dict.copy)
        for asked in options.value:
            told = partial(self._value, asked)
            yield from self._wrong(f"value.{asked.name}", asked, ("value",), told)

    def _wrong(
        self, key: str, asked: Ask | None, groups: tuple[str, ...], told: Callable[[Groups], object]
    ) -> Iterator[str]:
        if asked is None:
            return
        try:
            for sample in _SAMPLES if key == "clock_set" else (None,):
                _said(asked.ask, self._options.frame, sample)
        except (ValueError, OverflowError) as error:
            yield f"{key}.ask: {error}"
        try:
            known = compiled(asked.answer).groupindex
        except ValueError as error:
            yield f"{key}.answer: {error}"
            return
        lacking = (f"(?P<{name}>…)" for name in groups if name not in known)
        yield from (f"{key}.answer: 缺少命名组 / lacks the group {one}" for one in lacking)
        try:
            found = self._matched(asked, raw(asked.example, self._options.frame))
        except ValueError as error:
            yield f"{key}.example: {error}"
            return
        if found is None:
            yield f"{key}.example: 与 answer 不符 / answer does not fit it"
        elif told(found) is None:
            yield f"{key}.example: 得不出值 / no value in it"

    def _marks(self, groups: Groups) -> object:
        """Return the first mark that tells one recorder from another."""
        named = (self._name(groups.get(mark)) for mark in ("number", "serial"))
        return next((mark for mark in named if mark), None)

    def _matched(self, asked: Ask, payload: bytes | None) -> Groups | None:
        text = None if payload is None else shown(payload, self._options.frame)
        found = None if text is None else compiled(asked.answer).fullmatch(text)
        return None if found is None else {k: v for k, v in found.groupdict().items() if v}

    def _number(self, said: str | None) -> int | None:
        if said is None or self._options.frame.form == "text" or self._options.numbers == "bcd":
            return number(said)
        if len(said) % 2 or len(said) > DIGITS_MAX:
            return None
        return int.from_bytes(bytes.fromhex(said), self._options.numbers)

    def _name(self, said: str | None) -> str | None:
        if said is None or self._options.frame.form == "text":
            return name(said)
        if len(said) % 2:
            return None
        return name(shown(bytes.fromhex(said), Frame(encoding=self._options.frame.encoding)))

    def _battery(self, groups: Groups) -> Told[int] | None:
        asked = self._options.battery
        value = self._number(groups.get("percent"))
        if asked is None or value is None or value > asked.full:
            return None
        if asked.full == WHOLE:
            return Told(value, HOW)
        return Told(value * WHOLE // asked.full, HOW, "estimated", -(-WHOLE // asked.full))

    def _clock(self, groups: Groups) -> datetime | None:
        asked = self._options.clock_read
        if asked is None or not groups:
            return None
        if asked.format in _UNITS:
            count = self._number(groups.get("time"))
            return None if count is None else since_1970(count, _UNITS[asked.format])
        if asked.format:
            return moment(groups.get("time", ""), asked.format)
        parts = [self._number(groups.get(part)) for part in _PARTS]
        return moment(" ".join(str(part) for part in parts), "%Y %m %d %H %M %S")

    def _storage(self, groups: Groups) -> tuple[Told[int], Told[int]] | None:
        asked = self._options.storage
        free, total = self._number(groups.get("free")), self._number(groups.get("total"))
        return None if asked is None else room(free, total, asked.unit_bytes, HOW)

    def _value(self, asked: AskValue, groups: Groups) -> float | str | None:
        if asked.kind == "text":
            return self._name(groups.get("value"))
        value = self._number(groups.get("value"))
        return None if value is None else value * asked.scale


def _clock_groups(options: GrammarOptions) -> tuple[str, ...]:
    asked = options.clock_read
    return ("time",) if asked is not None and asked.format else _PARTS


def _said(text: str, frame: Frame, now: datetime | None) -> bytes:
    """Return a request on the line; `%Y%m%d` and `{year:04x}` stand for parts of a moment."""
    if now is None:
        return framed(raw(text, frame), frame)

    def part(place: re.Match[str]) -> str:
        value = _since(now, _UNITS[place[1]]) if place[1] in _UNITS else getattr(now, place[1])
        return format(value, place[2] or "d")

    filled = _PLACE.sub(part, now.strftime(text))
    return framed(raw(filled, frame), frame)


def _since(now: datetime, unit: timedelta) -> int:
    return (now - _EPOCH) // unit
