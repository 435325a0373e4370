"""PTP's containers and datasets as bytes, made and parsed; nothing is sent here.

After PIMA 15740:2000 (PTP; the datasets of chapter 5, the containers of its USB annex), the MTP
specification 1.1 (codes 0x98xx, 0xDCxx), the USB still image class 1.0, and, for 0x95C1, the
public source of Android's MtpServer. All numbers are little-endian.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

ALL = 0xFFFFFFFF  # of stores: every one; as a parent: the root; as a size: 4 GiB or more
NO_HANDLES = frozenset({0, ALL})  # no object: deleting "all" would empty the recorder
COMMAND, DATA, RESPONSE = 1, 2, 3
HEAD_BYTES = 12
FOLDER = 0x3001

OK = 0x2001
SESSION_LOST = frozenset({0x2003, 0x2004})  # not open, or not with this number
BAD_OBJECT, BUSY, SESSION_OPEN = 0x2009, 0x2019, 0x201E
_RESPONSES = {
    0x2002: "general error",
    0x2003: "session not open",
    0x2004: "invalid transaction",
    0x2005: "operation not supported",
    0x2006: "parameter not supported",
    0x2007: "incomplete transfer",
    0x2008: "invalid storage",
    0x2009: "invalid object",
    0x200A: "property not supported",
    0x200D: "object write-protected",
    0x200E: "store read-only",
    0x200F: "access denied",
    0x2012: "partial deletion",
    0x2013: "store not available",
    0x2019: "device busy",
    0x201E: "session already open",
}
_TIME = re.compile(
    r"(?P<whole>(?P<year>\d{4})\d{4}T\d{6})(?:\.(?P<tenth>\d)\d*)?(?P<zone>Z|[+-]\d{4})?", re.ASCII
)
_YEARS = range(1970, 2200)
_INTERFACE, _ENDPOINT = 4, 5
_STILL_IMAGE, _OWN_CLASS = 6, 0xFF
_BULK = 2


class GarbledError(Exception):
    """What came is not what the format says."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first twelve bytes of a container; `size` counts all of it, `ALL` where it is unknown."""

    size: int
    kind: int
    code: int
    number: int


@dataclass(frozen=True, slots=True)
class Pipes:
    """Where a recorder listens and answers: its interface, its two bulk endpoints."""

    interface: int
    into: int
    out: int
    packet: int  # bytes; the largest the recorder sends at once
    is_still_image: bool
    name: int  # the number of the interface's name, 0 for none


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a recorder says of itself (PIMA 15740, 5.5.1)."""

    extension: int
    operations: frozenset[int]
    properties: frozenset[int]
    maker: str
    model: str
    version: str
    serial: str

    def can(self, operation: int) -> bool:
        """Tell whether it knows an operation; above 0x9000 the maker decides what a code means."""
        is_mtp = self.extension in (6, ALL)
        return operation in self.operations and (operation < 0x9000 or is_mtp)  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a recorder says of one object (PIMA 15740, 5.3.1); `modified` is "" when not said."""

    storage: int
    format: int
    size: int  # bytes
    parent: int
    name: str
    modified: str


class Cursor:
    """Reads a dataset from its beginning to its end."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    @property
    def at(self) -> int:
        """How far it was read, in bytes."""
        return self._at

    def numbers(self, kinds: str) -> tuple[int, ...]:
        """Return the next numbers, of these kinds as `struct` names them.

        Raises:
            GarbledError: the dataset ends before.
        """
        try:
            found = struct.unpack_from("<" + kinds, self._raw, self._at)
        except struct.error as error:
            raise GarbledError("a dataset ends early") from error
        self._at += struct.calcsize("<" + kinds)
        return found

    def number(self, kind: str) -> int:
        """Return the next number."""
        return self.numbers(kind)[0]

    def array(self, kind: str) -> tuple[int, ...]:
        """Return the next array: how many there are, then they."""
        count = self.number("I")
        if count > len(self._raw):
            raise GarbledError(f"an array of {count}")
        return self.numbers(f"{count}{kind}")

    def text(self) -> str:
        """Return the next text: its length in UTF-16 units with the closing zero, then they."""
        units = self.number("B")
        raw = bytes(self.numbers(f"{2 * units}B"))
        return raw.decode("utf-16-le", "surrogatepass").partition("\0")[0]


def command(code: int, number: int, *params: int) -> bytes:
    """Return the container of a command."""
    return _head(COMMAND, code, number, 4 * len(params)) + struct.pack(f"<{len(params)}I", *params)


def data(code: int, number: int, payload: bytes) -> bytes:
    """Return the container of a command's data."""
    return _head(DATA, code, number, len(payload)) + payload


def head_of(raw: bytes) -> Head:
    """Return the head of a container.

    Raises:
        GarbledError: it is none.
    """
    head = Head(*Cursor(raw).numbers("IHHI"))
    if head.kind not in (DATA, RESPONSE) or head.size < HEAD_BYTES:
        raise GarbledError(f"no container: {raw[:HEAD_BYTES].hex(' ')}")
    return head


def said(response: int) -> str:
    """Return a response code in words."""
    return f"0x{response:04x} {_RESPONSES.get(response, '')}".strip()


