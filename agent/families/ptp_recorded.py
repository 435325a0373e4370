"""A PTP recorder as a fixture: its operations kept, answered from, and rid of whose they are.

An operation's numbers never come again, so none is kept: what answers from a fixture counts the
session's operations itself, and refuses one that is out of turn as a recorder does. Bytes of
objects are never kept; others stand for them (docs/recorders/fixtures.md).
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent.core.dialogue import (
    BulkRead,
    BulkWrite,
    ControlRead,
    ControlWrite,
    Pause,
    Request,
    Transport,
)
from agent.core.fixture import Exchange, written
from agent.core.pseudonyms import Pseudonyms
from agent.families import ptp_packets as packets
from agent.families.ptp_packets import HEAD_BYTES, Cursor, GarbledError, head_of
from contracts.errors import NoAnswerError

OPERATION = "Operation"
_DEVICE_INFO, _OPEN_SESSION, _CLOSE_SESSION = 0x1001, 0x1002, 0x1003
_STORAGE_INFO, _OBJECT_INFO = 0x1005, 0x1008
_OBJECT, _PART, _PART_64 = 0x1009, 0x101B, 0x95C1
_OF_OBJECTS = frozenset({_OBJECT, _PART, _PART_64})
_NO_SESSION, _OUT_OF_TURN, _UNKNOWN = 0x2003, 0x2004, 0x2005
_LAST_NUMBER = 0xFFFFFFFE
_DESCRIPTORS, _STATUS, _RESET = 0x80, 0x67, 0x66
_READY = bytes.fromhex("04000120")  # still image class 1.0, 5.2.4: four bytes, and all is well
_SIZE_AT = 8  # of ObjectInfo
_LETTERS_MAX = 254  # of a text, without its closing zero

# Numbers as `struct` names them, "array" of 16 bits, or what a text is (PIMA 15740, 5.5.1, 5.5.3
# and 5.3.1).
_LAYOUTS: dict[int, tuple[str, ...]] = {
    _DEVICE_INFO: (
        *("HIH", "text", "H", "array", "array", "array", "array", "array"),
        *("text", "text", "text", "own"),
    ),
    _STORAGE_INFO: ("HHHQQI", "text", "own"),
    _OBJECT_INFO: ("IHHIHIIIIIIIHII", "name", "moment", "moment", "name"),
}
_NUMBERS = frozenset({"HIH", "H", "HHHQQI", "IHHIHIIIIIIIHII"})


@dataclass(slots=True)
class _UnderWay:
    """An operation that was asked for, and what came back so far."""

    fact: str
    code: int
    number: int
    parameters: tuple[int, ...]
    began: float
    heard: bytearray = field(default_factory=bytearray)
    why: str = ""
    ended: float = 0.0

    def exchange(self) -> Exchange:
        """Return it as a fixture has it."""
        asked = {"do": OPERATION, "code": self.code, "parameters": list(self.parameters)}
        kept = Exchange(self.fact, asked, ms=max(round((self.ended - self.began) * 1000), 0))
        try:
            data, response = _parted(bytes(self.heard), self.code, self.number)
        except GarbledError as error:
            return replace(kept, why=self.why or str(error))
        return replace(kept, answer=None if data is None else data.hex(), response=response)


class Overheard:
    """A transport that keeps the operations that pass; `fact` is what is being asked for."""

    def __init__(self, transport: Transport, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock
        self._under_way: _UnderWay | None = None
        self._kept: list[Exchange] = []
        self.fact = ""

    def kept(self) -> tuple[Exchange, ...]:
        """Return what was asked and answered, to the last operation's end."""
        self._finish()
        return tuple(self._kept)

    def ask(self, request: Request) -> bytes:
        """Carry a request out, and keep it if it is of an operation or a descriptor."""
        if isinstance(request, BulkWrite):
            self._begin(request.payload)
        elif isinstance(request, ControlWrite):  # what still comes after it answers nothing
            self._finish()
        try:
            answer = self._transport.ask(request)
        except NoAnswerError as error:
            if self._under_way:
                self._under_way.why = str(error.fields["reason"])
            raise
        if self._under_way and isinstance(request, BulkRead):
            self._under_way.heard += answer
            self._under_way.ended = self._clock()
        if isinstance(request, ControlRead) and request.request_type == _DESCRIPTORS:
            self._kept.append(Exchange(self.fact, written(request), answer.hex()))
        return answer

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

    def _begin(self, container: bytes) -> None:
        self._finish()
        _, _, code, number = Cursor(container).numbers("IHHI")
        raw = container[HEAD_BYTES:]
        parameters = Cursor(raw).numbers(f"{len(raw) // 4}I")
        self._under_way = _UnderWay(self.fact, code, number, parameters, self._clock())

    def _finish(self) -> None:
        done, self._under_way = self._under_way, None
        if done is not None and done.code not in _OF_OBJECTS:
            self._kept.append(done.exchange())


