"""Carries an emulated PTP recorder over USB: bulk transfers, control requests, and what goes wrong.

After the USB still image class 1.0. Pure: bytes in, bytes out. Standard library only.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .ptp import SET_PROP_VALUE, Recorder, Whole

PACKET = 512
INTO, OUT = 0x81, 0x02
COMMAND, DATA, RESPONSE = 1, 2, 3
CANCEL, RESET, STATUS = 0x64, 0x66, 0x67
STILL_IMAGE = b"\x06\x01\x01"


@dataclass
class Fault:
    """What goes wrong with an operation's answer, the next `times` it is asked for.

    "silent": nothing comes. "garbage": no container. "number", "code": of something else.
    "short", "long": fewer, more bytes than said. "stall": nothing after `at` bytes of the data.
    "twice": the data comes again in place of a response. "huge": says it is very long.
    """

    kind: str
    times: int = 1
    at: int = 0


class _Transfer:
    """Bytes that end with a short packet, or with an empty one where `closes`."""

    def __init__(self, size: int, read: Callable[[int, int], bytes], *, closes: bool) -> None:
        self.left = size
        self._at = 0
        self._read = read
        self.is_over = False
        self._closes = closes and size % PACKET == 0 and size > 0

    def take(self, size: int) -> bytes:
        count = min(size, self.left)
        raw = self._read(self._at, count)
        self._at += count
        self.left -= count
        if not self.left and (count < size or not self._closes):
            self.is_over = True
        return raw


class Plug:
    """The recorder's end of the cable."""

    def __init__(
        self, recorder: Recorder, interface: bytes = STILL_IMAGE, name: str = "MTP"
    ) -> None:
        self.recorder = recorder
        self.faults: dict[int, Fault] = {}
        self.splits_heads = False
        self.closes = True  # sends the empty packet after data of whole packets
        self.hides_size = False  # of whole objects
        self.is_out = False
        self.controls: list[int] = []
        self._interface = interface
        self._name = name
        self._queue: deque[_Transfer] = deque()
        self._waiting: tuple[int, int, tuple[int, ...]] | None = None

    def out(self, raw: bytes) -> None:
        """Take a transfer from the host."""
        size, kind, code, number = struct.unpack("<IHHI", raw[:12])
        params = struct.unpack(f"<{(size - 12) // 4}I", raw[12:size]) if kind == COMMAND else ()
        if kind == COMMAND and code == SET_PROP_VALUE:
            self._waiting = code, number, params
        elif kind == COMMAND:
            self._answer(code, number, params, b"")
        elif self._waiting is not None:
            code, number, params = self._waiting
            self._answer(code, number, params, raw[12:])

    def into(self, size: int) -> bytes | None:
        """Give the host up to so many bytes; None while there is nothing to give."""
        if not self._queue:
            return None
        raw = self._queue[0].take(size)
        if self._queue[0].is_over:
            self._queue.popleft()
        return raw

    def control(self, kind: int, request: int, value: int, size: int) -> bytes | None:
        """Answer a control request; None: it is refused."""
        self.controls.append(request)
        if (kind, request) == (0x80, 6):
            return {2: self._configuration(), 3: self._text()}.get(value >> 8, b"")[:size]
        if request in (CANCEL, RESET):
            self._queue.clear()
            self._waiting = None
        if request == RESET:
            self.recorder.session = None
        return struct.pack("<HH", 4, 0x2001)[:size] if request == STATUS else b""

    def _answer(self, code: int, number: int, params: tuple[int, ...], payload: bytes) -> None:
        self._waiting = None
        data, response, answered = self.recorder.perform(code, params, payload)
        fault = self.faults.get(code)
        kind = ""
        if fault and fault.times:
            fault.times -= 1
            kind = fault.kind
        if kind == "silent":
            return
        if kind == "number":
            number += 7
        if data is not None:
            self._queue.extend(self._data(code, number, data, kind, fault))
        if kind in ("stall", "twice"):
            return
        head = struct.pack("<IHHI", 12 + 4 * len(answered), RESPONSE, response, number)
        raw = head + struct.pack(f"<{len(answered)}I", *answered)
        self._queue.append(self._bytes(raw if kind != "garbage" else b"\xa5" * 40))

    def _data(
        self, code: int, number: int, data: bytes | Whole, kind: str, fault: Fault | None
    ) -> Iterator[_Transfer]:
        size, read = (
            (data.size, data.read)
            if isinstance(data, Whole)
            else (len(data), lambda at, count: data[at : at + count])
        )
        if kind == "garbage":
            yield self._bytes(b"\x5a" * 40)
            return
        told = 12 + size + {"short": 100, "long": -4, "huge": 1 << 30}.get(kind, 0)
        if self.hides_size and isinstance(data, Whole):
            told = 0xFFFFFFFF
        head = struct.pack("<IHHI", min(told, 0xFFFFFFFF), DATA, code + (kind == "code"), number)
        if kind == "stall" and fault:
            yield self._bytes(head + read(0, fault.at), closes=False)
        elif self.splits_heads:
            yield self._bytes(head)
            yield _Transfer(size, read, closes=self.closes)
        else:
            yield _Transfer(12 + size, _after(head, read), closes=self.closes)
        if kind == "twice":
            yield self._bytes(head)

    def _bytes(self, raw: bytes, *, closes: bool = True) -> _Transfer:
        return _Transfer(len(raw), lambda at, count: raw[at : at + count], closes=closes)

    def _configuration(self) -> bytes:
        ends = b"".join(
            struct.pack("<BBBBHB", 7, 5, address, kind, size, interval)
            for address, kind, size, interval in (
                (INTO, 2, PACKET, 0),
                (OUT, 2, PACKET, 0),
                (0x83, 3, 28, 6),
            )
        )
        own = struct.pack("<BBBBB", 9, 4, 0, 0, 3) + self._interface + b"\x04" + ends
        return struct.pack("<BBHBBBBB", 9, 2, 9 + len(own), 1, 1, 0, 0x80, 50) + own

    def _text(self) -> bytes:
        raw = self._name.encode("utf-16-le")
        return bytes((2 + len(raw), 3)) + raw


def _after(head: bytes, read: Callable[[int, int], bytes]) -> Callable[[int, int], bytes]:
    def both(at: int, count: int) -> bytes:
        begun = head[at : at + count]
        return begun + read(max(0, at - len(head)), count - len(begun))

    return both
