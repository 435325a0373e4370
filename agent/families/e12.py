"""E12: Android recorders that answer frames of GBK text over TCP (docs/recorders/android.md).

Source: UsbConsts.java, E12DeviceInfoUtil.java and ThreadReadWriterIOSocket.java of the package
gbpe.policeass, which is the recorder's side. A frame is a length of four bytes and so many bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agent.core.dialogue import Dialogue, Hear, Say
from agent.core.family import Told
from agent.core.line import AdbSettings, SerialSettings, TcpSettings
from agent.families.values import moment, name, percent
from contracts.errors import NoAnswerError, SwitchRefusedError
from contracts.loading import from_table
from contracts.reading import Identity

SET_TIME, INFO, BATTERY = "E12CMDS003", "E12CMDS004", "E12CMDS007"
TO_DISK, ID_CODE, TIME = "E12CMDS008", "E12CMDS009", "E12CMDN030"
TIME_IS_SET, IS_DISK, IS_NO_DISK = b"E12DATR001", b"E12DATR011", b"E12DATR010"
WORKING = (b"E12DATR880", b"E12DATR881")  # "being done" and "done", before and after an answer
STATUS = b"E12DATR"
FRAME_MAX = 2048  # the recorder's own buffer
FRAMES_MAX = 8
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_STRICT = {"extra": "forbid"}
SERIAL_BYTES, SERIAL_BYTES_TERMINATED, INFO_BYTES_TERMINATED = 7, 8, 94


@dataclass(frozen=True)
class E12Options:
    """What a profile may say. `length_order`: of a frame's length, which no source shows."""

    __pydantic_config__ = _STRICT
    length_order: Literal["little", "big"] = "little"
    adb: AdbSettings | None = None
    tcp: TcpSettings | None = None
    serial: SerialSettings | None = None


class E12:
    """The language. It asks for no password; the requests that hand passwords out are never sent.

    It has no request for the card's storage.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        self.length_order = from_table(options, E12Options, "language.options").length_order

    def probe(self) -> Dialogue[bool]:
        """Ask for the model's code: only this family says first that it is being done."""
        try:
            yield from self._say(ID_CODE.encode())
            return (yield from self._frame()) == WORKING[0]
        except NoAnswerError:
            return False

    def identity(self) -> Dialogue[Identity]:
        """Ask for number and model; whose it is stays unread."""
        code = yield from self._asked(ID_CODE)
        info = yield from self._asked(INFO)
        end = SERIAL_BYTES_TERMINATED if len(info) == INFO_BYTES_TERMINATED else SERIAL_BYTES
        return Identity(
            device_number=name(_text(info[:end]).partition("\0")[0]),
            model=name(_text(code)),
            how="E12 GetZFYInfo",
        )

    def battery(self) -> Dialogue[Told[int] | None]:
        """Ask for the battery, in percent."""
        said = yield from self._asked(BATTERY)
        value = percent(_text(said).strip(" \0").removesuffix("%"))
        return None if value is None else Told(value, "E12 ReadDeviceBatteryDumpEnergy")

    def clock(self) -> Dialogue[Told[datetime] | None]:
        """Ask for the clock, which it tells in whole seconds of its own zone."""
        shown = moment(_text((yield from self._asked(TIME))), TIME_FORMAT)
        return None if shown is None else Told(shown, "E12 GetDeviceTime")

    def storage(self) -> Dialogue[tuple[Told[int], Told[int]] | None]:
        """It cannot be asked."""
        yield from ()
        return None

    def set_clock(self, local: datetime) -> Dialogue[bool]:
        """Announce the time, wait until it listens, and tell it."""
        yield from self._say(SET_TIME.encode())
        if (yield from self._frame()) != WORKING[0]:
            return False
        yield from self._say(local.strftime(TIME_FORMAT).encode())
        return (yield from self._answer(SET_TIME)) == TIME_IS_SET

    def switch(self) -> Dialogue[bool]:
        """Have it show its card as a disk; some start an FTP service instead.

        Raises:
            SwitchRefusedError: it says that it did not.
        """
        try:
            yield from self._say(TO_DISK.encode())
            answer = yield from self._answer(TO_DISK)
        except NoAnswerError:
            return True  # it may be gone already: whether it is a disk will be seen
        if answer == IS_NO_DISK:
            raise SwitchRefusedError
        return answer == IS_DISK

    def _asked(self, request: str) -> Dialogue[bytes]:
        """Ask for something and return it; empty where the recorder says that it failed."""
        yield from self._say(request.encode())
        answer = yield from self._answer(request)
        return b"" if answer.startswith(STATUS) else answer

    def _answer(self, request: str) -> Dialogue[bytes]:
        for _ in range(FRAMES_MAX):
            frame = yield from self._frame()
            if frame not in WORKING:
                return frame
        raise NoAnswerError(request=request, reason="一直处理中 / being done for ever")

    def _say(self, payload: bytes) -> Dialogue[None]:
        yield Say(len(payload).to_bytes(4, self.length_order) + payload)

    def _frame(self) -> Dialogue[bytes]:
        size = int.from_bytes((yield Hear(size=4)), self.length_order)
        if not 0 < size <= FRAME_MAX:
            raise NoAnswerError(request="E12", reason="长度无效 / no valid length")
        return (yield Hear(size=size))


def _text(said: bytes) -> str:
    return said.decode("gbk", errors="replace")
