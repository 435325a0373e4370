"""One SCSI command of a maker's own through the kernel's generic driver (SG_IO, <scsi/sg.h>).

Standard library only. The kernel lets nobody but root (CAP_SYS_RAWIO) send such commands.
"""

import ctypes
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

_SG_IO = 0x2285
_NO_DATA, _TO_DEVICE, _FROM_DEVICE = -1, -2, -3
_SENSE_BYTES = 64
# Makers' own codes, and INQUIRY and TEST UNIT READY: nothing that could write to a medium.
_MAKERS_OWN, _HARMLESS = 0xC0, frozenset({0x00, 0x12})
DATA_MAX_BYTES = 64 * 1024
SECONDS_MAX = 30.0


class ScsiError(Exception):
    """The command is not let through, or the recorder refuses it; the text says which."""


class _Header(ctypes.Structure):
    _fields_ = (
        ("interface", ctypes.c_int),
        ("direction", ctypes.c_int),
        ("command_bytes", ctypes.c_ubyte),
        ("sense_max", ctypes.c_ubyte),
        ("pieces", ctypes.c_ushort),
        ("data_bytes", ctypes.c_uint),
        ("data", ctypes.c_void_p),
        ("command", ctypes.c_void_p),
        ("sense", ctypes.c_void_p),
        ("timeout_ms", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked", ctypes.c_ubyte),
        ("message", ctypes.c_ubyte),
        ("sense_bytes", ctypes.c_ubyte),
        ("host", ctypes.c_ushort),
        ("driver", ctypes.c_ushort),
        ("left_over", ctypes.c_int),
        ("took_ms", ctypes.c_uint),
        ("info", ctypes.c_uint),
    )


@dataclass(frozen=True, slots=True)
class Command:
    """A command; `payload` goes to the recorder, or up to `size` bytes come from it."""

    cdb: bytes
    payload: bytes
    size: int
    seconds: float

    def check(self) -> None:
        """Refuse what is not a maker's own command or beyond all measure.

        Raises:
            ScsiError: it is.
        """
        code = self.cdb[0] if self.cdb else -1
        if code < _MAKERS_OWN and code not in _HARMLESS:
            raise ScsiError(f"command {code:#04x} is not let through")
        if len(self.cdb) > 16 or max(self.size, len(self.payload)) > DATA_MAX_BYTES:  # noqa: PLR2004  # the longest plain one
            raise ScsiError("too long")
        if not 0 < self.seconds <= SECONDS_MAX or (self.size and self.payload) or self.size < 0:
            raise ScsiError("senseless")


def send(node: Path, command: Command) -> bytes:
    """Send one command and return what came back.

    Raises:
        ScsiError: it is not let through, or the recorder or the way to it fails.
        OSError: the node cannot be opened.
    """
    command.check()
    data = ctypes.create_string_buffer(command.payload or bytes(command.size), size=None)
    length = len(command.payload) or command.size
    cdb = ctypes.create_string_buffer(command.cdb)
    sense = ctypes.create_string_buffer(_SENSE_BYTES)
    way = _TO_DEVICE if command.payload else _FROM_DEVICE if command.size else _NO_DATA
    header = _Header(
        interface=ord("S"), direction=way, command_bytes=len(command.cdb), sense_max=_SENSE_BYTES,
        data_bytes=length, data=ctypes.addressof(data), command=ctypes.addressof(cdb),
        sense=ctypes.addressof(sense), timeout_ms=int(command.seconds * 1000),
    )  # fmt: skip
    fd = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, _SG_IO, header)
    finally:
        os.close(fd)
    if header.status or header.host or header.driver:
        said = sense.raw[: header.sense_bytes].hex()
        raise ScsiError(f"status {header.status:#x} host {header.host:#x} sense {said}")
    return data.raw[: max(0, command.size - header.left_over)]