def device_info(raw: bytes) -> DeviceInfo:
    """Parse a DeviceInfo dataset.

    Raises:
        GarbledError: it is none.
    """
    cursor = Cursor(raw)
    _, extension, _ = cursor.numbers("HIH")
    cursor.text()
    cursor.number("H")
    operations, _, properties = cursor.array("H"), cursor.array("H"), cursor.array("H")
    for _ in ("capture", "formats"):
        cursor.array("H")
    texts = tuple(cursor.text() for _ in range(4))
    return DeviceInfo(extension, frozenset(operations), frozenset(properties), *texts)


def object_info(raw: bytes) -> ObjectInfo:
    """Parse an ObjectInfo dataset; its size is `ALL` for 4 GiB and more.

    Raises:
        GarbledError: it is none.
    """
    cursor = Cursor(raw)
    storage, kind, _, size = cursor.numbers("IHHI")
    cursor.numbers("HIIIIII")
    parent, *_ = cursor.numbers("IHII")
    name, created, modified = cursor.text(), cursor.text(), cursor.text()
    return ObjectInfo(storage, kind, size, parent, name, modified or created)


def space(raw: bytes) -> tuple[int, int] | None:
    """Return free and total bytes of a StorageInfo dataset; None where the store does not say.

    Raises:
        GarbledError: it is none.
    """
    *_, total, free = Cursor(raw).numbers("HHHQQ")
    return (free, total) if free <= total < (1 << 63) else None


def battery_range(raw: bytes) -> tuple[int, int] | None:
    """Return the lowest and highest value of a battery's description; None when it has no range.

    Raises:
        GarbledError: it describes no battery in small numbers.
    """
    cursor = Cursor(raw)
    _, kind, *_, form = cursor.numbers("HHBBBB")
    if kind != 2:  # noqa: PLR2004  # UINT8
        raise GarbledError(f"a battery of type {kind}")
    low, high = cursor.numbers("BB") if form == 1 else (0, 0)
    return (low, high) if low < high else None


def moment(text: str) -> datetime | None:
    """Return a PTP date and time, aware where it names a zone; None when it is none."""
    found = _TIME.fullmatch(text)
    if found is None or int(found["year"]) not in _YEARS:
        return None
    try:
        told = datetime.strptime(found["whole"], "%Y%m%dT%H%M%S")  # noqa: DTZ007
        told = told.replace(microsecond=int(found["tenth"] or 0) * 100_000)
        return told.replace(tzinfo=_zone(found["zone"])) if found["zone"] else told
    except ValueError:
        return None


def written(local: datetime, like: str) -> str:
    """Return a time as PTP text, in the manner in which the recorder shows its own."""
    found = _TIME.fullmatch(like)
    fraction = ".0" if found and found["tenth"] else ""
    zone = found["zone"] if found and found["zone"] and local.tzinfo else ""
    shown = local.astimezone(_zone(zone)) if zone else local
    return f"{shown:%Y%m%dT%H%M%S}{fraction}{zone}"


def encoded(text: str) -> bytes:
    """Return text as PTP writes it."""
    raw = (text + "\0").encode("utf-16-le")
    return bytes([len(raw) // 2]) + raw


def pipes_of(configuration: bytes) -> Iterator[Pipes]:
    """Return the interfaces of a configuration descriptor (USB 2.0, 9.6) that may speak PTP.

    Raises:
        GarbledError: it is none.
    """
    interface: bytes | None = None
    ends: list[bytes] = []
    for part in (*_descriptors(configuration), bytes((9, _INTERFACE, 0, 0, 0, 0, 0, 0, 0))):
        if part[1] == _INTERFACE:
            yield from _pipes(interface, ends)
            interface, ends = part, []
        elif part[1] == _ENDPOINT:
            ends.append(part)


def _descriptors(raw: bytes) -> Iterator[bytes]:
    least = {_INTERFACE: 9, _ENDPOINT: 7}
    while raw:
        size = raw[0]
        if not 2 <= size <= len(raw) or size < least.get(raw[1], 2):  # noqa: PLR2004
            raise GarbledError("a broken descriptor")
        yield raw[:size]
        raw = raw[size:]


def _pipes(interface: bytes | None, ends: list[bytes]) -> Iterator[Pipes]:
    bulk = [end for end in ends if end[3] & 3 == _BULK]
    into = [end for end in bulk if end[2] & 0x80]
    out = [end for end in bulk if not end[2] & 0x80]
    kind = interface[5] if interface else 0
    if interface and kind in (_STILL_IMAGE, _OWN_CLASS) and len(into) == len(out) == 1:
        packet = struct.unpack_from("<H", into[0], 4)[0] & 0x7FF
        if packet:
            is_still = kind == _STILL_IMAGE
            yield Pipes(interface[2], into[0][2], out[0][2], packet, is_still, interface[8])


def _head(kind: int, code: int, number: int, size: int) -> bytes:
    return struct.pack("<IHHI", HEAD_BYTES + size, kind, code, number)


def _zone(written: str) -> tzinfo:
    if written == "Z":
        return UTC
    minutes = int(written[1:3]) * 60 + int(written[3:])
    return timezone(timedelta(minutes=-minutes if written[0] == "-" else minutes))
