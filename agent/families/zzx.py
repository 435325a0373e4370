"""ZZX: Android recorders that answer lines of JSON over TCP (docs/recorders/android.md).

Source: PcSocketNewUtils.java of the package com.zzx.police, which is the recorder's side.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agent.core.dialogue import Dialogue, Hear, Say
from agent.core.family import DEFAULT_PASSWORDS, Login, Told
from agent.core.line import AdbSettings, SerialSettings, TcpSettings
from agent.families.values import name, number, percent, room, since_1970
from contracts.errors import NoAnswerError, SwitchRefusedError
from contracts.loading import from_table
from contracts.reading import Identity

INIT, INFO, SET_TIME, TO_DISK, BATTERY, TIME, STORAGE = 1, 3, 5, 6, 8, 16, 18
LINES_MAX = 8  # answers to something else that are passed over
MIB = 1 << 20
_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STRICT = {"extra": "forbid"}
Body = dict[str, object]


@dataclass(frozen=True)
class ZzxOptions:
    """What a profile may say. Without a password nothing is asked that needs one."""

    __pydantic_config__ = _STRICT
    password: str = field(default="", repr=False)
    adb: AdbSettings | None = None
    tcp: TcpSettings | None = None
    serial: SerialSettings | None = None


class Zzx:
    """The language. The built-in super password is not known here and never sent."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self._options = from_table(options, ZzxOptions, "language.options")

    def probe(self) -> Dialogue[bool]:
        """Greet it: the only request that needs no password and tells only a model."""
        try:
            body = yield from _asked(INIT, {})
        except NoAnswerError:
            return False
        return "IDCode" in body

    def log_in(self) -> Dialogue[Login]:
        """Show the password with a request for the battery."""
        if not self._options.password:
            return "none"
        body = yield from self._told(BATTERY)
        if body is None:
            return "refused"
        return "default" if self._options.password in DEFAULT_PASSWORDS else "accepted"

    def identity(self) -> Dialogue[Identity]:
        """Ask for model and number."""
        greeting = yield from _asked(INIT, {})
        info = (yield from self._told(INFO)) or {}
        return Identity(
            device_number=name(info.get("serial")),
            model=name(greeting.get("IDCode")),
            how="ZZX GetZFYInfo",
        )

    def battery(self) -> Dialogue[Told[int] | None]:
        """Ask for the battery, in percent."""
        body = (yield from self._told(BATTERY)) or {}
        value = percent(body.get("battery"))
        return None if value is None else Told(value, "ZZX ReadDeviceBatteryDumpEnergy")

    def clock(self) -> Dialogue[Told[datetime] | None]:
        """Ask for the clock, which it tells in whole seconds since 1970 UTC."""
        body = (yield from self._told(TIME)) or {}
        seconds = number(body.get("Time"))
        shown = None if seconds is None else since_1970(seconds, _SECOND)
        return None if shown is None else Told(shown, "ZZX GetDevTime")

    def storage(self) -> Dialogue[tuple[Told[int], Told[int]] | None]:
        """Ask for free and total bytes, which it tells in whole MiB."""
        body = (yield from self._told(STORAGE)) or {}
        return room(number(body.get("free")), number(body.get("total")), MIB, "ZZX GetDiskStorage")

    def set_clock(self, local: datetime) -> Dialogue[bool]:
        """Set its clock; a moment without a zone cannot be counted from 1970 UTC and is not set."""
        if local.tzinfo is None:
            return False
        count = (local - _EPOCH) // _MILLISECOND
        body = (yield from self._told(SET_TIME, Time=str(count))) or {}
        return body.get("Result") == "true"

    def switch(self) -> Dialogue[bool]:
        """Have it show its card as a disk.

        Raises:
            SwitchRefusedError: it does not while it records.
        """
        try:
            body = yield from self._told(TO_DISK)
        except NoAnswerError:
            return True  # it may be gone already: whether it is a disk will be seen
        if body is not None and body.get("Result") == "false":
            raise SwitchRefusedError
        return body is not None and body.get("Result") == "true"

    def _told(self, request: int, **more: object) -> Dialogue[Body | None]:
        """Ask with the password; None without one, or where it is refused."""
        if not self._options.password:
            return None
        body = yield from _asked(request, {"password": self._options.password, **more})
        return body if body.get("password") == "true" else None


def _asked(request: int, body: Body) -> Dialogue[Body]:
    said = json.dumps({"header": {"id": request}, "body": body}, ensure_ascii=False)
    yield Say(said.encode() + b"\n")
    for _ in range(LINES_MAX):
        heard = yield Hear(until=b"\n")
        answer = _answer(heard, request)
        if answer is not None:
            return answer
    raise NoAnswerError(request=f"ZZX {request}", reason="只有其他回答 / answers to other things")


def _answer(heard: bytes, request: int) -> Body | None:
    """Return the body of an answer to this request."""
    try:
        answer = json.loads(heard[max(heard.find(b"{"), 0) :].decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    header, body = answer.get("header"), answer.get("body")
    if not isinstance(header, dict) or not isinstance(body, dict):
        return None
    return body if number(header.get("id")) == request else None
