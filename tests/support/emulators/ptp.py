"""A PTP/MTP recorder at the level of its operations: what it holds, answers and does wrong.

Operations, datasets and codes as in PIMA 15740 (PTP) and the MTP specification 1.1. Knows no wire:
`ptp_usb` and `ptpip` carry it. Standard library only.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

ALL = 0xFFFFFFFF
GET_DEVICE_INFO, OPEN_SESSION, CLOSE_SESSION = 0x1001, 0x1002, 0x1003
GET_STORAGE_IDS, GET_STORAGE_INFO, GET_NUM_OBJECTS = 0x1004, 0x1005, 0x1006
GET_OBJECT_HANDLES, GET_OBJECT_INFO, GET_OBJECT, DELETE_OBJECT = 0x1007, 0x1008, 0x1009, 0x100B
GET_PROP_DESC, GET_PROP_VALUE, SET_PROP_VALUE = 0x1014, 0x1015, 0x1016
GET_PARTIAL, GET_PARTIAL_64 = 0x101B, 0x95C1
GET_OBJECT_PROPS, GET_OBJECT_PROP_VALUE = 0x9801, 0x9803
OK, GENERAL, NO_SESSION, NOT_SUPPORTED = 0x2001, 0x2002, 0x2003, 0x2005
BAD_HANDLE, NO_SUCH_PROP, READ_ONLY = 0x2009, 0x200A, 0x200D
BUSY, SESSION_OPEN, NO_HIERARCHY = 0x2019, 0x201E, 0x2006
BATTERY, CLOCK = 0x5001, 0x5011
FOLDER, VIDEO = 0x3001, 0x300B
PLAIN = (
    GET_DEVICE_INFO, OPEN_SESSION, CLOSE_SESSION, GET_STORAGE_IDS, GET_STORAGE_INFO,
    GET_NUM_OBJECTS, GET_OBJECT_HANDLES, GET_OBJECT_INFO, GET_OBJECT, DELETE_OBJECT,
    GET_PROP_DESC, GET_PROP_VALUE, SET_PROP_VALUE,
)  # fmt: skip
ANDROID = (*PLAIN, GET_PARTIAL, GET_PARTIAL_64, GET_OBJECT_PROPS, GET_OBJECT_PROP_VALUE)

Content = bytes | Callable[[int, int], bytes]
Answer = tuple[Content | None, int, tuple[int, ...]]


@dataclass
class Thing:
    """One object: a folder, or a file whose `content` is bytes or made by offset and count."""

    name: str
    parent: int = 0
    content: Content = b""
    size: int = 0
    modified: str = "20261121T081500"
    format: int = VIDEO
    storage: int = 0x10001
    protected: bool = False

    def read(self, offset: int, count: int) -> bytes:
        """Return bytes of the content."""
        count = max(0, min(count, self.size - offset))
        if callable(self.content):
            return self.content(offset, count)
        return self.content[offset : offset + count]


def pattern(offset: int, count: int) -> bytes:
    """Return bytes of an endless content: each eight tell their own place."""
    first, last = offset // 8, (offset + count) // 8 + 1
    return struct.pack(f"<{last - first}Q", *range(first, last))[offset % 8 :][:count]


@dataclass
class Recorder:
    """A PTP recorder. `refusals` are response codes given, one after the other, per operation."""

    model: str = "DSJ-P1"
    serial: str = "PTP0001"
    operations: tuple[int, ...] = ANDROID
    extension: int = 6  # MTP
    extension_text: str = "microsoft.com: 1.0; android.com: 1.0;"
    storages: dict[int, tuple[int, int]] = field(
        default_factory=lambda: {0x10001: (1 << 35, 1 << 34)}
    )
    battery: int | None = 87
    battery_range: tuple[int, int, int] | None = (0, 100, 1)
    clock_offset: timedelta | None = timedelta(0)
    clock_style: str = ""  # what follows the seconds: "", ".0", "Z", "+0800"
    clock_settable: bool = True
    hierarchy: str = "both"  # "both", "tree" (0 lists the root), "flat" (refuses a parent)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    zone: timedelta = timedelta(hours=8)
    things: dict[int, Thing] = field(default_factory=dict)
    refusals: dict[int, list[int]] = field(default_factory=dict)
    log: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    session: int | None = None

    def add(
        self, name: str, parent: int = 0, content: Content | None = None, **more: object
    ) -> int:
        """Add a file, or a folder where there is no content; return its handle."""
        handle = max(self.things, default=0) + 1
        if content is None:
            thing = Thing(name, parent, format=FOLDER, **more)
        else:
            more.setdefault("size", 0 if callable(content) else len(content))
            thing = Thing(name, parent, content, **more)
        self.things[handle] = thing
        return handle

    def perform(self, code: int, params: tuple[int, ...], payload: bytes = b"") -> Answer:
        """Carry out an operation: its data, response code and response parameters."""
        self.log.append((code, params))
        waiting = self.refusals.get(code)
        if waiting and (refusal := waiting.pop(0)) != OK:
            return None, refusal, ()
        work = _WORK.get(code)
        if work is None or code not in self.operations:
            return None, NOT_SUPPORTED, ()
        if self.session is None and code not in (GET_DEVICE_INFO, OPEN_SESSION):
            return None, NO_SESSION, ()
        return work(self, (*params, 0, 0, 0, 0, 0), payload)

    def codes(self) -> set[int]:
        """Return every operation that was asked for."""
        return {code for code, _ in self.log}

    def _device_info(self, _params: tuple[int, ...], _payload: bytes) -> Answer:
        props = [
            p for p, v in ((BATTERY, self.battery), (CLOCK, self.clock_offset)) if v is not None
        ]
        data = struct.pack("<HIH", 100, self.extension, 100) + text(self.extension_text)
        data += struct.pack("<H", 0) + array("H", self.operations) + array("H", ())
        data += array("H", props) + array("H", ()) + array("H", (FOLDER, VIDEO))
        return data + b"".join(map(text, ("Maker", self.model, "1.0", self.serial))), OK, ()

    def _open(self, params: tuple[int, ...], _payload: bytes) -> Answer:
        if self.session is not None:
            return None, SESSION_OPEN, (self.session,)
        self.session = params[0]
        return None, OK, ()

    def _close(self, _params: tuple[int, ...], _payload: bytes) -> Answer:
        self.session = None
        return None, OK, ()

    def _storage_ids(self, _params: tuple[int, ...], _payload: bytes) -> Answer:
        return array("I", self.storages), OK, ()

    def _storage_info(self, params: tuple[int, ...], _payload: bytes) -> Answer:
        total, free = self.storages[params[0]]
        data = struct.pack("<HHHQQI", 4, 2, 0, total, free, ALL)
        return data + text("card") + text("BWC"), OK, ()

    def _handles(self, params: tuple[int, ...], _payload: bytes) -> list[int] | None:
        storage, _, parent = params[:3]
        if parent and self.hierarchy == "flat":
            return None
        everything = not parent and self.hierarchy != "tree"
        wanted = 0 if parent == ALL else parent
        return [
            handle
            for handle, thing in self.things.items()
            if storage in (ALL, thing.storage) and (everything or thing.parent == wanted)
        ]

    def _num_objects(self, params: tuple[int, ...], payload: bytes) -> Answer:
        found = self._handles(params, payload)
        return (None, NO_HIERARCHY, ()) if found is None else (None, OK, (len(found),))

    def _object_handles(self, params: tuple[int, ...], payload: bytes) -> Answer:
        found = self._handles(params, payload)
        return (None, NO_HIERARCHY, ()) if found is None else (array("I", found), OK, ())

    def _object_info(self, params: tuple[int, ...], _payload: bytes) -> Answer:
        thing = self.things.get(params[0])
        if thing is None:
            return None, BAD_HANDLE, ()
        is_folder = thing.format == FOLDER
        data = struct.pack(
            "<IHHIHIIIIIIIHII", thing.storage, thing.format, int(thing.protected),
            min(thing.size, ALL), 0, 0, 0, 0, 0, 0, 0, thing.parent, int(is_folder), 0, 0,
        )  # fmt: skip
        return data + b"".join(map(text, (thing.name, thing.modified, thing.modified, ""))), OK, ()

    def _object(self, params: tuple[int, ...], _payload: bytes) -> Answer:
        thing = self.things.get(params[0])
        if thing is None:
            return None, BAD_HANDLE, ()
        return Whole(thing), OK, ()

    def _partial(self, params: tuple[int, ...], _payload: bytes) -> Answer:
        return self._part(params[0], params[1], params[2])

    def _partial_64(self, params: tuple[int, ...], _payload: bytes) -> Answer:
        return self._part(params[0], params[1] | params[2] << 32, params[3])

    def _part(self, handle: int, offset: int, count: int) -> Answer:
        thing = self.things.get(handle)
        if thing is None:
            return None, BAD_HANDLE, ()
        data = thing.read(offset, count)
        return data, OK, (len(data),)

    def _delete(self, params: tuple[int, ...], _payload: bytes) -> Answer:
        if params[0] == ALL:
            self.things.clear()
            return None, OK, ()
        if params[0] not in self.things:
            return None, BAD_HANDLE, ()
        if self.things[params[0]].protected:
            return None, READ_ONLY, ()
        del self.things[params[0]]
        return None, OK, ()

    def _prop_desc(self, params: tuple[int, ...], _payload: bytes) -> Answer:
        if params[0] == BATTERY and self.battery is not None:
            form = struct.pack("<BBBB", 1, *self.battery_range) if self.battery_range else b"\0"
            return struct.pack("<HHBBB", BATTERY, 2, 0, 100, self.battery) + form, OK, ()
        if params[0] == CLOCK and self.clock_offset is not None:
            head = struct.pack("<HHB", CLOCK, 0xFFFF, int(self.clock_settable))
            return head + text("") + text(self._clock()) + b"\0", OK, ()
        return None, NO_SUCH_PROP, ()

    def _prop_value(self, params: tuple[int, ...], _payload: bytes) -> Answer:
        if params[0] == BATTERY and self.battery is not None:
            return bytes([self.battery]), OK, ()
        if params[0] == CLOCK and self.clock_offset is not None:
            return text(self._clock()), OK, ()
        return None, NO_SUCH_PROP, ()

    def _set_prop(self, params: tuple[int, ...], payload: bytes) -> Answer:
        if params[0] != CLOCK or not self.clock_settable or self.clock_offset is None:
            return None, NO_SUCH_PROP, ()
        shown = payload[1:].decode("utf-16-le").rstrip("\0")
        told = datetime.strptime(shown[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        zone = timedelta(0) if shown.endswith("Z") else self.zone
        self.clock_offset = told - zone - self.now()
        return None, OK, ()

    def _clock(self) -> str:
        zone = timedelta(0) if self.clock_style == "Z" else self.zone
        shown = self.now() + zone + self.clock_offset
        return f"{shown:%Y%m%dT%H%M%S}{self.clock_style}"

    def _object_props(self, _params: tuple[int, ...], _payload: bytes) -> Answer:
        return array("H", (0xDC04,)), OK, ()

    def _object_prop_value(self, params: tuple[int, ...], _payload: bytes) -> Answer:
        thing = self.things.get(params[0])
        if thing is None or params[1] != 0xDC04:
            return None, GENERAL, ()
        return struct.pack("<Q", thing.size), OK, ()


class Whole:
    """A whole object as data that is made while it is sent."""

    def __init__(self, thing: Thing) -> None:
        self.size = thing.size
        self.read = thing.read


def text(words: str) -> bytes:
    """Return a PTP string: the number of UTF-16 units with the closing zero, then they."""
    raw = (words + "\0").encode("utf-16-le", "surrogatepass")
    return bytes([len(raw) // 2]) + raw if words else b"\0"


def array(kind: str, values: object) -> bytes:
    """Return a PTP array: how many, then they."""
    values = list(values)
    return struct.pack(f"<I{len(values)}{kind}", len(values), *values)


_WORK = {
    GET_DEVICE_INFO: Recorder._device_info,
    OPEN_SESSION: Recorder._open,
    CLOSE_SESSION: Recorder._close,
    GET_STORAGE_IDS: Recorder._storage_ids,
    GET_STORAGE_INFO: Recorder._storage_info,
    GET_NUM_OBJECTS: Recorder._num_objects,
    GET_OBJECT_HANDLES: Recorder._object_handles,
    GET_OBJECT_INFO: Recorder._object_info,
    GET_OBJECT: Recorder._object,
    GET_PARTIAL: Recorder._partial,
    GET_PARTIAL_64: Recorder._partial_64,
    DELETE_OBJECT: Recorder._delete,
    GET_PROP_DESC: Recorder._prop_desc,
    GET_PROP_VALUE: Recorder._prop_value,
    SET_PROP_VALUE: Recorder._set_prop,
    GET_OBJECT_PROPS: Recorder._object_props,
    GET_OBJECT_PROP_VALUE: Recorder._object_prop_value,
}
