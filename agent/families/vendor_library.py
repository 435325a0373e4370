"""The standard functions of a vendor's own library (docs/recorders/vendor-library.md).

A library is code of somebody else's: what it answers is taken as values, and it is only ever called
in a process of its own.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from agent.core.dialogue import CallLibrary, Dialogue, attempt
from agent.core.family import DEFAULT_PASSWORDS, Login, Told
from agent.families.values import percent
from agent.families.wire import OPTIONS, called, unasked
from contracts.errors import SettingsError
from contracts.loading import from_json, from_table
from contracts.reading import Identity

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DONE = 1
_CONNECTED, _PASSWORD_REFUSED, _NOT_SWITCHED = 1, 4, 8
_SECONDS = 10.0
_NUMBER_BYTES = {"padded": 8, "bare": 7}  # 产品序号, with and without its NUL


@dataclass(frozen=True)
class Options:
    """`path` and `sha256` name the library; `info` is how it lays out ZFY_INFO.

    "padded" is 94 bytes with a NUL behind each field, "bare" 89 without. `id_code`: `GetIDCode`
    fills a "buffer" or hands out a "pointer".
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # pydantic's own hook
    path: str
    sha256: str
    info: Literal["padded", "bare"] = "padded"
    id_code: Literal["buffer", "pointer"] = "buffer"
    password: str = field(default="000000", repr=False)


@dataclass(frozen=True)
class Answer:
    """What a function returned, its `iRet`, and what it wrote (base64)."""

    returned: int
    status: int
    out: str

    @property
    def bytes_out(self) -> bytes:
        """What it wrote."""
        try:
            return base64.b64decode(self.out, validate=True)
        except ValueError:
            return b""


class VendorLibrary:
    """Number, battery, setting the clock and switch; the time is not told."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self._options = from_table(options, Options, OPTIONS)
        problems = tuple(_problems(self._options))
        if problems:
            raise SettingsError(file=OPTIONS, problems=problems)

    def probe(self) -> Dialogue[bool]:
        """Have the library look for its recorder; it reaches no other plug."""
        answer = yield from self._call("Init_Device")
        return answer is not None and _DONE in (answer.returned, answer.status)

    def log_in(self) -> Dialogue[Login]:
        """Show the password, which reading about the recorder asks for."""
        answer = yield from self._call("GetZFYInfo")
        if answer is None:
            return "none"
        if answer.returned != _DONE or answer.status == _PASSWORD_REFUSED:
            return "refused"
        return "default" if self._options.password in DEFAULT_PASSWORDS else "accepted"

    def identity(self) -> Dialogue[Identity]:
        """Ask for maker's code and number; who wears it is not kept."""
        code = yield from self._call("GetIDCode")
        about = yield from self._call("GetZFYInfo")
        number = _text(about)[: _NUMBER_BYTES[self._options.info]]
        return Identity(
            device_number=called(number),
            model=called(_text(code)),
            how="GetIDCode, GetZFYInfo",
        )

    def battery(self) -> Dialogue[Told[int] | None]:
        """Ask for the battery."""
        answer = yield from self._call("ReadDeviceBatteryDumpEnergy")
        told = _text(answer)
        value = percent(int.from_bytes(told, "little", signed=True)) if told else None
        return None if value is None else Told(value, "ReadDeviceBatteryDumpEnergy")

    def clock(self) -> Dialogue[Told[datetime] | None]:
        """Tell nothing: the standard has no function for it."""
        return unasked(None)

    def storage(self) -> Dialogue[tuple[Told[int], Told[int]] | None]:
        """Tell nothing: the card says it once it is a disk."""
        return unasked(None)

    def set_clock(self, local: datetime) -> Dialogue[bool]:
        """Have the library send this machine's time, in the recorder's zone."""
        answer = yield from self._call("SyncDevTime", _posix_zone(local))
        return answer is not None and answer.returned == _DONE

    def switch(self) -> Dialogue[bool]:
        """Order disk mode; it may leave before the function returns."""
        answer = yield from self._call("SetMSDC")
        return answer is None or (answer.returned == _DONE and answer.status != _NOT_SWITCHED)

    def _call(self, function: str, payload: bytes = b"") -> Dialogue[Answer | None]:
        request = CallLibrary(function, self._options.password, payload, _SECONDS)
        raw = yield from attempt(request)
        try:
            return None if raw is None else from_json(raw, Answer)
        except ValueError:
            return None


def _text(answer: Answer | None) -> bytes:
    return answer.bytes_out if answer is not None and answer.returned == _DONE else b""


def _posix_zone(local: datetime) -> bytes:
    """Return an offset as POSIX writes it in TZ: west is positive (`<+08>-08:00`)."""
    offset = local.utcoffset() or timedelta()
    minutes = abs(offset) // timedelta(minutes=1)
    sign = "-" if offset >= timedelta() else "+"
    return f"REC{sign}{minutes // 60:02}:{minutes % 60:02}".encode()


def _problems(options: Options) -> list[str]:
    problems = []
    if not options.path.startswith("/"):
        problems.append("path: 应为绝对路径 / must be absolute")
    if not _SHA256.fullmatch(options.sha256):
        problems.append("sha256: 应为 64 位小写十六进制 / must be 64 small hex digits")
    return problems