class PtpReplay:
    """A recorder that answers each operation as it did; the last answer to it stands for more.

    No object is larger than `size_max` bytes here, and each holds its own handle and zeros.
    `unrecorded` keeps what it was asked and cannot say.
    """

    def __init__(self, exchanges: Iterable[Exchange], size_max: int = packets.ALL) -> None:
        self._size_max = size_max
        self._controls: list[Exchange] = []
        self._operations: dict[tuple[int, ...], list[Exchange]] = {}
        for one in exchanges:
            if one.asked["do"] == OPERATION:
                self._operations.setdefault(_key(one.asked), []).append(one)
            else:
                self._controls.append(one)
        self._given: dict[tuple[int, ...], int] = {}
        self._queue: list[bytes] = []
        self._has_session = False
        self._number = 0
        self.unrecorded: list[dict[str, Any]] = []

    def ask(self, request: Request) -> bytes:
        """Answer as the recorder did.

        Raises:
            NoAnswerError: it did not, or nothing is to come.
        """
        match request:
            case BulkWrite(_, payload):
                self._take(payload)
            case BulkRead(_, size):
                return self._give(size)
            case ControlRead():
                return self._control(request)
            case ControlWrite(_, number):
                self._queue.clear()
                self._has_session &= number != _RESET
            case Pause():
                pass
            case _:
                raise NoAnswerError(request=type(request).__name__, reason="PTP")
        return b""

    def close(self) -> None:
        """Do nothing; it can be asked again."""

    def _control(self, request: ControlRead) -> bytes:
        asked = written(request)
        found = next((one for one in self._controls if one.asked == asked), None)
        if found is not None and found.answer is not None:
            return bytes.fromhex(found.answer)
        if request.request == _STATUS:
            return _READY
        self.unrecorded.append(asked)
        raise NoAnswerError(request="ControlRead", reason="not recorded")

    def _give(self, size: int) -> bytes:
        if not self._queue:
            raise NoAnswerError(request="BulkRead", reason="nothing comes")
        given, rest = self._queue[0][:size], self._queue[0][size:]
        self._queue[:1] = [rest] if rest else []
        return given

    def _take(self, container: bytes) -> None:
        _, kind, code, number = Cursor(container).numbers("IHHI")
        if kind != packets.COMMAND:  # data for what was refused when it was ordered
            return
        raw = container[HEAD_BYTES:]
        key = (code, *Cursor(raw).numbers(f"{len(raw) // 4}I"))
        refusal = self._refusal(code, number)
        if refusal:
            self._queue.append(_response(refusal, number))
            return
        if code in _OF_OBJECTS:
            data, response = self._made_up(key)
        else:
            told = self._told(key)
            if told is None:
                return
            data, response = told
        if data is not None:
            self._queue.append(packets.data(code, number, data))
        self._queue.append(_response(response[0], number, *response[1:]))
        self._follow(code, response[0])

    def _refusal(self, code: int, number: int) -> int:
        """Return what speaks against an operation in this session's course, or 0; count it."""
        if code == _OPEN_SESSION:
            self._number = 1
            return _OUT_OF_TURN if number else 0
        if not self._has_session:
            return 0 if code == _DEVICE_INFO else _NO_SESSION
        if number != self._number:
            return _OUT_OF_TURN
        self._number = number % _LAST_NUMBER + 1
        return 0

    def _follow(self, code: int, response: int) -> None:
        if code == _OPEN_SESSION:
            self._has_session = response in (packets.OK, packets.SESSION_OPEN)
        elif code == _CLOSE_SESSION and response == packets.OK:
            self._has_session = False

    def _told(self, key: tuple[int, ...]) -> tuple[bytes | None, tuple[int, ...]] | None:
        """Return data and response as recorded; None where nothing came."""
        known = self._operations.get(key)
        if known is None:
            self.unrecorded.append(_asked(key))
            return None, (_UNKNOWN,)
        at = self._given.get(key, 0)
        self._given[key] = at + 1
        one = known[min(at, len(known) - 1)]
        if not one.response:
            return None
        data = None if one.answer is None else bytes.fromhex(one.answer)
        return self._shortened(key[0], data), one.response

    def _shortened(self, code: int, data: bytes | None) -> bytes | None:
        if code != _OBJECT_INFO or data is None or len(data) < _SIZE_AT + 4:
            return data
        made, (size,) = bytearray(data), struct.unpack_from("<I", data, _SIZE_AT)
        struct.pack_into("<I", made, _SIZE_AT, min(size, self._size_max))
        return bytes(made)

    def _made_up(self, key: tuple[int, ...]) -> tuple[bytes | None, tuple[int, ...]]:
        """Return bytes in the place of an object's own."""
        code, handle, *where = key
        known = self._operations.get((_OBJECT_INFO, handle), [])
        infos = (self._shortened(_OBJECT_INFO, _data(one)) for one in known)
        info = next((one for one in infos if one and len(one) >= _SIZE_AT + 4), None)
        if info is None:
            return None, (packets.BAD_OBJECT,)
        (size,) = struct.unpack_from("<I", info, _SIZE_AT)
        whole = f"{handle:08x}".encode().ljust(size, b"\0")[:size]
        if code == _OBJECT:
            return whole, (packets.OK,)
        *offset, count = where
        start = sum(part << 32 * at for at, part in enumerate(offset))
        part = whole[start : start + count]
        return part, (packets.OK, len(part))


