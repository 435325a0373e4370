"""The language of recorders that show themselves as a camera or player: PTP and MTP over USB.

One operation is a command, data one way or none, and a response, all with one number. Whatever
comes back otherwise is not believed: the session is then begun anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from agent.core.dialogue import BulkRead, BulkWrite, ControlRead, ControlWrite, Dialogue, Pause
from agent.core.family import Told
from agent.families import ptp_packets as packets
from agent.families.ptp_packets import DeviceInfo, GarbledError, Head, ObjectInfo, Pipes
from contracts.errors import NoAnswerError, SettingsError
from contracts.reading import Identity

T = TypeVar("T")
PART_BYTES = 1 << 20  # of a file, asked for at once
BATTERY, CLOCK = "PTP 0x5001", "PTP 0x5011"

_DEVICE_INFO, _OPEN_SESSION, _CLOSE_SESSION = 0x1001, 0x1002, 0x1003
_STORAGE_IDS, _STORAGE_INFO, _HANDLES, _OBJECT_INFO = 0x1004, 0x1005, 0x1007, 0x1008
_OBJECT, _DELETE, _PART, _PART_64 = 0x1009, 0x100B, 0x101B, 0x95C1
_DESCRIPTION, _VALUE, _SET_VALUE, _OBJECT_PROPERTY = 0x1014, 0x1015, 0x1016, 0x9803
_BATTERY, _CLOCK, _OBJECT_SIZE = 0x5001, 0x5011, 0xDC04
_FULL_PERCENT = 100
_SERIAL_LETTERS = 64

_DATASET_BYTES = 4 << 20  # a million handles; no dataset is larger
_READ_BYTES = 1 << 20
_SECONDS = 10.0
_LISTING_SECONDS = 60.0  # Android looks through its whole media database
_DRAIN_SECONDS = 0.3
_DRAINED = 64  # reads; what still comes after a cancel
_BUSY_TRIES, _BUSY_SECONDS = 10, 0.5
_SESSION = 1
_LAST_NUMBER = 0xFFFFFFFE
_TO_INTERFACE, _FROM_INTERFACE, _FROM_DEVICE = 0x21, 0xA1, 0x80
_CANCEL, _RESET, _STATUS = 0x64, 0x66, 0x67
_GET_DESCRIPTOR, _CONFIGURATION, _TEXT, _ENGLISH = 6, 0x0200, 0x0300, 0x0409


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation came to: its response code, and its data where there was any."""

    response: int
    data: bytes = b""

    @property
    def is_ok(self) -> bool:
        """Whether the recorder did what it was asked."""
        return self.response == packets.OK


@dataclass(slots=True)
class _Stream:
    """A whole object under way: how much of it is still to be read, and what was read too far."""

    number: int
    left: int
    ahead: bytes


