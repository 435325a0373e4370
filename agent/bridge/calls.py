"""The standard functions of a vendor's library, called with memory that shows what they did wrong.

Names and parameters: the agreement of five public headers (docs/recorders/vendor-library.md).
"""

import base64
import ctypes
import mmap
import os
import time
from collections.abc import Mapping
from typing import Any

_PAGE_BYTES = mmap.PAGESIZE
_PROT_NONE = 0
_STATUS_BYTES = 8  # `iRet` is two or four bytes wide, as the vendor likes; zeros stand for the rest
_TEXT_BYTES_MAX = 256
_UNTOUCHED = 0xA5
_PASSWORD_BYTES_MAX = 16

# What each takes before the password and `iRet`: "code" and "info" are written by it, "given" is
# read by it, "number" is an int it writes.
FUNCTIONS: Mapping[str, tuple[tuple[str, ...], bool]] = {
    "Init_Device": (("code",), False),
    "GetIDCode": (("code",), False),
    "GetZFYInfo": (("info",), True),
    "WriteZFYInfo": (("given",), True),
    "SyncDevTime": ((), True),
    "SetMSDC": ((), True),
    "ReadDeviceResolution": (("number", "number"), True),
    "ReadDeviceBatteryDumpEnergy": (("number",), True),
}
_SIZES = {"code": 64, "info": 94, "given": 94, "number": 4}

_libc = ctypes.CDLL(None, use_errno=True)


class CallError(Exception):
    """A function is missing, or did what it must not."""


class Room:
    """Memory for one out parameter: a pattern behind it, then a page that cannot be touched."""

    def __init__(self, kind: str, given: bytes = b"") -> None:
        self.size = _SIZES[kind]
        self._memory = mmap.mmap(-1, 2 * _PAGE_BYTES)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._memory[: self.size] = given.ljust(self.size, b"\0")
        self._memory[self.size : _PAGE_BYTES] = bytes([_UNTOUCHED]) * (_PAGE_BYTES - self.size)
        _libc.mprotect(
            ctypes.c_void_p(self.address + _PAGE_BYTES), ctypes.c_size_t(_PAGE_BYTES), _PROT_NONE
        )

    def content(self) -> bytes:
        """Return what was written.

        Raises:
            CallError: more was written than there is room for.
        """
        beyond = self._memory[self.size : _PAGE_BYTES].rstrip(bytes([_UNTOUCHED]))
        if beyond:
            raise CallError(f"wrote {len(beyond)} bytes beyond its buffer of {self.size}")
        return bytes(self._memory[: self.size])


class Library:
    """A loaded library. `id_code` says how it hands out text: into a buffer, or as a pointer."""

    def __init__(self, path: str, id_code: str) -> None:
        self._library = ctypes.CDLL(path)
        self._is_pointer = id_code == "pointer"

    def call(self, function: str, password: str, payload: bytes) -> dict[str, Any]:
        """Call one function; return what it returned, its `iRet` and what it wrote.

        Raises:
            CallError: it is none of the standard ones, is missing, or wrote beyond its buffer.
        """
        if function not in FUNCTIONS:
            raise CallError(f"{function} is none of the standard functions")
        kinds, wants_password = FUNCTIONS[function]
        if function == "SyncDevTime":
            _live_in(payload)
        address = getattr(self._library, function, None)
        if address is None:
            raise CallError(f"the library has no {function}")
        rooms = [Room(kind, payload if kind == "given" else b"") for kind in kinds]
        is_pointer = self._is_pointer and function == "GetIDCode"
        pointers = [ctypes.c_void_p() for _ in rooms]
        taken = [
            ctypes.byref(pointer) if is_pointer else ctypes.c_void_p(room.address)
            for room, pointer in zip(rooms, pointers, strict=True)
        ]
        secret = ctypes.create_string_buffer(password.encode()[:_PASSWORD_BYTES_MAX], 64)
        status = (ctypes.c_uint8 * _STATUS_BYTES)()
        returned = address(*taken, *((secret,) if wants_password else ()), status)
        out = _pointed(pointers[0]) if is_pointer else b"".join(r.content() for r in rooms)
        return {
            "returned": returned,
            "status": int.from_bytes(bytes(status[:2]), "little", signed=True),
            "out": base64.b64encode(out).decode(),
        }


def _pointed(pointer: ctypes.c_void_p) -> bytes:
    """Return the text at a pointer, up to its NUL; a wrong pointer ends this process."""
    if not pointer.value:
        return b""
    text = bytearray()
    while len(text) < _TEXT_BYTES_MAX and (byte := ctypes.string_at(pointer.value + len(text), 1)):
        if byte == b"\0":
            break
        text += byte
    return bytes(text)


def _live_in(zone: bytes) -> None:
    """Take on the recorder's zone: `SyncDevTime` sends this process's own local time."""
    os.environ["TZ"] = zone.decode("ascii", "replace")
    time.tzset()