def own_marks(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """Yield what tells this recorder from others of its make: its serial number, its labels."""
    for one in exchanges:
        layout, data = _layout(one), _data(one)
        if layout and data is not None:
            try:
                yield from (said for kind, said in _texts(data, layout) if kind == "own" and said)
            except GarbledError:
                continue


def hidden_operations(exchanges: Iterable[Exchange], names: Pseudonyms) -> Iterator[Exchange]:
    """Yield the exchanges without that, and without people in names; a broken dataset is left out.

    Texts may become longer: their lengths are counted anew.
    """
    for one in exchanges:
        layout, data = _layout(one), _data(one)
        if not layout or data is None:
            yield one
            continue
        try:
            yield replace(one, answer=_rewritten(data, layout, names).hex())
        except GarbledError:
            yield replace(one, answer=None, response=(), why="garbled")


def _parted(raw: bytes, code: int, number: int) -> tuple[bytes | None, tuple[int, ...]]:
    """Return what the containers that came hold: data, where there was any, and the response."""
    data, head = None, head_of(raw)
    if (head.kind, head.code, head.number) == (packets.DATA, code, number):
        data, raw = raw[HEAD_BYTES : head.size], raw[head.size :]
        head = head_of(raw)
    if head.kind != packets.RESPONSE or head.number != number:
        raise GarbledError("the answer to something else")
    rest = raw[HEAD_BYTES : head.size]
    return data, (head.code, *Cursor(rest).numbers(f"{len(rest) // 4}I"))


def _layout(one: Exchange) -> Sequence[str]:
    return _LAYOUTS.get(one.asked["code"], ()) if one.asked["do"] == OPERATION else ()


def _data(one: Exchange) -> bytes | None:
    return None if one.answer is None else bytes.fromhex(one.answer)


def _texts(raw: bytes, layout: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what each text of a dataset is, and says."""
    for kind, _, said in _pieces(raw, layout):
        if said is not None:
            yield kind, said


def _pieces(raw: bytes, layout: Sequence[str]) -> Iterator[tuple[str, bytes, str | None]]:
    """Yield a dataset piece by piece: what it is, its bytes, and its text if it is one."""
    cursor = Cursor(raw)
    for kind in layout:
        begin, said = cursor.at, None
        if kind in _NUMBERS:
            cursor.numbers(kind)
        elif kind == "array":
            cursor.array("H")
        else:
            said = cursor.text()
        yield kind, raw[begin : cursor.at], said


def _rewritten(raw: bytes, layout: Sequence[str], names: Pseudonyms) -> bytes:
    pieces = []
    for kind, as_it_is, said in _pieces(raw, layout):
        told = said if said is None else _hidden(kind, said, names)[:_LETTERS_MAX]
        pieces.append(as_it_is if told is None or told == said else packets.encoded(told))
    return b"".join(pieces)


def _hidden(kind: str, said: str, names: Pseudonyms) -> str:
    raw = said.encode("utf-8", "surrogatepass")
    if kind == "moment" and packets.moment(said):
        return said
    made = names.hide(raw, is_identity=kind == "own") if kind in {"text", "own"} else None
    told = (names.hide_name(raw) if made is None else made).decode("utf-8", "replace")
    return told.encode("ascii", "replace").decode()


def _key(asked: dict[str, Any]) -> tuple[int, ...]:
    return asked["code"], *asked["parameters"]


def _asked(key: tuple[int, ...]) -> dict[str, Any]:
    code, *parameters = key
    return {"do": OPERATION, "code": code, "parameters": parameters}


def _response(code: int, number: int, *parameters: int) -> bytes:
    raw = struct.pack(f"<{len(parameters)}I", *parameters)
    return struct.pack("<IHHI", HEAD_BYTES + len(raw), packets.RESPONSE, code, number) + raw