class PictureTransfer:
    """One recorder's PTP session; every method is a dialogue over USB.

    Once `is_in_step` is False, what comes may be the answer to something before: `begin` again.
    Handles are good for one session.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        if options:
            problems = tuple(f"{key}: unknown" for key in sorted(options))
            raise SettingsError(file="ptp", problems=problems)
        self._pipes: Pipes | None = None
        self._info: DeviceInfo | None = None
        self._number = 0
        self._stream: _Stream | None = None
        self._is_used = False
        self.is_in_step = True

    @property
    def info(self) -> DeviceInfo:
        """What the recorder said of itself when the session was begun."""
        if self._info is None:
            raise RuntimeError("no session was begun")
        return self._info

    def probe(self) -> Dialogue[bool]:
        """Tell whether an interface is PTP's and answers so; nothing is sent to any other."""
        try:
            yield from self._find()
            _parsed(packets.device_info, (yield from self._sure(_DEVICE_INFO)))
        except NoAnswerError:
            return False
        return True

    def begin(self) -> Dialogue[None]:
        """Open a session, whatever was under way before, and learn what the recorder can.

        Raises:
            NoAnswerError: it has no PTP interface, or does not open one.
        """
        yield from self._find()
        if self._is_used or not self.is_in_step:
            yield from self._reset()
        self._is_used = True
        try:
            yield from self._open_session()
        except NoAnswerError:
            yield from self._reset()
            yield from self._open_session()
        self._info = _parsed(packets.device_info, (yield from self._sure(_DEVICE_INFO)))

    def end(self) -> Dialogue[None]:
        """Close the session; may be asked twice."""
        if self._is_used and self.is_in_step:
            yield from self._ask(_CLOSE_SESSION)
        self._is_used = False

    def identity(self) -> Dialogue[Identity]:
        """Say what the DeviceInfo said."""
        yield from ()
        info = self.info
        model = f"{info.maker} {info.model}".strip() or None
        return Identity(device_number=_telling(info.serial), model=model, how="PTP DeviceInfo")

    def battery(self) -> Dialogue[Told[int] | None]:
        """Ask for the charge; 0 is what a recorder says that runs on the cable, so unknown."""
        if _BATTERY not in self.info.properties:
            return None
        described = yield from self._ask(_DESCRIPTION, _BATTERY)
        answer = yield from self._ask(_VALUE, _BATTERY)
        if not answer.is_ok or len(answer.data) != 1 or not answer.data[0]:
            return None
        low, high = 0, _FULL_PERCENT
        if described.is_ok:
            low, high = _parsed(packets.battery_range, described.data) or (low, high)
        percent = round((answer.data[0] - low) * _FULL_PERCENT / (high - low))
        if not 0 <= percent <= _FULL_PERCENT:
            return None
        return Told(percent, BATTERY)

    def clock(self) -> Dialogue[Told[datetime] | None]:
        """Ask for the clock; aware only where the recorder names its zone."""
        shown = yield from self._shown_clock()
        told = packets.moment(shown)
        return None if told is None else Told(told, CLOCK)

    def storage(self) -> Dialogue[tuple[Told[int], Told[int]] | None]:
        """Ask for free and total bytes of all stores together."""
        known = []
        for store in (yield from self.stores()):
            answer = yield from self._ask(_STORAGE_INFO, store)
            known.append(_parsed(packets.space, answer.data) if answer.is_ok else None)
        sure = [one for one in known if one is not None]
        if not sure or len(sure) < len(known):
            return None
        free, total = (sum(sizes) for sizes in zip(*sure, strict=True))
        return Told(free, "PTP StorageInfo"), Told(total, "PTP StorageInfo")

    def set_clock(self, local: datetime) -> Dialogue[bool]:
        """Set the clock; False where the recorder does not let it be set.

        A recorder that names its zone is told the time in that zone, if `local` has one.
        """
        shown = yield from self._shown_clock()
        if not shown or not self.info.can(_SET_VALUE):
            return False
        payload = packets.encoded(packets.written(local, shown))
        answer = yield from self._ask(_SET_VALUE, _CLOCK, payload=payload)
        return answer.is_ok

    def switch(self) -> Dialogue[bool]:
        """Return False: its files are read as it is."""
        yield from ()
        return False

    def stores(self) -> Dialogue[tuple[int, ...]]:
        """Ask for its stores; one whose lower half is 0 holds no card."""
        raw = yield from self._sure(_STORAGE_IDS)
        found = _parsed(lambda data: packets.Cursor(data).array("I"), raw)
        return tuple(store for store in dict.fromkeys(found) if store & 0xFFFF)

    def handles(self, store: int, parent: int) -> Dialogue[tuple[int, ...] | None]:
        """Ask for the objects in a folder (`ALL`: the root; 0: everywhere), each once.

        None where the recorder does not list in this manner.
        """
        answer = yield from self._ask(_HANDLES, store, 0, parent, seconds=_LISTING_SECONDS)
        if not answer.is_ok:
            return None
        found = _parsed(lambda data: packets.Cursor(data).array("I"), answer.data)
        return tuple(dict.fromkeys(found))

    def object_info(self, handle: int) -> Dialogue[ObjectInfo | None]:
        """Ask what an object is, None when there is none; a size of -1 is not known.

        Raises:
            NoAnswerError: the recorder does not say.
        """
        answer = yield from self._ask(_OBJECT_INFO, handle)
        if answer.response == packets.BAD_OBJECT:
            return None
        self._expect(_OBJECT_INFO, answer)
        info = _parsed(packets.object_info, answer.data)
        if info.size != packets.ALL:
            return info
        return replace(info, size=(yield from self._large_size(handle)))

    @property
    def can_delete(self) -> bool:
        """Whether the recorder lets objects be removed at all."""
        return self.info.can(_DELETE)

    def reads_parts(self, size: int) -> bool:
        """Tell whether a file of this size can be read from any offset."""
        return self.info.can(_PART_64) or (size <= packets.ALL and self.info.can(_PART))

    def part(self, handle: int, offset: int, count: int) -> Dialogue[Answer]:
        """Ask for bytes of an object from an offset; fewer may come, at its end none."""
        if self.info.can(_PART_64):
            low, high = offset & packets.ALL, offset >> 32
            answer = yield from self._ask(_PART_64, handle, low, high, count, most=count)
        else:
            answer = yield from self._ask(_PART, handle, offset, count, most=count)
        return answer

    def begin_whole(self, handle: int, size: int) -> Dialogue[int]:
        """Begin to read an object that can only be read whole; return the response code.

        `more` gives its bytes. Any other operation ends it.

        Raises:
            NoAnswerError: the recorder sends another number of bytes.
        """
        yield from self._quiet()
        number = self._next_number()
        self.is_in_step = False
        yield self._out(packets.command(_OBJECT, number, handle))
        head, body = yield from self._container(_OBJECT, number)
        if head.kind == packets.RESPONSE:
            return self._responded(head)
        if head.size not in (packets.HEAD_BYTES + size, packets.ALL) or len(body) > size:
            raise _no_answer(_OBJECT, f"{head.size - packets.HEAD_BYTES} bytes, not {size}")
        self._stream = _Stream(number, size - len(body), body)
        self.is_in_step = True
        return packets.OK

    def more(self, count: int) -> Dialogue[bytes]:
        """Return the next bytes of the object under way, at most so many; none at its end.

        Raises:
            NoAnswerError: they do not come.
        """
        stream = self._stream
        if stream is None:
            return b""
        self.is_in_step = False
        if not stream.ahead and stream.left:
            stream.ahead = yield BulkRead(self._found.into, self._to_read(stream.left), _SECONDS)
            stream.left -= len(stream.ahead)
            if not stream.ahead or stream.left < 0:
                raise _no_answer(_OBJECT, "another number of bytes than was said")
        given, stream.ahead = stream.ahead[:count], stream.ahead[count:]
        if not stream.ahead and not stream.left:
            self._stream = None
            head, _ = yield from self._container(_OBJECT, stream.number)
            self._expect(_OBJECT, Answer(head.code))
        self.is_in_step = True
        return given

    def delete(self, handle: int) -> Dialogue[int]:
        """Remove one object and return the response code; "all" is never sent."""
        if handle in packets.NO_HANDLES:
            raise ValueError(handle)
        answer = yield from self._ask(_DELETE, handle, 0)
        return answer.response

    def _find(self) -> Dialogue[None]:
        """Find the interface; an own class of the maker's is MTP only if it is so named."""
        if self._pipes is not None:
            return
        raw = yield _descriptor(_CONFIGURATION)
        pipes = _parsed(lambda data: tuple(packets.pipes_of(data)), raw)
        for one in sorted(pipes, key=lambda pipes: not pipes.is_still_image):
            if one.is_still_image or (one.name and (yield from self._is_mtp(one.name))):
                self._pipes = one
                return
        raise NoAnswerError(request="USB", reason="no PTP interface")

    def _is_mtp(self, name: int) -> Dialogue[bool]:
        raw = yield _descriptor(_TEXT | name, _ENGLISH)
        return "MTP" in raw[2:].decode("utf-16-le", "replace")

    def _open_session(self) -> Dialogue[None]:
        self._number, self.is_in_step = 0, True
        answer = yield from self._ask(_OPEN_SESSION, _SESSION)
        if answer.response == packets.SESSION_OPEN:  # somebody's who did not close it
            yield from self._ask(_CLOSE_SESSION)
            self._number = 0
            answer = yield from self._ask(_OPEN_SESSION, _SESSION)
        self._expect(_OPEN_SESSION, answer)

    def _reset(self) -> Dialogue[None]:
        """Bring a recorder out of whatever it is in (still image class 1.0, 5.2)."""
        self._stream = None
        yield from self._cancel(self._number)
        try:
            interface = self._found.interface
            yield ControlWrite(_TO_INTERFACE, _RESET, 0, interface, b"", _SECONDS)
        except NoAnswerError:
            yield Pause(_BUSY_SECONDS)

    def _quiet(self) -> Dialogue[None]:
        """End a whole object that is still under way."""
        if self._stream is not None:
            number, self._stream = self._stream.number, None
            yield from self._cancel(number)

    def _cancel(self, number: int) -> Dialogue[None]:
        payload = (0x4001).to_bytes(2, "little") + number.to_bytes(4, "little")
        interface = self._found.interface
        try:
            yield ControlWrite(_TO_INTERFACE, _CANCEL, 0, interface, payload, _SECONDS)
            for _ in range(_DRAINED):
                yield BulkRead(self._found.into, _READ_BYTES, _DRAIN_SECONDS)
        except NoAnswerError:
            pass  # nothing more comes, as it should be
        try:
            yield ControlRead(_FROM_INTERFACE, _STATUS, 0, interface, 64, _SECONDS)
        except NoAnswerError:
            return

    def _shown_clock(self) -> Dialogue[str]:
        if _CLOCK not in self.info.properties:
            return ""
        answer = yield from self._ask(_VALUE, _CLOCK)
        if not answer.is_ok:
            return ""
        return _parsed(lambda data: packets.Cursor(data).text(), answer.data)

    def _large_size(self, handle: int) -> Dialogue[int]:
        """Ask for the size of an object of 4 GiB or more (MTP ObjectSize, 64 bits)."""
        if not self.info.can(_OBJECT_PROPERTY):
            return -1
        answer = yield from self._ask(_OBJECT_PROPERTY, handle, _OBJECT_SIZE)
        if not answer.is_ok or len(answer.data) != 8:  # noqa: PLR2004
            return -1
        return int.from_bytes(answer.data, "little")

    def _sure(self, code: int) -> Dialogue[bytes]:
        answer = yield from self._ask(code)
        self._expect(code, answer)
        return answer.data

    def _expect(self, code: int, answer: Answer) -> None:
        if not answer.is_ok:
            raise _no_answer(code, packets.said(answer.response))

    def _ask(
        self,
        code: int,
        *params: int,
        payload: bytes | None = None,
        most: int = _DATASET_BYTES,
        seconds: float = _SECONDS,
    ) -> Dialogue[Answer]:
        """Carry out an operation, again as long as the recorder is busy.

        Raises:
            NoAnswerError: nothing comes, or not what PTP says.
        """
        yield from self._quiet()
        for _ in range(_BUSY_TRIES):
            answer = yield from self._once(code, params, payload, most, seconds)
            if answer.response != packets.BUSY:
                return answer
            yield Pause(_BUSY_SECONDS)
        return answer

    def _once(
        self, code: int, params: tuple[int, ...], payload: bytes | None, most: int, seconds: float
    ) -> Dialogue[Answer]:
        number = self._next_number()
        self.is_in_step = False
        yield self._out(packets.command(code, number, *params))
        if payload is not None:
            yield self._out(packets.data(code, number, payload))
        head, body = yield from self._container(code, number, seconds)
        if head.kind == packets.RESPONSE:
            return Answer(self._responded(head))
        if head.size > packets.HEAD_BYTES + most:
            raise _no_answer(code, f"{head.size} bytes of data")
        raw = yield from self._rest(code, body, head.size - packets.HEAD_BYTES, seconds)
        end, _ = yield from self._container(code, number)
        if end.kind != packets.RESPONSE:
            raise _no_answer(code, "data twice")
        return Answer(self._responded(end), raw)

    def _responded(self, head: Head) -> int:
        """Take a response; one that knows nothing of the session ends it."""
        self.is_in_step = head.code not in packets.SESSION_LOST
        return head.code

    def _rest(self, code: int, begun: bytes, size: int, seconds: float) -> Dialogue[bytes]:
        pieces, missing = [begun], size - len(begun)
        while missing > 0 and (pieces[-1] or len(pieces) == 1):
            pieces.append((yield BulkRead(self._found.into, self._to_read(missing), seconds)))
            missing -= len(pieces[-1])
        if missing:
            raise _no_answer(code, "another number of bytes than was said")
        return b"".join(pieces)

    def _container(
        self, code: int, number: int, seconds: float = _SECONDS
    ) -> Dialogue[tuple[Head, bytes]]:
        """Read the beginning of a container, which may follow the empty packet that ended one."""
        packet = self._found.packet
        raw = yield BulkRead(self._found.into, packet, seconds)
        if not raw:
            raw = yield BulkRead(self._found.into, packet, seconds)
        head = _parsed(packets.head_of, raw)
        if head.number != number or (head.kind == packets.DATA and head.code != code):
            raise _no_answer(code, "the answer to something else")
        return head, raw[packets.HEAD_BYTES :]

    def _out(self, container: bytes) -> BulkWrite:
        return BulkWrite(self._found.out, container, _SECONDS)

    def _to_read(self, missing: int) -> int:
        """Return how much to ask for: whole packets, but no more than come.

        Asked for more than comes, a transfer ends only with the empty packet that some leave out.
        """
        packet = self._found.packet
        return min(_READ_BYTES, -(-missing // packet) * packet)

    def _next_number(self) -> int:
        """Return the number of the next operation: 0 for what opens a session."""
        number = self._number
        self._number = number + 1 if number < _LAST_NUMBER else 1
        return number

    @property
    def _found(self) -> Pipes:
        if self._pipes is None:
            raise RuntimeError("no interface was looked for")
        return self._pipes


def _parsed(parse: Callable[[bytes], T], raw: bytes) -> T:
    try:
        return parse(raw)
    except GarbledError as error:
        raise NoAnswerError(request="PTP", reason=str(error)) from error


def _descriptor(value: int, index: int = 0) -> ControlRead:
    return ControlRead(_FROM_DEVICE, _GET_DESCRIPTOR, value, index, 4096, _SECONDS)


def _no_answer(code: int, reason: str) -> NoAnswerError:
    return NoAnswerError(request=f"PTP 0x{code:04x}", reason=reason)


def _telling(serial: str) -> str | None:
    """Return a serial number, unless it is one that many share."""
    shared = len(set(serial)) < 2 or serial.startswith("0123456789")  # noqa: PLR2004
    return None if shared or not serial.isprintable() else serial[:_SERIAL_LETTERS]
